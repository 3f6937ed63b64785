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

  local function publish()
    vim.cmd("write")
    assert(not vim.bo.modified)
  end

  local function write()
    vim.api.nvim_buf_set_lines(0, -1, -1, false, { "One more line." })
    publish()
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

  local function publish_as_another()
    local latest = assert(client.skills:get("large"))
    assert(client.skills:publish("large", {
      base_version = latest.version,
      body = latest.body:gsub("A line", "The line", 1),
    }))
  end
  publish_as_another()
  vim.api.nvim_buf_set_lines(0, -1, -1, false, { "And one more." })
  measure(function()
    vim.cmd("PostHog merge")
    assert(vim.fn.search("^The line", "nw") > 0)
  end)
  measure(publish)

  local dos = ("A line of text, as Windows ends it.\r\n"):rep(26000)
  local version = assert(client.skills:get("large")).version
  assert(client.skills:create_file("large", {
    path = "dos.txt",
    content = dos,
    base_version = version,
  }))
  measure(function()
    vim.cmd("edit posthog://skills/large/dos.txt")
    assert(vim.bo.fileformat == "dos")
  end)
  measure(write)

  local golden = assert(client.datasets:create({ name = "golden" }))
  local large = {}
  for i = 1, 9000 do
    large[i] = { question = ("a question "):rep(7), n = i }
  end
  local row = assert(client.dataset_items:create({ dataset = golden.id, input = large }))
  measure(function()
    vim.cmd(("edit posthog://datasets/%s/%s.json"):format(golden.id, row.id))
    assert(vim.api.nvim_buf_line_count(0) > 9000)
  end)
  vim.cmd("silent %s/a question/my question/")
  measure(publish)

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
  "merge a version of another person into it",
  "write it",
  "open a file of 950 KB with CRLF",
  "write it",
  "open an item of 900 KB",
  "write it",
  "import 400 records",
}

local is_new = os.execute('nvim --headless -u NONE --cmd \'exe has("nvim-0.10") ? "qa" : "cq"\'')
if is_new ~= 0 and is_new ~= true then
  print("bench/plugin.lua is left out: it needs Neovim 0.10 or newer")
  return
end

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
