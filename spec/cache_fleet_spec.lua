-- posthog.llm.cache on three machines, three real nginx of two workers each, that share a real
-- Redis.
if not rawget(_G, "jit") or os.getenv("SPEC_MODE") == "valgrind" then
  return
end

local cjson = require("cjson")
local core = require("posthog.llm.core")
local emulator = require("spec.emulator")
local fleet = require("spec.ngx.fleet")
local folders = require("spec.support.folders")
local redis = require("spec.ngx.redis")
local server = require("spec.ngx.server")

local KEY = "phx_emulator_all"

local TTL, NEGATIVE_TTL = 3, 3
local FORGET_FAILURES = [[eval "for _, key in ipairs(redis.call('keys', '*:failure:*')) do
  redis.call('del', key) end" 0]]

local missing = fleet.missing()
if missing then
  describe("posthog.llm.cache with a Redis", function()
    pending("is left out: " .. missing)
  end)
  return
end

describe("posthog.llm.cache with a Redis", function()
  local e, r, machines, name

  setup(function()
    e = emulator.start({ profile = "current" })
    r = redis.start()
    local options = "ttl = %d, stale = 60, negative_ttl = %d, wait = 15"
    machines = fleet.machines(e, 3, r, options:format(TTL, NEGATIVE_TTL))
  end)
  teardown(function()
    for _, machine in ipairs(machines) do
      machine:stop()
    end
    r:kill()
    e:stop()
  end)
  before_each(function()
    e:reset()
    name = e:seed({ skills = 50 }).skills[1]
    local said, status
    server.eventually(20, function()
      said, status = machines[1]:get("/purge")
      return status == "200"
    end)
    assert.equal("200", status, said)
    r:command(FORGET_FAILURES) -- of a name that the test before had, too
    server.output_of("sleep 1")
  end)

  after_each(function() -- also after a failure
    if not r.pid then
      r:run()
    end
    r:signal("CONT")
    r:command("config set maxmemory 0")
  end)

  local function from(machine, path)
    return (fleet.from(machine, path))
  end

  --- Where the answer comes from once the machine has heard of a purge: within a second, where
  --- nothing keeps it busy.
  local function from_when_purged(machine, path)
    local found
    server.eventually(5, function()
      found = from(machine, path)
      return found ~= "hit"
    end)
    return found
  end

  --- How often something may have happened that may happen once in so many seconds.
  local function rounds(began, seconds)
    return 1 + math.floor((core.now() - began) / seconds)
  end

  --- Requests for these paths on all machines, all at the same time.
  --- @return table<string, integer> statuses
  local function everywhere(paths, parallel)
    local urls, config = {}, os.tmpname()
    for _, path in ipairs(paths) do
      for _, machine in ipairs(machines) do
        urls[#urls + 1] = ('url = "%s%s"\noutput = "/dev/null"'):format(machine.url, path)
      end
    end
    local file = assert(io.open(config, "w"))
    file:write(table.concat(urls, "\n"), "\n")
    file:close()
    local said = server.output_of(
      ("curl -q -s -Z --parallel-immediate --parallel-max %d -w '%%{http_code}\\n' -K '%s' 2>/dev/null"):format(
        parallel,
        config
      )
    )
    os.remove(config)
    local statuses = {}
    for status in said:gmatch("%d+") do
      statuses[status] = (statuses[status] or 0) + 1
    end
    return statuses
  end

  it("asks the server once for each of 50 skills, for 2,000 requests to three machines", function()
    local names = e:seed({ skills = 50 }).skills
    e:fault({ match = { path = "/llm_skills/" }, action = { delay = 0.1 } })
    local paths = {}
    for round = 1, 14 do
      for _, each in ipairs(names) do
        paths[#paths + 1] = "/skill/" .. each .. "?n=" .. round
      end
    end
    local began = core.now()
    assert.same({ ["200"] = 2100 }, everywhere(paths, 300))
    local asked, most = #e:log(), 50 + 3 * rounds(began, TTL)
    assert.is_true(asked >= 50 and asked <= most, asked .. " requests reached the server")
  end)

  it("asks the server once for a cold skill that 200 want on each machine", function()
    e:fault({ match = { path = "/llm_skills/" }, action = { delay = 0.3 } })
    local paths = {}
    for i = 1, 200 do
      paths[i] = "/skill/" .. name .. "?n=" .. i
    end
    assert.same({ ["200"] = 600 }, everywhere(paths, 300))
    assert.equal(1, #e:log())
  end)

  it("refreshes old copies of all machines by one conditional request", function()
    local names = e:seed({ skills = 5 }).skills
    local function ask_all()
      for _, each in ipairs(names) do
        for _, machine in ipairs(machines) do
          assert.equal("200", select(2, fleet.from(machine, "/skill/" .. each)))
        end
      end
    end
    ask_all()
    server.output_of(("sleep %g"):format(TTL + 0.1))
    ask_all() -- reads the list for the first time
    server.output_of(("sleep %g"):format(TTL + 0.3))
    local before = #e:log()
    ask_all()
    server.output_of("sleep 0.5")
    local log = e:log()
    assert.is_true(#log - before <= 2, #log - before .. " requests")
    for i = before + 1, #log do
      assert.equal(304, log[i].status)
    end
  end)

  it("shares what the server does not have", function()
    for _, machine in ipairs(machines) do
      local _, status = fleet.from(machine, "/skill/nothing")
      assert.equal("404", status)
    end
    assert.equal(1, #e:log())
  end)

  it("keeps nothing in Redis of names that the server does not have", function()
    for i = 1, 20 do
      fleet.from(machines[1], "/skill/nothing-" .. i)
    end
    from(machines[1], "/skill/" .. name)
    fleet.from(machines[1], "/skill/" .. name .. "?version=9")
    server.output_of(("sleep %g"):format(NEGATIVE_TTL + 0.5))
    assert.is_nil(r:command("keys '*nothing*'"):find("nothing", 1, true))
    assert.equal(name .. "\n", r:command("smembers " .. r:command("keys '*:names'")))
    assert.matches(
      "entry:skill:" .. name,
      r:command("smembers " .. r:command("keys '*:keys:*'")),
      1,
      true
    )
  end)

  it("keeps the key out of Redis and of the log, whatever the server says", function()
    from(machines[1], "/skill/" .. name)
    from(machines[1], "/file/" .. name .. "/nothing.md")
    for _, status in ipairs({ 401, 500 }) do
      local body = ('{"detail":"Bad key %s.","%s":1}'):format(KEY, KEY)
      e:fault({ action = { status = status, body = body, headers = { ["X-Key"] = KEY } } })
      fleet.from(machines[2], "/skill/other-" .. status)
    end
    e:faults({})
    assert.truthy(e:log()[1].raw_header:find(KEY, 1, true)) -- yet it was sent
    local seen = 0
    for key in r:command("--raw keys '*'"):gmatch("[^\n]+") do
      seen = seen + 1
      for _, read in ipairs({ "hgetall", "smembers", "get" }) do
        local value = r:command(("--raw %s '%s' 2>&1"):format(read, key))
        assert.is_nil((key .. value):find("phx_", 1, true), key)
      end
    end
    assert.is_true(seen > 0)
    local log = folders.read(machines[2].prefix, "error.log")
    assert.truthy(log:find("posthog.llm.cache: ", 1, true), log)
    assert.is_nil(log:find("phx_", 1, true), log)
  end)

  it("fetches anew what is something else in Redis than a copy", function()
    from(machines[1], "/skill/" .. name)
    local key = r:command("keys '*:entry:skill:" .. name .. "'"):gsub("%s+$", "")
    for i, text in ipairs({ "5", '{"name":' }) do
      r:command(("hset %s text '%s' until 99999999999999"):format(key, text))
      assert.equal("miss", from(machines[i + 1], "/skill/" .. name))
    end
    assert.equal(3, #e:log())
  end)

  it("forgets a skill on all machines within a second", function()
    for _, machine in ipairs(machines) do
      from(machine, "/skill/" .. name .. "?version=1")
    end
    assert.equal(1, #e:log())
    machines[1]:get("/purge?name=" .. name)
    server.output_of("sleep 1")
    assert.equal("miss", from_when_purged(machines[2], "/skill/" .. name .. "?version=1"))
    assert.equal("shared", from_when_purged(machines[3], "/skill/" .. name .. "?version=1"))
    assert.equal("shared", from_when_purged(machines[1], "/skill/" .. name .. "?version=1"))
    assert.equal(2, #e:log())
  end)

  it("hears of purges after a Redis that was flushed, and after one that was ahead", function()
    local purges = r:command("keys '*:purges'"):match("%S+")
    assert.is_string(purges)
    r:command(("xadd %s 99999999999999-1 odd fields"):format(purges))
    server.output_of("sleep 1.2")
    r:command("flushall")
    from(machines[2], "/skill/" .. name .. "?version=1")
    assert.equal("hit", from(machines[2], "/skill/" .. name .. "?version=1"))
    machines[1]:get("/purge?name=" .. name)
    server.output_of("sleep 1")
    assert.equal("miss", from_when_purged(machines[2], "/skill/" .. name .. "?version=1"))
  end)

  it("serves an old copy from Redis no longer than it has left there", function()
    from(machines[1], "/skill/" .. name)
    local key = r:command(("keys '*:entry:skill:%s'"):format(name)):match("%S+")
    r:command(("hset %s until 1"):format(key))
    r:command(("pexpire %s 4000"):format(key))
    e:fault({ match = { path = "/llm_skills/" }, action = { status = 503, body = "" } })
    assert.equal("stale", from(machines[2], "/skill/" .. name))
    server.output_of("sleep 4.5")
    local _, status = fleet.from(machines[2], "/skill/" .. name)
    e:faults({})
    assert.equal("502", status)
  end)

  it("takes nothing for fresh that is so for longer than it may: a clock was set back", function()
    from(machines[1], "/skill/" .. name)
    local key = r:command(("keys '*:entry:skill:%s'"):format(name)):match("%S+")
    r:command(("hset %s until 99999999999999"):format(key))
    assert.equal("miss", from(machines[2], "/skill/" .. name))
  end)

  it("says when a purge has reached this machine only", function()
    from(machines[1], "/skill/" .. name .. "?version=1")
    r:signal("STOP")
    local said, status = machines[1]:get("/purge?name=" .. name)
    r:signal("CONT")
    assert.equal("502", status)
    assert.matches("cache:purge: network: purged on this machine only", said)
  end)

  --- Every machine answers every request with a skill, old or new, and writes little about it.
  local function works_without(what, expected)
    local before, began = {}, core.now()
    for i, machine in ipairs(machines) do
      before[i] = #machine:complaints()
    end
    local statuses = {}
    for _ = 1, 20 do
      for _, machine in ipairs(machines) do
        local _, status = fleet.from(machine, "/skill/" .. name)
        statuses[status] = (statuses[status] or 0) + 1
        local body = machine:get("/skill/" .. name .. "?version=1")
        assert.equal(name, cjson.decode(body).name)
      end
    end
    assert.same({ ["200"] = 60 }, statuses, what)
    for i, machine in ipairs(machines) do
      local new = machine:complaints():sub(before[i] + 1)
      assert.is_true(
        select(2, new:gsub("[^\n]+", "")) <= 4 * rounds(began, 60),
        what .. ": " .. new
      )
      if expected then
        assert.truthy(machine:complaints():find(expected, 1, true), machine:complaints())
      end
    end
  end

  local function finds_back()
    local known = e:seed({ skills = 2 }).skills
    assert.is_true(server.eventually(15, function()
      machines[1]:get("/purge?name=" .. known[2])
      server.output_of("sleep 0.6")
      from(machines[1], "/skill/" .. known[2])
      return from(machines[3], "/skill/" .. known[2]) == "shared"
    end))
  end

  it("goes on without a Redis that was killed, and finds it back", function()
    from(machines[1], "/skill/" .. name)
    r:kill()
    works_without("killed", "; without it until it answers")
    assert.is_true(r:run())
    finds_back()
  end)

  it("goes on without a Redis that hangs, and finds it back", function()
    r:signal("STOP")
    works_without("hanging")
    r:signal("CONT")
    finds_back()
  end)

  it("goes on with a Redis that is full", function()
    r:command("config set maxmemory-policy noeviction")
    r:command("config set maxmemory 1")
    works_without("full")
    r:command("config set maxmemory 0")
    finds_back()
  end)

  it("goes on without a Redis that wants another password", function()
    r:command("config set requirepass other")
    r:command("client kill type normal")
    works_without("another password")
    server.output_of(
      ("redis-cli -p %d -a other --no-auth-warning config set requirepass '' 2>&1"):format(r.port)
    )
    finds_back()
  end)

  it("goes on with a Redis that was flushed", function()
    from(machines[1], "/skill/" .. name)
    r:command("flushall")
    r:command("script flush")
    works_without("flushed")
    finds_back()
  end)

  it("gets a skill although the machine that was to fetch it died", function()
    e:fault({ match = { path = "/name/" }, action = { delay = 20, times = 1 } })
    local slow = io.popen(("curl -q -s -o /dev/null '%s/skill/%s'"):format(machines[1].url, name))
    assert.is_true(server.eventually(15, function()
      return #e:log() == 1
    end))
    for _, worker in ipairs(machines[1]:workers()) do
      machines[1]:signal("KILL", worker)
    end
    slow:close()
    local _, status = fleet.from(machines[2], "/skill/" .. name)
    assert.equal("200", status)
    assert.is_true(server.eventually(15, function()
      return #machines[1]:workers() == 2
    end))
  end)

  it("serves old copies on all machines while the server is down, with few requests", function()
    for _, machine in ipairs(machines) do
      from(machine, "/skill/" .. name)
    end
    server.output_of(("sleep %g"):format(TTL + 0.1))
    e:fault({ match = { path = "/llm_skills/" }, action = { status = 503, body = "<html>" } })
    local before, began = #e:log(), core.now()
    for _ = 1, 30 do
      for _, machine in ipairs(machines) do
        assert.equal("stale", from(machine, "/skill/" .. name))
      end
    end
    local most = 10 * rounds(began, NEGATIVE_TTL)
    assert.is_true(#e:log() - before <= most, #e:log() - before .. " requests")
  end)
end)
