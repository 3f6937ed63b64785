-- The option pace, as the emulator sees it.

local clock = require("posthog.llm.clock")
local client_settings = require("posthog.llm.client.settings")
local llm = require("posthog.llm")
local pipeline = require("spec.pipeline")

describe("the option pace", function()
  local e, naps, restore
  local real, days = clock.now, 0

  setup(function()
    e = pipeline.emulator.start()
  end)
  teardown(function()
    e:stop()
  end)
  before_each(function()
    e:reset()
    naps, restore = pipeline.instant_sleep()
    days = days + 2 -- all tests have the same key
    local behind = days * 86400
    clock.now = function()
      return real() + behind + naps.total()
    end
  end)
  after_each(function()
    restore()
    clock.now = real
  end)

  it("is on for the cloud, and off for every other host", function()
    local rest = { "to stay within 4800 requests an hour", "to stay within 480 requests a minute" }
    local spend = {
      "to stay within 200 spend requests a day",
      "to stay within 60 spend requests an hour",
      "to stay within 10 spend requests a minute",
    }
    for host, is_on in pairs({
      us = true,
      eu = true,
      ["https://US.posthog.com/"] = true,
      ["https://posthog.example"] = false,
      ["https://us.posthog.com:8443"] = false,
      ["http://127.0.0.1:8000"] = false,
    }) do
      local function of(option)
        local rules = client_settings.resolve({ host = host, pace = option }).rate_limit
        local words = { rest = {}, spend = {} }
        for class, list in pairs(words) do
          for i, window in ipairs(rules and rules[class].windows or {}) do
            list[i] = window.words
          end
        end
        return rules and words
      end
      local cloud = { rest = rest, spend = spend }
      assert.same(is_on and cloud or nil, of(nil))
      assert.same(cloud, of(true))
      assert.is_nil(of(false) or nil)
      assert.same(cloud, of({ dict = "x" }))
      assert.same(
        { rest = { "to stay within 9 requests an hour" }, spend = spend },
        of({ per_hour = 9 })
      )
      assert.same(
        { rest = rest, spend = { "to stay within one spend request a day" } },
        of({ spend = { per_day = 1 } })
      )
    end
  end)

  it("delays calls, and sends each once", function()
    local c = pipeline.client(e.url, { pace = { per_minute = 2 } })
    c.datasets:list()
    c.datasets:list()
    assert.equal(0, #naps)
    assert.is_truthy(c.datasets:list())
    assert.is_true(naps.total() > 55 and naps.total() < 61)
    assert.equal(3, #e:log())
    c:close()
  end)

  it("reports what is left, and how long a 429 delays", function()
    local c = pipeline.client(e.url, { pace = { per_minute = 3, per_hour = 10 } })
    local function left()
      local windows, wait = c:pace()
      assert.same(
        { { windows[1].most, windows[1].seconds }, { windows[2].most, windows[2].seconds } },
        { { 10, 3600 }, { 3, 60 } }
      )
      return { windows[1].left, windows[2].left, wait and math.ceil(wait) }
    end
    assert.same({ 10, 3 }, left())
    c.datasets:list()
    c.datasets:list()
    assert.same({ 8, 1 }, left())
    c.datasets:list()
    assert.same({ 7, 0 }, left())
    clock.sleep(61)
    assert.same({ 7, 3 }, left())
    e:fault({ action = { status = 429, times = 1, headers = { ["Retry-After"] = "30" } } })
    c.datasets:list({ max_retries = 0 })
    assert.same({ 6, 2, 30 }, left())
    assert.is_nil((pipeline.client(e.url, { pace = false }):pace()))
    c:close()
  end)

  it("counts attempts and redirects, not calls", function()
    local c = pipeline.client(e.url, { pace = { per_minute = 2 } })
    e:fault({
      action = {
        status = 307,
        times = 1,
        headers = { Location = "/api/projects/112358/datasets/" },
      },
    })
    c.datasets:list()
    assert.equal(0, #naps)
    c.datasets:list()
    assert.is_true(naps.total() > 55)
    c:close()
  end)

  it("is shared by all clients of a key", function()
    local c = pipeline.client(e.url, { pace = { per_minute = 2 } })
    local stranger = pipeline.client(e.url, { pace = { per_minute = 2 } })
    c.datasets:list()
    c:with({ timeout = 7 }).datasets:list()
    local _, err = stranger.datasets:list({ deadline = 10 })
    assert.equal("rate_limited", err.kind)
    local another = stranger:with({ personal_api_key = "phx_emulator_li" })
    assert.is_truthy(another.datasets:list())
    assert.is_truthy(c:with({ pace = false }).datasets:list())
    assert.equal(0, #naps)
    assert.is_truthy(stranger.datasets:list())
    assert.is_true(naps.total() > 55)
    c:close()
    stranger:close()
  end)

  it("counts each request by its key", function()
    local keys = { "phx_emulator_all", "phx_emulator_li", "phx_emulator_all" }
    local c = pipeline.client(e.url, {
      pace = { per_minute = 1 },
      deadline = 9,
      personal_api_key = function()
        return table.remove(keys, 1)
      end,
    })
    assert.is_truthy(c.datasets:list())
    assert.is_truthy(c.datasets:list())
    local _, err = c.datasets:list()
    assert.equal("rate_limited", err.kind)
    c:close()
  end)

  it("counts spend separately", function()
    local c = pipeline.client(e.url, {
      pace = { per_minute = 1, spend = { per_minute = 2 } },
      deadline = 9,
    })
    assert.is_truthy(c.datasets:list())
    assert.is_truthy(c.spend:get())
    assert.is_truthy(c:request("GET", "/api/llm_analytics/@me/spend/?product=posthog_code"))
    local _, err = c.spend:get()
    assert.matches("2 spend requests a minute", err.message)
    assert.equal(3, #e:log())
    c:close()
  end)

  it("returns an error at once when the wait would be past the deadline", function()
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

  it("learns from a 429, for all clients of the key", function()
    local c = pipeline.client(e.url, { pace = true, max_retries = 0 })
    local other = pipeline.client(e.url, { pace = true, deadline = 10 })
    e:fault({ action = { status = 429, headers = { ["Retry-After"] = "40" }, times = 1 } })
    local _, err = c.datasets:list()
    assert.equal(429, err.status)
    _, err = other.datasets:list()
    assert.is_nil(err.status)
    assert.equal("rate_limited", err.kind)
    assert.is_true(err.retry_after > 35 and err.retry_after <= 40)
    assert.matches("the server asked to wait", err.message)
    assert.equal(0, #naps)
    assert.equal(1, #e:log())
    assert.is_truthy(other.spend:get())
    assert.is_truthy(c.datasets:list())
    assert.is_true(naps.total() > 35 and naps.total() < 41)
    c:close()
    other:close()
  end)

  it("makes the attempt after a 429 when the server said, and no later", function()
    local c = pipeline.client(e.url, { pace = true })
    e:fault({
      action = {
        status = 429,
        times = 1,
        body = '{"detail":"Request was throttled. Expected available in 20 seconds."}',
      },
    })
    assert.is_truthy(c.datasets:list())
    assert.is_true(naps.total() > 19.5 and naps.total() < 21)
    assert.equal(2, #e:log())
    c:close()
  end)

  it(
    "returns the error that made another attempt necessary when there is no time for one",
    function()
      local c = pipeline.client(e.url, { pace = { per_minute = 1 }, deadline = 10 })
      e:fault({ action = { status = 503, times = 1 } })
      local value, err, response = c.datasets:list()
      assert.is_nil(value)
      assert.equal("server", err.kind)
      assert.equal(503, err.status)
      assert.equal(503, response.status)
      assert.equal(1, err.attempts)
      assert.is_true(err.retry_after > 50 and err.retry_after < 61) -- when the limit allows one
      assert.equal(1, #e:log())
      c:close()
    end
  )

  it("learns nothing when it is off", function()
    local c = pipeline.client(e.url, { pace = false, max_retries = 0 })
    e:fault({ action = { status = 429, headers = { ["Retry-After"] = "40" }, times = 1 } })
    c.datasets:list()
    assert.is_truthy(c.datasets:list())
    assert.is_truthy(c:with({ pace = true }).datasets:list())
    assert.equal(0, #naps)
    c:close()
  end)

  it("says that there are no shared dictionaries outside of nginx", function()
    local c = pipeline.client(e.url, { pace = { dict = "pace" } })
    local value, err = c.datasets:list()
    assert.is_nil(value)
    assert.equal("invalid", err.kind)
    assert.equal("pace.dict: shared dictionaries exist in nginx only", err.message)
    assert.equal(0, #e:log())
    c:close()
  end)

  it("ends its wait when the client is closed, and frees its slot", function()
    restore()
    clock.now = function()
      return real() + days * 86400
    end
    local c = pipeline.client(e.url, { pace = { per_minute = 1 } })
    local other = pipeline.client(e.url, { pace = { per_minute = 1 }, deadline = 62 })
    local _, errors = llm.gather({
      function()
        return c.datasets:list()
      end,
      function()
        return c.datasets:create({ name = "x" })
      end,
      function()
        llm.sleep(1) -- by then the first has its response
        c:close()
      end,
    })
    assert.is_nil(errors[1])
    assert.equal("cancelled", errors[2].kind)
    assert.matches("held back to stay within one request a minute", errors[2].message)
    assert.is_nil(errors[2].ambiguous)
    assert.equal(1, #e:log())
    naps, restore = pipeline.instant_sleep()
    clock.now = function()
      return real() + days * 86400 + naps.total()
    end
    assert.is_truthy(other.datasets:list())
    other:close()
  end)
end)
