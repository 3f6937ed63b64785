--- The row in which requests wait that one set of limits holds back: first
--- come, first served. Each takes the next place, and with it a time to go.
--- Exact for the windows that the server counts: of any n + 1 requests, the
--- first and the last are a whole window apart.

--- What a line keeps its times in: PaceMemory or PaceDict.
--- @class posthog.llm.PaceTimes
--- @field last fun(self): integer
--- @field get fun(self, i: integer): number?
--- @field add fun(self, i: integer, at: number, now: number): boolean?, string?
--- @field set fun(self, i: integer, at: number, now: number)
--- @field idle fun(self, now: number): boolean

--- @class posthog.llm.PaceWindow
--- @field most integer requests
--- @field seconds number
--- @field words string what it is called in an error

--- @class posthog.llm.PaceLine
--- @field private _windows posthog.llm.PaceWindow[]
--- @field private _times posthog.llm.PaceTimes when each place went out, or will; ascending
--- @field private _blocks posthog.llm.PaceTimes until when the server wants none; ascending
local Line = {}
Line.__index = Line

local queue = {
  --- Seconds. A window is longer by it, since requests do not all take the
  --- same time to arrive; and who is later than that has lost his place.
  SLACK = 0.25,
}

--- @param windows posthog.llm.PaceWindow[]
--- @param times posthog.llm.PaceTimes
--- @param blocks posthog.llm.PaceTimes
--- @return posthog.llm.PaceLine
function queue.new(windows, times, blocks)
  return setmetatable({ _windows = windows, _times = times, _blocks = blocks }, Line)
end

--- In place of a time: it counts no more than the place before it.
local GIVEN_UP = -1

--- @return number? at when the request in a place went out, or will
local function time_of(times, place)
  local at = times:get(place)
  while at == GIVEN_UP do
    place = place - 1
    at = times:get(place)
  end
  return at
end

--- The newest entry, which no entry is later than.
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

--- When the request in a place may go out.
--- @return number at not before `now`
--- @return string? why what holds it back
local function due(self, place, now)
  local at, why = now, nil
  local before = time_of(self._times, place - 1)
  if before and before > at then
    at, why = before, "after others that wait"
  end
  for _, window in ipairs(self._windows) do
    local first = time_of(self._times, place - window.most)
    local free = first and first + window.seconds + queue.SLACK
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

--- Takes the next place.
--- @param now number
--- @param expires number the latest time to go
--- @return integer? place nil: it would be later, and no place is taken; false: it cannot
--- @return number|string at when the request may go out; or the problem
--- @return string? why what holds it back, such as "to stay within 480 requests a minute"
function Line:take(now, expires)
  local place = self._times:last()
  local at, why, added, problem
  repeat
    place = place + 1
    at, why = due(self, place, now)
    if at >= expires then
      return nil, at, why
    end
    added, problem = self._times:add(place, at, now)
  until added ~= false
  if not added then
    return false, problem
  end
  return place, at, why
end

--- Looks again when the request in a place may go out: somebody ahead may have
--- given up, or the server asked to wait.
--- @return number at
--- @return string? why
function Line:look(place, now)
  local times = self._times
  local at, why = due(self, place, now)
  times:set(place, at, now)
  -- Those behind may not look for a while, and others count on their times.
  local behind = place + 1
  local time = times:get(behind)
  while time and time < at do
    if time ~= GIVEN_UP then
      times:set(behind, at, now)
    end
    behind = behind + 1
    time = times:get(behind)
  end
  return at, why
end

--- Gives a place back.
function Line:give_up(place, now)
  self._times:set(place, GIVEN_UP, now)
end

--- Lets nobody go before `to`.
--- @param to number
--- @param now number
function Line:block(to, now)
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
--- @return number? wait seconds until the server, which asked to wait, wants one again
function Line:left(now)
  local times, windows = self._times, {}
  local last = times:last()
  for i, window in ipairs(self._windows) do
    local used = 0
    while used < window.most do
      local at = time_of(times, last - used)
      if not at or at + window.seconds + queue.SLACK <= now then
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
--- @return boolean whether it remembers nothing that counts
function Line:idle(now)
  return self._times:idle(now) and self._blocks:idle(now)
end

return queue
