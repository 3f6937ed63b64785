-- What is told of responses that are not those of the API, or say no: the whole text.

local error_texts = require("spec.support.error_texts")
local pipeline = require("spec.pipeline")

local HTML = { ["Content-Type"] = "text/html; charset=utf-8" }
local SKILL = "/api/environments/112358/llm_skills/name/x/"
local text_of = error_texts.text_of

local function envelope(code, detail)
  return ('{"type":"x_error","code":"%s","detail":"%s","attr":null}'):format(code, detail)
end

describe("the text of an error", function()
  local t = error_texts.session()
  local error_at = t.error_at
  local tells = t.tells

  setup(t.start)
  teardown(t.stop)
  before_each(t.reset)

  describe("of a response that is not the API's", function()
    local RIGHT = ". Is it the right host, its path prefix included?"
    for _, case in ipairs({
      {
        401,
        "auth: something in front of the server, not PostHog's API, requires a login (%s)" .. RIGHT,
        "host",
      },
      {
        403,
        "forbidden: refused by a firewall or gateway in front of the server, not by PostHog's "
          .. "API (%s). Such a gateway may refuse a network, a VPN, or a text that looks like "
          .. "an attack",
      },
      {
        404,
        "not_found: the server has no " .. SKILL .. ", so it is not PostHog's API (%s)" .. RIGHT,
        "host",
      },
      { 400, "invalid: the request was refused, not by PostHog's API (%s)" .. RIGHT, "host" },
      { 451, "invalid: the request was refused, not by PostHog's API (%s)" .. RIGHT, "host" },
      { 405, "invalid: this server does not allow GET here (%s)" .. RIGHT, "host" },
      { 407, "invalid: the proxy requires a user and a password (%s)", "proxy" },
      {
        413,
        "invalid: the request is too large (%s). Send less at once; a gateway in front of a "
          .. "self-hosted server sets limits too",
      },
      { 500, "server: the server failed (%s). Try again later; the server's log has the reason" },
      { 502, "server: a gateway failed (%s). Try again later" },
      { 503, "server: the server is not available (%s). Try again later" },
      { 504, "server: a gateway timed out (%s). Try again later" },
      {
        200,
        "decode: the response is text/html; charset=utf-8, not JSON: is it the right host? "
          .. "(%s). A login page, a network's captive portal or another program may answer in "
          .. "its place",
        "host",
      },
    }) do
      it("names what may have sent a page with status " .. case[1], function()
        t.e:fault({ action = { status = case[1], body = "<html>x</html>", headers = HTML } })
        local place = ("HTTP %d from http://ADDRESS"):format(case[1])
        local err = tells("skills:get: " .. case[2]:gsub("%%s", place), "own")
        assert.equal(case[3], err.option)
        assert.equal("<html>x</html>", err.body)
      end)
    end

    it("names the status page when a server in the cloud fails", function()
      t.e:fault({ action = { status = 503, body = "" } })
      tells(
        "skills:get: server: the server is not available (HTTP 503 from us.posthog.com). Try "
          .. "again later; https://status.posthog.com lists outages",
        "us"
      )
    end)

    it("asks about a proxy when the server saw no key", function()
      t.e:fault({ action = { status = 401, body = envelope("not_authenticated", "None given.") } })
      tells(
        "skills:get: auth: the server saw no key (HTTP 401 from http://ADDRESS). Does a proxy "
          .. "remove the header Authorization?",
        "own"
      )
    end)
  end)

  describe("of a route that the server does not have", function()
    it("names the route and the server", function()
      tells(
        "request: not_found: Endpoint not found: this server does not have /api/x/ (HTTP 404 "
          .. "from http://ADDRESS). A self-hosted server that is older may lack it; or the host's "
          .. "path prefix is wrong",
        "own",
        nil,
        function(c)
          return c:request("GET", "/api/x/")
        end
      )
    end)

    it("says that spend is on the cloud only", function()
      t.e:settings({ spend = "absent" })
      local err = error_at("own", nil, function(c)
        return c.spend:get()
      end)
      t.e:settings({ spend = "serve" })
      assert.equal(
        (
          "spend:get: not_found: Endpoint not found: this server does not have "
          .. "/api/llm_analytics/@me/spend/ (HTTP 404 from %s). A self-hosted server that is older "
          .. "may lack it; or the host's path prefix is wrong"
        ):format(t.e.url),
        text_of(err)
      )
    end)

    it("says of a method that only newer servers have it", function()
      tells(
        "skills:search: not_found: Endpoint not found: this server does not have "
          .. "/api/environments/112358/llm_skills/search/ (HTTP 404 from http://ADDRESS). It may be "
          .. "an older server: only API v2 has this call",
        "own",
        nil,
        function(c)
          return c.skills:search("x")
        end
      )
    end)
  end)

  describe("of a redirect", function()
    for name, case in pairs({
      ["to a login"] = {
        "https://sso.example/auth",
        "It leads to a login page, which the API never does: is it the right host?",
      },
      ["to where the server is now"] = {
        "https://posthog.example" .. SKILL,
        'If that is the server\'s address: host = "https://posthog.example"',
      },
    }) do
      it("says where it leads: " .. name, function()
        t.e:fault({ action = { status = 302, headers = { Location = case[1] } } })
        local err = tells(
          (
            "skills:get: redirect: the server redirects to %s, not followed: the "
            .. "key only goes to http://ADDRESS (HTTP 302 from http://ADDRESS). %s"
          ):format(case[1], case[2]),
          "own"
        )
        assert.equal("host", err.option)
      end)
    end

    it("from one cloud to the other has no advice", function()
      local target = "https://us.posthog.com/api/llm_analytics/@me/spend/"
      t.e:fault({ action = { status = 302, headers = { Location = target } } })
      tells(
        (
          "spend:get: redirect: the server redirects to %s, not followed: the key only goes to "
          .. "https://eu.posthog.com (HTTP 302 from eu.posthog.com)"
        ):format(target),
        "eu",
        nil,
        function(c)
          return c.spend:get()
        end
      )
    end)
  end)

  describe("of a limit", function()
    for seconds, words in pairs({
      [19000] = "too many requests: the limit of a day is reached (HTTP 429 from http://ADDRESS, "
        .. "retry after 19000 s). Requests are accepted again in 5 h 17 min",
      [150] = "Slow down. (HTTP 429 from http://ADDRESS, retry after 150 s). Requests are accepted "
        .. "again in 3 min",
      [1] = "Slow down. (HTTP 429 from http://ADDRESS, retry after 1 s)",
    }) do
      it(("that is over in %d s says so"):format(seconds), function()
        t.e:fault({
          action = {
            status = 429,
            body = envelope("throttled", "Slow down."),
            headers = { ["Retry-After"] = tostring(seconds) },
          },
        })
        tells("skills:get: rate_limited: " .. words, "own")
      end)
    end

    it("of the client names the option to change", function()
      for option, case in pairs({
        timeout = { 1.5, "timeout: no response from http://ADDRESS within 1.5 s" },
        deadline = {
          1.5,
          "timeout: the call's deadline has passed: no response from "
            .. "http://ADDRESS within 1.5 s",
        },
        max_response_bytes = {
          10,
          "too_large: the response body is over the limit "
            .. "max_response_bytes (10 bytes) (host http://ADDRESS)",
        },
      }) do
        local err = tells("request: " .. case[2], "own", { [option] = case[1] }, function(c)
          return c:request("GET", "/__emulator/slow?ms=" .. (option:find("^max") and 1 or 9000))
        end)
        assert.equal(option, err.option)
      end
    end)
  end)
end)

describe("a call that only API v2 has", function()
  local e
  setup(function()
    e = pipeline.emulator.start({ profile = "current" })
  end)
  teardown(function()
    e:stop()
  end)
  before_each(function()
    e:reset()
  end)

  it("and that is a search is not repeated after a 503, but after a 502", function()
    local _, restore = pipeline.instant_sleep()
    local c = pipeline.client(e.url)
    e:fault({ action = { status = 503 } })
    local _, err = c.skills:search("x")
    assert.equal(503, err.status)
    assert.equal(1, err.attempts)
    assert.equal(1, #e:log())
    e:fault({ action = { status = 502 } })
    _, err = c.skills:search("x")
    assert.equal(3, err.attempts)
    restore()
  end)

  it("for a skill that does not exist shows that the server has API v2", function()
    local c = pipeline.client(e.url)
    require("posthog.llm.api.versions.api_version").forget()
    local _, err = c.skills:skill_md("nope")
    assert.equal("skill_not_found", err.type)
    assert.is_nil(tostring(err):find("older", 1, true), tostring(err))
    assert.equal("current", c:profile())
  end)
end)
