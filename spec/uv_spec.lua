--- llm.go in a program with luv whose loop runs: tasks, what they wait for, and how they end.

local emulator = require("spec.emulator")

local MODE = os.getenv("SPEC_MODE") or "plain"
local SLOWER = MODE == "plain" and 1 or 10
-- Lua 5.1 yields through no pcall, so none stands around a call in these tests.

local unpack = table.unpack or unpack -- luacheck: ignore

local has_luv, luv = pcall(require, "luv")
if not has_luv then
  describe("llm.go with luv", function()
    pending("needs lua-luv for this Lua")
  end)
  return
end

local llm = require("posthog.llm")
local core = require("posthog.llm.core")

describe("llm.go in a luv program", function()
  local server, client

  setup(function()
    server = emulator.start()
  end)
  teardown(function()
    server:stop()
  end)
  before_each(function()
    server:reset()
    client = llm.new({
      host = server.url,
      personal_api_key = "phx_emulator_all",
      project_id = 112358,
    })
  end)
  after_each(function()
    client:close()
    luv.run() -- nothing is left that would keep it
  end)

  local function slow(ms, options)
    options = options or {}
    options.query = { ms = ms }
    return client:request("GET", "/__emulator/slow", options)
  end

  --- @return table calls what each call of on_done was given
  local function go(fn)
    local calls = {}
    local task = llm.go(fn, function(...)
      calls[#calls + 1] = { n = select("#", ...), ... }
    end)
    return calls, task
  end

  local function after(ms, f)
    local timer = luv.new_timer()
    luv.update_time()
    timer:start(ms, 0, function()
      f()
    end)
  end

  it("gives on_done the results of the function, nils among them", function()
    local calls = go(function()
      local value = assert(slow(1))
      return nil, value.ms or value, nil
    end)
    assert.equal(0, #calls)
    luv.run()
    assert.equal(1, #calls)
    assert.equal(4, calls[1].n)
    assert.is_nil(calls[1][1])
    assert.is_nil(calls[1][2])
    assert.truthy(calls[1][3])
  end)

  it("lets calls look sequential while the loop keeps running", function()
    local ticks, timer = 0, luv.new_timer()
    timer:start(5, 5, function()
      ticks = ticks + 1
    end)
    local order = {}
    go(function()
      slow(200)
      order[#order + 1] = "first"
      slow(200)
      order[#order + 1] = "second"
      timer:stop()
    end)
    order[#order + 1] = "go returned"
    luv.run()
    assert.same({ "go returned", "first", "second" }, order)
    assert.is_true(ticks >= 5)
  end)

  it("calls on_done from the loop even when the function makes no call", function()
    local calls = go(function()
      return 7
    end)
    assert.equal(0, #calls)
    luv.run()
    assert.same({ { n = 2, nil, 7 } }, calls)
  end)

  it("runs many tasks at the same time", function()
    local all = {}
    slow(1) -- there is a connection
    local before = #server:log()
    for i = 1, 24 do
      all[i] = go(function()
        return slow(100)
      end)
    end
    luv.run()
    for i = 1, 24 do
      assert.equal(1, #all[i])
      assert.truthy(all[i][1][2])
    end
    local used, connections = {}, 0
    for i, entry in ipairs(server:log()) do
      if i > before and not used[entry.connection] then
        used[entry.connection], connections = true, connections + 1
      end
    end
    assert.equal(8, connections) -- as many as a client opens
  end)

  it("gives on_done an error that is raised, as it is, and the traceback", function()
    local own = setmetatable({}, {
      __tostring = function()
        return "own"
      end,
    })
    local first, task = go(function()
      slow(1)
      error(own)
    end)
    local second = go(function()
      error("at once")
    end)
    local third = go(function()
      error()
    end)
    luv.run()
    assert.same({ own }, { unpack(first[1]) })
    assert.equal(own, first[1][1])
    assert.matches("stack traceback", task.traceback)
    assert.matches("uv_spec", task.traceback)
    assert.matches("at once", second[1][1])
    assert.truthy(third[1][1])
    assert.same({ 1, 1, 1 }, { #first, #second, #third })
  end)

  it("returns the library's errors where the call stands", function()
    local calls = go(function()
      local value, err = client.datasets:get("0196a3f0-0000-7000-8000-000000000000")
      return value, err
    end)
    luv.run()
    assert.is_nil(calls[1][1])
    assert.is_nil(calls[1][2])
    assert.equal("not_found", calls[1][3].kind)
  end)

  describe("task:cancel()", function()
    it("ends the call in flight at once and makes on_done's error cancelled", function()
      local order = {}
      local calls, task = go(function()
        local _, err = slow(5000)
        order[#order + 1] = "ended"
        return err
      end)
      after(50, function()
        after(1000 * SLOWER, function()
          order[#order + 1] = "a timer set before"
        end)
        task:cancel()
        task:cancel()
      end)
      luv.run()
      assert.same({ "ended", "a timer set before" }, order)
      assert.equal(1, #calls)
      assert.equal("cancelled", calls[1][1].kind)
      assert.equal(1, calls[1].n)
    end)

    it("gives the interrupted call an error and raises it from a later one", function()
      local err, later
      local calls, task = go(function()
        local _
        _, err = slow(5000)
        slow(1)
        later = true
      end)
      after(20, function()
        task:cancel()
      end)
      luv.run()
      assert.equal("cancelled", err.kind)
      assert.is_nil(later)
      assert.equal("cancelled", calls[1][1].kind)
    end)

    it("ends a sleep, and the wait between two attempts", function()
      server:fault({
        match = { path = "/datasets/" },
        action = { status = 503, headers = { ["Retry-After"] = "30" } },
      })
      local err, from = nil, core.now()
      local calls, task = go(function()
        llm.sleep(30)
        return "over"
      end)
      local retrying, second = go(function()
        local _
        _, err = client.datasets:list()
      end)
      after(1000 * SLOWER, function() -- by then the first attempt has failed
        task:cancel()
        second:cancel()
      end)
      luv.run()
      assert.is_true(core.now() - from < 29)
      assert.equal("cancelled", calls[1][1].kind)
      assert.equal("cancelled", retrying[1][1].kind)
      assert.equal("cancelled", err.kind)
      assert.equal(1, #server:log())
    end)

    it("ends all that a gather runs and starts no more", function()
      local started, values, errs = 0, nil, nil
      local functions = {}
      for i = 1, 6 do
        functions[i] = function()
          started = started + 1
          return slow(5000)
        end
      end
      local calls, task = go(function()
        values, errs = llm.gather(functions, { concurrency = 2 })
      end)
      after(30 * SLOWER, function()
        task:cancel()
      end)
      luv.run()
      assert.equal(2, started)
      assert.same({}, values)
      for i = 1, 6 do
        assert.equal("cancelled", errs[i].kind)
      end
      assert.equal("cancelled", calls[1][1].kind)
    end)

    it("does nothing to a task that has ended", function()
      local calls, task = go(function()
        return 1
      end)
      task:cancel()
      luv.run()
      task:cancel()
      luv.run()
      assert.same({ { n = 2, nil, 1 } }, calls)
    end)

    it("reaches a task that waits for something else", function()
      local co
      local calls, task = go(function()
        co = coroutine.running()
        coroutine.yield()
        slow(1)
      end)
      task:cancel()
      luv.run()
      assert.equal("cancelled", calls[1][1].kind)
      coroutine.resume(co) -- who had it comes back at last
      luv.run()
      assert.equal(1, #calls)
    end)

    it("is quick while a host name is looked up that is never found", function()
      local lost = llm.new({
        host = "https://posthog.invalid",
        personal_api_key = "phx_x",
        project_id = 1,
        max_retries = 0,
      })
      local _, err
      local _, task = go(function()
        _, err = lost:request("GET", "/x")
      end)
      task:cancel()
      luv.run()
      assert.equal("cancelled", err.kind) -- before it could be "network"
      lost:close()
    end)
  end)

  it("continues when other code resumes the coroutine", function()
    local co
    local calls = go(function()
      co = coroutine.running()
      local word = coroutine.yield()
      slow(1)
      return word
    end)
    after(10, function()
      assert(coroutine.resume(co, "picked"))
    end)
    luv.run()
    assert.same({ { n = 2, nil, "picked" } }, calls)
  end)

  it("is not confused when other code resumes it in the middle of a call", function()
    local co, value
    local calls = go(function()
      co = coroutine.running()
      value = slow(50)
      return "end"
    end)
    after(10, function()
      coroutine.resume(co, "too early")
    end)
    luv.run()
    assert.equal("table", type(value))
    assert.same({ { n = 2, nil, "end" } }, calls)
  end)

  it("blocks in a coroutine of the program's own inside of a task", function()
    local calls = go(function()
      local inner = coroutine.wrap(function()
        coroutine.yield((slow(1)))
      end)
      return inner()
    end)
    luv.run()
    assert.truthy(calls[1][2])
  end)

  it("blocks outside of a task and leaves the tasks in flight alone", function()
    local calls = go(function()
      return slow(30)
    end)
    assert.truthy(slow(100))
    assert.equal(0, #calls)
    luv.run()
    assert.truthy(calls[1][2])
  end)

  it("gathers inside of a task without stopping the loop", function()
    local ticks, timer = 0, luv.new_timer()
    timer:start(5, 5, function()
      ticks = ticks + 1
    end)
    slow(1)
    local calls = go(function()
      local values, errs = llm.gather({
        function()
          return slow(400) and 1
        end,
        function()
          error("no")
        end,
        function()
          return nil, "soft"
        end,
        function()
          llm.sleep(0.4)
          return 4
        end,
      })
      timer:stop()
      return values, errs
    end)
    luv.run()
    assert.same({ [1] = 1, [4] = 4 }, calls[1][2])
    assert.matches("no", calls[1][3][2])
    assert.equal("soft", calls[1][3][3])
    assert.is_true(ticks >= 5)
  end)

  it("reads pages ahead, and gives the loop its turn between those that have arrived", function()
    server:seed({ datasets = 60 })
    local ticks, timer = 0, luv.new_timer()
    local calls = go(function()
      local next_row = client.datasets:each({ limit = 1, prefetch = 10 })
      next_row()
      local stop = core.now() + 0.3
      while core.now() < stop do -- luacheck: ignore
      end
      timer:start(0, 1, function()
        ticks = ticks + 1
      end)
      local count, before, row = 1, ticks, next_row()
      while row do
        count, row = count + 1, next_row()
      end
      timer:stop()
      return count, ticks - before
    end)
    luv.run()
    assert.equal(60, calls[1][2])
    assert.is_true(calls[1][3] >= 3, calls[1][3])
  end)

  it("ends a task that reads pages ahead when it is cancelled", function()
    server:seed({ datasets = 6 })
    server:fault({ match = { path = "offset=" }, action = { delay = 60 } })
    local rows = 0
    local calls, task = go(function()
      local next_row = client.datasets:each({ limit = 1, prefetch = 3 })
      while next_row() do
        rows = rows + 1
      end
    end)
    after(1000 * SLOWER, function()
      task:cancel()
    end)
    local from = core.now()
    luv.run()
    assert.is_true(core.now() - from < 29)
    assert.equal("cancelled", calls[1][1].kind)
    assert.equal(1, rows)
  end)

  it("runs a window of jobs inside of a task, and ends it with the task", function()
    local window = require("posthog.llm.host.window")
    local left, done = 6, 0
    local function next_job()
      left = left - 1
      return left >= 0 and left or nil
    end
    local calls = go(function()
      return window.run(2, next_job, function()
        assert(slow(5))
        done = done + 1
      end)
    end)
    luv.run()
    assert.same({ true, 6 }, { calls[1][2], done })
    left, done = 6, 0
    local cut, task = go(function()
      return window.run(2, next_job, function()
        done = done + 1
        return slow(5000)
      end)
    end)
    after(30 * SLOWER, function()
      task:cancel()
    end)
    luv.run()
    assert.equal("cancelled", cut[1][1].kind)
    assert.same({ 2, 4 }, { done, left })
  end)

  it("gathers inside of gathers, and thousands that end at once", function()
    local functions = {}
    for i = 1, 5000 do
      functions[i] = function()
        return i
      end
    end
    local calls = go(function()
      local values = llm.gather(functions)
      local nested = llm.gather({
        function()
          return (llm.gather({
            function()
              return slow(1) and "in"
            end,
          }))[1]
        end,
        function()
          return "out"
        end,
      })
      return #values, nested, (llm.gather({}))
    end)
    luv.run()
    assert.equal(5000, calls[1][2])
    assert.same({ "in", "out" }, calls[1][3])
    assert.same({}, calls[1][4])
  end)

  it("sleeps no shorter than asked", function()
    for _ = 1, 5 do
      local calls = go(function()
        local stop = core.now() + 0.0137
        while core.now() < stop do
        end -- the loop's clock stands still
        local from = core.now()
        llm.sleep(0.01)
        return core.now() - from
      end)
      luv.run()
      assert.is_true(calls[1][2] >= 0.01, ("%g s"):format(calls[1][2]))
    end
  end)

  it("ends what is in flight with client:close()", function()
    local calls = go(function()
      return slow(5000)
    end)
    after(20, function()
      client:close()
    end)
    luv.run()
    assert.is_nil(calls[1][1])
    assert.equal("cancelled", calls[1][3].kind)
  end)

  it("raises misuse at the caller", function()
    local ok, why = pcall(function()
      llm.go("text")
    end)
    assert.is_false(ok)
    assert.matches("uv_spec.lua:%d+: posthog.llm: fn: function expected, got string", why)
    ok, why = pcall(function()
      llm.go(print, 1)
    end)
    assert.is_false(ok)
    assert.matches("uv_spec.lua:%d+: posthog.llm: on_done: function expected", why)
  end)

  it("keeps its turns short when many responses come at once", function()
    local woken, turns = 0, 0
    for _ = 1, 400 do
      go(function()
        llm.sleep(0.02)
        woken = woken + 1
        local stop = core.now() + 0.0005
        while core.now() < stop do
        end
      end)
    end
    local timer = luv.new_timer()
    timer:start(1, 1, function()
      if woken == 400 then
        timer:stop()
      elseif woken > 0 then
        turns = turns + 1
      end
    end)
    luv.run()
    assert.is_true(turns >= 10, ("the loop had %d turns meanwhile"):format(turns)) -- of some 200
  end)
end)
