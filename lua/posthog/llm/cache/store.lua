--- The entries of a cache in a lua_shared_dict, where all workers of the machine see them.
---
--- An entry is a text, ready to be served; the flags of nginx's dictionary hold until when it is
--- fresh, so that a hit is one look-up. A purge deletes nothing: it changes the number that is a
--- part of the ids of a name, or of all names. So a fetch that began before the purge stores its
--- result where nobody looks for it any more; nginx removes such entries first, as the least used.

local errors = require("posthog.llm.util.errors")
local json = require("posthog.llm.json")

--- @class posthog.llm.CacheStore
--- @field dict table the lua_shared_dict
--- @field private _account string the start of all ids: two caches may share a dictionary
--- @field private _most integer bytes of an entry
local Store = {}
Store.__index = Store

local store = {}

local TICKS = 16 -- of the flags, a second
local WRAP = 2 ^ 31 -- the flags are an int of C
local PART = 4 -- no entry takes more than this part of the dictionary
local ALL = "all"

--- @param dict table
--- @param account string whose entries these are
--- @return posthog.llm.CacheStore
function store.new(dict, account)
  local self = { dict = dict, _account = account, _most = math.floor(dict:capacity() / PART) }
  return setmetatable(self, Store)
end

--- The id of an entry at this time: a purge changes it.
--- @param name string whose purge it follows
--- @param rest string
--- @return string id
function Store:id(name, rest)
  local account, dict = self._account, self.dict
  local all = dict:get(account .. ALL) or 0
  local own = dict:get(account .. "purged " .. name) or 0
  return account .. all .. "." .. own .. " " .. rest
end

--- @param name? string nil: all
function Store:purge(name)
  self.dict:incr(self._account .. (name and "purged " .. name or ALL), 1, 0)
end

--- @param id string
--- @return string? text
--- @return boolean? fresh
function Store:get(id)
  local text, flags = self.dict:get(id)
  if text then
    return text, ((flags or 0) - ngx.now() * TICKS) % WRAP < WRAP / 2
  end
end

--- @param id string
--- @return number seconds that it is still fresh, 0 when it is not
function Store:left(id)
  local text, flags = self.dict:get(id)
  local left = text and ((flags or 0) - ngx.now() * TICKS) % WRAP or 0
  return left < WRAP / 2 and left / TICKS or 0
end

--- What is known of the entry besides its text, such as a skill's version.
--- @param id string
--- @return string? note
--- @return boolean? fresh
function Store:note(id)
  return self:get("note " .. id)
end

--- @param id string
--- @param text string
--- @param note? string
--- @param fresh number seconds, from 0
--- @param stale number seconds
--- @return boolean stored
--- @return string? err why not
--- @return boolean? evicted others had to go for it
function Store:put(id, text, note, fresh, stale)
  local life = math.max(fresh + stale, 0.001)
  if #text > self._most then
    local words =
      "%d bytes, and the lua_shared_dict takes %d for one entry at most: a quarter of it"
    return false, words:format(#text, self._most)
  end
  local flags = math.ceil((ngx.now() + fresh) * TICKS) % WRAP
  local ok, err, evicted = self.dict:set(id, text, life, flags)
  if ok and note then
    self.dict:set("note " .. id, note, life, flags)
  end
  return ok or false, err, evicted
end

--- @param id string
function Store:remove(id)
  self.dict:delete(id)
  self.dict:delete("note " .. id)
end

--- Stores why an entry could not be fetched.
--- @param id string
--- @param text string JSON of store.encode
--- @param seconds number 0: it is not stored
function Store:fail(id, text, seconds)
  if seconds > 0 then
    self.dict:set("failure " .. id, text, seconds)
  end
end

--- @param id string
--- @return posthog.llm.Error? err
function Store:failure(id)
  local text = self.dict:get("failure " .. id)
  return text and store.decode(text)
end

--- @param id string
--- @return boolean
function Store:has_failure(id)
  return self.dict:get("failure " .. id) ~= nil
end

--- @param id string
function Store:forgive(id)
  self.dict:delete("failure " .. id)
end

--- An error as JSON: its fields that are not tables.
--- @param err posthog.llm.Error
--- @return string
function store.encode(err)
  local fields = {}
  for name, value in pairs(err) do
    if type(value) == "string" and not json.encode(value) then
      value = value:gsub("[\128-\255]", "?") -- no UTF-8: it may have come in a header
    end
    if type(value) ~= "table" and type(value) ~= "userdata" then
      fields[name] = value
    end
  end
  return assert(json.encode(fields))
end

--- @param text string
--- @return posthog.llm.Error
function store.decode(text)
  local fields = json.decode(text)
  if type(fields) ~= "table" or not fields.kind then
    fields = { kind = "decode", message = "the cache has an entry that it did not write" }
  end
  return errors.new(fields)
end

return store
