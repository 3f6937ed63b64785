--- The options of cache.new. Every mistake in them raises there, at the line of the caller, also a
--- dictionary that nginx does not have and a Redis that cannot be used: not the first request finds
--- them.

local check = require("posthog.llm.util.check")
local redis = require("posthog.llm.host.redis")

local options = {}

--- @class posthog.llm.CacheOptions
--- @field client posthog.llm.Client
--- @field dict string the name of a `lua_shared_dict` of at least 1 MiB; an entry takes a quarter
---   of it at most, and when it is full, the entries that were not used for longest go
--- @field ttl? number seconds for which a copy is served as it is; default 60
--- @field stale? number seconds after that for which an old copy is served: at once, while a newer
---   one is fetched, and as long as the server fails; default 3600
--- @field negative_ttl? number seconds until the server is asked again for what it does not have,
---   or after a failure; after a 429 its Retry-After, up to 60 s; default 5
--- @field wait? number seconds that a request waits at most, and the deadline of the calls; default
---   10
--- @field keep_users? boolean keep what names people: `created_by`, `owners`, any other object with
---   an e-mail address but in `metadata`; default false
--- @field redis? posthog.llm.RedisOptions what several machines share

--- @class posthog.llm.CacheSkillOptions
--- @field version? integer default: the latest

--- @alias posthog.llm.CacheFrom
--- | "hit"     a copy that is new enough
--- | "stale"   an old copy
--- | "miss"    this request's own call
--- | "waited"  the call of another request
--- | "shared"  another machine, by Redis

options.DEFAULTS = { ttl = 60, stale = 3600, negative_ttl = 5, wait = 10, keep_users = false }
local LEAST = 1048576 -- bytes of a dictionary: one skill may have a million code points

local function client(value, what, level)
  local skills = type(value) == "table" and value.skills
  if type(skills) ~= "table" or not check.callable(skills.get) then
    check.fail(level + 1, "%s: a client of llm.new expected, got %s", what, check.type_name(value))
  end
  return value
end

local function dict(value, what, level)
  check.type(value, "string", what, level + 1)
  local found = ngx.shared[value]
  if not found then
    local words = "%s: nginx has no lua_shared_dict %q; add `lua_shared_dict %s 16m;` to http {}"
    check.fail(level + 1, words, what, value, value)
  end
  local bytes = found:capacity()
  if bytes < LEAST then
    local words = "%s: lua_shared_dict %q has %d bytes, and needs at least %d (1m)"
    check.fail(level + 1, words, what, value, bytes, LEAST)
  end
  return found
end

local function seconds_from_zero(value, what, level)
  check.type(value, "number", what, level + 1)
  if not (value >= 0 and value < 1e6) then
    local got = tostring(value)
    check.fail(level + 1, "%s: a number of seconds from 0 expected, got %s", what, got)
  end
  return value
end

local function boolean(value, what, level)
  check.type(value, "boolean", what, level + 1)
  return value
end

local CHECKS = {
  client = client,
  dict = dict,
  ttl = check.seconds,
  stale = seconds_from_zero,
  negative_ttl = seconds_from_zero,
  wait = check.seconds,
  keep_users = boolean,
  redis = redis.check,
}

--- @param checked table
--- @param level integer
--- @return posthog.llm.Redis
local function connect(checked, level)
  if checked.client._project == "@current" then
    local words = 'redis: the client has project_id = "@current", which is another project for each'
      .. " key: give it the project's number"
    check.fail(level + 1, words)
  end
  local link, err = redis.new(checked.redis, checked.dict)
  if not link then
    check.fail(level + 1, "%s", err)
  end
  local address, finding, for_good = require("posthog.llm.host.redis_check").try(checked.redis)
  if for_good then
    check.fail(level + 1, "%s: %s", link.name, finding)
  elseif finding then
    ngx.log(ngx.WARN, "posthog.llm: ", link.name, ": ", finding, "; without it until it answers")
  end
  link:set_address(address)
  return link
end

--- @param given any as the caller passed it
--- @param level integer as for error()
--- @return table checked a copy; `dict` is the dictionary, `redis` a posthog.llm.Redis
function options.check(given, level)
  check.type(given, "table", "options", level + 1)
  if not rawget(_G, "ngx") then
    check.fail(level + 1, "posthog.llm.cache needs nginx or OpenResty, for its lua_shared_dict")
  end
  check.known(given, CHECKS, "options", level + 1)
  local checked = {}
  for name, default in pairs(options.DEFAULTS) do
    checked[name] = default
  end
  for _, name in ipairs({ "client", "dict" }) do
    if given[name] == nil then
      check.fail(level + 1, "options: %s is missing", name)
    end
  end
  for name, value in pairs(given) do
    checked[name] = CHECKS[name](value, name, level + 1)
  end
  if checked.client._project == "@current" and not checked.redis then
    local words = 'client: project_id = "@current" is another project for each key, and whenever'
      .. " its user changes it: give it the project's number"
    check.fail(level + 1, words)
  elseif checked.redis then
    checked.redis = connect(checked, level + 1)
  end
  return checked
end

return options
