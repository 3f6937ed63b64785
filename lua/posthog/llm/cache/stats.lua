--- What a cache counts, in its lua_shared_dict: for all workers of the machine.

local stats = {}

--- Where results come from: what `from` may be, and the errors.
stats.RESULTS = { "hit", "stale", "miss", "waited", "shared", "error" }

--- The other counters, with the words for Prometheus.
stats.COUNTERS = {
  { "requests", "Calls to the server, retries of the client not counted." },
  { "failures", "Fetches that failed, not counted those of what the server does not have." },
  { "confirmed", "Copies that the list of skills showed to be still new, without a request." },
  { "evicted", "Entries for which the dictionary had to drop others before their time." },
  { "too_large", "Results that are too large for the dictionary." },
  { "purges", "Purges of one name or all, those of other machines included." },
}

local PREFIX = "count "

--- @param dict table
--- @param name string
--- @param by? integer
function stats.count(dict, name, by)
  dict:incr(PREFIX .. name, by or 1, 0)
end

--- @param dict table
--- @param name string
--- @return integer
local function read(dict, name)
  return dict:get(PREFIX .. name) or 0
end

--- What a cache has counted on this machine, since nginx was started.
--- @class posthog.llm.CacheStats
--- @field hit integer fresh copies served
--- @field stale integer old copies served
--- @field miss integer results that this request got from the server
--- @field waited integer results that another request got
--- @field shared integer results that another machine got
--- @field error integer requests that got an error, also a stored one
--- @field requests integer calls to the server, retries of the client not counted
--- @field failures integer fetches that failed, not counted those of what the server does not have
--- @field confirmed integer copies that the list of skills showed to be still new, without a
---   request
--- @field evicted integer entries for which the dictionary had to drop others before their time
--- @field too_large integer results that are too large for the dictionary
--- @field purges integer purges of one name or all, those of other machines included
--- @field capacity_bytes integer of the dictionary
--- @field free_bytes integer of its free pages
--- @field redis? boolean whether it answered this worker's last call; nil: the cache has none

--- @param self posthog.llm.CacheParts
--- @return posthog.llm.CacheStats
function stats.read(self)
  local dict, counters = self.store.dict, {}
  for _, name in ipairs(stats.RESULTS) do
    counters[name] = read(dict, name)
  end
  for _, counter in ipairs(stats.COUNTERS) do
    counters[counter[1]] = read(dict, counter[1])
  end
  counters.capacity_bytes = dict:capacity()
  counters.free_bytes = dict:free_space()
  if self.shared then
    counters.redis = self.shared:answers()
  end
  return counters
end

local FAMILY = "posthog_llm_cache_"

local function add(lines, name, kind, help, values)
  lines[#lines + 1] = ("# HELP %s%s %s"):format(FAMILY, name, help)
  lines[#lines + 1] = ("# TYPE %s%s %s"):format(FAMILY, name, kind)
  for _, value in ipairs(values) do
    lines[#lines + 1] = ("%s%s%s %.0f"):format(FAMILY, name, value[2] or "", value[1])
  end
end

--- In the text format of Prometheus.
--- @param counters posthog.llm.CacheStats
--- @return string
function stats.metrics(counters)
  local lines, results = {}, {}
  for i, name in ipairs(stats.RESULTS) do
    results[i] = { counters[name], ('{from="%s"}'):format(name) }
  end
  add(lines, "results_total", "counter", "Results served, by where they came from.", results)
  for _, counter in ipairs(stats.COUNTERS) do
    add(lines, counter[1] .. "_total", "counter", counter[2], { { counters[counter[1]] } })
  end
  local capacity, free = { { counters.capacity_bytes } }, { { counters.free_bytes } }
  add(lines, "capacity_bytes", "gauge", "Size of the lua_shared_dict.", capacity)
  add(lines, "free_bytes", "gauge", "Bytes in its free pages.", free)
  if counters.redis ~= nil then
    local up = { { counters.redis and 1 or 0 } }
    add(lines, "redis_up", "gauge", "Whether Redis answered the last call of this worker.", up)
  end
  return table.concat(lines, "\n") .. "\n"
end

return stats
