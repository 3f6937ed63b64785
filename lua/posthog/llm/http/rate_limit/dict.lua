--- The times of one queue of requests, in a lua_shared_dict of nginx, where all workers see them.
--- Entries are only appended, each by an atomic `add` under its own number: when two workers try
--- the same number, one succeeds and the other tries the next. So there is no lock that a dead
--- worker could leave behind, and no entry is lost with a worker.

--- @class posthog.llm.RateDict: posthog.llm.RateTimes
--- @field private _dict table
--- @field private _name string
--- @field private _prefix string of its keys: a digest, since other code may list them
--- @field private _keep number seconds after its time that an entry still counts
local Dict = {}
Dict.__index = Dict

local dict = {}

--- Seconds that an entry is stored longer than needed: nginx expires it by a clock of its own, that
--- of its last event.
local MARGIN = 5
--- The same for a position that was given up: it counts as the one before it, which may be delayed
--- by up to a day.
local A_DAY = 86400
--- Seconds that the number of the newest entry is stored longer than that entry.
local LAST_MARGIN = 5

--- @param name string
--- @param keep number seconds after its time that an entry still counts
--- @param ... string what is counted, the API key included
--- @return posthog.llm.RateDict?
--- @return string? err
function dict.new(name, keep, ...)
  local ngx = rawget(_G, "ngx")
  if not ngx then
    return nil, "pace.dict: shared dictionaries exist in nginx only"
  elseif not ngx.shared[name] then
    return nil, ("pace.dict: nginx has no lua_shared_dict %q"):format(name)
  end
  return setmetatable({
    _dict = ngx.shared[name],
    _name = name,
    _prefix = ngx.encode_base64(ngx.sha1_bin(table.concat({ ... }, "\0"))) .. " ",
    _keep = keep,
  }, Dict)
end

--- @return integer last the newest known entry; another worker may have added one since
function Dict:last()
  return self._dict:get(self._prefix .. "last") or 0
end

local function key_of(self, i)
  return ("%s%d"):format(self._prefix, i)
end

--- @return number? at nil: no such entry, or one too old to count
function Dict:get(i)
  return (self._dict:get(key_of(self, i)))
end

local function lifetime(self, at, now)
  return math.max(0, at - now) + self._keep + (at < 0 and A_DAY or MARGIN)
end

--- Appends entry `i`.
--- @return boolean? added false: another worker has just added it; nil: an error
--- @return string? err
function Dict:add(i, at, now)
  local store, key, life = self._dict, key_of(self, i), lifetime(self, at, now)
  local ok, err = store:safe_add(key, at, life)
  if err == "no memory" then -- nginx itself removed only some of the expired ones
    store:flush_expired()
    ok, err = store:safe_add(key, at, life)
  end
  if ok then
    store:safe_set(self._prefix .. "last", i, life + LAST_MARGIN)
  elseif err ~= "exists" then
    return nil, ("pace.dict: lua_shared_dict %q: %s"):format(self._name, err)
  end
  return ok or false
end

--- Changes an entry.
function Dict:set(i, at, now)
  self._dict:safe_set(key_of(self, i), at, lifetime(self, at, now))
end

--- Always true: this process holds none of its data.
function Dict:idle()
  return true
end

return dict
