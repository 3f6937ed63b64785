local clock = require("posthog.llm.clock")
local config = require("posthog.llm.config")
local llm = require("posthog.llm")
local pace = require("posthog.llm.pace")
local pipeline = require("spec.pipeline")

describe("posthog.llm.pace", function()
  local now, real = 0, clock.now

  before_each(function()
    now = 1000
    clock.now = function() return now end
  end)
  after_each(function() clock.now = real end)

  --- Sends as fast as allowed; returns when each request went out.
  local function run(p, n)
    local times = {}
    for i = 1, n do
      now = now + assert(p:take(math.huge))
      times[i] = now
    end
    return times
  end

  it("lets requests pass at once up to the limit", function()
    local times = run(pace.new({ per_minute = 480, per_hour = 4800 }), 480)
    assert.equal(1000, times[480])
  end)

  it("never lets more pass in any window than the limits say", function()
    for _, limits in ipairs({
      { per_minute = 3 }, { per_hour = 7 }, { per_minute = 3, per_hour = 7 }, { per_minute = 1 },
    }) do
      now = 1000
      local times = run(pace.new(limits), 50)
      for name, seconds in pairs({ per_minute = 60, per_hour = 3600 }) do
        local most = limits[name] or math.huge
        for i = 1, #times - most do
          assert.is_true(times[i + most] - times[i] > seconds, name)
        end
      end
    end
  end)

  it("does not wait longer than it has to", function()
    local times = run(pace.new({ per_minute = 3, per_hour = 7 }), 8)
    assert.equal(1000, times[3])
    assert.is_true(times[6] < 1062)
    assert.is_true(times[8] < 4602)
  end)

  it("forgets what is longer ago than a window", function()
    local p = pace.new({ per_minute = 2 })
    run(p, 2)
    now = now + 61
    assert.equal(0, p:take(math.huge))
    assert.equal(0, p:take(math.huge))
    assert.is_true(p:take(math.huge) > 59)
  end)

  it("gives places to those who wait one after another", function()
    local p = pace.new({ per_minute = 1 })
    local last = p:take(math.huge)
    for _ = 1, 5 do
      local wait = p:take(math.huge)
      assert.is_true(wait - last > 60)
      last = wait
    end
  end)

  it("takes no place when the wait would be too long, and says how long", function()
    local p = pace.new({ per_minute = 1, per_hour = 100 })
    p:take(1)
    for _ = 1, 3 do
      local wait, why, needed = p:take(30)
      assert.is_nil(wait)
      assert.equal("one request a minute", why)
      assert.is_true(needed > 60 and needed < 61)
    end
    assert.is_true(p:take(61) > 60)
  end)
end)

describe("the option pace", function()
  local e, naps, restore

  setup(function() e = pipeline.emulator.start() end)
  teardown(function() e:stop() end)
  before_each(function()
    e:reset()
    naps, restore = pipeline.instant_sleep()
  end)
  after_each(function() restore() end)

  it("is on for the cloud, and off for every other host", function()
    local cloud = { per_minute = 480, per_hour = 4800 }
    for host, limits in pairs({
      us = cloud, eu = cloud, ["https://US.posthog.com/"] = cloud,
      ["https://posthog.example"] = false, ["https://us.posthog.com:8443"] = false,
      ["http://127.0.0.1:8000"] = false,
    }) do
      local function of(option)
        return config.resolve({ host = host, pace = option }).pace or false
      end
      assert.same(limits, of(nil))
      assert.same(cloud, of(true))
      assert.is_false(of(false))
      assert.same({ per_hour = 9 }, of({ per_hour = 9 }))
    end
  end)

  it("holds calls back, and lets each arrive once", function()
    local c = pipeline.client(e.url, { pace = { per_minute = 2 } })
    c.datasets:list()
    c.datasets:list()
    assert.equal(0, #naps)
    assert.is_truthy(c.datasets:list())
    assert.is_true(naps.total() > 55 and naps.total() < 61)
    assert.equal(3, #e:log())
    c:close()
  end)

  it("counts attempts and redirects, not calls", function()
    local c = pipeline.client(e.url, { pace = { per_minute = 2 } })
    e:fault({ action = { status = 307, times = 1,
      headers = { Location = "/api/projects/112358/datasets/" } } })
    c.datasets:list()
    assert.equal(0, #naps)
    c.datasets:list()
    assert.is_true(naps.total() > 55)
    c:close()
  end)

  it("is shared by clients that came of one another, not by others", function()
    local c = pipeline.client(e.url, { pace = { per_minute = 2 } })
    local other = c:with({ timeout = 7 })
    local stranger = pipeline.client(e.url, { pace = { per_minute = 2 } })
    c.datasets:list()
    other.datasets:list()
    stranger.datasets:list()
    assert.equal(0, #naps)
    c:with({ pace = false }).datasets:list()
    assert.equal(0, #naps)
    other.datasets:list()
    assert.is_true(naps.total() > 55)
    c:close()
    other:close()
    stranger:close()
  end)

  it("gives an error at once when the wait would be past the deadline", function()
    local c = pipeline.client(e.url, { pace = { per_minute = 1 }, deadline = 10 })
    c.datasets:list()
    local value, err = c.datasets:create({ name = "x" })
    assert.is_nil(value)
    assert.equal("rate_limited", err.kind)
    assert.is_nil(err.status)
    assert.is_nil(err.ambiguous)
    assert.equal(0, err.attempts)
    assert.is_true(err.retry_after > 55 and err.retry_after < 61)
    assert.matches("one request a minute", err.message)
    assert.equal(0, #naps)
    assert.equal(1, #e:log())
    c:close()
  end)

  it("ends its wait when the client is closed", function()
    restore()
    local c = pipeline.client(e.url, { pace = { per_minute = 1 } })
    local _, errors = llm.gather({
      function() return c.datasets:list() end,
      function() return c.datasets:create({ name = "x" }) end,
      function()
        llm.sleep(0.1)
        c:close()
      end,
    })
    assert.is_nil(errors[1])
    assert.equal("cancelled", errors[2].kind)
    assert.is_nil(errors[2].ambiguous)
    assert.equal(1, #e:log())
  end)
end)
