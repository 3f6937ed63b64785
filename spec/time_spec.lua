local times = require("posthog.llm.util.time")

describe("posthog.llm.util.time", function()
  describe("http", function()
    it("reads the three forms of RFC 9110", function()
      assert.equal(784111777, times.http("Sun, 06 Nov 1994 08:49:37 GMT"))
      assert.equal(784111777, times.http("Sunday, 06-Nov-94 08:49:37 GMT"))
      assert.equal(784111777, times.http("Sun Nov  6 08:49:37 1994"))
    end)

    it("knows the calendar", function()
      for text, time in pairs({
        ["Thu, 01 Jan 1970 00:00:00 GMT"] = 0,
        ["Tue, 29 Feb 2000 12:00:00 GMT"] = 951825600,
        ["Mon, 01 Mar 2027 00:00:00 GMT"] = 1803859200,
        ["Fri, 31 Dec 2027 23:59:60 GMT"] = 1830297600,
        ["Wednesday, 29-Feb-40 23:59:59 GMT"] = 2214172799,
        ["Thu Feb 29 00:00:00 2024"] = 1709164800,
      }) do
        assert.equal(time, times.http(text), text)
      end
    end)

    it("returns nil for what is not a date", function()
      for _, text in ipairs({
        "",
        "soon",
        "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 06 Foo 1994 08:49:37 GMT",
        "1994-11-06T08:49:37Z",
        "Sun, 99 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT, x",
      }) do
        assert.is_nil(times.http(text), text)
      end
    end)
  end)

  describe("iso", function()
    it("reads what the API writes, and other time zones", function()
      for text, time in pairs({
        ["1970-01-01T00:00:00Z"] = 0,
        ["2026-03-14T07:26:53Z"] = 1773473213,
        ["2026-03-14T07:26:53.500000Z"] = 1773473213.5,
        ["2026-03-14 07:26:53"] = 1773473213,
        ["2026-03-14T08:26:53+01:00"] = 1773473213,
        ["2026-03-14T02:56:53.25-0430"] = 1773473213.25,
        ["2000-02-29T12:00:00Z"] = 951825600,
      }) do
        assert.equal(time, times.iso(text), text)
      end
    end)

    it("reads the other spellings that the API takes", function()
      for text, time in pairs({
        ["2026-03-14T07:26Z"] = 1773473160,
        ["2026-03-14T07:26"] = 1773473160,
        ["2026-03-14T07:26+05"] = 1773455160,
        ["2026-3-4T7:6:3Z"] = 1772607963,
        ["2026-03-14T07:26:53,5Z"] = 1773473213.5,
        ["2026-03-14T07:26:53 +0000"] = 1773473213,
        ["2026-03-14T02:56:53 -04:30"] = 1773473213,
      }) do
        assert.equal(time, times.iso(text), text)
      end
    end)

    it("leaves out what is finer than a microsecond, as the API does", function()
      local stored = times.iso("2026-03-14T07:26:53.123456Z")
      assert.equal(stored, times.iso("2026-03-14T07:26:53.123456789Z"))
      assert.equal(stored, times.iso("2026-03-14T07:26:53.1234569999999Z"))
      assert.not_equal(stored, times.iso("2026-03-14T07:26:53.123457Z"))
    end)

    it("returns nil for what is not a time", function()
      for _, text in ipairs({
        "",
        "yesterday",
        "2026-03-14",
        "2026-13-14T07:26:53Z",
        "2026-03-14T24:26:53Z",
        "2026-03-14T07:26:53 CET",
        "2026-03-14T07Z",
        "2026-03-14T07:26.5Z",
        "2026-03-14T07:26:53+5",
        "2026-03-14T07:26:53+05:3",
        "2026-03-14T07:26:53.Z",
      }) do
        assert.is_nil(times.iso(text), text)
      end
    end)
  end)
end)
