--- The second level, in a Redis that several machines share: an entry is fetched by one of them.
--- Whoever is to fetch holds a lock in Redis, with a token of its own and an end: only the holder
--- stores the result, and a machine that dies holds nobody up for long. Every step is one script,
--- one round trip. Redis's own clock decides what is fresh, so those of the machines do not matter.

local clock = require("posthog.llm.clock")
local redis = require("posthog.llm.host.redis")

--- @class posthog.llm.CacheShared
--- @field private _link posthog.llm.Redis
--- @field private _base string the start of all keys
--- @field private _dict table
--- @field private _claims integer
--- @field private _scripts table<string, posthog.llm.RedisScript>
local Shared = {}
Shared.__index = Shared

local shared = {}

local POLL = 0.05 -- seconds between two looks for what another machine fetches
local PATIENCE = 3 -- seconds until it is taken for dead, and this machine fetches for itself
local INDEX_SECONDS = 30 * 86400 -- a name is forgotten after this time without a fetch
local PURGES = 1000 -- the newest purges that are kept
local LOOK_BACK = 60 -- seconds: purges of this time before the first poll count
local BATCH = 200 -- purges read at once

local NOW = [[
local time = redis.call('time')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
]]

local SCRIPTS = {
  -- KEYS: entry, failure, lock, all names, the keys of the name. ARGV: token, end of the lock in
  -- ms, name, seconds of the index,
  -- the most ms that a copy may be fresh: after that, Redis's clock was set back
  claim = NOW .. [[
local entry = redis.call('hmget', KEYS[1], 'text', 'note', 'until')
local left = entry[1] and (tonumber(entry[3]) or 0) - now or 0
local life = redis.call('pttl', KEYS[1])
if left > 0 and left <= tonumber(ARGV[5]) then
  return { 'fresh', entry[1], entry[2], left, life }
end
local failure = redis.call('get', KEYS[2])
if failure then
  return { 'failed', entry[1], entry[2], redis.call('pttl', KEYS[2]), life, failure }
end
if redis.call('exists', KEYS[3]) == 1 then
  return { 'busy', entry[1], entry[2], 0, life }
end
redis.call('sadd', KEYS[4], ARGV[3])
redis.call('sadd', KEYS[5], KEYS[1], KEYS[2], KEYS[3])
redis.call('expire', KEYS[4], ARGV[4])
redis.call('expire', KEYS[5], ARGV[4])
redis.call('set', KEYS[3], ARGV[1], 'PX', ARGV[2])
return { 'claimed', entry[1], entry[2], 0, life }
]],
  -- ARGV: token, text, note, ms it is fresh, ms it is stale after that
  publish = NOW .. [[
if redis.call('get', KEYS[3]) ~= ARGV[1] then
  return 0
end
redis.call('del', KEYS[2], KEYS[3])
redis.call('hset', KEYS[1], 'text', ARGV[2], 'note', ARGV[3], 'until', now + tonumber(ARGV[4]))
redis.call('pexpire', KEYS[1], ARGV[4] + ARGV[5])
return 1
]],
  -- ARGV: token, failure, ms it counts, whether the entry is gone, name. Names of which there is
  -- nothing go out of the index, or whoever asks for any name would fill it.
  fail = [[
if redis.call('get', KEYS[3]) ~= ARGV[1] then
  return 0
end
redis.call('del', KEYS[3])
if ARGV[4] == '1' then
  redis.call('del', KEYS[1])
end
if redis.call('exists', KEYS[1]) == 0 then
  redis.call('srem', KEYS[5], KEYS[1], KEYS[2], KEYS[3])
  if redis.call('exists', KEYS[5]) == 0 then
    redis.call('srem', KEYS[4], ARGV[5])
  end
end
if tonumber(ARGV[3]) > 0 then
  redis.call('set', KEYS[2], ARGV[2], 'PX', ARGV[3])
end
return 1
]],
  -- KEYS: purges, all names, failure of the name. ARGV: name or "", the start of the index of a
  -- name, machine, how many
  purge = [[
redis.call('del', KEYS[3])
local names = ARGV[1] ~= '' and { ARGV[1] } or redis.call('smembers', KEYS[2])
for _, name in ipairs(names) do
  for _, key in ipairs(redis.call('smembers', ARGV[2] .. name)) do
    redis.call('del', key)
  end
  redis.call('del', ARGV[2] .. name)
  redis.call('srem', KEYS[2], name)
end
redis.call('xadd', KEYS[1], 'MAXLEN', '~', ARGV[4], '*', 'name', ARGV[1], 'by', ARGV[3])
return #names
]],
  -- KEYS: purges. ARGV: the id of the last one that was read, or "", how many, ms before the first
  -- look. Where there is none from that id on, Redis has lost them, or its clock was set back.
  purges = NOW .. [[
local last = ARGV[1]
if last == '' then
  last = string.format('%d-0', now - ARGV[3])
elseif #redis.call('xrange', KEYS[1], last, '+', 'COUNT', 1) == 0 then
  last = '0'
end
return redis.call('xread', 'COUNT', ARGV[2], 'STREAMS', KEYS[1], last) or {}
]],
}

--- @param link posthog.llm.Redis
--- @param account string
--- @param dict table
--- @return posthog.llm.CacheShared
function shared.new(link, account, dict)
  local scripts = {}
  for name, source in pairs(SCRIPTS) do
    scripts[name] = redis.new_script(source)
  end
  return setmetatable({
    _link = link,
    _base = link.prefix .. "cache:" .. account .. ":",
    _dict = dict,
    _claims = 0,
    _scripts = scripts,
  }, Shared)
end

--- @return boolean
function Shared:answers()
  return self._link:answers()
end

--- A name of this machine, the same in all its workers.
local function machine(self)
  local key = "machine " .. self._base
  local name = self._dict:get(key)
  if not name then
    local seed = ("%d %.9f %s"):format(ngx.worker.pid(), clock.now(), tostring({}))
    self._dict:add(key, ngx.encode_base64(ngx.sha1_bin(seed .. ngx.now())))
    name = self._dict:get(key)
  end
  return name
end

local function keys_of(self, entry)
  local base = self._base
  return {
    base .. "entry:" .. entry.key,
    base .. "failure:" .. entry.key,
    base .. "lock:" .. entry.key,
    base .. "names",
    base .. "keys:" .. entry.name,
  }
end

--- @class posthog.llm.CacheClaim
--- @field state "fresh"|"failed"|"busy"|"claimed"
--- @field text? string the copy in Redis: old, unless `state` is "fresh"
--- @field note? string
--- @field left? number seconds that the copy is fresh, or that the failure counts
--- @field life number seconds that the copy may be served, fresh or old
--- @field failure? string JSON
--- @field token? string of the lock

local function present(value)
  return value ~= ngx.null and value or nil
end

local function claim_once(self, entry, seconds)
  self._claims = self._claims + 1
  local token = ("%s %d %d"):format(machine(self), ngx.worker.pid(), self._claims)
  local ms = math.floor(seconds * 1000) + 1
  local reply = self._link:script(
    self._scripts.claim,
    keys_of(self, entry),
    token,
    ms,
    entry.name,
    INDEX_SECONDS,
    math.ceil((entry.most or entry.ttl) * 1000) + 1000
  )
  return reply
    and {
      state = reply[1],
      text = present(reply[2]),
      note = present(reply[3]),
      left = (tonumber(reply[4]) or 0) / 1000,
      life = math.max(tonumber(reply[5]) or 0, 0) / 1000,
      failure = reply[6],
      token = reply[1] == "claimed" and token or nil,
    }
end

--- Reads an entry, or takes over to fetch it.
--- @param entry posthog.llm.CacheEntry
--- @param seconds number for a fetch and the waiting before it
--- @param in_hurry boolean take an old copy rather than wait for another machine
--- @return posthog.llm.CacheClaim? claim nil: Redis does not answer, or refuses. "busy": the copy is
---   old, or another machine takes too long
function Shared:claim(entry, seconds, in_hurry)
  local ends = clock.now() + math.min(PATIENCE, seconds / 2)
  local claim = claim_once(self, entry, seconds)
  while claim and claim.state == "busy" and clock.now() < ends do
    if in_hurry and claim.text then
      return claim
    end
    clock.sleep(POLL)
    claim = claim_once(self, entry, seconds)
  end
  return claim
end

--- Stores a result, if the lock is still this machine's. Redis may be full: then others shall not
--- wait for the lock's end.
local function finish(self, script, entry, token, ...)
  local keys = keys_of(self, entry)
  local reply, _, away = self._link:script(script, keys, token, ...)
  if not reply and not away then
    self._link:command("del", keys[3])
  end
end

--- Removes what Redis has of an entry.
--- @param entry posthog.llm.CacheEntry
function Shared:drop(entry)
  self._link:command("del", keys_of(self, entry)[1])
end

--- @param entry posthog.llm.CacheEntry
--- @param token string
--- @param text string
--- @param note? string
--- @param fresh number seconds
--- @param stale number seconds
function Shared:publish(entry, token, text, note, fresh, stale)
  local ms, after = math.ceil(fresh * 1000), math.ceil(stale * 1000)
  finish(self, self._scripts.publish, entry, token, text, note or "", math.max(ms, 1), after)
end

--- @param entry posthog.llm.CacheEntry
--- @param token string
--- @param failure string JSON
--- @param seconds number that it counts
--- @param gone boolean the server says that it does not exist
function Shared:fail(entry, token, failure, seconds, gone)
  local ms = math.ceil(seconds * 1000)
  local has_gone = gone and "1" or "0"
  finish(self, self._scripts.fail, entry, token, failure, ms, has_gone, entry.name)
end

--- Purges one name, or all, on all machines.
--- @param name? string
--- @return boolean? done
--- @return string? err
function Shared:purge(name)
  local base = self._base
  local reply, err = self._link:script(
    self._scripts.purge,
    { base .. "purges", base .. "names", base .. "failure:skill:" .. (name or "") },
    name or "",
    base .. "keys:",
    machine(self),
    PURGES
  )
  return reply and true or nil, err
end

local function fields_of(list)
  local fields = {}
  for i = 1, #list, 2 do
    fields[list[i]] = list[i + 1]
  end
  return fields
end

--- The purges of other machines since the last call on this one.
--- @return string[]? names "": all; nil: Redis does not answer
function Shared:purges()
  local key, dict = self._base .. "purges", self._dict
  local last = dict:get("last " .. key) or ""
  local reply = self._link:script(self._scripts.purges, { key }, last, BATCH, LOOK_BACK * 1000)
  if not reply then
    return nil
  end
  local names = {}
  for _, purge in ipairs(reply[1] and reply[1][2] or {}) do
    local fields = fields_of(purge[2])
    last = purge[1]
    if fields.name and fields.by ~= machine(self) then
      names[#names + 1] = fields.name
    end
  end
  if last ~= "" then
    dict:set("last " .. key, last)
  end
  return names
end

return shared
