--- posthog-llm doctor: each thing that can be wrong gives one failing line, the right one, with
--- what mends it, and nothing is ever written to the account.

if os.getenv("SPEC_MODE") ~= "plain" then
  return
end -- the command takes what make has built

local busted = getfenv and getfenv(1) or _ENV -- the functions of busted

local cjson = require("cjson.safe").new()
local command = require("spec.support.command")
local doctor_command = require("spec.support.doctor_command")
local live = require("spec.support.live")

command.describe(busted, "posthog-llm doctor", function()
  local t = doctor_command.session()
  t.hook(busted)

  for _, profile in ipairs({ "reference", "current" }) do
    it("finds no errors if there are none, on " .. live.api_name[profile], function()
      t.e:settings({ profile = profile })
      local document = t.doctor()
      assert.same({}, t.failing(document))
      assert.is_true(document.ok)
      assert.equal("POSTHOG_PERSONAL_API_KEY", document.source)
      assert.equal(t.e.url, document.host)
      assert.equal("112358", document.project_id)
      local _, version = t.status(document, "api_version")
      assert.matches(profile, version)
      for _, name in ipairs({ "skills_write", "datasets_write", "spend_read", "clock" }) do
        assert.equal("ok", (t.status(document, name)))
      end
      assert.equal("unknown", (t.status(document, "pace")))
    end)
  end

  it("runs all checks in one order, and passes them over TLS too", function()
    local document = t.doctor({ POSTHOG_HOST = t.e.tls_url, SSL_CERT_FILE = t.e.ca_file })
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
    t.finds("credentials", 5, "no key", "posthog-llm login", { POSTHOG_PERSONAL_API_KEY = false })
    assert.same({}, t.e:log())
  end)

  it("says that a project key is not a personal API key", function()
    t.finds(
      "key",
      5,
      "a project key",
      "create one in PostHog",
      { POSTHOG_PERSONAL_API_KEY = "phc_a" }
    )
  end)

  it("says that a key is not valid", function()
    t.finds(
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
      https_proxy = t.us.proxy,
      SSL_CERT_FILE = t.us.ca_file,
    }
    t.finds("key_accepted", 5, "not valid at us.posthog.com", "POSTHOG_HOST=eu", env)
    env.POSTHOG_HOST = "eu"
    t.finds("key_accepted", 5, "not valid at eu.posthog.com", "POSTHOG_HOST=us", env)
    env.POSTHOG_PERSONAL_API_KEY, env.POSTHOG_CLI_TOKEN = false, "phx_wrong"
    env.POSTHOG_CLI_ENV_ID = "112358"
    t.finds(
      "key_accepted",
      5,
      "not valid at us.posthog.com",
      "POSTHOG_CLI_HOST=https://eu.posthog.com",
      env
    )
  end)

  it("reports what is left of the cloud's rate limit, and the proxy that it used", function()
    local document = t.doctor({
      POSTHOG_HOST = "us",
      https_proxy = t.us.proxy:gsub("//", "//me:hunter2@"),
      SSL_CERT_FILE = t.us.ca_file,
    })
    local state, message = t.status(document, "pace")
    assert.equal("ok", state)
    assert.matches("47%d of 480 a minute, 479%d of 4800 a hour", message)
    state, message = t.status(document, "proxy")
    assert.equal("ok", state)
    assert.equal(t.us.proxy:match("//(.*)") .. " (https_proxy)", message)
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
        t.finds(case[1], 5, "the key lacks the scope " .. scope, "add the scope " .. scope)
      end)
    end

    it("prints a line for each missing scope", function()
      local document = t.doctor({ POSTHOG_PERSONAL_API_KEY = "phx_emulator_none" })
      local names = {}
      for i, check in ipairs(t.failing(document)) do
        names[i] = check.name
      end
      assert.same({ "skills_read", "datasets_read", "spend_read" }, names)
      assert.equal("skipped", (t.status(document, "skills_write")))
    end)

    it("does not fail for a missing write scope, and finds it without writing", function()
      local document = t.doctor({ POSTHOG_PERSONAL_API_KEY = "phx_emulator_read" })
      assert.same({}, t.failing(document))
      assert.same(
        { "warn", "read only: the key lacks the scope llm_skill:write" },
        { t.status(document, "skills_write") }
      )
      assert.equal("warn", (t.status(document, "datasets_write")))
    end)

    for _, own_key in ipairs({ "denied", "absent" }) do
      it("cannot verify a write scope if the server hides the key's: " .. own_key, function()
        t.e:settings({ own_key = own_key })
        local document = t.doctor({ POSTHOG_PERSONAL_API_KEY = "phx_emulator_read" })
        assert.same({}, t.failing(document))
        assert.equal("ok", (t.status(document, "key_accepted")))
        assert.equal("unknown", (t.status(document, "skills_write")))
        assert.equal("unknown", (t.status(document, "datasets_write")))
        t.finds(
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
      assert.same({}, t.failing(t.doctor({ POSTHOG_PERSONAL_API_KEY = key })))
    end
  end)

  it("reports a project that is unknown, forbidden, another's, missing or not a number", function()
    t.finds(
      "project",
      4,
      "project 5 does not exist",
      "set POSTHOG_PROJECT_ID",
      { POSTHOG_PROJECT_ID = "5" }
    )
    t.finds(
      "project",
      5,
      "the key is restricted to the projects 271828",
      "set POSTHOG_PROJECT_ID",
      { POSTHOG_PERSONAL_API_KEY = "phx_emulator_elsewhere" }
    )
    t.finds("project", 5, "(HTTP 403)", "ask for access", { POSTHOG_PROJECT_ID = "314159" })
    t.finds("project", 1, "no project is set", "/project/ID", { POSTHOG_PROJECT_ID = false })
    t.finds(
      "project",
      1,
      'the project id "abc"',
      "set POSTHOG_PROJECT_ID",
      { POSTHOG_PROJECT_ID = "abc" }
    )
    t.finds(
      "project",
      4,
      "project 5 does not exist",
      "give another --project",
      {},
      "--project",
      "5"
    )
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
          headers = doctor_command.JSON,
          body = ('{"label":"%s","scopes":["*","%s"]}'):format(label, key),
        },
      })
      local document, text = t.doctor()
      assert.is_true(document.ok)
      assert.matches("[key]", select(2, t.status(document, "key_accepted")), 1, true)
      assert.is_nil((text .. cjson.encode(document)):find(key, 1, true))
      assert.is_nil(text:find("\27", 1, true))
    end
  end)

  it("says that a refusal without a reason may be due to the project or a setting", function()
    t.e:fault({
      match = { path = "112358" },
      action = {
        status = 403,
        headers = doctor_command.JSON,
        body = '{"detail":"AI features are off."}',
      },
    })
    t.finds("project", 5, "project 112358: AI features are off. (HTTP 403)", "feature enabled")
  end)

  it("shows all of a text on a narrow terminal", function()
    local result = t.run({ "doctor" }, {
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

  it("reports a host for events only, plain http to another machine, an invalid host", function()
    t.finds(
      "host",
      1,
      "us.i.posthog.com accepts only events",
      "set POSTHOG_HOST to us, eu",
      { POSTHOG_HOST = "https://us.i.posthog.com" }
    )
    t.finds(
      "host",
      1,
      "plain http to posthog.example",
      "set POSTHOG_HOST",
      { POSTHOG_HOST = "http://posthog.example" }
    )
    t.finds("host", 1, "us.posthog.com", "set POSTHOG_HOST", { POSTHOG_HOST = "us.posthog.com" })
    t.finds("host", 1, "mars", "give another --host: us, eu", {}, "--host", "mars")
  end)

  it("reports a login that cannot be used", function()
    local home = os.tmpname()
    os.remove(home)
    os.execute("mkdir " .. home)
    local file = assert(io.open(home .. "/credentials.json", "w"))
    file:write('{"token":"phx_emulator_all"')
    file:close()
    t.finds(
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
      local document = t.doctor(case[1], case[3], case[4])
      assert.equal(1, #t.failing(document))
      assert.matches(case[2], t.failing(document)[1].cure, 1, true)
      assert.same({ "ok", "POSTHOG_PERSONAL_API_KEY" }, { t.status(document, "credentials") })
    end
  end)

  it("names variables that are set but not used", function()
    local document = t.doctor({
      POSTHOG_PERSONAL_API_KEY = false,
      POSTHOG_CLI_TOKEN = command.KEY,
      POSTHOG_CLI_ENV_ID = "112358",
      POSTHOG_CLI_HOST = t.e.url,
      POSTHOG_HOST = "https://evil.example",
    })
    assert.same({}, t.failing(document))
    local _, message = t.status(document, "credentials")
    assert.matches("POSTHOG_HOST is set, but is not used with this key", message, 1, true)
  end)
end)
