--- The times of one queue of requests, in the memory of this process.

--- @class posthog.llm.RateMemory: posthog.llm.RateTimes
--- @field private _times table<integer, number>
--- @field private _first integer the oldest entry still stored
--- @field private _last integer
--- @field private _keep number seconds after its time that an entry still counts
local Memory = {}
Memory.__index = Memory

local memory = {}

--- @param keep number seconds after its time that an entry still counts
--- @return posthog.llm.RateMemory
function memory.new(keep)
  return setmetatable({ _times = {}, _first = 1, _last = 0, _keep = keep }, Memory)
end

--- @return integer last the newest entry
function Memory:last()
  return self._last
end

--- @return number? at nil: no such entry, or one too old to count
function Memory:get(i)
  return self._times[i]
end

--- Appends entry `i`.
--- @param i integer
--- @param at number
--- @param now number
--- @return boolean added always true: nothing else adds to it
function Memory:add(i, at, now)
  local times = self._times
  while self._first < i and (times[self._first] or 0) + self._keep < now do
    times[self._first] = nil
    self._first = self._first + 1
  end
  times[i] = at
  self._last = i
  return true
end

--- Changes an entry.
function Memory:set(i, at)
  self._times[i] = at
end

--- @param now number
--- @return boolean whether all its entries are too old to count
function Memory:idle(now)
  return (self._times[self._last] or 0) + self._keep < now
end

return memory
