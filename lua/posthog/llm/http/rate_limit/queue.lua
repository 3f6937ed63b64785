--- The queue of the requests that one set of limits holds back, first come, first served. Each
--- request takes the next position, and with it the time at which it may go out. Exact for sliding
--- windows: for a limit of n, the first and the last of any n + 1 requests are at least a window
--- apart.

--- The storage of a queue's times: RateMemory or RateDict.
--- @class posthog.llm.RateTimes
--- @field last fun(self): integer
--- @field get fun(self, i: integer): number?
--- @field add fun(self, i: integer, at: number, now: number): boolean?, string?
--- @field set fun(self, i: integer, at: number, now: number)
--- @field idle fun(self, now: number): boolean

--- @class posthog.llm.RateWindow
--- @field most integer requests
--- @field seconds number
--- @field words string its name in errors, such as "to stay within 480 requests a minute"

--- @class posthog.llm.RateQueue
--- @field private _windows posthog.llm.RateWindow[]
--- @field private _times posthog.llm.RateTimes when each position went out, or will; ascending
--- @field private _blocks posthog.llm.RateTimes until when the server asked to wait; ascending
local Queue = {}
Queue.__index = Queue

local queue = {
  --- Seconds. Each window is longer by this, since requests do not all take the same time to
  --- arrive. A request that goes out later than this after its time has lost its position.
  MARGIN = 0.25,
}

--- @param windows posthog.llm.RateWindow[]
--- @param times posthog.llm.RateTimes
--- @param blocks posthog.llm.RateTimes
--- @return posthog.llm.RateQueue
function queue.new(windows, times, blocks)
  return setmetatable({ _windows = windows, _times = times, _blocks = blocks }, Queue)
end

--- In place of a time: the position was given up, and counts as the one before it.
local GIVEN_UP = -1

--- @return number? at when the request in a position went out, or will
local function time_of(times, position)
  local at = times:get(position)
  while at == GIVEN_UP do
    position = position - 1
    at = times:get(position)
  end
  return at
end

--- The newest entry, which has the latest time.
local function newest(times)
  local i = times:last()
  local at = times:get(i)
  local after = times:get(i + 1)
  while after do
    i, at = i + 1, after
    after = times:get(i + 1)
  end
  return i, at
end

--- When the request in a position may go out.
--- @return number at not before `now`
--- @return string? why the end of a sentence: what holds it back
local function due(self, position, now)
  local at, why = now, nil
  local before = time_of(self._times, position - 1)
  if before and before > at then
    at, why = before, "after others that wait"
  end
  for _, window in ipairs(self._windows) do
    local first = time_of(self._times, position - window.most)
    local free = first and first + window.seconds + queue.MARGIN
    if free and free > now and free >= at then
      at, why = free, window.words
    end
  end
  local _, blocked = newest(self._blocks)
  if blocked and blocked > now and blocked >= at then
    at, why = blocked, "since the server asked to wait (429)"
  end
  return at, why
end

--- Takes the next position.
--- @param now number
--- @param expires number the latest time to go out
--- @return integer? position nil: it would be later, and no position is taken; false: an error
--- @return number|string at when the request may go out; or the error
--- @return string? why what holds it back, such as "to stay within 480 requests a minute"
function Queue:take(now, expires)
  local position = self._times:last()
  local at, why, added, err
  repeat
    position = position + 1
    at, why = due(self, position, now)
    if at >= expires then
      return nil, at, why
    end
    added, err = self._times:add(position, at, now)
  until added ~= false
  if not added then
    return false, err
  end
  return position, at, why
end

--- Computes again when the request in a position may go out: one ahead may have been given up, or
--- the server may have asked to wait.
--- @return number at
--- @return string? why
function Queue:recheck(position, now)
  local times = self._times
  local at, why = due(self, position, now)
  times:set(position, at, now)
  -- Requests after it may not recheck for a while, and new ones rely on their times.
  local following = position + 1
  local time = times:get(following)
  while time and time < at do
    if time ~= GIVEN_UP then
      times:set(following, at, now)
    end
    following = following + 1
    time = times:get(following)
  end
  return at, why
end

--- Releases a position whose request is not sent.
function Queue:give_up(position, now)
  self._times:set(position, GIVEN_UP, now)
end

--- Holds all requests back until `to`.
--- @param to number
--- @param now number
function Queue:block(to, now)
  local blocks = self._blocks
  local i, at = newest(blocks)
  while not at or at < to do
    if blocks:add(i + 1, to, now) ~= false then
      return
    end
    i, at = newest(blocks)
  end
end

--- How many requests may go out at once, by window.
--- @param now number
--- @return { left: integer, most: integer, seconds: number }[]
--- @return number? wait seconds until the end of the wait that the server asked for
function Queue:left(now)
  local times, windows = self._times, {}
  local last = times:last()
  for i, window in ipairs(self._windows) do
    local used = 0
    while used < window.most do
      local at = time_of(times, last - used)
      if not at or at + window.seconds + queue.MARGIN <= now then
        break
      end
      used = used + 1
    end
    windows[i] = { left = window.most - used, most = window.most, seconds = window.seconds }
  end
  local _, blocked = newest(self._blocks)
  return windows, blocked and blocked > now and blocked - now or nil
end

--- @param now number
--- @return boolean whether it has no entry that still counts
function Queue:idle(now)
  return self._times:idle(now) and self._blocks:idle(now)
end

return queue
