-- One pace for three real nginx with two workers each, by a real Redis.
if not rawget(_G, "jit") or os.getenv("SPEC_MODE") == "valgrind" then
  return
end

local emulator = require("spec.emulator")
local pipeline = require("spec.pipeline")
local redis_server = require("spec.support.redis_server")
local server = require("spec.ngx.server")

local missing = server.missing() or redis_server.missing()
if missing then
  describe("a pace in Redis", function()
    pending("is left out: " .. missing)
  end)
  return
end

local LOCATION = [[
    location = /shared { content_by_lua_block { require("spec.ngx.pace").shared() } }
]]
local QUIET = "lua_socket_log_errors off;" -- else nginx has a line for each try of a Redis that is away
-- POSTHOG_PACE_MINUTE=60 makes it the test of a true minute: ten of them.
local MINUTE = tonumber(os.getenv("POSTHOG_PACE_MINUTE")) or 4
local LIMIT = MINUTE == 60 and 100 or 42 -- of which a third is an integer
local TWO_THIRDS = math.floor(LIMIT * 2 / 3)
local SHARE = math.floor(LIMIT / 20)

describe("a pace in Redis", function()
  local e, redis, machines

  setup(function()
    e = emulator.start()
    machines = {}
    for i = 1, 3 do
      machines[i] = server.start({ emulator = e, workers = 2, server = LOCATION, http = QUIET })
    end
  end)
  teardown(function()
    for _, machine in ipairs(machines) do
      machine:stop()
    end
    e:stop()
  end)
  before_each(function()
    e:reset()
    redis = redis_server.start()
  end)
  after_each(function()
    redis:stop()
  end)

  local function path(options)
    local words = { ("/shared?port=%d&per_minute=%d&seconds=%g"):format(redis.port, LIMIT, MINUTE) }
    options = options or {}
    options.deadline = options.deadline or 20 * MINUTE
    for name, value in pairs(options) do
      words[#words + 1] = ("%s=%s"):format(name, value)
    end
    return table.concat(words, "&")
  end

  --- Makes calls on all machines at the same time, and `meanwhile` what it says.
  --- @return table<string, integer> statuses
  local function crowd(each, options, meanwhile)
    local urls = {}
    for _, machine in ipairs(machines) do
      urls[#urls + 1] = ("'%s%s&n=[1-%d]'"):format(machine.url, path(options), each)
    end
    local output = os.tmpname()
    os.execute(
      (
        "curl -q -s -m %d --noproxy '*' -Z --parallel-immediate --parallel-max 300"
        .. " -w '\\n%%{http_code}\\n' %s >'%s' 2>/dev/null & echo $! >'%s.pid'"
      ):format(25 * MINUTE, table.concat(urls, " "), output, output)
    )
    if meanwhile then
      meanwhile()
    end
    server.output_of(
      ("while kill -0 $(cat '%s.pid') 2>/dev/null; do sleep 0.1; done"):format(output)
    )
    local file = assert(io.open(output))
    local text = file:read("*a")
    file:close()
    os.remove(output)
    os.remove(output .. ".pid")
    local statuses = {}
    for status in text:gmatch("\n(%d%d%d)\n") do
      statuses[status] = (statuses[status] or 0) + 1
    end
    return statuses, text
  end

  --- When requests came to the server, in ascending order.
  local function times()
    local list = {}
    for i, entry in ipairs(e:log()) do
      list[i] = entry.at
    end
    table.sort(list)
    return list
  end

  --- The most requests that came in any minute, and in the first one.
  local function most_in_a_minute(list)
    local most, first = 0, 1
    for i, at in ipairs(list) do
      while list[first] <= at - MINUTE do
        first = first + 1
      end
      most = math.max(most, i - first + 1)
    end
    return most
  end

  local function sleep(seconds)
    server.output_of(("sleep %g"):format(seconds))
  end

  it("allows all machines together as many requests as the limit, and uses it", function()
    local statuses = crowd(LIMIT)
    assert.same({ ["200"] = 3 * LIMIT }, statuses)
    local list = times()
    assert.equal(3 * LIMIT, #list)
    local most = most_in_a_minute(list)
    assert.is_true(most <= LIMIT, most .. " in a minute")
    assert.is_true(most >= 0.95 * LIMIT, most .. " in a minute")
    local seconds = list[#list] - list[1]
    assert.is_true(seconds < 3 * (MINUTE * 61 / 60 + 1.25), seconds .. " s")
    if os.getenv("POSTHOG_PACE_MINUTE") then
      print(("%d requests in %.1f s, at most %d in a minute"):format(#list, seconds, most))
    end
  end)

  local function within(bound)
    local most = most_in_a_minute(times())
    assert.is_true(most <= bound, most .. " in a minute")
    return most
  end

  for what, fault in pairs({
    ["killed, with all it knew,"] = {
      begin = function()
        redis:kill()
      end,
      finish = function()
        assert.is_true(redis:run())
      end,
    },
    ["stopped"] = {
      begin = function()
        redis:signal("STOP")
      end,
      finish = function()
        redis:signal("CONT")
      end,
    },
  }) do
    it("exceeds the limit by no more than one share while Redis is " .. what, function()
      local statuses = crowd(TWO_THIRDS, {}, function()
        sleep(0.5)
        fault.begin()
        sleep(MINUTE)
        fault.finish()
      end)
      assert.same({ ["200"] = 3 * TWO_THIRDS }, statuses)
      assert.is_true(within(LIMIT + SHARE) > LIMIT / 2)
      for _, machine in ipairs(machines) do
        assert.equal("", machine:complaints({ "without it until it answers", "answers again" }))
      end
    end)
  end

  it("goes on within the limit when Redis is flushed, its scripts too", function()
    local statuses = crowd(TWO_THIRDS, {}, function()
      for _ = 1, 2 do
        sleep(1.5)
        redis:cli("script flush")
        redis:cli("flushall")
      end
    end)
    assert.same({ ["200"] = 3 * TWO_THIRDS }, statuses)
    within(LIMIT + SHARE)
  end)

  it("goes on with a share of the limit when Redis is full", function()
    redis:cli("config set maxmemory 1")
    local statuses = crowd(LIMIT, { deadline = 2 })
    assert.is_true((statuses["200"] or 0) >= 6 * SHARE)
    within(LIMIT)
    redis:cli("config set maxmemory 0")
    sleep(2)
    assert.equal("went", (machines[1]:get(path())))
    assert.matches("^1?pace:%x+\n$", redis:cli("--raw keys '*'"):gsub("posthog%-llm:", ""), nil)
  end)

  it("makes a 429 that one machine got known to all", function()
    assert.equal("went", (machines[2]:get(path())))
    e:fault({ action = { status = 429, headers = { ["Retry-After"] = "5" }, times = 1 } })
    assert.matches("rate_limited", (machines[1]:get(path({ deadline = 1 }))))
    for _, machine in ipairs(machines) do
      local said = machine:get(path({ deadline = 1 }))
      assert.matches("since the server asked to wait (429)", said, 1, true)
    end
    assert.equal(2, #e:log())
    assert.equal("went", (machines[3]:get(path({ key = "phx_emulator_li", deadline = 1 }))))
    sleep(5)
    assert.equal("went", (machines[3]:get(path({ deadline = 1 }))))
  end)

  it("counts each key separately, and tells Redis none", function()
    local thread = crowd(LIMIT, { deadline = 1 })
    assert.is_true(thread["200"] <= LIMIT)
    assert.equal("went", (machines[1]:get(path({ key = "phx_emulator_li", deadline = 1 }))))
    local names = redis:cli("--raw keys '*'")
    assert.matches("^posthog%-llm:pace:%x+\nposthog%-llm:pace:%x+\n$", names)
    for name in names:gmatch("%S+") do
      assert.is_nil(redis:cli("--raw hgetall " .. name):find("phx_", 1, true))
    end
    assert.is_nil(names:find(pipeline.KEY, 1, true))
  end)

  it(
    "loses no more than a share with a worker that is killed, and goes on after a reload",
    function()
      local statuses = crowd(TWO_THIRDS, {}, function()
        sleep(1)
        machines[1]:signal("KILL", machines[1]:workers()[1])
        machines[2]:signal("HUP")
      end)
      assert.is_true(statuses["200"] >= 2 * TWO_THIRDS)
      within(LIMIT)
    end
  )
end)
