--- What a worker does behind the requests: old copies are replaced by one timer a worker, a few at a
--- time, so that a thousand of them need no thousand timers.

local log = require("posthog.llm.cache.log")

local background = {}

local AT_ONCE = 8
local MOST = 1000 -- waiting; more are left to later requests

--- @class posthog.llm.CacheQueue
--- @field first integer
--- @field last integer
--- @field items table<integer, posthog.llm.CacheEntry>
--- @field known table<string, boolean> by id
--- @field running boolean

--- @return posthog.llm.CacheQueue
function background.new()
  return { first = 1, last = 0, items = {}, known = {}, running = false }
end

local function next_of(queue)
  local entry = queue.items[queue.first]
  if entry then
    queue.items[queue.first] = nil
    queue.first = queue.first + 1
  end
  return entry
end

local function work(queue, act, parts)
  local entry = next_of(queue)
  while entry do
    local ok, err = pcall(act, parts, entry)
    queue.known[entry.id] = nil
    if not ok then
      log.warn(parts.store.dict, "error", entry.title, ": ", tostring(err))
    end
    entry = next_of(queue)
  end
end

local function drain(premature, queue, act, parts)
  if not premature then
    local threads = {}
    for i = 1, math.min(AT_ONCE, queue.last - queue.first + 1) - 1 do
      threads[i] = ngx.thread.spawn(work, queue, act, parts)
    end
    work(queue, act, parts)
    for _, thread in ipairs(threads) do
      ngx.thread.wait(thread)
    end
  end
  queue.running = false
end

--- @param queue posthog.llm.CacheQueue
--- @param entry posthog.llm.CacheEntry
--- @param act fun(parts: posthog.llm.CacheParts, entry: posthog.llm.CacheEntry)
--- @param parts posthog.llm.CacheParts
function background.add(queue, entry, act, parts)
  if queue.known[entry.id] or queue.last - queue.first >= MOST then
    return
  end
  queue.last = queue.last + 1
  queue.items[queue.last] = entry
  queue.known[entry.id] = true
  if not queue.running then
    queue.running = ngx.timer.at(0, drain, queue, act, parts) and true or false
  end
end

return background
