--- The kinds of entries: a skill as it is now, a version, a file, the list of all skills.

local entries = require("posthog.llm.cache.entries")
local json = require("posthog.llm.json")
local server = require("posthog.llm.cache.server")
local stats = require("posthog.llm.cache.stats")

local kinds = {}

--- Seconds. A version does not change, but a skill may be archived, and another made of its name.
local VERSION_TTL = 86400
local LIST_NAME = "\nlist" -- no skill has a line break in its name

--- Errors by which the server says nothing of the one skill: it would not answer for that either.
local NO_ANSWER = { network = true, timeout = true, tls = true, rate_limited = true }

local function new_list(parts)
  return {
    id = parts.store:id(LIST_NAME, "list"),
    key = "list",
    name = LIST_NAME,
    title = "the list of skills",
    ttl = parts.ttl,
    fetch = server.list,
    is_copy = server.is_copy,
    longest = server.longest,
    most = server.NO_LIST_SECONDS,
  }
end

--- Whether the list of skills shows that this copy is still the newest.
--- @return number? seconds that it is fresh
--- @return posthog.llm.Error? err the server does not answer
local function confirm(parts, name, note)
  local list = new_list(parts)
  local text, err, from = entries.wait_for(parts, list)
  if from == "stale" then
    err = parts.store:failure(list.id)
  end
  if not text or from == "stale" then
    return nil, err and NO_ANSWER[err.kind] and err or nil
  end
  local rows = json.decode(text).rows
  local left = parts.store:left(list.id)
  return rows and rows[name] == note and left > 0 and left or nil
end

--- Fetches the newest version, or finds by the list that the copy is that. Of its owners the list says
--- nothing: who keeps them asks.
local function fetch_newest(parts, entry, ends, text, note)
  if text and note and note ~= "" and not parts.keep_users then
    local seconds, err = confirm(parts, entry.skill, note)
    if err then
      return nil, err
    elseif seconds then
      stats.count(parts.store.dict, "confirmed")
      return text, note, seconds
    end
  end
  return server.skill(parts, entry, ends)
end

--- @param parts posthog.llm.CacheParts
--- @param id string
--- @param name string
--- @param version? integer
--- @return posthog.llm.CacheEntry
function kinds.skill(parts, id, name, version)
  return {
    id = id,
    key = version and ("version:%d:%s"):format(version, name) or "skill:" .. name,
    name = name,
    title = ("skill %q"):format(name) .. (version and " version " .. version or ""),
    ttl = version and VERSION_TTL or parts.ttl,
    fetch = version and server.skill or fetch_newest,
    is_copy = server.is_copy,
    skill = name,
    version = version,
  }
end

--- @param parts posthog.llm.CacheParts
--- @param id string
--- @param name string
--- @param path string
--- @param version integer
--- @param key string
--- @return posthog.llm.CacheEntry
function kinds.file(parts, id, name, path, version, key)
  return {
    id = id,
    key = key,
    name = name,
    title = ("file %q of skill %q version %d"):format(path, name, version),
    ttl = VERSION_TTL,
    fetch = server.file,
    is_copy = server.is_copy,
    skill = name,
    version = version,
    path = path,
  }
end

return kinds
