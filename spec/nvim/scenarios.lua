--- What is to hold in a real Neovim, each in a process of its own: pairs of a
--- sentence and a function. spec/nvim_spec.lua names them as tests, and
--- spec/nvim/run.lua runs one of them.

-- luacheck: globals vim

local uv = vim and (vim.uv or vim.loop) -- spec/nvim_spec.lua reads this outside of Neovim
local scenarios = {}

local function it(name, f)
  scenarios[#scenarios + 1] = { name = name, run = f }
end

local function llm()
  return require("posthog.llm")
end

local client
local function slow(ms, options)
  client = client
    or llm().new({
      host = assert(os.getenv("EMULATOR_URL")),
      personal_api_key = "phx_emulator_all",
      project_id = 112358,
    })
  options = options or {}
  options.query = { ms = ms }
  return client:request("GET", "/__emulator/slow", options)
end

--- llm.go whose on_done writes down each of its calls.
local function go(f)
  local calls = {}
  local task = llm().go(f, function(...)
    calls[#calls + 1] = { n = select("#", ...), fast = vim.in_fast_event(), ... }
  end)
  return calls, task
end

--- Lets Neovim's own loop run until the condition holds.
local function wait(condition)
  assert(vim.wait(20000, condition, 5), "it never came true")
end

--- Lets the loop run a little longer, for what must not happen.
local function linger()
  vim.wait(60)
end

local function equal(expected, got)
  if not vim.deep_equal(expected, got) then
    error(("expected %s, got %s"):format(vim.inspect(expected), vim.inspect(got)), 2)
  end
end

--- Asserts that something takes no longer than so many milliseconds when nothing else does: once in
--- many times on a busy machine.
--- @param f fun(): number milliseconds that it took
local function is_quick(milliseconds, f)
  local least = math.huge
  for _ = 1, 40 do
    least = math.min(least, f())
    if least < milliseconds then
      return
    end
  end
  error(("it took %g ms at least"):format(least), 2)
end

--- Runs f in a callback of the loop where most of vim.api is forbidden.
local function in_fast_event(f)
  local ok, why
  local timer = uv.new_timer()
  timer:start(1, 0, function()
    assert(vim.in_fast_event())
    ok, why = pcall(f)
    ok = ok and "yes" or "no"
  end)
  wait(function()
    return ok
  end)
  equal({ "yes" }, { ok, why })
end

it("reads line by line, and every call lets Neovim go on", function()
  local order = {}
  local calls = go(function()
    order[#order + 1] = "first line"
    assert(slow(40))
    order[#order + 1] = "second line"
    assert(slow(40))
    return "a", nil, "c"
  end)
  order[#order + 1] = "go has returned"
  wait(function()
    return #calls > 0
  end)
  linger()
  equal({ "first line", "go has returned", "second line" }, order)
  equal({ { n = 4, fast = false, nil, "a", nil, "c" } }, calls)
end)

it("may use vim.api and vim.fn after a call, a sleep and a gather, and in on_done", function()
  local lines = {}
  llm().go(function()
    slow(1)
    vim.api.nvim_buf_set_lines(0, 0, -1, false, { "call" })
    lines[1] = vim.fn.getline(1)
    llm().sleep(0.01)
    vim.cmd("normal! ggAed")
    lines[2] = vim.fn.getline(1)
    llm().gather({
      function()
        slow(1)
        vim.cmd("new")
      end,
    })
    lines[3] = vim.fn.winnr("$")
  end, function(err)
    assert(not err, err)
    vim.cmd("only!")
    lines[4] = vim.fn.winnr("$")
  end)
  wait(function()
    return lines[4]
  end)
  equal({ "call", "called", 2, 1 }, lines)
end)

it("makes fifty calls at once", function()
  slow(1)
  local from, all = uv.hrtime(), {}
  for i = 1, 50 do
    all[i] = go(function()
      return slow(400, { headers = { ["X-Number"] = i } }) and i
    end)
  end
  wait(function()
    for i = 1, 50 do
      if #all[i] == 0 then
        return false
      end
    end
    return true
  end)
  for i = 1, 50 do
    equal({ { n = 2, fast = false, nil, i } }, all[i])
  end
  local lasted = (uv.hrtime() - from) / 1e9
  assert(lasted < 12, ("it took %g s"):format(lasted)) -- one by one: 20 s
end)

it("cancels a call in flight at once, and only once", function()
  is_quick(20, function()
    local began, lasted, kind
    local calls, task = go(function()
      local _, err = slow(5000)
      lasted, kind = (uv.hrtime() - began) / 1e6, err.kind
      slow(1)
    end)
    vim.wait(50)
    began = uv.hrtime()
    task:cancel()
    task:cancel()
    wait(function()
      return #calls > 0
    end)
    linger()
    equal(1, #calls)
    equal("cancelled", calls[1][1].kind)
    equal("cancelled", kind)
    return lasted
  end)
end)

it("cancels from a fast event, while sleeping and before the start", function()
  local second, third
  local one, one_task = go(function()
    llm().sleep(20)
  end)
  in_fast_event(function()
    one_task:cancel()
    local _, task = go(function()
      second = true
    end)
    third = task
    task:cancel()
  end)
  wait(function()
    return #one > 0
  end)
  linger()
  equal("cancelled", one[1][1].kind)
  equal(nil, second)
  assert(third)
end)

it("does nothing when a task is cancelled that has ended", function()
  local calls, task = go(function()
    return 1
  end)
  wait(function()
    return #calls > 0
  end)
  task:cancel()
  linger()
  equal({ { n = 2, fast = false, nil, 1 } }, calls)
end)

it("hands what is raised to on_done and keeps the traceback", function()
  local calls, task = go(function()
    slow(1)
    error({ mine = true })
  end)
  wait(function()
    return #calls > 0
  end)
  linger()
  equal({ { n = 1, fast = false, { mine = true } } }, calls)
  assert(task.traceback:find("scenarios.lua"))
  local library = go(function()
    local _, err = client.skills:get("no-such-skill")
    error(err)
  end)
  wait(function()
    return #library > 0
  end)
  assert(llm().is_error(library[1][1]), vim.inspect(library))
  equal("not_found", library[1][1].kind)
end)

it("shows an error that no on_done takes the way Neovim shows errors", function()
  vim.api.nvim_set_vvar("errmsg", "")
  llm().go(function()
    slow(1)
    error("nobody takes this")
  end)
  wait(function()
    return vim.v.errmsg:find("nobody takes this")
  end)
  assert(vim.v.errmsg:find("scenarios.lua")) -- it names the line
  vim.api.nvim_set_vvar("errmsg", "")
  local _, task = go(function()
    error("taken")
  end)
  llm()
    .go(function()
      slow(5000)
    end)
    :cancel()
  wait(function()
    return task.traceback
  end)
  linger()
  equal("", vim.v.errmsg)
end)

it("gathers and sleeps without stopping Neovim", function()
  slow(1)
  local ticks, timer = 0, uv.new_timer()
  timer:start(5, 5, function()
    ticks = ticks + 1
  end)
  local running, most = 0, 0
  local function count(change)
    running = running + change
    most = math.max(most, running)
  end
  local calls = go(function()
    local values, errs = llm().gather({
      function()
        count(1)
        local value = slow(400) and 1
        count(-1)
        return value
      end,
      function()
        error("no", 0)
      end,
      function()
        count(1)
        llm().sleep(0.4)
        count(-1)
        return 3
      end,
    })
    return values, errs
  end)
  wait(function()
    return #calls > 0
  end)
  timer:stop()
  equal({ [1] = 1, [3] = 3 }, calls[1][2])
  equal({ [2] = "no" }, calls[1][3])
  assert(ticks >= 5)
  equal(2, most) -- at the same time
end)

it("blocks outside of llm.go", function()
  local done = go(function()
    return slow(20)
  end)
  assert(slow(60))
  local values = llm().gather({
    function()
      return slow(20) and 1
    end,
    function()
      llm().sleep(0.01)
      return 2
    end,
  })
  equal({ 1, 2 }, values)
  llm().sleep(0.01)
  local inner = coroutine.wrap(function()
    return slow(1)
  end)
  assert(inner())
  equal(0, #done)
  wait(function()
    return #done > 0
  end)
end)

it("refuses to block in a fast event and names llm.go", function()
  slow(1)
  local seen
  in_fast_event(function()
    local value, err = slow(1)
    equal(nil, value)
    equal("phase", err.kind)
    assert(err.message:find("llm.go", 1, true) and err.message:find("vim.schedule", 1, true))
    local ok, why = pcall(llm().sleep, 1)
    equal({ false, "phase" }, { ok, why.kind })
    llm().go(function()
      seen = { vim.in_fast_event(), slow(1) ~= nil, vim.in_fast_event() }
      vim.fn.getline(1)
    end)
  end)
  wait(function()
    return seen
  end)
  equal({ false, true, false }, seen)
end)

it("is found by require in a fast event too", function()
  package.loaded["posthog.llm.host.uv"] = nil
  in_fast_event(function()
    require("posthog.llm.host.uv")
  end)
end)

it("goes on when a picker or another plugin resumes the coroutine", function()
  local calls = go(function()
    local co = coroutine.running()
    vim.defer_fn(function()
      assert(coroutine.resume(co, "picked"))
    end, 10)
    local word = coroutine.yield()
    slow(1)
    vim.api.nvim_buf_set_lines(0, 0, -1, false, { word })
    return word
  end)
  wait(function()
    return #calls > 0
  end)
  equal({ { n = 2, fast = false, nil, "picked" } }, calls)
end)

it("cancels within moments while a name is looked up", function()
  local lost = llm().new({
    host = "https://posthog.invalid",
    personal_api_key = "phx_x",
    project_id = 1,
  })
  is_quick(20, function()
    local calls, task = go(function()
      lost.datasets:list()
    end)
    local began = uv.hrtime()
    task:cancel()
    wait(function()
      return #calls > 0
    end)
    equal("cancelled", calls[1][1].kind)
    return (uv.hrtime() - began) / 1e6
  end)
end)

--- How often the threads of this process have gone to sleep so far.
local function naps()
  local sum = 0
  for _, file in ipairs(vim.fn.glob("/proc/self/task/*/status", false, true)) do
    for line in io.lines(file) do
      sum = sum + tonumber(line:match("^voluntary_ctxt_switches:%s*(%d+)") or 0)
    end
  end
  return sum
end

it("does not wake an editor that has nothing to wait for", function()
  local calls = go(function()
    slow(20)
    llm().sleep(0.01)
  end)
  wait(function()
    return #calls > 0
  end)
  linger()
  if naps() > 0 then -- on Linux
    local before = naps()
    vim.wait(500, function() end, 500)
    local count = naps() - before
    assert(count <= 10, ("woken %d times"):format(count))
  end
end)

it("leaves Neovim free to quit with calls and sleeps in flight", function()
  for _ = 1, 50 do
    llm().go(function()
      slow(20000)
    end)
  end
  llm().go(function()
    llm().sleep(20)
  end)
end)

it("leaves Neovim free to quit in the middle of many TLS handshakes", function()
  for _ = 1, 12 do
    local tls = llm().new({
      host = assert(os.getenv("EMULATOR_TLS_URL")),
      ca_file = assert(os.getenv("EMULATOR_CA")),
      personal_api_key = "phx_emulator_all",
      project_id = 112358,
    })
    for _ = 1, 8 do
      llm().go(function()
        tls.datasets:list()
      end)
    end
  end
  vim.wait(tonumber(os.getenv("WAIT") or 3))
end)

it("pulls, merges and pushes a skill folder while the editor goes on", function()
  local skill_folder = require("posthog.llm.skill_folder")
  local new = llm().new({
    host = assert(os.getenv("EMULATOR_URL")),
    personal_api_key = "phx_emulator_all",
    project_id = 112358,
  })
  vim.env.LD_PRELOAD = nil
  local root = vim.fn.tempname()
  local here, there = root .. "/one/nvim-skill", root .. "/two/nvim-skill"
  vim.fn.mkdir(here, "p")
  vim.fn.writefile({ "---", "name: nvim-skill", "description: d", "---", "b" }, here .. "/SKILL.md")
  vim.fn.writefile({ "1", "2", "3", "4", "5" }, here .. "/a.md")
  local ticks, timer = 0, uv.new_timer()
  timer:start(0, 1, function()
    ticks = ticks + 1
  end)
  local calls = go(function()
    assert(skill_folder.push(new, here))
    assert(skill_folder.pull(new, "nvim-skill", there))
    vim.fn.writefile({ "one", "2", "3", "4", "5" }, there .. "/a.md")
    assert(skill_folder.push(new, there))
    vim.fn.writefile({ "1", "2", "3", "4", "five" }, here .. "/a.md")
    return assert(skill_folder.push(new, here)).version
  end)
  wait(function()
    return calls[1]
  end)
  timer:close()
  equal({ n = 2, fast = false, [2] = 3 }, calls[1])
  equal({ "one", "2", "3", "4", "five" }, vim.fn.readfile(here .. "/a.md"))
  assert(ticks > 0)
  vim.fn.delete(root, "rf")
end)

it("reads, checks and changes a SKILL.md with nothing installed", function()
  for _, name in ipairs({ "lfs", "lyaml", "yaml" }) do
    package.preload[name] = function()
      error(name .. " is asked for")
    end
  end
  local skill_md = require("posthog.llm.skill_folder.skill_md")
  local source =
    "---\nname: a # n\ndescription: old\nallowed-tools: Bash(git add:*) Read\n---\n\nbody\n"
  local fields, _, document = skill_md.read(source)
  equal({ "Bash(git add:*)", "Read" }, fields.allowed_tools)
  equal(4, skill_md.tool_line(document, "Bash(git add:*)"))
  local new = skill_md.normal(fields)
  new.description = "new"
  equal((source:gsub("old", "new")), (skill_md.update(new, source, document)))
  local _, err = skill_md.read("---\nname: *x\n---\n")
  equal(2, err.line)
end)

return scenarios
