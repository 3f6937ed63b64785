--- Several nginx with a cache each, and a Redis that they share, for the specs of
--- posthog.llm.cache.

local redis = require("spec.ngx.redis")
local server = require("spec.ngx.server")

local fleet = {}

local HTTP = [[
  lua_socket_log_errors off;
  lua_shared_dict skills %s;
  lua_shared_dict age 12k;
  init_by_lua_block { cached = require("spec.ngx.cache").new({ %s }) }
]]
local SERVER = [[
    location ~ ^/skill/(?<skill>[^/]+)$ { content_by_lua_block { cached.skill() } }
    location ~ ^/file/(?<skill>[^/]+)/(?<path>.+)$ { content_by_lua_block { cached.file() } }
    location = /purge { content_by_lua_block { cached.purge() } }
    location = /older { content_by_lua_block { cached.older() } }
    location = /stats { content_by_lua_block { cached.stats() } }
    location = /metrics { content_by_lua_block { cached.metrics() } }
    location = /misuse { content_by_lua_block { cached.misuse() } }
    location = /memory { content_by_lua_block { cached.memory() } }
    location = /filter {
      header_filter_by_lua_block { cached.in_phase() }
      return 200 "";
    }
]]

--- @return string? reason why there is nothing to test with
function fleet.missing()
  return server.missing() or redis.missing()
end

--- One machine.
--- @param e table the emulator
--- @param options string of cache.new, in Lua, such as "ttl = 1"
--- @param dict? string the size of the dictionary
--- @return posthog.spec.Nginx
function fleet.machine(e, options, dict)
  return server.start({
    emulator = e,
    workers = 2,
    http = HTTP:format(dict or "8m", options),
    server = SERVER,
  })
end

--- @param e table the emulator
--- @param count integer
--- @param r posthog.spec.Redis
--- @param options string of cache.new, in Lua
--- @return posthog.spec.Nginx[]
function fleet.machines(e, count, r, options)
  local machines = {}
  for i = 1, count do
    machines[i] = fleet.machine(e, ("%s, redis = { port = %d }"):format(options, r.port))
  end
  return machines
end

--- Where the answer came from, and its status.
--- @return string? from
--- @return string status
function fleet.from(machine, path)
  local head = machine:get(path, "-o /dev/null -D -")
  return head:lower():match("x%-from: (%a+)"), head:match("^HTTP/%S+ (%d+)")
end

--- Lets all copies of one machine grow old.
--- @param ttl number seconds that they are fresh; the cache counts sixteenths of a second, upwards
function fleet.age(machine, ttl)
  assert(machine:get("/older?seconds=" .. ttl + 1) == "done")
end

return fleet
