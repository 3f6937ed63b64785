-- How long Neovim cannot react while 100 calls of 200 ms are in flight: the
-- largest gap of a repeating timer of 1 ms, in a real headless Neovim.
--
--     make bench-hosts BENCHES=nvim
--     BENCH_TURNS=11    how often each is measured
--
-- Cold: the first calls of a process, new connections included.

local IN_NEOVIM = rawget(_G, "vim") ~= nil

if IN_NEOVIM then
  local vim = rawget(_G, "vim")
  local llm = require("posthog.llm")
  local uv = vim.uv or vim.loop
  local hrtime = uv.hrtime
  -- Each client has connections of its own.
  local clients = {}
  for i = 1, tonumber(os.getenv("BENCH_CLIENTS")) do
    clients[i] = llm.new({
      host = os.getenv("BENCH_URL"),
      ca_file = os.getenv("BENCH_CA"),
      personal_api_key = "phx_emulator_all",
      project_id = 112358,
      max_connections = tonumber(os.getenv("BENCH_CONNECTIONS")),
    })
  end

  local CALLS, MS = 100, 200
  local last, gap = nil, 0
  local timer = uv.new_timer()
  timer:start(1, 1, function()
    local now = hrtime()
    if last then
      gap = math.max(gap, now - last)
    end
    last = now
  end)

  --- All of them once; prints the largest gap and the time of all, in ms.
  local function round(calls)
    last, gap = nil, 0
    vim.wait(20)
    local began, left, failed = hrtime(), calls, nil
    for i = 1, calls do
      local client = clients[i % #clients + 1]
      llm.go(function()
        local value, err = client:request("GET", "/__emulator/slow", { query = { ms = MS } })
        if not value then
          error(err)
        end
      end, function(err)
        left, failed = left - 1, failed or err
      end)
    end
    if calls == 0 then
      vim.wait(MS)
    else
      assert(
        vim.wait(20000, function()
          return left == 0
        end, 1000),
        "it takes too long"
      )
      assert(not failed, tostring(failed))
    end
    return gap / 1e6, (hrtime() - began) / 1e6
  end

  local out = assert(io.open(os.getenv("BENCH_OUT"), "w"))
  for _, calls in ipairs({ 0, CALLS, CALLS }) do
    out:write(("%g %g\n"):format(round(calls)))
  end
  out:close()
  vim.cmd("qall!")
  return
end

local core = require("posthog.llm.core")
local emulator = require("spec.emulator")
local measure = require("bench.measure")

local server = emulator.start({ tls = true })
server:settings({ log = false })

local function read(name)
  local file = io.open(name, "rb")
  local text = file and file:read("*a")
  if file then
    file:close()
  end
  return text
end

-- The size of the bundle is what makes a cold TLS connection dear.
local bundle, out = os.tmpname(), os.tmpname()
do
  local file = assert(io.open(bundle, "wb"))
  file:write(read(server.ca_file), read(core.default_ca or "") or "")
  file:close()
end

--- One Neovim; { gap, total } of each round.
local function run(env)
  local command = "env %s BENCH_OUT=%s timeout 60 nvim --headless -u NONE -i NONE -n "
    .. "-c 'luafile bench/nvim.lua' -c cquit </dev/null"
  local status = os.execute(command:format(env, out))
  assert(status == 0 or status == true, "nvim failed")
  local rows = {}
  for line in io.lines(out) do
    local gap, total = line:match("(%S+) (%S+)")
    rows[#rows + 1] = { tonumber(gap), tonumber(total) }
  end
  return rows
end

local function milliseconds(list)
  return ("%.1f (%.1f to %.1f)"):format(measure.median(list))
end

local HTTP = ("BENCH_URL=%s "):format(server.url)
local TLS = ("BENCH_URL=%s BENCH_CA=%s "):format(server.tls_url, bundle)
local rows = {}
for _, case in ipairs({
  { "HTTP, 100 connections", HTTP .. "BENCH_CLIENTS=1 BENCH_CONNECTIONS=100" },
  { "TLS HTTP/2, one client", TLS .. "BENCH_CLIENTS=1 BENCH_CONNECTIONS=8" },
  { "TLS, 100 clients", TLS .. "BENCH_CLIENTS=100 BENCH_CONNECTIONS=1" },
}) do
  local gaps, totals = { {}, {}, {} }, { {}, {}, {} }
  for _ = 1, measure.TURNS do
    for i, row in ipairs(run(case[2])) do
      table.insert(gaps[i], row[1])
      table.insert(totals[i], row[2])
    end
  end
  local row = { case[1] }
  for i = 1, 3 do
    row[#row + 1] = milliseconds(gaps[i])
  end
  for i = 2, 3 do
    row[#row + 1] = ("%.0f"):format(measure.median(totals[i]))
  end
  rows[#rows + 1] = row
end
os.remove(out)
os.remove(bundle)
server:stop()

print("\n## Neovim: the largest gap of a 1 ms timer, 100 calls of 200 ms in flight\n")
measure.table(
  { "median (least to most), ms", "idle", "cold", "warm", "all done, cold", "warm" },
  rows
)
