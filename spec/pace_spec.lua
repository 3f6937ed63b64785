-- Rows, windows and 429s of the rate limit, in a time of their own.

local clock = require("posthog.llm.clock")
local lines = require("posthog.llm.http.rate_limit.queue")
local memory = require("posthog.llm.http.rate_limit.memory")
local rate_limit = require("posthog.llm.http.rate_limit")

local LIST = "/api/projects/1/datasets/"
local SPEND = "/api/llm_analytics/@me/spend/"
local SECONDS = { per_minute = 60, per_hour = 3600, per_day = 86400 }

describe("the rate limit", function()
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

  --- Rules for a host that no other test has asked.
  local function fresh(option)
    hosts = hosts + 1
    return rate_limit.new(option, "https://h" .. hosts .. ".example")
  end

  local function sleep(_, seconds)
    now = now + seconds
    return true
  end

  --- Sends one after another, as fast as allowed; returns when each went out.
  local function run(p, n, key, path)
    local times = {}
    for i = 1, n do
      assert.is_nil(rate_limit.pass(p, key or "k", path or LIST, math.huge, sleep))
      times[i] = now
    end
    return times
  end

  --- How long the next request would have to wait, and why; it does not.
  local function held(p, key, path)
    local err = rate_limit.pass(p, key or "k", path or LIST, 0.001, sleep)
    return err and err.retry_after or 0, err and err.message
  end

  it("lets requests pass at once up to the limit", function()
    local times = run(fresh(true), 480)
    assert.equal(1000, times[480])
  end)

  local function within(limits, times, what)
    table.sort(times)
    for name, most in pairs(limits) do
      for i = 1, #times - most do
        assert.is_true(
          times[i + most] - times[i] > SECONDS[name],
          ("%s: requests %d and %d, %s"):format(name, i, i + most, what or "")
        )
      end
    end
  end

  it("never allows more in any window than the limits", function()
    for _, limits in ipairs({
      { per_minute = 3 },
      { per_hour = 7 },
      { per_minute = 3, per_hour = 7 },
      { per_minute = 1 },
    }) do
      within(limits, run(fresh(limits), 50))
    end
    local spend = { per_minute = 2, per_hour = 5, per_day = 9 }
    within(spend, run(fresh({ spend = spend }), 30, "k", SPEND))
  end)

  it("does not make a request wait longer than it has to", function()
    local times = run(fresh({ per_minute = 3, per_hour = 7 }), 8)
    assert.equal(1000, times[3])
    assert.is_true(times[6] < 1062)
    assert.is_true(times[8] < 4602)
  end)

  it("forgets requests older than a window", function()
    local p = fresh({ per_minute = 2 })
    run(p, 2)
    now = now + 61
    run(p, 2)
    assert.equal(1061, now)
    assert.is_true(held(p) > 59)
  end)

  it("does not count a call whose wait would be too long, and returns how long and why", function()
    local p = fresh({ per_minute = 1, per_hour = 2, spend = { per_day = 3 } })
    run(p, 1)
    for _ = 1, 3 do
      local needed, message = held(p)
      assert.is_true(needed > 60 and needed < 61)
      assert.matches("to stay within one request a minute, for longer than", message, 1, true)
    end
    assert.equal(1, #run(p, 1))
    assert.is_true(now < 1062)
    local needed, message = held(p)
    assert.is_true(needed > 3500 and needed < 3601)
    assert.matches("2 requests an hour", message, 1, true)
    run(p, 3, "k", SPEND)
    needed, message = held(p, "k", SPEND)
    assert.is_true(needed > 86000)
    assert.matches("3 spend requests a day", message, 1, true)
  end)

  it("counts spend separately, by its path in any form", function()
    local p = fresh({ per_minute = 1, spend = { per_minute = 1 } })
    for _, path in ipairs({ SPEND, "/api/llm_analytics/%40me/spend" }) do
      local other = fresh({ per_minute = 1, spend = { per_minute = 1 } })
      run(other, 1)
      run(other, 1, "k", path)
      assert.equal(1000, now)
      assert.matches("spend request", select(2, held(other, "k", path)))
    end
    run(p, 1)
    assert.equal(0, (held(p, "k", SPEND)))
    assert.is_true((held(p, "k", "/api/projects/1/spend/")) > 60)
  end)

  it("counts each key and host separately, and equal ones together", function()
    local p = fresh({ per_minute = 1 })
    run(p, 1)
    assert.equal(0, (held(p, "another")))
    assert.equal(0, (held(fresh({ per_minute = 1 }))))
    assert.is_true((held(rate_limit.new({ per_minute = 1 }, p.origin))) > 60)
  end)

  it("forgets keys that have no request in any window", function()
    local p = fresh({ per_minute = 1 })
    for i = 1, 500 do
      run(p, 1, "key " .. i)
      now = now + 1
    end
    assert.is_true((held(p, "key 500")) > 59) -- what counts is not forgotten
    assert.is_true((held(p, "key 450")) > 9)
    local before = collectgarbage("count")
    for i = 501, 5000 do
      run(p, 1, "key " .. i)
      now = now + 1
    end
    collectgarbage()
    assert.is_true(collectgarbage("count") - before < 1000)
  end)

  describe("with many calls waiting", function()
    --- Threads that each want to send once, in turns of a scheduler that wakes
    --- whoever's time has come; `late` delays each waking.
    local function crowd(p, n, options)
      options = options or {}
      local sleepers, sent = {}, {}
      for i = 1, n do
        local co = coroutine.create(function()
          local gone = false
          local left = options.seconds or math.huge
          local err = rate_limit.pass(p, "k", LIST, left, function(_, seconds)
            coroutine.yield(seconds)
            gone = options.leave and options.leave(i, now)
            return not gone
          end)
          sent[#sent + 1] = { i = i, at = now, err = err, gone = gone }
        end)
        sleepers[i] = { co = co, at = now + (options.every or 0) * i, i = i }
      end
      while #sleepers > 0 do
        local next_one = 1
        for place, sleeper in ipairs(sleepers) do
          local other = sleepers[next_one]
          if sleeper.at < other.at or (sleeper.at == other.at and sleeper.i < other.i) then
            next_one = place
          end
        end
        local sleeper = table.remove(sleepers, next_one)
        now = math.max(now, sleeper.at)
        if options.each then
          options.each(now)
        end
        local _, seconds = assert(coroutine.resume(sleeper.co))
        if coroutine.status(sleeper.co) ~= "dead" then
          local late = options.late and options.late() or 0
          sleepers[#sleepers + 1] = { co = sleeper.co, at = now + seconds + late, i = sleeper.i }
        end
      end
      return sent
    end

    local function times_of(sent)
      local times = {}
      for _, entry in ipairs(sent) do
        if not entry.err then
          times[#times + 1] = entry.at
        end
      end
      return times
    end

    it("serves calls in the order in which they came", function()
      local sent = crowd(fresh({ per_minute = 4 }), 22, { every = 0.1 })
      for i, entry in ipairs(sent) do
        assert.equal(i, entry.i)
      end
      within({ per_minute = 4 }, times_of(sent))
      assert.is_true(now < 1000 + 5 * 62)
    end)

    it("moves calls up when others leave", function()
      local p = fresh({ per_minute = 1 })
      local sent = crowd(p, 6, {
        leave = function(i, at)
          return i > 1 and i < 6 and at > 1010
        end,
      })
      local times = times_of(sent)
      assert.equal(2, #times)
      assert.is_true(times[2] > 1060 and times[2] < 1062, "it went at " .. times[2])
      for _, entry in ipairs(sent) do
        assert.equal(entry.gone and "cancelled" or nil, entry.err and entry.err.kind)
      end
    end)

    it("loses at most one window to a call that never returns", function()
      local p = fresh({ per_minute = 2 })
      for _ = 1, 5 do -- as a thread that nginx has ended
        local co = coroutine.wrap(function()
          rate_limit.pass(p, "k", LIST, math.huge, function()
            coroutine.yield()
          end)
        end)
        co()
      end
      now = now + 200
      assert.same({ 1200, 1200 }, run(p, 2))
    end)

    it("keeps to the windows, whichever call is late, gives up or has to wait", function()
      local seed = 7
      local function random() -- the same on every Lua
        seed = seed * 16807 % 2147483647
        return seed / 2147483647
      end
      for round = 1, 40 do
        now = 1000
        local limits = { per_minute = math.ceil(random() * 2) }
        if round % 20 == 0 then
          limits.per_hour = 6
        end
        local p = fresh(limits)
        local blocked_until = 0
        local sent = crowd(p, 10, {
          every = random() * 20,
          late = function()
            return math.random(400) == 1 and random() * 200 or 0
          end,
          leave = function()
            return random() < 1 / 1500
          end,
          each = function(at)
            for _, from in ipairs({ 1100, 1300 }) do
              if at >= from and at < from + 30 and blocked_until < from then
                rate_limit.learn(p, "k", LIST, 100)
                blocked_until = at + 100
              end
            end
          end,
        })
        within(limits, times_of(sent), "round " .. round)
      end
    end)
  end)

  describe("after a 429", function()
    it("sends nothing of that key and class before the server's time", function()
      local p = fresh(true)
      rate_limit.learn(p, "k", LIST, 30)
      local needed, message = held(p)
      assert.is_true(needed > 29.9 and needed <= 30)
      assert.matches("since the server asked to wait (429)", message, 1, true)
      assert.equal(0, (held(p, "another")))
      assert.equal(0, (held(p, "k", SPEND)))
      assert.same({ 1030 }, run(p, 1))
      assert.equal(0, (held(p)))
    end)

    it("applies to clients with other limits too", function()
      local p = fresh({ per_minute = 5 })
      rate_limit.learn(p, "k", LIST, 30)
      local other = rate_limit.new({ per_minute = 6 }, p.origin)
      assert.equal(0, (held(rate_limit.new({ per_minute = 6 }, "https://elsewhere.example"))))
      assert.is_true((held(other)) > 29)
    end)

    it("keeps the longest wait that a response named", function()
      local p = fresh(true)
      for _, seconds in ipairs({ 10, 40, 20 }) do
        rate_limit.learn(p, "k", LIST, seconds)
      end
      assert.is_true((held(p)) > 39)
    end)

    it("limits the time to the longest window of its class", function()
      local p = fresh(true)
      for _, seconds in ipairs({ 1e6, 1e300, math.huge }) do
        rate_limit.learn(p, "k", LIST, seconds)
        rate_limit.learn(p, "k", SPEND, seconds)
      end
      assert.is_true((held(p)) <= 3600)
      assert.is_true((held(p, "k", SPEND)) <= 86400)
      now = now + 3601
      assert.equal(0, (held(p)))
    end)

    it("ignores a 429 without a time", function()
      local p = fresh(true)
      for _, seconds in ipairs({ 0, -1, 0 / 0 }) do
        rate_limit.learn(p, "k", LIST, seconds)
      end
      rate_limit.learn(p, "k", LIST, nil)
      assert.equal(0, (held(p)))
    end)

    it("ends waiting calls at once with an error when it is past their deadline", function()
      local p = fresh({ per_minute = 1 })
      run(p, 1)
      local looks = 0
      local err = rate_limit.pass(p, "k", LIST, 100, function(_, seconds)
        looks = looks + 1
        if looks == 8 then
          rate_limit.learn(p, "k", LIST, 500)
        end
        return sleep(nil, seconds)
      end)
      assert.equal("rate_limited", err.kind)
      assert.equal(8, looks)
      assert.matches("429", err.message)
      assert.is_true(err.retry_after > 490 and err.retry_after <= 500)
    end)
  end)

  describe("with two rows over one list of times", function()
    it("never gives a slot to both", function()
      -- Another worker adds an entry between the check and the add.
      local times, blocks = memory.new(61), memory.new(0)
      local line = lines.new({ { most = 1, seconds = 60, words = "x" } }, times, blocks)
      local add, raced = times.add, 0
      function times.add(self, i, at, at_now)
        if raced < 3 then
          raced = raced + 1
          add(self, i, self:get(i - 1) and self:get(i - 1) + 61 or at, at_now)
          return false
        end
        return add(self, i, at, at_now)
      end
      local place, at = line:take(1000, math.huge)
      assert.equal(4, place)
      assert.is_true(at > 1180)
    end)
  end)
end)
