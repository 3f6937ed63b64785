--- Skills for many requests, in nginx and OpenResty: from a lua_shared_dict of the machine, and
--- from a Redis that several machines share, if there is one.
---
---     cache = require("posthog.llm.cache").new({ client = llm.new(), dict = "skills" })
---     local text, err, from = cache:skill_json("pdf-forms")
---
--- A copy is fresh for `ttl` seconds. After that it is served for `stale` seconds more, while a
--- newer one is fetched in the background, and while the server fails. However many requests want
--- an entry, one call to the server fetches it; the others wait, for `wait` seconds at most.

local background = require("posthog.llm.cache.background")
local cache_options = require("posthog.llm.cache.options")
local check = require("posthog.llm.util.check")
local errors = require("posthog.llm.util.errors")
local hosts = require("posthog.llm.host")
local json = require("posthog.llm.json")

local cache = {}

-- They need nginx; options.check says so where there is none.
local entries, kinds, server, shared, stats, store, watch

local function load_parts()
  entries = require("posthog.llm.cache.entries")
  kinds = require("posthog.llm.cache.entry_kinds")
  server = require("posthog.llm.cache.server")
  shared = require("posthog.llm.cache.shared")
  stats = require("posthog.llm.cache.stats")
  store = require("posthog.llm.cache.store")
  watch = require("posthog.llm.cache.watch")
end

--- Skills for many requests, in nginx and OpenResty: `require("posthog.llm.cache")`. They come from
--- a `lua_shared_dict` that all workers of a machine share, and from a Redis that several machines
--- share, if there is one. However many requests want an entry, one call to the server fetches it;
--- the others wait for it. [In nginx](../nginx.md#the-cache) explains what is served when, and
--- several machines.
---
--- <!-- pasted: in nginx -->
---
--- ```nginx
--- env POSTHOG_PERSONAL_API_KEY;
--- env POSTHOG_PROJECT_ID;
---
--- http {
---   lua_shared_dict skills 16m;
---   init_by_lua_block {
---     llm = require("posthog.llm")
---     client = llm.new()
---     cache = require("posthog.llm.cache").new({ client = client, dict = "skills", ttl = 30 })
---   }
---   server {
---     listen 127.0.0.1:8080;
---     location ~ ^/skills/(?<skill>[a-z0-9-]+)$ {
---       content_by_lua_block {
---         local text, err = cache:skill_json(ngx.var.skill)
---         if not text then
---           return ngx.exit(err.kind == "not_found" and 404 or 502)
---         end
---         ngx.say(text)
---       }
---     }
---   }
--- }
--- ```
---
--- A hit works in every phase of nginx except `init`; a miss needs one that can wait, and is an
--- error of kind `phase` elsewhere.
--- @class posthog.llm.Cache
--- @field private _parts posthog.llm.CacheParts
local Cache = { __name = "posthog.llm.Cache" }
Cache.__index = Cache

--- Whose entries these are: two caches may share a dictionary or a Redis.
local function account_of(options)
  local client = options.client
  local whose = { client._base or "", client._project or "", tostring(options.keep_users) }
  return ngx.encode_base64(ngx.sha1_bin(table.concat(whose, "\n"))):sub(1, 12)
end

--- Makes a cache, in `init_by_lua` or later. A wrong option raises; so does a dictionary that does
--- not exist or is too small, and a Redis that wants another password, speaks TLS only or is none.
--- A Redis that is not there is no mistake: the cache works without it until it is. To find out,
--- this blocks once, for as long as `redis.timeout` or a little more.
--- @param options posthog.llm.CacheOptions
--- @return posthog.llm.Cache cache
function cache.new(options)
  local parts = cache_options.check(options, 2)
  load_parts()
  local dict = parts.dict
  parts.account = account_of(parts)
  parts.store = store.new(dict, parts.account .. " ")
  parts.shared = parts.redis and shared.new(parts.redis, parts.account, dict)
  parts.dict, parts.redis = nil, nil
  parts.flights, parts.queue = {}, background.new()
  return setmetatable({ _parts = parts }, Cache)
end

local OPTIONS = { version = true }

--- @return integer? version
local function version_of(options, level)
  if options == nil then
    return nil
  end
  check.type(options, "table", "options", level + 1)
  check.known(options, OPTIONS, "options", level + 1)
  if options.version == nil then
    return nil
  end
  return (check.integer(options.version, "version", level + 1, 1))
end

local function parts_of(self, level)
  if type(self) ~= "table" or getmetatable(self) ~= Cache then
    check.fail(level + 1, "call the methods of a cache with a colon")
  end
  local parts = self._parts
  if parts.shared then
    watch.start(parts)
  end
  return parts
end

local function skill_id(parts, name, version)
  local rest = version and ("version %d %s"):format(version, name) or "skill " .. name
  return parts.store:id(name, rest)
end

local function find_skill(parts, name, version)
  return entries.find(parts, skill_id(parts, name, version), kinds.skill, name, version)
end

--- What a call returns: its value, or its failure.
local function result(value, err, from)
  if value == nil then
    return nil, err, from, err -- as errors.failure: LuaJIT's assert raises the last one
  end
  return value, nil, from
end

--- @param read fun(text: string): any, posthog.llm.Error?
local function decoded(text, err, from, read)
  local value
  if text then
    value, err = read(text)
  end
  return result(value, err, from)
end

--- A skill as JSON text, ready to be served: the fields of the API, without those that name people
--- unless the cache has `keep_users`. The quickest: a hit is one look-up, and decodes nothing.
---
--- <!-- pasted: in nginx -->
---
--- ```lua
--- local text, err, from = cache:skill_json("pdf-forms")
--- ngx.log(ngx.INFO, text or tostring(err), " ", from)
--- ```
--- @param name string
--- @param options? posthog.llm.CacheSkillOptions
--- @return string? text
--- @return posthog.llm.Error? err as of [client.skills:get](skills.md#clientskillsget), also a
---   stored one
--- @return posthog.llm.CacheFrom? from where it came from
function Cache:skill_json(name, options)
  check.segment(name, "name", 2)
  local version = version_of(options, 2)
  return result(find_skill(parts_of(self, 2), name, version))
end

--- A skill. Each call decodes a table of its own.
---
--- <!-- pasted: in nginx -->
---
--- ```lua
--- local skill, err, from = cache:skill("pdf-forms", { version = 1 })
--- if not skill then
---   ngx.log(ngx.INFO, tostring(err)) -- one line
--- end
--- ```
--- @param name string
--- @param options? posthog.llm.CacheSkillOptions
--- @return posthog.llm.Skill? skill
--- @return posthog.llm.Error? err as of [client.skills:get](skills.md#clientskillsget), also a
---   stored one
--- @return posthog.llm.CacheFrom? from where it came from
function Cache:skill(name, options)
  check.segment(name, "name", 2)
  local version = version_of(options, 2)
  local text, err, from = find_skill(parts_of(self, 2), name, version)
  return decoded(text, err, from, json.decode)
end

--- The newest version of a skill, as its number and its id.
--- @return string? note
--- @return posthog.llm.Error? err
--- @return string? from
local function newest(parts, name)
  local id = skill_id(parts, name)
  local note, fresh = parts.store:note(id)
  if fresh then
    return note, nil, "hit"
  end
  local text, err, from = find_skill(parts, name)
  if not text then
    return nil, err, from
  end
  note = parts.store:note(id)
  if not note then -- the skill is too large to be kept
    local skill
    skill, err = json.decode(text)
    note = skill and server.note(skill)
  end
  return note, err, from
end

--- A bundled file. Without `version` it is that of the version of the skill that the cache serves:
--- both fit together.
---
--- <!-- pasted: in nginx -->
---
--- ```lua
--- local file, err = cache:file("pdf-forms", "references/fields.md")
--- ngx.say(file and file.content or err.kind)
--- ```
--- @param name string
--- @param path string
--- @param options? posthog.llm.CacheSkillOptions
--- @return posthog.llm.SkillFile? file
--- @return posthog.llm.Error? err as of [client.skills:file](skills.md#clientskillsfile), also a
---   stored one
--- @return posthog.llm.CacheFrom? from where it came from
function Cache:file(name, path, options)
  check.segment(name, "name", 2)
  check.file_path(path, "path", 2)
  local version = version_of(options, 2)
  local parts = parts_of(self, 2)
  local key, skill_from
  if version then
    key = ("file:@%d:%s/%s"):format(version, name, path)
  else
    local note, err
    note, err, skill_from = newest(parts, name)
    if not note then
      return result(nil, err, skill_from)
    end
    local number, id = note:match("^(%d+) (.*)$")
    version, key = tonumber(number), ("file:%s/%s"):format(id, path)
  end
  local text, err, from =
    entries.find(parts, parts.store:id(name, key), kinds.file, name, path, version, key)
  if skill_from == "stale" and from == "hit" then
    from = "stale"
  end
  return decoded(text, err, from, json.decode)
end

--- Forgets a skill with its versions and files, or all: on this machine at once, on the others that
--- share the Redis within a second.
---
--- <!-- pasted: in nginx -->
---
--- ```lua
--- local done, err = cache:purge("pdf-forms")
--- if not done then
---   ngx.log(ngx.ERR, err)
--- end
--- ```
--- @param name? string nil: all
--- @return boolean? done
--- @return posthog.llm.Error? err kind `network`: Redis does not answer, and this machine alone has
---   forgotten it; kind `phase`
function Cache:purge(name)
  if name ~= nil then
    check.segment(name, "name", 2)
  end
  local parts = parts_of(self, 2)
  stats.count(parts.store.dict, "purges")
  parts.store:purge(name)
  if not parts.shared then
    return true
  end
  local unavailable = hosts.current().unavailable() -- this phase has no sockets
  local done, why
  if not unavailable then
    done, why = parts.shared:purge(name)
  end
  parts.store:purge(name) -- what was fetched from Redis meanwhile
  local err
  if not done then
    local words = "purged on this machine only, others serve old copies until they expire: %s"
    local kind = unavailable and unavailable.kind or "network"
    err = errors.new({
      kind = kind,
      call = "cache:purge",
      message = words:format(why or unavailable.message),
    })
  end
  return errors.result(done, err)
end

--- What the cache has counted on this machine, for all of its workers.
---
--- <!-- pasted: in nginx -->
---
--- ```lua
--- local counters = cache:stats()
--- ngx.log(ngx.INFO, counters.hit, " hits, ", counters.requests, " requests")
--- ```
--- @return posthog.llm.CacheStats counters
function Cache:stats()
  return stats.read(parts_of(self, 2))
end

--- The same counters in the text format of Prometheus.
---
--- <!-- pasted: in nginx -->
---
--- ```lua
--- ngx.header["Content-Type"] = "text/plain; version=0.0.4"
--- ngx.print(cache:metrics())
--- ```
--- @return string text
function Cache:metrics()
  return stats.metrics(stats.read(parts_of(self, 2)))
end

return cache
