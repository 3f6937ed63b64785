--- posthog-llm doctor: each thing that can be wrong gives one failing line, the right one, with
--- what mends it, and nothing is ever written to the account.

if os.getenv("SPEC_MODE") ~= "plain" then
  return
end -- the command takes what make has built

local cjson = require("cjson.safe").new()
local cloud = require("spec.support.cloud")
local command = require("spec.support.command")
local uv = require("luv")
local live = require("spec.support.live")

local unable = command.unable()

describe("posthog-llm doctor", function()
  if unable then
    pending(unable)
    return
  end

  local us, refusing
  local t = command.session({ tls = true })
  local run = t.run
  setup(function()
    t.start()
    us = cloud.start(t.e, "DNS:us.posthog.com,DNS:eu.posthog.com")
    refusing = cloud.refusing_proxy(407)
  end)
  teardown(function()
    us:stop()
    refusing:stop()
    t.stop()
  end)
  before_each(t.reset)

  local BASE = {
    https_proxy = false,
    HTTPS_PROXY = false,
    all_proxy = false,
    ALL_PROXY = false,
    no_proxy = false,
    NO_PROXY = false,
    SSL_CERT_FILE = false,
  }

  local function options(env)
    local all = {}
    for name, value in pairs(BASE) do
      all[name] = value
    end
    for name, value in pairs(env or {}) do
      all[name] = value
    end
    return { env = all }
  end

  local WRITES = { POST = true, PUT = true, PATCH = true, DELETE = true }

  --- What was written to the account: nothing, ever.
  local function reads_only()
    for _, entry in ipairs(t.e:log()) do
      assert.is_nil(WRITES[entry.method], entry.target)
    end
  end

  --- @return table document
  --- @return string text what people see
  local function doctor(env, ...)
    local result = run({ "doctor", ... }, options(env))
    local json = run({ "--json", "doctor", ... }, options(env))
    assert.equal("", result.err)
    assert.equal(result.code, json.code)
    local document = assert(cjson.decode(json.out), json.out)
    assert.equal(result.code, document.exit_code)
    assert.equal(result.code == 0, document.ok)
    local _, lines = result.out:gsub("\n", "")
    assert.is_true(lines <= 24, result.out)
    for line in result.out:gmatch("[^\n]+") do
      assert.is_true(#line <= 80 or line:find("…", 1, true) ~= nil, line)
    end
    reads_only()
    return document, result.out
  end

  local function failing(document)
    local list = {}
    for _, check in ipairs(document.checks) do
      if check.status == "fail" then
        list[#list + 1] = check
      end
    end
    return list
  end

  --- Exactly one line fails: its name, words in it and in its cure, and the code.
  local function finds(name, code, message, cure, env, ...)
    local document, text = doctor(env, ...)
    local list = failing(document)
    assert.equal(1, #list, text)
    assert.equal(name, list[1].name, text)
    assert.matches(message, list[1].message, 1, true)
    assert.matches(cure, assert(list[1].cure, text), 1, true)
    assert.equal(code, document.exit_code, text)
    local _, fails = text:gsub("\nFAIL ", "")
    assert.equal(1, fails + (text:find("^FAIL ") and 1 or 0), text)
    assert.is_nil(text:find("ph[xcsa]_%w", 1), text)
    return document
  end

  local function status(document, name)
    for _, check in ipairs(document.checks) do
      if check.name == name then
        return check.status, check.message
      end
    end
  end

  for _, profile in ipairs({ "reference", "current" }) do
    it("finds no errors if there are none, on " .. live.api_name[profile], function()
      t.e:settings({ profile = profile })
      local document = doctor()
      assert.same({}, failing(document))
      assert.is_true(document.ok)
      assert.equal("POSTHOG_PERSONAL_API_KEY", document.source)
      assert.equal(t.e.url, document.host)
      assert.equal("112358", document.project_id)
      local _, version = status(document, "api_version")
      assert.matches(profile, version)
      for _, name in ipairs({ "skills_write", "datasets_write", "spend_read", "clock" }) do
        assert.equal("ok", (status(document, name)))
      end
      assert.equal("unknown", (status(document, "pace")))
    end)
  end

  it("runs all checks in one order, and passes them over TLS too", function()
    local document = doctor({ POSTHOG_HOST = t.e.tls_url, SSL_CERT_FILE = t.e.ca_file })
    local names = {}
    for i, check in ipairs(document.checks) do
      names[i] = check.name
      assert.is_true(check.status == "ok" or check.name == "pace", check.name)
    end
    assert.equal(
      "credentials key host proxy name_lookup connection tls server clock key_accepted "
        .. "project skills_read skills_write datasets_read datasets_write spend_read api_version "
        .. "pace",
      table.concat(names, " ")
    )
  end)

  it("says what to do without a key", function()
    finds("credentials", 5, "no key", "posthog-llm login", { POSTHOG_PERSONAL_API_KEY = false })
    assert.same({}, t.e:log())
  end)

  it("says that a project key is not a personal API key", function()
    finds(
      "key",
      5,
      "a project key",
      "create one in PostHog",
      { POSTHOG_PERSONAL_API_KEY = "phc_a" }
    )
  end)

  it("says that a key is not valid", function()
    finds(
      "key_accepted",
      5,
      "not valid at 127.0.0.1",
      "set POSTHOG_PERSONAL_API_KEY",
      { POSTHOG_PERSONAL_API_KEY = "phx_wrong" }
    )
  end)

  it("says that a key belongs to the other cloud", function()
    local env = {
      POSTHOG_HOST = "us",
      POSTHOG_PERSONAL_API_KEY = "phx_wrong",
      https_proxy = us.proxy,
      SSL_CERT_FILE = us.ca_file,
    }
    finds("key_accepted", 5, "not valid at us.posthog.com", "POSTHOG_HOST=eu", env)
    env.POSTHOG_HOST = "eu"
    finds("key_accepted", 5, "not valid at eu.posthog.com", "POSTHOG_HOST=us", env)
    env.POSTHOG_PERSONAL_API_KEY, env.POSTHOG_CLI_TOKEN = false, "phx_wrong"
    env.POSTHOG_CLI_ENV_ID = "112358"
    finds(
      "key_accepted",
      5,
      "not valid at us.posthog.com",
      "POSTHOG_CLI_HOST=https://eu.posthog.com",
      env
    )
  end)

  it("reports what is left of the cloud's rate limit, and the proxy that it used", function()
    local document = doctor({
      POSTHOG_HOST = "us",
      https_proxy = us.proxy:gsub("//", "//me:hunter2@"),
      SSL_CERT_FILE = us.ca_file,
    })
    local state, message = status(document, "pace")
    assert.equal("ok", state)
    assert.matches("47%d of 480 a minute, 479%d of 4800 a hour", message)
    state, message = status(document, "proxy")
    assert.equal("ok", state)
    assert.equal(us.proxy:match("//(.*)") .. " (https_proxy)", message)
  end)

  describe("with a key that lacks scopes", function()
    --- A key that has all scopes but one.
    local function lacking(scope, path)
      t.e:fault({
        match = { path = path },
        action = {
          status = 403,
          body = cjson.encode({
            type = "authentication_error",
            code = "permission_denied",
            attr = cjson.null,
            detail = "API key missing required scope '" .. scope .. "'",
          }),
          headers = { ["Content-Type"] = "application/json" },
        },
      })
    end

    for scope, case in pairs({
      ["llm_skill:read"] = { "skills_read", "llm_skills" },
      ["dataset:read"] = { "datasets_read", "/datasets/" },
      ["user:read"] = { "spend_read", "spend" },
    }) do
      it("names the missing scope " .. scope, function()
        lacking(scope, case[2])
        finds(case[1], 5, "the key lacks the scope " .. scope, "add the scope " .. scope)
      end)
    end

    it("prints a line for each missing scope", function()
      local document = doctor({ POSTHOG_PERSONAL_API_KEY = "phx_emulator_none" })
      local names = {}
      for i, check in ipairs(failing(document)) do
        names[i] = check.name
      end
      assert.same({ "skills_read", "datasets_read", "spend_read" }, names)
      assert.equal("skipped", (status(document, "skills_write")))
    end)

    it("does not fail for a missing write scope, and finds it without writing", function()
      local document = doctor({ POSTHOG_PERSONAL_API_KEY = "phx_emulator_read" })
      assert.same({}, failing(document))
      assert.same(
        { "warn", "read only: the key lacks the scope llm_skill:write" },
        { status(document, "skills_write") }
      )
      assert.equal("warn", (status(document, "datasets_write")))
    end)

    for _, own_key in ipairs({ "denied", "absent" }) do
      it("cannot verify a write scope if the server hides the key's: " .. own_key, function()
        t.e:settings({ own_key = own_key })
        local document = doctor({ POSTHOG_PERSONAL_API_KEY = "phx_emulator_read" })
        assert.same({}, failing(document))
        assert.equal("ok", (status(document, "key_accepted")))
        assert.equal("unknown", (status(document, "skills_write")))
        assert.equal("unknown", (status(document, "datasets_write")))
        finds(
          "key_accepted",
          5,
          "not valid",
          "create a key",
          { POSTHOG_PERSONAL_API_KEY = "phx_wrong" }
        )
      end)
    end
  end)

  it("takes an OAuth token and an old key like any other key", function()
    for _, key in ipairs({ "pha_emulator_oauth", "emulator_key_without_prefix" }) do
      assert.same({}, failing(doctor({ POSTHOG_PERSONAL_API_KEY = key })))
    end
  end)

  it("reports a project that is unknown, forbidden, another's, missing or not a number", function()
    finds(
      "project",
      4,
      "project 5 does not exist",
      "set POSTHOG_PROJECT_ID",
      { POSTHOG_PROJECT_ID = "5" }
    )
    finds(
      "project",
      5,
      "the key is restricted to the projects 271828",
      "set POSTHOG_PROJECT_ID",
      { POSTHOG_PERSONAL_API_KEY = "phx_emulator_elsewhere" }
    )
    finds("project", 5, "(HTTP 403)", "ask for access", { POSTHOG_PROJECT_ID = "314159" })
    finds("project", 1, "no project is set", "/project/ID", { POSTHOG_PROJECT_ID = false })
    finds(
      "project",
      1,
      'the project id "abc"',
      "set POSTHOG_PROJECT_ID",
      { POSTHOG_PROJECT_ID = "abc" }
    )
    finds("project", 4, "project 5 does not exist", "give another --project", {}, "--project", "5")
  end)

  it("reports a port where nothing listens", function()
    finds(
      "connection",
      1,
      "127.0.0.1:1",
      "is the server running, on port 1",
      { POSTHOG_HOST = "http://127.0.0.1:1" }
    )
  end)

  it("reports a host name that is unknown", function()
    finds(
      "name_lookup",
      1,
      "posthog.invalid",
      "is it spelt right",
      { POSTHOG_HOST = "https://posthog.invalid" }
    )
  end)

  it("reports https to a port that speaks http, and http to one that speaks https", function()
    local port, tls_port = t.e.url:match("%d+$"), t.e.tls_url:match("%d+$")
    finds(
      "tls",
      1,
      "the port speaks plain http",
      "POSTHOG_HOST=http://127.0.0.1:" .. port,
      { POSTHOG_HOST = "https://127.0.0.1:" .. port }
    )
    finds(
      "tls",
      1,
      "the port speaks https",
      "POSTHOG_HOST=https://127.0.0.1:" .. tls_port,
      { POSTHOG_HOST = "http://127.0.0.1:" .. tls_port }
    )
    for _, entry in ipairs(t.e:log()) do -- another scheme is tried without the key
      assert.is_nil(cjson.encode(entry.headers):find(command.KEY, 1, true))
    end
  end)

  it("reports an untrusted certificate, one of another name, and a missing CA bundle", function()
    finds(
      "tls",
      1,
      "the certificate is not trusted",
      "SSL_CERT_FILE",
      { POSTHOG_HOST = t.e.tls_url }
    )
    finds("tls", 1, "the certificate is not trusted", "is it the right host", {
      POSTHOG_HOST = "https://other.example",
      SSL_CERT_FILE = us.ca_file,
      https_proxy = us.proxy,
    })
    finds(
      "tls",
      1,
      "/nowhere.pem",
      "SSL_CERT_FILE",
      { POSTHOG_HOST = t.e.tls_url, SSL_CERT_FILE = "/nowhere.pem" }
    )
    finds(
      "tls",
      1,
      "it has no certificate in PEM form",
      "SSL_CERT_FILE",
      { POSTHOG_HOST = t.e.tls_url, SSL_CERT_FILE = "README.md" }
    )
  end)

  it("reports a server that sends HTML, fails, redirects or sends nothing", function()
    local html = { ["Content-Type"] = "text/html; charset=utf-8" }
    for _, case in ipairs({
      { { status = 200, body = "<html>", headers = html }, "answers 200 with text/html", 1 },
      { { status = 404, body = "<html>", headers = html }, "answers 404 with text/html", 4 },
      { { status = 403, body = "<html>", headers = html }, "answers 403 with text/html", 5 },
      { { status = 502, body = "<html>", headers = html }, "the server answers 502", 1 },
      { { status = 302, headers = { Location = "https://login.example/" } }, "login.example", 1 },
      { { close = true }, "reply", 1 },
      { { raw = "SSH-2.0-OpenSSH_9.2\r\n" }, "does not speak HTTP", 1 },
    }) do
      t.e:reset()
      t.e:fault({ match = { path = "^/api/" }, action = case[1] })
      finds("server", case[3], case[2], "set POSTHOG_HOST")
    end
  end)

  local JSON = { ["Content-Type"] = "application/json" }

  it("reports a server that sends JSON, but is not PostHog", function()
    for _, body in ipairs({ "{}", "[]", "null", "true", '"ok"', '{"status":"ok"}', '{"label":1}' }) do
      t.e:reset()
      t.e:fault({
        match = { path = "^/api/" },
        action = { status = 200, body = body, headers = JSON },
      })
      finds(
        "server",
        1,
        "answers 200 with application/json, but not as PostHog",
        "set POSTHOG_HOST"
      )
    end
    for number, code in pairs({ [401] = 5, [403] = 5, [404] = 4 }) do
      t.e:reset()
      t.e:fault({
        match = { path = "^/api/" },
        action = { status = number, body = '{"error":"no route"}', headers = JSON },
      })
      finds("server", code, "but not as PostHog does", "set POSTHOG_HOST")
    end
    t.e:reset()
    t.e:fault({ match = { path = "^/api/" }, action = { status = 200, body = "", headers = JSON } })
    finds("server", 1, "answers 200 with nothing, not JSON", "set POSTHOG_HOST")
  end)

  it("says why a response is not PostHog's, as the errors of calls do", function()
    local text = { ["Content-Type"] = "text/plain" }
    for number, case in pairs({
      [401] = { 5, "something in front of the server, not PostHog's API, requires a", "a login" },
      [403] = { 5, "refused by a firewall or gateway", "may refuse a network, a VPN" },
      [429] = { 1, "too many requests", "try again later" },
      [503] = { 1, "the server is not available", "try again later" },
    }) do
      t.e:reset()
      t.e:fault({
        match = { path = "^/api/" },
        action = { status = number, body = "no", headers = text },
      })
      finds("server", case[1], case[2], case[3])
    end
  end)

  it("reports a single invalid list, by a gateway's rule or a server's mistake", function()
    for path, name in pairs({
      llm_skills = "skills_read",
      ["/datasets/"] = "datasets_read",
      spend = "spend_read",
    }) do
      for _, body in ipairs({ "<html>", "{}", "[]", "null", "" }) do
        t.e:reset()
        t.e:fault({
          match = { path = path },
          action = { status = 200, body = body, headers = JSON },
        })
        finds(name, 1, "the response", "does a proxy or gateway answer instead of the server?")
      end
    end
  end)

  it("shows no key that the server sends back, and no control characters", function()
    local key = command.KEY
    local escaped = key:gsub(".", function(char)
      return ([[\u%04x]]):format(char:byte())
    end)
    local odd = [[\u001b[31m]] .. key .. [[\n]]
    for _, label in ipairs({ key, escaped, "%70" .. key:sub(2), odd }) do
      t.e:reset()
      t.e:fault({
        match = { path = "personal_api_keys" },
        action = {
          status = 200,
          headers = JSON,
          body = ('{"label":"%s","scopes":["*","%s"]}'):format(label, key),
        },
      })
      local document, text = doctor()
      assert.is_true(document.ok)
      assert.matches("[key]", select(2, status(document, "key_accepted")), 1, true)
      assert.is_nil((text .. cjson.encode(document)):find(key, 1, true))
      assert.is_nil(text:find("\27", 1, true))
    end
  end)

  it("says that a refusal without a reason may be due to the project or a setting", function()
    t.e:fault({
      match = { path = "112358" },
      action = { status = 403, headers = JSON, body = '{"detail":"AI features are off."}' },
    })
    finds("project", 5, "project 112358: AI features are off. (HTTP 403)", "feature enabled")
  end)

  it("shows all of a text on a narrow terminal", function()
    local result = run({ "doctor" }, {
      env = { POSTHOG_PERSONAL_API_KEY = "phx_emulator_read" },
      terminal = 40,
      screen = true,
    })
    for line in result.out:gsub("\27%[%d*m", ""):gmatch("[^\n]+") do
      assert.is_true(#line <= 24 + 20 or not line:find(" ", 25, true), line)
    end
    local text = result.out:gsub("\27%[%d*m", ""):gsub("%s+", " ")
    assert.matches(
      "warn skills write read only: the key lacks the scope llm_skill:write",
      text,
      1,
      true
    )
    assert.is_nil(text:find("…", 1, true))
  end)

  it("reports a clock that is off by a day", function()
    for sign, words in pairs({ [1] = "behind", [-1] = "ahead of" }) do
      local date = os.date("!%a, %d %b %Y %H:%M:%S GMT", os.time() + sign * 86400)
      t.e:fault({ match = { path = "^/api/" }, action = { headers = { Date = date } } })
      finds("clock", 1, "this machine's clock is 1.0 days " .. words, "timedatectl set-ntp true")
    end
  end)

  it("reports a host for events only, plain http to another machine, an invalid host", function()
    finds(
      "host",
      1,
      "us.i.posthog.com accepts only events",
      "set POSTHOG_HOST to us, eu",
      { POSTHOG_HOST = "https://us.i.posthog.com" }
    )
    finds(
      "host",
      1,
      "plain http to posthog.example",
      "set POSTHOG_HOST",
      { POSTHOG_HOST = "http://posthog.example" }
    )
    finds("host", 1, "us.posthog.com", "set POSTHOG_HOST", { POSTHOG_HOST = "us.posthog.com" })
    finds("host", 1, "mars", "give another --host: us, eu", {}, "--host", "mars")
  end)

  it("reports a proxy that refuses, does not exist, has an unknown name or is invalid", function()
    local function through(proxy)
      return { POSTHOG_HOST = t.e.tls_url, SSL_CERT_FILE = t.e.ca_file, https_proxy = proxy }
    end
    finds("proxy", 1, "407", "fix or unset https_proxy", through(refusing.proxy))
    finds("proxy", 1, "127.0.0.1:1", "fix or unset https_proxy", through("http://127.0.0.1:1"))
    finds("proxy", 1, "proxy.invalid", "unset https_proxy", through("http://proxy.invalid:3128"))
    finds("proxy", 1, "the proxy's scheme", "unset https_proxy", through("gopher://127.0.0.1:1"))
    local excepted = through("http://127.0.0.1:1")
    excepted.no_proxy = "example.com,localhost"
    assert.same({}, failing(doctor(excepted)))
  end)

  it("reports a rate limit of the server that is reached", function()
    t.e:fault({
      match = { path = "llm_skills" },
      action = { status = 429, headers = { ["Retry-After"] = "17" } },
    })
    finds("pace", 1, "the server asks to wait 17 s", "wait")
  end)

  it("does not fail for a server without spend", function()
    t.e:settings({ spend = "absent" })
    local document = doctor()
    assert.same({}, failing(document))
    assert.equal("warn", (status(document, "spend_read")))
  end)

  it("reports a login that cannot be used", function()
    local home = os.tmpname()
    os.remove(home)
    os.execute("mkdir " .. home)
    local file = assert(io.open(home .. "/credentials.json", "w"))
    file:write('{"token":"phx_emulator_all"')
    file:close()
    finds(
      "credentials",
      1,
      home .. "/credentials.json",
      "posthog-llm login",
      { POSTHOG_PERSONAL_API_KEY = false, POSTHOG_HOME = home }
    )
    os.execute("rm -r " .. home)
  end)

  it("names the source of the key if the host or project is wrong", function()
    local env = { POSTHOG_HOST = "mars" }
    for _, case in ipairs({ { env, "POSTHOG_HOST" }, { {}, "--project", "--project", "x" } }) do
      local document = doctor(case[1], case[3], case[4])
      assert.equal(1, #failing(document))
      assert.matches(case[2], failing(document)[1].cure, 1, true)
      assert.same({ "ok", "POSTHOG_PERSONAL_API_KEY" }, { status(document, "credentials") })
    end
  end)

  it("reports a port that accepts a connection and sends nothing", function()
    local silent = uv.new_tcp() -- the system takes connections for it; nobody answers
    silent:bind("127.0.0.1", 0)
    silent:listen(16, function() end)
    local host = "https://127.0.0.1:" .. silent:getsockname().port
    local said = run({ "--json", "doctor" }, options({ POSTHOG_HOST = host }))
    silent:close()
    uv.run("nowait")
    local list = failing(assert(cjson.decode(said.out)))
    assert.equal(1, #list)
    assert.equal("tls", list[1].name)
    assert.equal("the port accepts the connection, but does not answer in TLS", list[1].message)
    assert.matches("is the port right? set POSTHOG_HOST", list[1].cure, 1, true)
  end)

  it("names variables that are set but not used", function()
    local document = doctor({
      POSTHOG_PERSONAL_API_KEY = false,
      POSTHOG_CLI_TOKEN = command.KEY,
      POSTHOG_CLI_ENV_ID = "112358",
      POSTHOG_CLI_HOST = t.e.url,
      POSTHOG_HOST = "https://evil.example",
    })
    assert.same({}, failing(document))
    local _, message = status(document, "credentials")
    assert.matches("POSTHOG_HOST is set, but is not used with this key", message, 1, true)
  end)
end)
