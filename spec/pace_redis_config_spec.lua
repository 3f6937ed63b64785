-- A wrong configuration of a pace in Redis: found when the client is made where that can be, else by
-- the first call.
if not rawget(_G, "jit") or os.getenv("SPEC_MODE") == "valgrind" then
  return
end

local emulator = require("spec.emulator")
local redis_server = require("spec.ngx.redis")
local server = require("spec.ngx.server")

local missing = server.missing() or redis_server.missing()
if missing then
  describe("a wrong configuration of a pace in Redis", function()
    pending("is left out: " .. missing)
  end)
  return
end

describe("a wrong configuration of a pace in Redis", function()
  local e, redis, secured, stunnel

  setup(function()
    e = emulator.start({ tls = true })
    redis = redis_server.start()
    secured = redis_server.start("--requirepass sesame --user weak on '>weak' '~*' +get")
    stunnel = redis_server.start() -- replaced below by one that speaks TLS
    stunnel:kill()
    stunnel:run(
      ("--port 0 --tls-port %d --tls-cert-file %s/server.pem --tls-key-file %s/server.key"):format(
        stunnel.port,
        e.prefix,
        e.prefix
      ) .. " --tls-auth-clients no"
    )
  end)
  teardown(function()
    for _, one in ipairs({ redis, secured, stunnel }) do
      one:kill()
    end
    e:stop()
  end)

  local function cases()
    return {
      ["a password is missing"] = { secured, "", "redis.password is missing" },
      ["the password is wrong"] = {
        secured,
        'password = "x"',
        "does not accept the password",
      },
      ["the user may not run scripts"] = {
        secured,
        'username = "weak", password = "weak"',
        "does not let this user run scripts",
      },
      ["it has no password"] = { redis, 'password = "x"', "leave redis.password out" },
      ["it speaks TLS"] = { stunnel, "", "Does it speak TLS" },
    }
  end

  local CLIENT = [[require("posthog.llm").new({
    host = "%s", personal_api_key = "phx_emulator_all", project_id = 112358, max_retries = 0,
    pace = { redis = { port = %d, %s } },
  })]]

  it("ends nginx in its configuration phase, with what is wrong", function()
    for what, case in pairs(cases()) do
      local ok, message = pcall(server.start, {
        emulator = e,
        http = "init_by_lua_block { " .. CLIENT:format(e.url, case[1].port, case[2]) .. " }",
      })
      assert.is_false(ok, what)
      local words = ("posthog.llm: pace.redis: redis 127.0.0.1:%d "):format(case[1].port)
      assert.matches(words, message, 1, true)
      assert.matches(case[3], message, 1, true)
    end
  end)

  it("fails the first call elsewhere, and sends nothing", function()
    local locations, names = {}, {}
    for what, case in pairs(cases()) do
      names[#names + 1] = what
      locations[#names] = ([[location = /call%d { content_by_lua_block {
        local value, err = %s.datasets:list()
        ngx.say(tostring(err))
      } }]]):format(#names, CLIENT:format(e.url, case[1].port, case[2]))
    end
    local nginx = server.start({
      emulator = e,
      server = table.concat(locations, "\n"),
      http = "lua_socket_log_errors off;",
    })
    for i, what in ipairs(names) do
      local case = cases()[what]
      local said = nginx:get("/call" .. i)
      local words = ("datasets:list: invalid: pace.redis: redis 127.0.0.1:%d "):format(case[1].port)
      assert.matches(words, said, 1, true)
      assert.matches(case[3], said, 1, true)
    end
    assert.equal(0, #e:log())
    nginx:stop()
  end)

  it("is not that Redis is not there yet", function()
    local port = redis.port
    redis:kill()
    local nginx = server.start({
      emulator = e,
      http = "lua_socket_log_errors off; init_by_lua_block { client = "
        .. CLIENT:format(e.url, port, "")
        .. " }",
      server = [[location = /call { content_by_lua_block {
        local value, err = client:with({ timeout = 7 }).datasets:list()
        ngx.say(value and "went" or tostring(err))
      } }]],
    })
    assert.equal("went", (nginx:get("/call")))
    redis:run()
    assert.is_true(server.eventually(15, function()
      nginx:get("/call")
      return redis:command("keys '*'"):find("pace:", 1, true)
    end))
    nginx:stop()
  end)
end)
