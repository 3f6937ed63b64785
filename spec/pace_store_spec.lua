-- A store of the program's as the option pace: what it is asked, and what comes of its answers.

local clock = require("posthog.llm.clock")
local llm = require("posthog.llm")
local pipeline = require("spec.pipeline")
local rate_limit = require("posthog.llm.http.rate_limit")

local LIST = "/api/projects/1/datasets/"

describe("a store for pace", function()
  local now, real = 0, clock.now
  local hosts = 0

  before_each(function()
    now = 1000
    clock.now = function()
      return now
    end
  end)
  after_each(function()
    clock.now = real
  end)

  local function sleep(_, seconds)
    now = now + seconds
    return true
  end

  local function limits(store, option)
    hosts = hosts + 1
    option = option or { per_minute = 5 }
    option.store = store
    return rate_limit.new(option, "https://s" .. hosts .. ".example")
  end

  local function pass(p, seconds, key, path)
    return rate_limit.pass(p, key or "phx_secret", path or LIST, seconds or 1000, sleep, {})
  end

  --- Answers what the list says, and records the questions.
  local function scripted(answers)
    return {
      questions = {},
      take = function(self, ...)
        self.questions[#self.questions + 1] = { ... }
        local answer = table.remove(answers, 1)
        if type(answer) == "function" then
          return answer(...)
        end
        return answer == nil and 0 or answer
      end,
    }
  end

  it("is asked with a name, the windows, the time and how many are wanted", function()
    local store = scripted({})
    local p = limits(store, { per_minute = 5, per_hour = 50 })
    assert.is_nil(pass(p))
    local key, windows, at, wanted = (unpack or table.unpack)(store.questions[1])
    assert.matches("^%x+$", key)
    assert.equal(64, #key)
    assert.same({ { limit = 50, seconds = 3601.25 }, { limit = 5, seconds = 61.25 } }, windows)
    assert.same({ 1000, 1 }, { at, wanted })
    assert.equal(1000, now)
  end)

  it("gets another name for each key, host and class, and none shows the key", function()
    local store, names = scripted({}), {}
    local p = limits(store)
    pass(p)
    pass(p)
    pass(p, nil, "phx_another")
    pass(p, nil, nil, "/api/llm_analytics/@me/spend/")
    pass(limits(store))
    for _, question in ipairs(store.questions) do
      names[question[1]] = (names[question[1]] or 0) + 1
    end
    local counts = {}
    for name, count in pairs(names) do
      counts[#counts + 1] = count
      assert.is_nil(name:find("secret", 1, true))
    end
    table.sort(counts)
    assert.same({ 1, 1, 1, 2 }, counts)
  end)

  it("is asked again after the time that it says, and not before", function()
    local store = scripted({ 3.5, 0.1, 0 })
    assert.is_nil(pass(limits(store)))
    assert.equal(3, #store.questions)
    assert.is_true(store.questions[2][3] >= 1003.5 and store.questions[2][3] < 1003.6)
    assert.is_true(now >= 1003.6 and now < 1003.8)
  end)

  it("is asked again after a minute, however long it says to wait", function()
    local store = scripted({ 1e9, 0 })
    assert.is_nil(pass(limits(store), 1e10))
    assert.is_true(now >= 1060 and now <= 1061, now)
  end)

  it("holds back no call for longer than its deadline allows", function()
    local store = scripted({
      function()
        return 30, 0, "to stay within what the team agreed on"
      end,
    })
    local err = pass(limits(store), 20)
    assert.equal("rate_limited", err.kind)
    assert.is_true(err.retry_after > 29 and err.retry_after <= 30)
    assert.matches("held back to stay within what the team agreed on", err.message, 1, true)
    assert.equal(1000, now)
  end)

  it("may say a time of zero as one that is past", function()
    assert.is_nil(pass(limits(scripted({ -5 }))))
    assert.equal(1000, now)
  end)

  it(
    "may say a wait that no clock resolves: it is asked again later, not at once for ever",
    function()
      assert.is_nil(pass(limits(scripted({ 1e-12, 0 }))))
      assert.is_true(now >= 1000.002)
    end
  )

  for what, answer in pairs({
    ["nothing"] = function() end,
    ["a string"] = function()
      return "0"
    end,
    ["a boolean"] = function()
      return true
    end,
    ["not a number"] = function()
      return 0 / 0
    end,
    ["infinity"] = function()
      return math.huge
    end,
  }) do
    it("fails the call when it returns " .. what, function()
      local err = pass(limits(scripted({ answer })))
      assert.same({ "invalid", "pace" }, { err.kind, err.option })
      assert.matches("^pace%.store: take returned .*: a finite number of seconds", err.message)
    end)
  end

  for what, count in pairs({ ["none"] = 0, ["half of one"] = 1.5, ["too many"] = 2, text = "1" }) do
    it("fails the call when it grants " .. what, function()
      local err = pass(limits(scripted({
        function()
          return 0, count
        end,
      })))
      assert.equal("invalid", err.kind)
      assert.matches("pace.store: take granted .*: an integer from 1 to the number", err.message)
    end)
  end

  it("fails the call with what it raises, or returns as an error", function()
    local p = limits(scripted({
      function()
        error("no connection", 0)
      end,
      function()
        return nil, "the quota service is down"
      end,
    }))
    assert.equal("pace.store: take raised: no connection", pass(p).message)
    assert.equal("pace.store: the quota service is down", pass(p).message)
    assert.is_nil(pass(p))
  end)

  it("is asked again when it takes longer than its grant lasts", function()
    local store = scripted({
      function()
        now = now + 5
        return 0
      end,
      0,
    })
    assert.is_nil(pass(limits(store)))
    assert.equal(2, #store.questions)
  end)

  it("may grant several at once, which are used within a second or given back", function()
    local back = {}
    local store = scripted({
      function(_, _, _, wanted)
        return 0, wanted
      end,
    })
    function store.give_back(_, _, count)
      back[#back + 1] = count
    end
    local p = limits(store, { per_minute = 1000 })
    for _ = 1, 10 do
      pass(p)
      now = now + 0.125
    end
    table.insert(store.questions, 1, false)
    local asked = #store.questions
    local most = 1
    for _ = 1, 3 do
      now = now + 0.01
      local question = store.questions[#store.questions]
      most = math.max(most, question and question[4] or 0)
      pass(p)
    end
    assert.is_true(#store.questions - asked <= 3)
    assert.is_true(most > 1, "asks for what will come")
  end)

  it("gives back what was not used", function()
    local store, back = scripted({}), {}
    function store.take(_, _, _, _, wanted)
      return 0, wanted
    end
    function store.give_back(_, _, count)
      back[#back + 1] = count
    end
    local p = limits(store, { per_minute = 1000 })
    for _ = 1, 20 do
      pass(p)
      now = now + 0.1
    end
    now = now + 5
    local before = #back
    pass(p)
    assert.is_true(#back >= before and back[#back] >= 1)
  end)

  it("learns of a 429, and everything waits even when it does not care", function()
    local store = scripted({})
    local p = limits(store)
    pass(p)
    rate_limit.learn(p, "phx_secret", LIST, 30)
    assert.is_true(pass(p, 10).retry_after > 29)
    local held = {}
    function store.hold(_, key, seconds, at)
      held[#held + 1] = { key, seconds, at }
    end
    rate_limit.learn(p, "phx_secret", LIST, 40)
    assert.same({ { store.questions[1][1], 40, 1000 } }, held)
    function store.hold()
      error("broken")
    end
    rate_limit.learn(p, "phx_secret", LIST, 50)
    assert.is_true(pass(p, 10).retry_after > 49)
  end)

  it("tells what is left, if it knows", function()
    local store = scripted({})
    local p = limits(store)
    assert.is_nil((rate_limit.left(p, "phx_secret")))
    function store.left(_, _, windows)
      return { windows[1].limit - 2 }
    end
    assert.same({ { left = 3, most = 5, seconds = 60 } }, (rate_limit.left(p, "phx_secret")))
  end)

  describe("with many calls waiting", function()
    --- Calls that begin at once; those for which `leave` says so end while they wait.
    local function crowd(p, count, leave)
      local order, threads = {}, {}
      for i = 1, count do
        threads[i] = {
          at = now,
          co = coroutine.create(function()
            local err = rate_limit.pass(p, "k", LIST, 1000, function(_, seconds)
              coroutine.yield(seconds)
              return not (leave and leave(i))
            end, {})
            order[#order + 1] = err and err.kind or i
          end),
        }
      end
      local steps = 0
      while #threads > 0 do
        steps = steps + 1
        assert.is_true(steps < 1e5)
        local first = 1
        for i, thread in ipairs(threads) do
          if thread.at < threads[first].at then
            first = i
          end
        end
        local thread = table.remove(threads, first)
        now = math.max(now, thread.at)
        local _, seconds = assert(coroutine.resume(thread.co))
        if coroutine.status(thread.co) ~= "dead" then
          thread.at = now + seconds
          table.insert(threads, (#threads * 7) % (#threads + 1) + 1, thread)
        end
      end
      return order
    end

    --- One that lets `limit` go in each whole ten seconds.
    local function every_ten(limit)
      return {
        used = {},
        take = function(self, _, _, at)
          local slot = math.floor(at / 10)
          self.used[slot] = (self.used[slot] or 0) + 1
          if self.used[slot] <= limit then
            return 0
          end
          return (slot + 1) * 10 - at
        end,
      }
    end

    it("serves them in the order in which they came", function()
      local order = crowd(limits(every_ten(4)), 22)
      for i = 1, 22 do
        assert.equal(i, order[i])
      end
      assert.is_true(now < 1055)
    end)

    it("passes over those that leave", function()
      local order = crowd(limits(every_ten(2)), 12, function(i)
        return i > 4
      end)
      local went = {}
      for _, one in ipairs(order) do
        if one ~= "cancelled" then
          went[#went + 1] = one
        end
      end
      assert.same({ 1, 2, 3, 4 }, went)
    end)

    it("asks once for all of them while it says no", function()
      local store = every_ten(0)
      local asked, take = 0, store.take
      function store.take(...)
        asked = asked + 1
        if asked > 3 then
          return 0
        end
        return take(...)
      end
      crowd(limits(store), 50)
      assert.equal(53, asked)
    end)

    it("does not wait for one whose thread has ended", function()
      local p = limits(every_ten(1))
      pass(p, nil, "k")
      local co = coroutine.create(function()
        rate_limit.pass(p, "k", LIST, 1000, coroutine.yield, {})
      end)
      coroutine.resume(co)
      local began = now
      assert.is_nil(pass(p, nil, "k"))
      assert.is_true(now - began < 14, now - began)
    end)
  end)
end)

describe("the option pace.store", function()
  it("is an object with take", function()
    for _, case in ipairs({
      { { store = true }, "pace.store: table expected, got boolean" },
      { { store = {} }, "pace.store: an object with a method take expected" },
      {
        { store = { take = print, hold = 5 } },
        "pace.store.hold: function expected, got number",
      },
      {
        { store = { take = print }, dict = "x" },
        "pace: dict and store exclude each other",
      },
    }) do
      assert.error_matches(function()
        llm.new({ pace = case[1] })
      end, case[2], 1, true)
    end
  end)

  it("says that a count in Redis needs nginx", function()
    if not rawget(_G, "ngx") then
      assert.error_matches(function()
        llm.new({ pace = { redis = {} } })
      end, "pace.redis: needs nginx or OpenResty", 1, true)
    end
  end)

  it("refuses a Redis that cannot be one", function()
    for _, case in ipairs({
      { { port = 0 }, "pace.redis.port: 1 to 65535 expected" },
      { { host = "" }, "pace.redis.host" },
      { { user = "x" }, 'unknown option "user"' },
      { { username = "x" }, "pace.redis.username: needs a password" },
    }) do
      assert.error_matches(function()
        llm.new({ pace = { redis = case[1] } })
      end, case[2], 1, true)
    end
  end)

  it("decides for all clients that have it, and nothing is sent when it fails", function()
    local e = pipeline.emulator.start()
    local count, broken = 0, false
    local store = {
      take = function()
        if broken then
          error("broken")
        end
        count = count + 1
        return 0
      end,
    }
    local c = pipeline.client(e.url, { pace = { store = store } })
    local other = pipeline.client(e.url, { pace = { store = store } })
    assert.is_truthy(c.datasets:list())
    assert.is_truthy(other.datasets:list())
    assert.equal(2, count)
    broken = true
    local _, err = c.datasets:list()
    assert.equal("invalid", err.kind)
    assert.matches("datasets:list: invalid: pace.store: take raised: .*broken", tostring(err))
    assert.equal(2, #e:log())
    c:close()
    other:close()
    e:stop()
  end)
end)
