-- What is told of everything that a wrong host, key, project or proxy can cause: the whole text.
-- Certificates are in ca_bundle_spec.lua.

local cloud = require("spec.support.cloud")
local llm = require("posthog.llm")
local pipeline = require("spec.pipeline")

local HTML = { ["Content-Type"] = "text/html; charset=utf-8" }
local SKILL = "/api/environments/112358/llm_skills/name/x/"

local function envelope(code, detail)
  return ('{"type":"x_error","code":"%s","detail":"%s","attr":null}'):format(code, detail)
end

--- Its text without the id of the request, which differs each time.
local function text_of(err)
  assert.is_true(llm.is_error(err), tostring(err))
  return (tostring(err):gsub(", request [%w-]+", ""))
end

describe("the text of an error", function()
  local e, clouds, refusing

  setup(function()
    e = pipeline.emulator.start({ tls = true })
    clouds = cloud.start(e, "DNS:us.posthog.com,DNS:eu.posthog.com")
    refusing = cloud.refusing_proxy(407)
  end)
  teardown(function()
    refusing:stop()
    clouds:stop()
    e:stop()
  end)
  before_each(function()
    e:reset()
  end)

  --- @param host string "us" and "eu" are played; "own" is the emulator by its own name
  local function client(host, options)
    local all = { max_retries = 0, pace = false, ca_file = clouds.ca_file }
    all.proxy = (host == "us" or host == "eu") and clouds.proxy or nil
    for name, value in pairs(options or {}) do
      all[name] = value
    end
    return pipeline.client(host == "own" and e.url or host, all)
  end

  --- @param more? table options of the client
  --- @param call? fun(client: table): any, any
  local function error_at(host, more, call)
    local c = client(host, more)
    local value, err = (call or function()
      return c.skills:get("x")
    end)(c)
    c:close()
    assert.is_nil(value)
    return err
  end

  --- %s in a text is the emulator's address.
  local function tells(words, host, more, call)
    local address = e.url:match("//(.*)$")
    local err = error_at(host, more, call)
    assert.equal((words:gsub("ADDRESS", address)), text_of(err))
    return err
  end

  describe("of a key", function()
    local MADE = ". Create a personal API key at https://us.posthog.com/settings/user-api-keys"
    for key, words in pairs({
      [""] = "no key: set POSTHOG_PERSONAL_API_KEY or pass personal_api_key (host us.posthog.com)"
        .. MADE,
      phc_abc = "the key is a project key (phc_...), which only captures events; this API needs a "
        .. "personal API key (phx_...) (host us.posthog.com)"
        .. MADE,
      phs_abc = "the key is a project secret key (phs_...); this API needs a personal API key "
        .. "(phx_...) (host us.posthog.com)"
        .. MADE,
      ["phx_a b"] = "the key contains a space or a control character (host us.posthog.com)",
      ["phx_abc\n"] = "the key contains a line break: give it without the end of the line "
        .. "(host us.posthog.com)",
      ['"phx_abc"'] = "the key has quotes around it: give it without them (host us.posthog.com)",
      ["Bearer phx_abc"] = 'the key begins with "Bearer": give the key alone '
        .. "(host us.posthog.com)",
      ["phx_\195\164"] = "the key contains a character that is not ASCII: was it copied from "
        .. "formatted text? (host us.posthog.com)",
    }) do
      it(("%q"):format(key):gsub("\n", "n") .. " is named before anything is sent", function()
        local err = tells("skills:get: auth: " .. words, "us", { personal_api_key = key })
        assert.equal("personal_api_key", err.option)
        assert.same({}, e:log())
      end)
    end

    local function wrong_key(words, host, more)
      local options = { personal_api_key = "phx_wrong" }
      for name, value in pairs(more or {}) do
        options[name] = value
      end
      local err = tells(words, host, options)
      assert.equal("personal_api_key", err.option)
      assert.equal("authentication_failed", err.code)
      assert.is_truthy(err.detail:find("%S")) -- the server's own words are kept
      return err
    end

    it("that the US cloud does not know asks for the EU's", function()
      wrong_key(
        "skills:get: auth: the key is not valid (HTTP 401 from us.posthog.com). "
          .. 'Is the account on the EU cloud? Then host = "eu"',
        "us"
      )
    end)

    it("that the EU cloud does not know asks for the US's", function()
      wrong_key(
        "skills:get: auth: the key is not valid (HTTP 401 from eu.posthog.com). "
          .. 'Is the account on the US cloud? Then host = "us"',
        "eu"
      )
    end)

    it("names the variable where the host is not an option", function()
      local said = pipeline.run(
        [[
        local llm = require("posthog.llm")
        local _, err = llm.new({ project_id = 1 }).skills:get("x")
        print(err)
      ]],
        {
          POSTHOG_PERSONAL_API_KEY = "phx_wrong",
          https_proxy = clouds.proxy,
          SSL_CERT_FILE = clouds.ca_file,
        }
      )
      assert.equal(
        "skills:get: auth: the key is not valid (HTTP 401 from us.posthog.com). "
          .. "Is the account on the EU cloud? Then POSTHOG_HOST=eu\n",
        (said:gsub(", request [%w-]+", ""))
      )
    end)

    it("that a self-hosted server does not know asks where it was made", function()
      wrong_key(
        "skills:get: auth: the key is not valid (HTTP 401 from http://ADDRESS). Was it "
          .. "made on this server? Its keys are at http://ADDRESS/settings/user-api-keys",
        "own"
      )
    end)

    local WITHOUT = {
      ["dataset:write"] = {
        "datasets:create",
        function(c)
          return c.datasets:create({})
        end,
      },
      ["llm_skill:write"] = {
        "skills:create",
        function(c)
          return c.skills:create({})
        end,
      },
    }
    for scope, case in pairs(WITHOUT) do
      it("without the scope " .. scope .. " names it and where to add it", function()
        local words = "%s: forbidden: the key lacks the scope %s (HTTP 403 from us.posthog.com). "
          .. "Add it to the key at https://us.posthog.com/settings/user-api-keys"
        local err = tells(
          words:format(case[1], scope),
          "us",
          { personal_api_key = "phx_emulator_read" },
          case[2]
        )
        assert.equal("personal_api_key", err.option)
      end)
    end
    for _, scope in ipairs({ "llm_skill:read", "dataset:read", "user:read" }) do
      it("without the scope " .. scope .. " names it too", function()
        local detail = "API key missing required scope '" .. scope .. "'"
        e:fault({ action = { status = 403, body = envelope("permission_denied", detail) } })
        tells(
          (
            "skills:get: forbidden: the key lacks the scope %s (HTTP 403 from http://ADDRESS). "
            .. "Add it to the key at http://ADDRESS/settings/user-api-keys"
          ):format(scope),
          "own"
        )
      end)
    end

    it("without access to the project asks for that access", function()
      e:fault({ action = { status = 403, body = envelope("permission_denied", "No access.") } })
      tells(
        "skills:get: forbidden: No access. (HTTP 403 from us.posthog.com). Is the key's user a "
          .. "member of project 112358, and may the key be used for it?",
        "us"
      )
    end)
  end)

  describe("of a project", function()
    it("that does not exist says that key and project must be of one cloud", function()
      local err = tells(
        "skills:get: not_found: project 5 is not known at us.posthog.com (HTTP 404 "
          .. "from us.posthog.com). Key and project have to be of the same cloud. Is it on the EU "
          .. 'cloud? Then host = "eu"',
        "us",
        { project_id = 5 }
      )
      assert.equal("project_id", err.option)
      assert.equal("Project not found.", err.detail)
    end)

    it("that a self-hosted server does not know says so", function()
      tells(
        "skills:get: not_found: project 5 is not known at http://ADDRESS (HTTP 404 from "
          .. "http://ADDRESS). Project, key and host have to belong together",
        "own",
        { project_id = 5 }
      )
    end)

    it("asks whether a row that is not found is in the project", function()
      tells(
        "datasets:get: not_found: Not found. (HTTP 404 from us.posthog.com). "
          .. "Is it in project 112358?",
        "us",
        nil,
        function(c)
          return c.datasets:get("x")
        end
      )
    end)

    it("that is not a number says where to find it", function()
      local words = 'skills:get: invalid: the project id "mine" is not a number or "@current" '
        .. "(host us.posthog.com). Its number is in the address of the project's pages: "
        .. "https://us.posthog.com/project/NUMBER"
      assert.equal("project_id", tells(words, "us", { project_id = "mine" }).option)
    end)
  end)

  describe("of a host", function()
    for host, words in pairs({
      ["us.posthog.com"] = 'the host "us.posthog.com" is not an http or https URL; use us, eu or a '
        .. "URL such as https://us.posthog.com",
      ["posthog.example/base"] = 'the host "posthog.example/base" is not an http or https URL; use '
        .. "us, eu or a URL such as https://posthog.example/base",
      ["localhost:8000"] = 'the host "localhost:8000" is not an http or https URL; use us, eu or a '
        .. "URL such as http://localhost:8000",
      ["https://eu.posthog.com/project/42/insights"] = "the host is the address of a page: "
        .. "use https://eu.posthog.com",
      ["https://posthog.example/base/project/42"] = "the host is the address of a page: use "
        .. "https://posthog.example/base",
      ["https://us.i.posthog.com/x"] = "us.i.posthog.com accepts only events; for this API use "
        .. "https://us.posthog.com",
      ["http://posthog.example"] = "plain http to posthog.example would expose the key to the "
        .. "network; use https, or allow_insecure_http",
      ["https://x.example/?a"] = 'the host "https://x.example/?a" has a query; use us, eu or a URL '
        .. "such as https://us.posthog.com",
      ["phx_secret.example"] = "the host (it looks like a key) is not an http or https URL; use "
        .. "us, eu or a URL such as https://us.posthog.com",
    }) do
      it(host .. " says what is wrong with it, before anything is sent", function()
        local err = tells("skills:get: invalid: " .. words, host)
        assert.equal("host", err.option)
      end)
    end

    it("whose name cannot be looked up says so", function()
      local err = tells(
        "skills:get: network: the name nope.invalid cannot be looked up. Is it "
          .. "spelt right, and is this machine online?",
        "https://nope.invalid"
      )
      assert.equal("host", err.option)
    end)

    it("whose port refuses the connection says so", function()
      local err = tells(
        "skills:get: network: 127.0.0.1:1 refuses the connection: nothing listens "
          .. "there. Are host and port right, and is the server running?",
        "https://127.0.0.1:1"
      )
      assert.equal("host", err.option)
    end)

    it("whose port speaks plain http says so", function()
      local err = error_at("https://" .. e.url:match("//(.*)$"))
      local text = text_of(err):gsub("127.0.0.1:%d+", "ADDRESS")
      local known = "skills:get: tls: ADDRESS does not speak https; it seems to speak plain http. "
        .. 'Then host = "http://ADDRESS"'
      if text ~= known then -- other TLS libraries have no number for it
        assert.matches(
          "^skills:get: tls: no TLS connection to ADDRESS %(.*%)%. Does the port "
            .. 'speak plain http%? Then host = "http://ADDRESS"$',
          text
        )
      end
    end)

    it("whose port speaks https says so", function()
      local address = e.tls_url:match("//(.*)$")
      local err = error_at("http://" .. address)
      assert.equal(
        (
          "skills:get: invalid: %s speaks https, but the request was plain http (HTTP 400 "
          .. 'from http://%s). Then host = "https://%s"'
        ):format(address, address, address),
        text_of(err)
      )
      assert.equal("host", err.option)
    end)

    it("that does not speak HTTP at all says so", function()
      e:fault({ action = { raw = "SSH-2.0-OpenSSH_9.2\r\n" } })
      local err = tells(
        "skills:get: network: the program at ADDRESS does not speak HTTP. Does "
          .. 'the port speak https? Then host = "https://ADDRESS"',
        "own"
      )
      assert.equal("host", err.option)
    end)
  end)

  it("guesses no other scheme once this one has worked", function()
    local c = client("own")
    assert(c.datasets:list())
    for _, action in ipairs({ { close = true }, { raw = "SSH-2.0-OpenSSH_9.2\r\n" } }) do
      e:fault({ action = action })
      local _, err = c.skills:get("x")
      assert.equal("network", err.kind)
      assert.is_nil(err.hint)
      e:faults({})
    end
    c:close()
  end)

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
        e:fault({ action = { status = case[1], body = "<html>x</html>", headers = HTML } })
        local place = ("HTTP %d from http://ADDRESS"):format(case[1])
        local err = tells("skills:get: " .. case[2]:gsub("%%s", place), "own")
        assert.equal(case[3], err.option)
        assert.equal("<html>x</html>", err.body)
      end)
    end

    it("names the status page when a server in the cloud fails", function()
      e:fault({ action = { status = 503, body = "" } })
      tells(
        "skills:get: server: the server is not available (HTTP 503 from us.posthog.com). Try "
          .. "again later; https://status.posthog.com lists outages",
        "us"
      )
    end)

    it("asks about a proxy when the server saw no key", function()
      e:fault({ action = { status = 401, body = envelope("not_authenticated", "None given.") } })
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
      e:settings({ spend = "absent" })
      local err = error_at("own", nil, function(c)
        return c.spend:get()
      end)
      e:settings({ spend = "serve" })
      assert.equal(
        (
          "spend:get: not_found: Endpoint not found: this server does not have "
          .. "/api/llm_analytics/@me/spend/ (HTTP 404 from %s). A self-hosted server that is older "
          .. "may lack it; or the host's path prefix is wrong"
        ):format(e.url),
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
        e:fault({ action = { status = 302, headers = { Location = case[1] } } })
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
      e:fault({ action = { status = 302, headers = { Location = target } } })
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
        e:fault({
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
        timeout = { 0.3, "timeout: no response from http://ADDRESS within 0.3 s" },
        deadline = {
          0.3,
          "timeout: the call's deadline has passed: no response from "
            .. "http://ADDRESS within 0.3 s",
        },
        max_response_bytes = {
          10,
          "too_large: the response body is over the limit "
            .. "max_response_bytes (10 bytes) (host http://ADDRESS)",
        },
      }) do
        local err = tells("request: " .. case[2], "own", { [option] = case[1] }, function(c)
          return c:request("GET", "/__emulator/slow?ms=" .. (option:find("^max") and 1 or 3000))
        end)
        assert.equal(option, err.option)
      end
    end)
  end)

  describe("of a proxy", function()
    it("that does not exist is named", function()
      local err = tells(
        "skills:get: network: the proxy 127.0.0.1:1 refuses the connection: "
          .. "nothing listens there (host us.posthog.com)",
        "us",
        { proxy = "http://me:pw@127.0.0.1:1" }
      )
      assert.equal("proxy", err.option)
    end)

    it("whose name cannot be looked up says so", function()
      local err = tells(
        "skills:get: network: the name of the proxy, nope.invalid, cannot be "
          .. "looked up (host us.posthog.com)",
        "us",
        { proxy = "http://nope.invalid:3128" }
      )
      assert.equal("proxy", err.option)
    end)

    it("has its name in the message also where libcurl blames the server's", function()
      local explain = require("posthog.llm.http.explain.failure")
      local function told(cause, proxy)
        return explain(cause, {
          settings = {
            origin = "https://us.posthog.com",
            target = { scheme = "https", host = "us.posthog.com", port = 443 },
            transfer = { proxy = proxy },
            connect_timeout = 5,
          },
          timeout = 30,
        })
      end
      for _, proxy in ipairs({ "http://nope.invalid:3128", "https://nope.invalid:3128" }) do
        local explained = told("name", proxy)
        assert.equal("the name of the proxy, nope.invalid, cannot be looked up", explained.message)
        assert.equal("proxy", explained.option)
        assert.equal(
          "the name of the proxy, nope.invalid, was not looked up within 5 s",
          told("looking_up", proxy).message
        )
      end
      local local_names = "socks5://127.0.0.1:1080" -- which looks up the server's name itself
      assert.equal("the name us.posthog.com cannot be looked up", told("name", local_names).message)
    end)

    it("that requires a password says so", function()
      local address = refusing.proxy:match("//(.*)$")
      local err = tells(
        (
          "skills:get: network: the proxy %s requires a user and a password (HTTP 407) "
          .. "(host us.posthog.com). Put them into its URL: http://USER:PASSWORD@%s"
        ):format(address, address),
        "us",
        { proxy = refusing.proxy }
      )
      assert.equal("proxy", err.option)
    end)

    it("that is another kind of server says so", function()
      local err = error_at("us", { proxy = e.url })
      local told = text_of(err):gsub("%(HTTP 405%)", "(HTTP 400)") -- nginx 1.22 says 400, 1.30 405
      assert.equal(
        (
          "skills:get: network: the proxy %s does not connect to us.posthog.com:443 "
          .. "(HTTP 400)"
        ):format(e.url:match("//(.*)$")),
        told
      )
      assert.equal("proxy", err.option)
    end)

    it("of another scheme names the valid ones", function()
      local err = tells(
        "skills:get: invalid: the proxy's scheme is not http, https, socks4 or "
          .. "socks5 (host us.posthog.com)",
        "us",
        { proxy = "ftp://x" }
      )
      assert.equal("proxy", err.option)
    end)
  end)

  it("never contains the key, whatever fails", function()
    for _, status in ipairs({ 200, 302, 400, 401, 403, 404, 429, 500 }) do
      e:fault({
        action = {
          status = status,
          body = "<html>" .. pipeline.KEY,
          headers = { Location = "https://x.example/" .. pipeline.KEY },
        },
      })
      local err = error_at("own")
      for name, value in pairs(err) do
        assert.is_nil(tostring(value):find(pipeline.KEY, 1, true), name)
      end
      e:reset()
    end
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
