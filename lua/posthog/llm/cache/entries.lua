--- How an entry is found: in the machine's dictionary; else in the Redis that machines share; else
--- on the server, by one request however many want it.

local background = require("posthog.llm.cache.background")
local clock = require("posthog.llm.clock")
local errors = require("posthog.llm.util.errors")
local flights = require("posthog.llm.cache.flights")
local hosts = require("posthog.llm.host")
local lock = require("posthog.llm.cache.lock")
local log = require("posthog.llm.cache.log")
local stats = require("posthog.llm.cache.stats")
local store = require("posthog.llm.cache.store")

local entries = {}

local FIRST_LOOK, LAST_LOOK = 0.002, 0.05 -- seconds between two looks for another worker's result
local LONGEST_RETRY_AFTER = 60 -- seconds for which a server may ask to be left alone

--- What is to be found.
--- @class posthog.llm.CacheEntry
--- @field id string in the dictionary; changes with a purge
--- @field key string in Redis
--- @field name string the purge of which ends it
--- @field title string for the log: 'skill "pdf-forms"'
--- @field ttl number seconds
--- @field fetch fun(parts: posthog.llm.CacheParts, entry: posthog.llm.CacheEntry, ends: number, text?: string, note?: string): string?, string|posthog.llm.Error|nil, number?
---   text and note, or nil and the error; then the seconds it is fresh, `ttl` if none are given
--- @field is_copy fun(parts: posthog.llm.CacheParts, entry: posthog.llm.CacheEntry, text: string, note?: string): boolean
--- @field longest? fun(text: string): number? seconds that it may be fresh, where that is not `ttl`
--- @field most? number the most of these seconds
--- @field skill? string
--- @field version? integer
--- @field path? string

--- The parts of one cache.
--- @class posthog.llm.CacheParts
--- @field account string whose entries these are
--- @field watched_by? integer the worker that looks for purges of other machines
--- @field client posthog.llm.Client
--- @field store posthog.llm.CacheStore
--- @field shared? posthog.llm.CacheShared
--- @field ttl number
--- @field stale number
--- @field negative_ttl number
--- @field wait number
--- @field keep_users boolean
--- @field flights table<string, posthog.llm.CacheFlight>
--- @field queue posthog.llm.CacheQueue

--- @param stale? number seconds after those; default: the option
local function keep(parts, entry, text, note, fresh, stale)
  local dict = parts.store.dict
  local stored, err, evicted = parts.store:put(entry.id, text, note, fresh, stale or parts.stale)
  if evicted then
    stats.count(dict, "evicted")
  end
  if not stored then
    stats.count(dict, "too_large")
    log.warn(dict, "size", entry.title, " is not kept: ", err)
  end
  parts.store:forgive(entry.id)
end

--- A 404 of the server itself, in JSON with a `detail` as all of its errors have; one of something in
--- front of it says nothing.
local function is_gone(err)
  return err.status == 404 and type(err.body) == "table" and type(err.body.detail) == "string"
end

local function seconds_of(parts, err)
  local asked = math.min(err.retry_after or 0, LONGEST_RETRY_AFTER)
  return math.max(parts.negative_ttl, asked)
end

local function fail(parts, entry, err, claim)
  local dict, gone = parts.store.dict, is_gone(err)
  if gone then
    parts.store:remove(entry.id)
  else
    stats.count(dict, "failures")
    log.warn(dict, err.kind, entry.title, ": ", tostring(err))
  end
  local seconds, text = seconds_of(parts, err), store.encode(err)
  parts.store:fail(entry.id, text, seconds)
  if claim and claim.token then
    parts.shared:fail(entry, claim.token, text, seconds, gone)
  end
end

--- Fetches an entry, holding the locks of this machine and, with a claim, of all.
local function fetch(parts, entry, ends, text, note, claim)
  local new, more, fresh = entry.fetch(parts, entry, ends, text, note)
  if new then
    fresh = fresh or entry.ttl
    keep(parts, entry, new, more, fresh)
    if claim and claim.token then
      parts.shared:publish(entry, claim.token, new, more, fresh, parts.stale)
    end
    return new, nil, "miss"
  end
  fail(parts, entry, more, claim)
  if text and not is_gone(more) then
    return text, nil, "stale"
  end
  return nil, more, "miss"
end

local function longest(entry, text)
  return entry.longest and entry.longest(text) or entry.ttl
end

--- What Redis has, if that is enough.
--- @return string? text
--- @return posthog.llm.Error? err neither: fetch it
--- @return string? from
local function from_shared(parts, entry, claim, own)
  if claim.state == "fresh" then
    keep(parts, entry, claim.text, claim.note, math.min(claim.left, longest(entry, claim.text)))
    return claim.text, nil, "shared"
  elseif claim.text and not own then
    keep(parts, entry, claim.text, claim.note, 0, math.min(claim.life, parts.stale))
  end
  local old = own or claim.text
  if claim.state == "failed" then
    parts.store:fail(entry.id, claim.failure, claim.left)
    if old then
      return old, nil, "stale"
    end
    return nil, store.decode(claim.failure), "shared"
  elseif claim.state == "busy" and old then
    return old, nil, "stale"
  end
end

--- What Redis has of the entry, or the right to fetch it. What is no copy of the entry is removed there.
--- @return posthog.llm.CacheClaim? claim
local function claim_of(parts, entry, seconds, in_hurry)
  local claim = parts.shared:claim(entry, seconds, in_hurry)
  if claim and claim.text and not entry.is_copy(parts, entry, claim.text, claim.note) then
    log.warn(parts.store.dict, "copy", entry.title, ": Redis has something else under its key")
    parts.shared:drop(entry)
    if claim.state ~= "fresh" then
      claim.text, claim.note = nil, nil
      return claim
    end
    claim = parts.shared:claim(entry, seconds, in_hurry)
    claim = claim and claim.state ~= "fresh" and claim or nil
    if claim then
      claim.text, claim.note = nil, nil
    end
  end
  return claim
end

--- Gets an entry, holding this machine's lock for it.
local function obtain(parts, entry, ends)
  local text, note = (parts.store:get(entry.id)), (parts.store:note(entry.id))
  local claim
  if parts.shared then
    claim = claim_of(parts, entry, math.max(ends - clock.now(), 0.1), text == nil)
  end
  if claim then
    local found, err, from = from_shared(parts, entry, claim, text)
    if found or err then
      return found, err, from
    end
    text, note = text or claim.text, text and note or claim.note
  end
  return fetch(parts, entry, ends, text, note, claim)
end

--- Gets an entry if no other worker does.
--- @return boolean tried
--- @return string? text
--- @return posthog.llm.Error? err
--- @return string? from
local function try(parts, entry, ends)
  local dict = parts.store.dict
  local token = lock.take(dict, entry.id, parts.wait + 1)
  if not token then
    return false
  end
  local text, fresh = parts.store:get(entry.id) -- another worker may have been here just before
  if fresh then
    lock.release(dict, entry.id, token)
    return true, text, nil, "waited"
  end
  local ok, err, from
  ok, text, err, from = pcall(obtain, parts, entry, ends)
  lock.release(dict, entry.id, token)
  if not ok then
    error(text, 0)
  end
  return true, text, err, from
end

--- A new copy of an entry, or why there is none: by this worker or another one.
--- @return string? text
--- @return posthog.llm.Error? err nil with a text of nil: it took too long
--- @return string? from
local function resolve(parts, entry)
  local ends, pause = clock.now() + parts.wait, FIRST_LOOK
  repeat
    local text, fresh = parts.store:get(entry.id)
    if fresh then
      return text, nil, "waited"
    end
    local failure = parts.store:failure(entry.id)
    if failure then
      return nil, failure, "waited"
    end
    local tried, err, from
    tried, text, err, from = try(parts, entry, ends)
    if tried then
      return text, err, from
    end
    clock.sleep(pause)
    pause = math.min(pause * 1.5, LAST_LOOK)
  until clock.now() >= ends
end

local function too_long(parts, entry)
  return errors.new({
    kind = "timeout",
    message = ("waited %g s for another request that fetches %s"):format(parts.wait, entry.title),
    host = parts.client._origin,
  })
end

--- A fresh copy; waits for one.
--- @param parts posthog.llm.CacheParts
--- @param entry posthog.llm.CacheEntry
--- @return string? text
--- @return posthog.llm.Error? err
--- @return string? from
function entries.wait_for(parts, entry)
  local text, err, from = flights.join(parts.flights, entry.id, parts.wait, function()
    return resolve(parts, entry)
  end)
  if not text and not err then
    return nil, too_long(parts, entry), "waited"
  end
  return text, err, from
end

--- Replaces an old copy, in the background.
local function refresh(parts, entry)
  local _, fresh = parts.store:get(entry.id)
  if not fresh and not parts.store:has_failure(entry.id) then
    try(parts, entry, clock.now() + parts.wait)
  end
end

--- @param parts posthog.llm.CacheParts
--- @param id string
--- @param make fun(parts: posthog.llm.CacheParts, id: string, ...: any): posthog.llm.CacheEntry
---   called only when the dictionary has no fresh copy
--- @param ... any for `make`
--- @return string? text
--- @return posthog.llm.Error? err
--- @return string from
function entries.find(parts, id, make, ...)
  local dict = parts.store.dict
  local text, fresh = parts.store:get(id)
  if fresh then
    stats.count(dict, "hit")
    return text, nil, "hit"
  elseif text then
    if not parts.store:has_failure(id) then
      background.add(parts.queue, make(parts, id, ...), refresh, parts)
    end
    stats.count(dict, "stale")
    return text, nil, "stale"
  end
  local err, from = parts.store:failure(id), "hit"
  if not err then
    err = hosts.current().unavailable()
  end
  if not err then
    text, err, from = entries.wait_for(parts, make(parts, id, ...))
  end
  stats.count(dict, text and from or "error")
  return text, err, from
end

return entries
