-- What is told of everything that a wrong host, key, project or proxy can cause: the whole text.
-- Certificates are in ca_bundle_spec.lua.

local error_texts = require("spec.support.error_texts")
local pipeline = require("spec.pipeline")

local text_of = error_texts.text_of

local function envelope(code, detail)
  return ('{"type":"x_error","code":"%s","detail":"%s","attr":null}'):format(code, detail)
end

describe("the text of an error", function()
  local t = error_texts.session()
  local client = t.client
  local error_at = t.error_at
  local tells = t.tells

  setup(t.start)
  teardown(t.stop)
  before_each(t.reset)

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
        assert.same({}, t.e:log())
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
          https_proxy = t.clouds.proxy,
          SSL_CERT_FILE = t.clouds.ca_file,
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
        t.e:fault({ action = { status = 403, body = envelope("permission_denied", detail) } })
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
      t.e:fault({ action = { status = 403, body = envelope("permission_denied", "No access.") } })
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
      ["eu.i.posthog.com:443/x"] = 'the host "eu.i.posthog.com:443/x" is not an http or https URL; use '
        .. "us, eu or a URL such as https://eu.posthog.com",
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
      local err = error_at("https://" .. t.e.url:match("//(.*)$"))
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
      local address = t.e.tls_url:match("//(.*)$")
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
      t.e:fault({ action = { raw = "SSH-2.0-OpenSSH_9.2\r\n" } })
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
      t.e:fault({ action = action })
      local _, err = c.skills:get("x")
      assert.equal("network", err.kind)
      assert.is_nil(err.hint)
      t.e:faults({})
    end
    c:close()
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
      local address = t.refusing.proxy:match("//(.*)$")
      local err = tells(
        (
          "skills:get: network: the proxy %s requires a user and a password (HTTP 407) "
          .. "(host us.posthog.com). Put them into its URL: http://USER:PASSWORD@%s"
        ):format(address, address),
        "us",
        { proxy = t.refusing.proxy }
      )
      assert.equal("proxy", err.option)
    end)

    it("that is another kind of server says so", function()
      local err = error_at("us", { proxy = t.e.url })
      local told = text_of(err):gsub("%(HTTP 405%)", "(HTTP 400)") -- nginx 1.22 says 400, 1.30 405
      assert.equal(
        (
          "skills:get: network: the proxy %s does not connect to us.posthog.com:443 "
          .. "(HTTP 400)"
        ):format(t.e.url:match("//(.*)$")),
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
      t.e:fault({
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
      t.e:reset()
    end
  end)
end)
