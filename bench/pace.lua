--- What `pace` adds to a call in one nginx worker, by where it counts. Nothing is sent: a call passes
--- the limit and ends. It needs nginx with its Lua module; for the count in Redis, redis-server and
--- lua-resty-redis.
---
---   make bench-hosts BENCHES=pace
---   BENCH_CALLS=100000 tools/lua luajit bench/pace.lua

local HERE = debug.getinfo(1, "S").source:match("^@(.*)pace%.lua$") or "bench/"
package.path = HERE .. "?.lua;" .. HERE .. "../?.lua;" .. package.path

local emulator = require("spec.emulator")
local measure = require("measure")
local nginx = require("spec.ngx.server")
local redis = require("spec.ngx.redis")

local CALLS = tonumber(os.getenv("BENCH_CALLS")) or 20000

local HTTP = [[
  lua_shared_dict pace 64m;
  init_by_lua_block {
    clock = require("posthog.llm.clock")
    rate_limit = require("posthog.llm.http.rate_limit")

    local function pause(_, seconds)
      clock.sleep(seconds)
      return true
    end
    local function pass(limits)
      local path = "/api/projects/1/datasets/"
      return function()
        assert(not rate_limit.pass(limits, "phx_bench", path, 60, pause, {}))
      end
    end
    local function limits(place)
      place.per_minute, place.per_hour = 10000000, 100000000
      return rate_limit.new(place, "http://bench.example")
    end

    function way(name, port)
      if name == "memory" or name == "dict" then
        return pass(limits({ dict = name == "dict" and "pace" or nil }))
      end
      local options = require("posthog.llm.host.redis").check({ port = port }, "redis", 1)
      if name == "share" then
        return pass(limits({ redis = options }))
      end
      local store = require("posthog.llm.http.rate_limit.redis").new(options)
      local windows = {
        { limit = 100000000, seconds = 3601.25 },
        { limit = 10000000, seconds = 61.25 },
      }
      return function()
        assert(store:take("bench", windows, clock.now(), 1) == 0)
      end
    end
  }
]]
local SERVER = [[
    location = /way {
      content_by_lua_block {
        local call = way(ngx.var.arg_name, tonumber(ngx.var.arg_port))
        local count = tonumber(ngx.var.arg_count)
        call()
        ngx.sleep(1.1) -- the first second of a count in Redis
        local times = {}
        for _ = 1, 200 do call() end
        local began = clock.now()
        for i = 1, count do
          local before = clock.now()
          call()
          times[i] = (clock.now() - before) * 1e6
          if i % 500 == 0 then ngx.sleep(0) end
        end
        table.sort(times)
        ngx.say(times[math.ceil(count / 2)], " ", times[math.ceil(count * 0.99)], " ", times[count])
      }
    }
]]

local WAYS = {
  { "memory", "in this worker" },
  { "dict", "dict: all workers of a machine" },
  { "share", "redis: all machines, mostly out of a share" },
  { "ask", "redis: a round trip" },
}

local missing = nginx.missing()
if missing then
  print("bench/pace.lua is left out: " .. missing)
  return
end

local e = emulator.start()
local server = nginx.start({ emulator = e, http = HTTP, server = SERVER })
local no_redis = redis.missing()
local r = not no_redis and redis.start()
local rows = {}
for _, way in ipairs(WAYS) do
  local in_redis = way[1] == "share" or way[1] == "ask"
  if r or not in_redis then
    local count = way[1] == "ask" and math.ceil(CALLS / 10) or CALLS
    local said =
      server:get(("/way?name=%s&port=%d&count=%d"):format(way[1], r and r.port or 0, count))
    local p50, p99, most = said:match("^([%d.e+]+) ([%d.e+]+) ([%d.e+]+)")
    assert(p50, said .. server:complaints())
    rows[#rows + 1] = {
      way[2],
      ("%.1f"):format(p50),
      ("%.1f"):format(p99),
      ("%.0f"):format(most),
    }
  end
end
server:stop()
e:stop()
if r then
  r:kill()
end

print(("\n## What pace adds to a call in nginx, %d calls, one after another\n"):format(CALLS))
measure.table({ "microseconds", "p50", "p99", "max" }, rows)
if no_redis then
  print("\nWithout a count in Redis: " .. no_redis)
end
