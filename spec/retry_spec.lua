local llm = require("posthog.llm")
local pipeline = require("spec.pipeline")
local clock = require("posthog.llm.clock")
local retry = require("posthog.llm.http.retry")

local LIST = "/api/projects/:project_id/datasets/"

describe("posthog.llm.http.retry", function()
  describe("backoff", function()
    local random = clock.random
    after_each(function()
      clock.random = random
    end)

    it("doubles up to eight seconds, and takes between half and all of it", function()
      for n, full in ipairs({ 0.5, 1, 2, 4, 8, 8, 8 }) do
        clock.random = function()
          return 0
        end
        assert.equal(full / 2, retry.backoff(n))
        clock.random = function()
          return 0.5
        end
        assert.equal(full * 0.75, retry.backoff(n))
      end
      assert.equal(6, retry.backoff(2000))
    end)

    it("draws from a range, and does not touch the program's own generator", function()
      math.randomseed(7)
      local expected = math.random(1e6)
      math.randomseed(7)
      local lowest, highest = math.huge, -math.huge
      for _ = 1, 5000 do
        local value = clock.random()
        assert.is_true(value >= 0 and value < 1)
        lowest, highest = math.min(lowest, value), math.max(highest, value)
      end
      assert.is_true(highest > lowest)
      assert.equal(expected, math.random(1e6))
    end)
  end)

  describe("delay", function()
    --- Whether an attempt with this error is followed by another one.
    local function goes_on(err, changes)
      local attempt = {
        number = 1,
        max_retries = 2,
        left = 100,
        idempotent = true,
        repeats = 0,
        sent = true,
        permanent = false,
      }
      for name, value in pairs(changes or {}) do
        attempt[name] = value
      end
      return retry.delay(err, attempt) ~= nil
    end

    it("allows another attempt after a transient failure, if a repeat is safe", function()
      for _, status in ipairs({ 408, 429, 500, 502, 503, 504 }) do
        assert.is_true(goes_on({ status = status }), status)
        assert.equal(status == 429, goes_on({ status = status }, { idempotent = false }), status)
        assert.is_true(goes_on({ status = status }, { idempotent = false, repeats = 1 }), status)
      end
      for _, status in ipairs({ 200, 400, 401, 403, 404, 409, 430, 501, 505 }) do
        assert.is_false(goes_on({ status = status }), status)
      end
      for _, kind in ipairs({ "network", "timeout", "tls" }) do
        assert.is_true(goes_on({ kind = kind }), kind)
        assert.is_false(goes_on({ kind = kind }, { idempotent = false }), kind)
        assert.is_true(goes_on({ kind = kind }, { idempotent = false, sent = false }), kind)
      end
      assert.is_false(goes_on({ kind = "cancelled" }))
    end)

    it("allows no attempt without retries or time, or after what would fail again", function()
      assert.is_true(goes_on({ status = 503 }, { number = 2 }))
      assert.is_false(goes_on({ status = 503 }, { number = 3 }))
      assert.is_false(goes_on({ status = 503 }, { permanent = true }))
      assert.is_false(goes_on({ status = 503 }, { costly = true }))
      assert.is_true(goes_on({ status = 504 }, { costly = true }))
      assert.is_true(goes_on({ status = 503, retry_after = 60 }))
      assert.is_false(goes_on({ status = 503, retry_after = 61 }))
      assert.is_false(goes_on({ status = 503, retry_after = 7 }, { left = 7 }))
      assert.is_true(goes_on({ status = 503, retry_after = 7 }, { left = 7.1 }))
    end)
  end)

  describe("after", function()
    local now = "Sun, 06 Nov 1994 08:49:37 GMT"
    local words = "Request was throttled. Expected available in 17 seconds."

    for name, case in pairs({
      ["seconds"] = { "120", nil, 120 },
      ["no seconds"] = { "0", words, 0 },
      ["a date, by the server's own clock"] = { "Sun, 06 Nov 1994 08:50:07 GMT", words, 30 },
      ["an old form of a date"] = { "Sunday, 06-Nov-94 08:50:07 GMT", nil, 30 },
      ["the oldest form of a date"] = { "Sun Nov  6 08:50:07 1994", nil, 30 },
      ["a date that is past"] = { "Sun, 06 Nov 1994 08:00:00 GMT", nil, 0 },
      ["nonsense, so the text counts"] = { "a while", words, 17 },
      ["a negative number, so the text counts"] = { "-5", words, 17 },
      ["nothing, so the text counts"] = { nil, words, 17 },
      ["one second in the text"] = { nil, "Expected available in 1 second.", 1 },
      ["nothing at all"] = { nil, "Request was throttled.", nil },
      ["a fraction"] = { "1.5", nil, nil },
      ["an absurd number"] = { "99999999999999999999", nil, 1e20 },
    }) do
      it("understands a Retry-After of " .. name, function()
        local headers = { ["retry-after"] = case[1], date = now }
        assert.equal(case[3], retry.after(headers, case[2]))
      end)
    end

    it("uses this machine's clock where the server does not send its own", function()
      local at = os.date("!%a, %d %b %Y %H:%M:%S GMT", os.time() + 1000)
      local seconds = retry.after({ ["retry-after"] = at })
      assert.is_true(seconds > 900 and seconds <= 1000)
    end)
  end)
end)

describe("a call that fails", function()
  local e, c
  local naps, restore

  setup(function()
    e = pipeline.emulator.start()
  end)
  teardown(function()
    e:stop()
  end)
  before_each(function()
    e:reset()
    c = pipeline.client(e.url)
    naps, restore = pipeline.instant_sleep()
  end)
  after_each(function()
    restore()
    c:close()
  end)

  local CALLS = {
    { "GET", {}, safe = true },
    { "HEAD", {}, safe = true },
    { "PATCH", { json = {} } },
    { "PUT", { json = {} } },
    { "DELETE", {} },
    { "POST", { json = {} } },
    { "POST", { json = {}, idempotent = true }, safe = true },
    { "GET", { idempotent = false } },
  }

  for name, case in pairs({
    ["408"] = { action = { status = 408 }, safe = 3, unsafe = 1 },
    ["429"] = { action = { status = 429 }, safe = 3, unsafe = 3 },
    ["500"] = { action = { status = 500 }, safe = 3, unsafe = 1 },
    ["502"] = { action = { status = 502 }, safe = 3, unsafe = 1 },
    ["503"] = { action = { status = 503 }, safe = 3, unsafe = 1 },
    ["504"] = { action = { status = 504 }, safe = 3, unsafe = 1 },
    ["400"] = { action = { status = 400 }, safe = 1, unsafe = 1 },
    ["401"] = { action = { status = 401 }, safe = 1, unsafe = 1 },
    ["403"] = { action = { status = 403 }, safe = 1, unsafe = 1 },
    ["404"] = { action = { status = 404 }, safe = 1, unsafe = 1 },
    ["405"] = { action = { status = 405 }, safe = 1, unsafe = 1 },
    ["409"] = { action = { status = 409 }, safe = 1, unsafe = 1 },
    ["410"] = { action = { status = 410 }, safe = 1, unsafe = 1 },
    ["413"] = { action = { status = 413 }, safe = 1, unsafe = 1 },
    ["501"] = { action = { status = 501 }, safe = 1, unsafe = 1 },
    ["a lost response"] = { action = { close = "before" }, safe = 3, unsafe = 1 },
  }) do
    it(
      ("by %s is made %d times where it is safe to repeat, else %d"):format(
        name,
        case.safe,
        case.unsafe
      ),
      function()
        e:fault({ action = case.action })
        local expected, seen = {}, {}
        for _, call in ipairs(CALLS) do
          local value, err, response = c:request(call[1], LIST, call[2])
          assert.is_nil(value)
          local times = call.safe and case.safe or case.unsafe
          assert.equal(times, err.attempts, call[1])
          assert.equal(case.action.status, err.status)
          if response then
            assert.equal(times, response.attempts)
          end
          for _ = 1, times do
            expected[#expected + 1] = call[1]
          end
        end
        for i, entry in ipairs(e:log()) do
          seen[i] = entry.method
        end
        assert.same(expected, seen)
      end
    )
  end

  it("is repeated, even if it writes, while nothing was sent", function()
    local nobody = pipeline.client("http://127.0.0.1:1")
    for _, call in ipairs(CALLS) do
      local _, err = nobody:request(call[1], LIST, call[2])
      assert.equal("network", err.kind)
      assert.equal(3, err.attempts)
      assert.is_nil(err.ambiguous)
    end
    nobody:close()
  end)

  it("returns the value of the attempt that succeeds", function()
    e:fault({ action = { status = 503, times = 2 } })
    local page, err, response = c.datasets:list()
    assert.is_nil(err)
    assert.equal(0, page.count)
    assert.equal(3, response.attempts)
    assert.is_true(naps.total() >= 0.75 and naps.total() <= 1.5)
  end)

  it("creates one row, not two, when a 429 came first", function()
    e:fault({ action = { status = 429, times = 2 } })
    assert(c.datasets:create({ name = "once" }))
    assert.equal(1, c.datasets:list().count)
  end)

  it("is repeated at most max_retries times, of the client or of the call", function()
    e:fault({ action = { status = 503 } })
    local cases = { { 0, nil, 1 }, { 1, nil, 2 }, { 4, nil, 5 }, { 0, 3, 4 }, { 5, 0, 1 } }
    for _, case in ipairs(cases) do
      local _, err = c:with({ max_retries = case[1] }).datasets:list({ max_retries = case[2] })
      assert.equal(case[3], err.attempts)
    end
  end)

  describe("and has a Retry-After", function()
    local function throttled(header, detail)
      e:fault({
        action = {
          status = 429,
          body = ('{"type":"throttled_error","code":"throttled","detail":"%s","attr":null}'):format(
            detail or "Request was throttled."
          ),
          headers = { ["Retry-After"] = header },
        },
      })
    end

    it("waits for the time in the header, up to a minute", function()
      for _, seconds in ipairs({ 3, 60 }) do
        throttled(tostring(seconds))
        local before = naps.total()
        local _, err = c.datasets:create({ name = "x" }, { max_retries = 1 })
        assert.equal(seconds, naps.total() - before)
        assert.equal("rate_limited", err.kind)
        assert.equal(seconds, err.retry_after)
        assert.equal(2, err.attempts)
      end
    end)

    it("waits for the time in the text, if there is no header", function()
      throttled(nil, "Request was throttled. Expected available in 7 seconds.")
      local _, err = c.datasets:list({ max_retries = 1 })
      assert.equal(7, naps.total())
      assert.equal(7, err.retry_after)
    end)

    it("never repeats earlier than it would without the header", function()
      throttled("0")
      c.datasets:list({ max_retries = 1 })
      assert.is_true(naps.total() >= 0.25)
    end)

    it("returns at once when that is more than a minute", function()
      for _, header in ipairs({ "61", "86400", "99999999999999999999" }) do
        throttled(header)
        local _, err = c.datasets:list()
        assert.equal(tonumber(header), err.retry_after)
        assert.equal(1, err.attempts)
        assert.is_nil(tostring(err):find("\n", 1, true))
      end
      assert.equal(0, #naps)
      assert.equal(3, #e:log())
    end)

    it("returns at once when that is past the deadline", function()
      throttled("5")
      local _, err = c.datasets:list({ deadline = 4 })
      assert.equal(5, err.retry_after)
      assert.equal("rate_limited", err.kind)
      assert.equal(0, #naps)
      assert.equal(1, #e:log())
    end)

    it("obeys it in a 503 too", function()
      e:fault({ action = { status = 503, headers = { ["Retry-After"] = "2" } } })
      local _, err = c.datasets:list({ max_retries = 1 })
      assert.equal(2, naps.total())
      assert.equal(2, err.retry_after)
      e:reset()
      e:fault({ action = { status = 503, headers = { ["Retry-After"] = "2" } } })
      _, err = c.datasets:create({ name = "x" })
      assert.equal(1, #e:log())
      assert.equal(2, err.retry_after)
    end)
  end)

  it("has one deadline over all its attempts", function()
    e:fault({ action = { status = 503, delay = 0.5 } })
    local backoff = retry.backoff
    retry.backoff = function()
      return 0.001
    end
    local _, err = c.datasets:list({ deadline = 2.2, max_retries = 1000, timeout = 60 })
    retry.backoff = backoff
    assert.is_true(err.kind == "server" or err.kind == "timeout")
    assert.is_true(err.attempts >= 2 and err.attempts <= 5, tostring(err.attempts))
    -- The last one may have been given up before it was seen or logged.
    assert.is_true(#e:log() == err.attempts or #e:log() == err.attempts - 1)
  end)

  it("is not repeated when the wait would not end before the deadline", function()
    e:fault({ action = { status = 503 } })
    local backoff = retry.backoff
    retry.backoff = function()
      return 10
    end
    local _, err = c.datasets:list({ deadline = 9 })
    retry.backoff = backoff
    assert.equal("server", err.kind)
    assert.equal(1, err.attempts)
    assert.equal(0, #naps)
  end)

  for _, connection in ipairs({ "new", "idle" }) do
    it(
      "stays ambiguous when a later attempt is refused, on a " .. connection .. " connection",
      function()
        if connection == "idle" then
          assert(c.datasets:list())
        end
        e:faults({
          { action = { close = "after", times = 1 } },
          { action = { status = 404, times = 1 } },
        })
        local _, err = c:request("DELETE", LIST, { idempotent = true })
        assert.equal("not_found", err.kind)
        assert.equal(2, err.attempts)
        assert.is_true(err.ambiguous)
      end
    )
  end

  it("is ambiguous when a redirect was followed to a server that no longer exists", function()
    local gone = pipeline.emulator.start()
    gone:fault({
      action = {
        raw = "HTTP/1.1 307 T\r\nLocation: ?again=1\r\nContent-Length: 0\r\n\r\n",
      },
    })
    local client = c:with({
      host = gone.url,
      on_response = function()
        gone:stop()
      end,
    })
    local _, err = client.datasets:create({ name = "x" })
    client:close()
    assert.equal("network", err.kind)
    assert.equal(1, err.attempts)
    assert.is_true(err.ambiguous)
  end)

  it(
    "reports when the call began, whatever it waited for, and however often it was lost",
    function()
      local now, passed = clock.now, 0
      clock.now = function()
        return now() + passed
      end
      local slow = c:with({
        on_request = function()
          passed = passed + 7.5
        end,
      })
      e:faults({ { action = { close = "before", times = 2 } }, { action = { status = 404 } } })
      local _, err = slow:request("DELETE", LIST, { idempotent = true })
      clock.now = now
      assert.equal("not_found", err.kind)
      assert.equal(3, err.attempts)
      -- The call began 7.5 s before its first request was lost.
      local since = os.time() - err.sent_at -- and 15 s before the second was
      assert.is_true(since >= 6 and since < 14, tostring(since))
    end
  )

  it("follows no Location with a user, and does not show it", function()
    local port = e.url:match("%d+$")
    e:fault({
      action = {
        status = 307,
        headers = {
          Location = ("http://someone:secret@127.0.0.1:%s/x"):format(port),
        },
      },
    })
    local _, err = c.datasets:list()
    assert.equal("redirect", err.kind)
    assert.is_nil(tostring(err):find("secret", 1, true))
    assert.equal(1, #e:log())
  end)

  it("is not ambiguous when each attempt was refused", function()
    e:fault({ action = { status = 429 } })
    local _, err = c.datasets:create({ name = "x" })
    assert.is_nil(err.ambiguous)
    e:fault({ action = { status = 400 } })
    _, err = c.datasets:create({ name = "x" })
    assert.is_nil(err.ambiguous)
  end)

  it("waits while others run, inside a gather", function()
    restore()
    local backoff = retry.backoff
    retry.backoff = function()
      return 0.05
    end
    e:faults({ { match = { path = "search=slow" }, action = { status = 503, times = 1 } } })
    local order = {}
    local _, errors = llm.gather({
      function()
        local page = assert(c.datasets:list({ search = "slow" }))
        order[#order + 1] = "retried"
        return page
      end,
      function()
        local page = assert(c.datasets:list())
        order[#order + 1] = "at once"
        return page
      end,
    })
    retry.backoff = backoff
    assert.is_nil(errors)
    assert.same({ "at once", "retried" }, order)
  end)
end)
