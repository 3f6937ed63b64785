-- What is wrong with the options of posthog.llm.cache is found when the cache is made: nginx does
-- not start, and says why.
if os.getenv("SPEC_MODE") ~= "plain" then
  return
end

describe("posthog.llm.cache outside of nginx", function()
  if rawget(_G, "ngx") then
    return
  end
  it("says that it needs nginx, at the caller's line", function()
    local ok, err = pcall(function()
      require("posthog.llm.cache").new({ client = {}, dict = "skills" })
    end)
    assert.is_false(ok)
    assert.matches("cache_options_spec.lua:%d+: .*posthog.llm.cache needs nginx or OpenResty", err)
  end)
end)

if not rawget(_G, "jit") then
  return
end

local emulator = require("spec.emulator")
local fleet = require("spec.ngx.fleet")
local redis = require("spec.ngx.redis")
local server = require("spec.ngx.server")

local missing = fleet.missing()
if missing then
  describe("the options of posthog.llm.cache", function()
    pending("is left out: " .. missing)
  end)
  return
end

describe("the options of posthog.llm.cache", function()
  local e, plain, locked, tls

  setup(function()
    e = emulator.start({ profile = "current", tls = true })
    plain = redis.start()
    locked = redis.start("--requirepass sesame")
    tls = redis.start(
      ("--port 0 --tls-port %d --tls-cert-file '%s/server.pem' --tls-key-file '%s/server.key'"):format(
        20000 + tonumber(server.output_of("od -An -N2 -tu2 /dev/urandom")) % 10000,
        e.prefix,
        e.prefix
      ) .. (" --tls-ca-cert-file '%s'"):format(e.ca_file)
    )
    tls.tls_port = tls.options:match("%-%-tls%-port (%d+)")
  end)
  teardown(function()
    for _, r in ipairs({ plain, locked, tls }) do
      r:kill()
    end
    e:stop()
  end)

  --- What nginx says when it does not start.
  local function refusal(options, dict)
    local ok, said = pcall(fleet.machine, e, options, dict)
    if ok then
      said:stop()
      error("nginx started with " .. options)
    end
    return said
  end

  local CASES = {
    {
      "a dictionary that nginx does not have",
      'dict = "other"',
      'dict: nginx has no lua_shared_dict "other"; add `lua_shared_dict other 16m;` to http {}',
    },
    {
      "a dictionary that is too small",
      "",
      'dict: lua_shared_dict "skills" has 65536 bytes, and needs at least 1048576 (1m)',
      "64k",
    },
    {
      "an option that does not exist",
      "tll = 3",
      'options: unknown option "tll"; known are client, dict, keep_users, negative_ttl, redis, stale, ttl, wait',
    },
    { "a ttl below zero", "ttl = -1", "ttl: a positive number of seconds expected, got -1" },
    { "a stale below zero", "stale = -1", "stale: a number of seconds from 0 expected, got -1" },
    {
      "a negative_ttl that is a string",
      'negative_ttl = "5"',
      "negative_ttl: number expected, got string",
    },
    { "a wait of zero", "wait = 0", "wait: a positive number of seconds expected, got 0" },
    {
      "something else than a client",
      "client = {}",
      "client: a client of llm.new expected, got table",
    },
    {
      "an option of redis that does not exist",
      "redis = { hots = 1 }",
      'redis: unknown option "hots"; known are database, host, password, port, prefix, timeout, username',
    },
    { "a port out of range", "redis = { port = 0 }", "redis.port: 1 to 65535 expected, got 0" },
    {
      "a Redis user without a password",
      'redis = { username = "bob" }',
      "redis.username: needs a password beside it",
    },
    {
      "the project @current",
      'project_id = "@current"',
      'client: project_id = "@current" is another project for each key',
    },
    {
      "the project @current with a Redis",
      'project_id = "@current", redis = { port = @PLAIN@ }',
      'redis: the client has project_id = "@current", which is another project for each key',
    },
    {
      "a Redis that asks for a password",
      "redis = { port = @LOCKED@ }",
      "redis 127.0.0.1:@LOCKED@: asks for a password: redis.password is missing",
    },
    {
      "a wrong password",
      'redis = { port = @LOCKED@, password = "open" }',
      "redis 127.0.0.1:@LOCKED@: does not accept the password: see redis.password and redis.username",
    },
    {
      "a user that Redis does not know",
      'redis = { port = @LOCKED@, username = "bob", password = "sesame" }',
      "redis 127.0.0.1:@LOCKED@: does not accept the password: see redis.password and redis.username",
    },
    {
      "a password for a Redis that has none",
      'redis = { port = @PLAIN@, password = "open" }',
      "redis 127.0.0.1:@PLAIN@: has no password: leave redis.password out",
    },
    {
      "a database that Redis does not have",
      "redis = { port = @PLAIN@, database = 99 }",
      "redis 127.0.0.1:@PLAIN@: has no database of that number: see redis.database",
    },
    {
      "a Redis that speaks TLS",
      "redis = { port = @TLS@ }",
      "redis 127.0.0.1:@TLS@: ends the connection without an answer to a command in plain text."
        .. " Does it speak TLS only?",
    },
    {
      "a server that is not a Redis",
      "redis = { port = @EMULATOR@ }",
      "redis 127.0.0.1:@EMULATOR@: what listens there is not a Redis",
    },
  }
  for _, case in ipairs(CASES) do
    it("refuse " .. case[1] .. ", in words that say what to do", function()
      local ports = {
        PLAIN = plain.port,
        LOCKED = locked.port,
        TLS = tls.tls_port,
        EMULATOR = e.url:match("%d+$"),
      }
      local said = refusal((case[2]:gsub("@(%u+)@", ports)), case[4])
      assert.truthy(said:find((case[3]:gsub("@(%u+)@", ports)), 1, true), said)
      assert.is_nil(said:find("sesame", 1, true), "the password is printed")
    end)
  end

  it("take a Redis with a password, and one by the name of its host", function()
    local name = e:seed({ skills = 1 }).skills[1]
    local host = server.output_of("getent hosts localhost") ~= "" and "localhost" or "127.0.0.1"
    for _, options in ipairs({
      ('redis = { port = %d, password = "sesame" }'):format(locked.port),
      ('redis = { port = %d, password = "sesame", username = "default", database = 3 }'):format(
        locked.port
      ),
      ('redis = { port = %d, host = "%s" }'):format(plain.port, host), -- nginx has no resolver
    }) do
      local nginx = fleet.machine(e, options)
      assert.equal("miss", (fleet.from(nginx, "/skill/" .. name)), options)
      local up = nginx:get("/metrics"):match("redis_up (%d)")
      local complaints = nginx:complaints()
      nginx:stop()
      assert.equal("", complaints)
      assert.equal("1", up)
    end
    assert.matches("entry:skill:", locked:command("keys '*'"))
    assert.matches("entry:skill:", locked:command("-n 3 keys '*'"))
    assert.matches("entry:skill:", plain:command("keys '*'"))
  end)

  it("let nginx start with a Redis whose host has no address, and say what to do", function()
    local nginx = fleet.machine(e, 'redis = { host = "redis.invalid" }')
    local name = e:seed({ skills = 1 }).skills[1]
    local from = fleet.from(nginx, "/skill/" .. name)
    local complaints = nginx:complaints()
    nginx:stop()
    assert.equal("miss", from)
    assert.matches("redis redis.invalid:6379: .-known", complaints)
    assert.matches("no address is known of it: nginx needs a resolver, or a reload", complaints)
  end)

  it("let nginx start without a Redis that is not there yet, and say so once", function()
    local gone = redis.start()
    gone:kill()
    local nginx = fleet.machine(e, ("redis = { port = %d }"):format(gone.port))
    local name = e:seed({ skills = 1 }).skills[1]
    assert.equal("miss", (fleet.from(nginx, "/skill/" .. name)))
    local complaints = nginx:complaints()
    assert.matches("redis 127.0.0.1:%d+: .-; without it until it answers", complaints)
    assert.is_true(gone:run())
    assert.is_true(server.eventually(15, function()
      fleet.from(nginx, "/skill/" .. name .. "?version=1")
      nginx:get("/purge?name=" .. name)
      return nginx:get("/metrics"):find("redis_up 1", 1, true)
    end))
    nginx:stop()
    gone:kill()
  end)
end)
