-- How long the editor plugin keeps Neovim from reacting, the largest gap of a repeating timer of
-- 1 ms, and what its plugin file costs at the start, in a real headless Neovim.
--
--     make bench-hosts BENCHES=plugin      Neovim 0.10 or newer
--     BENCH_TURNS=11    how often each is measured

local IN_NEOVIM = rawget(_G, "vim") ~= nil

if IN_NEOVIM then
  local vim = rawget(_G, "vim")
  local uv = vim.uv
  vim.notify = function() end
  vim.g.posthog = { wait = 20000, lint = true }

  local began = uv.hrtime()
  vim.cmd("source plugin/posthog.lua")
  local source = (uv.hrtime() - began) / 1e6

  local last, gap = nil, 0
  uv.new_timer():start(1, 1, function()
    local now = uv.hrtime()
    if last then
      gap = math.max(gap, now - last)
    end
    last = now
  end)

  local out = assert(io.open(os.getenv("BENCH_OUT"), "w"))

  --- Writes the largest gap of a function, in ms.
  local function measure(f)
    vim.wait(50)
    collectgarbage()
    last, gap = nil, 0
    vim.wait(20)
    f()
    vim.wait(20)
    out:write(("%g\n"):format(gap / 1e6))
  end

  local client = require("posthog.llm").new()
  --- A skill of so many bytes of text.
  local function skill(name, bytes)
    local line = 'A line of text, with `code` and a "quoted" word in it, as Markdown has them.\n'
    assert(client.skills:create({
      name = name,
      description = "Measures the editor.",
      body = "# " .. name .. "\n\n" .. line:rep(math.floor(bytes / #line)),
    }))
  end

  local function open(name)
    return function()
      vim.cmd("edit posthog://skills/" .. name .. "/SKILL.md")
      assert(vim.api.nvim_buf_line_count(0) > 100)
    end
  end

  local function write()
    vim.api.nvim_buf_set_lines(0, -1, -1, false, { "One more line." })
    vim.cmd("write")
    assert(not vim.bo.modified)
  end

  skill("first", 20000)
  open("first")() -- loads the modules
  write()
  out:write(("%g\n"):format(source))
  measure(function() end)
  skill("small", 50000)
  measure(open("small"))
  measure(write)
  skill("large", 950000)
  measure(open("large"))
  measure(write)

  assert(client.datasets:create({ name = "golden" }))
  local path, lines = vim.fn.tempname() .. ".jsonl", {}
  for i = 1, 400 do
    lines[i] = vim.json.encode({ input = { question = ("a question "):rep(40), n = i } })
  end
  vim.fn.writefile(lines, path)
  measure(function()
    local done
    require("posthog.nvim.message").info = function()
      done = true
    end
    vim.cmd("PostHog import " .. path .. " golden")
    assert(vim.wait(60000, function()
      return done
    end, 5))
  end)
  out:close()
  vim.cmd("qall!")
  return
end

local emulator = require("spec.emulator")
local measure = require("bench.measure")

local _, _, is_old =
  os.execute([[nvim --headless -u NONE -c 'if has("nvim-0.10") | qa | endif' -c cquit]])
if is_old ~= 0 and is_old ~= nil then
  print("\nThe editor plugin: left out, it needs Neovim 0.10 or newer.")
  return
end

local NAMES = {
  "the plugin file at the start",
  "idle",
  "open a skill of 50 KB",
  "write it",
  "open a skill of 950 KB",
  "write it",
  "import 400 records",
}

local server = emulator.start()
local out = os.tmpname()

--- One Neovim; milliseconds by name.
local function run()
  server:reset()
  local command = "env BENCH_OUT=%s POSTHOG_HOST=%s POSTHOG_PERSONAL_API_KEY=phx_emulator_all"
    .. " POSTHOG_PROJECT_ID=112358 timeout 120 nvim --headless -u NONE -i NONE -n"
    .. " --cmd 'set runtimepath^=.' -c 'luafile bench/plugin.lua' -c cquit </dev/null"
  local status = os.execute(command:format(out, server.url))
  assert(status == 0 or status == true, "nvim failed")
  local figures = {}
  for line in io.lines(out) do
    figures[#figures + 1] = tonumber(line)
  end
  return figures
end

local lists = {}
for _ = 1, measure.TURNS do
  for i, figure in ipairs(run()) do
    lists[i] = lists[i] or {}
    table.insert(lists[i], figure)
  end
end
os.remove(out)
server:stop()

local rows = {}
for i, name in ipairs(NAMES) do
  rows[i] = { name, ("%.2f (%.2f to %.2f)"):format(measure.median(lists[i])) }
end
print("\n## The editor plugin: its start, and the largest gap of a 1 ms timer\n")
measure.table({ "", "median (least to most), ms" }, rows)
