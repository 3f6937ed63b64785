--- The requests of this process that wait for a store to count them, first come, first served: what
--- RateQueue does for times that it can read itself, for a count that only a store knows (Redis, or
--- the program's own). One request asks at a time, for all that wait.
---
--- The store's answer to `take` is a number of seconds. 0: one request is counted, and goes now.
--- More: none is counted, and the store is asked again after that time. It may grant more than one,
--- up to `wanted`: those are used within LIFE seconds, or given back.

local check = require("posthog.llm.util.check")
local clock = require("posthog.llm.host.clock")
local queue = require("posthog.llm.http.rate_limit.queue")

--- A store that this library brings has one method more than a program's (store_meta.lua).
--- @class posthog.llm.OwnStore: posthog.llm.PaceStore
--- @field later? fun(self, seconds: number, f: function) calls f after a time, if the host has
---   timers

--- One of the limits that a store counts.
--- @class posthog.llm.PaceWindow
--- @field limit integer requests
--- @field seconds number 1.25 more than the server's window, since requests do not all take the
---   same time to arrive

--- A waiting request, in a list of all.
--- @class posthog.llm.Turn
--- @field seen number when it was last known to wait
--- @field before? posthog.llm.Turn
--- @field after? posthog.llm.Turn
--- @field gone? boolean it is not in the list

--- @class posthog.llm.Turns
--- @field private _store posthog.llm.PaceStore
--- @field private _key string
--- @field private _limits posthog.llm.RateWindow[]
--- @field private _windows posthog.llm.PaceWindow[]
--- @field private _first? posthog.llm.Turn
--- @field private _last? posthog.llm.Turn
--- @field private _waiting integer
--- @field private _granted integer requests that the store has counted and that have not gone
--- @field private _last_grant integer
--- @field private _granted_until number
--- @field private _ask_at number before it, the store says no
--- @field private _ask_again number when it is asked all the same
--- @field private _asking_until number while a request asks
--- @field private _held number nothing goes before: after a 429
--- @field private _why? string
--- @field private _went integer since _since
--- @field private _since number when the store was asked last
--- @field private _timer? boolean give_back_later has begun
--- @field private _keep number seconds of the longest window
local Turns = {}
Turns.__index = Turns

local turns = {
  --- Seconds that a grant may be used.
  LIFE = 1,
}

local LIFE = turns.LIFE
local ASK_AGAIN = 0.005 -- seconds until the answer to another's question is looked at
local LONGEST_ASK = 3 -- seconds; longer: the light thread that asked was killed
local DEAD = 2 -- seconds without a look, after which a waiting request has ended
-- A wait below the resolution of the clock would never end, and no other request would run.
local SHORTEST_WAIT = 0.002
local LONGEST_WAIT = 60 -- seconds until the store is asked again, however long it says to wait
local SPARE = 0.01 -- seconds
local LATE = 0.05 -- seconds until a store is asked again that took longer than a grant lasts
local WHY = "since the store of pace says so"
local HELD = "since the server asked to wait (429)"

--- @param store posthog.llm.PaceStore
--- @param key string
--- @param limits posthog.llm.RateWindow[]
--- @return posthog.llm.Turns
function turns.new(store, key, limits)
  local windows, longest = {}, 0
  for i, window in ipairs(limits) do
    windows[i] = { limit = window.most, seconds = window.seconds + queue.MARGIN + LIFE }
    longest = math.max(longest, windows[i].seconds)
  end
  return setmetatable({
    _store = store,
    _key = key,
    _limits = limits,
    _windows = windows,
    _waiting = 0,
    _granted = 0,
    _last_grant = 0,
    _granted_until = 0,
    _ask_at = 0,
    _ask_again = 0,
    _keep = longest,
    _asking_until = 0,
    _held = 0,
    _went = 0,
    _since = clock.now(),
  }, Turns)
end

local function join(self, turn)
  turn.gone, turn.before, turn.after = nil, self._last, nil
  if self._last then
    self._last.after = turn
  else
    self._first = turn
  end
  self._last = turn
  self._waiting = self._waiting + 1
end

local function leave(self, turn)
  if turn.gone then
    return
  end
  turn.gone = true
  if turn.before then
    turn.before.after = turn.after
  else
    self._first = turn.after
  end
  if turn.after then
    turn.after.before = turn.before
  else
    self._last = turn.before
  end
  self._waiting = self._waiting - 1
end

--- Whether a grant is there for it: for as many as wait before it, too.
local function is_served(self, turn, now)
  local other, served = self._first, 0
  while other and served < self._granted do
    if other == turn then
      return true
    end
    local following = other.after
    if now - other.seen > DEAD then
      leave(self, other)
    else
      served = served + 1
    end
    other = following
  end
  return false
end

--- Calls a method of the store.
--- @return boolean? ok
--- @return any value or the error's text
--- @return any second
--- @return any third
--- @return any fourth
local function call(self, method, ...)
  local store = self._store
  local ok, value, second, third, fourth = pcall(store[method], store, self._key, ...)
  if not ok then
    return nil, ("pace.store: %s raised: %s"):format(method, tostring(value))
  end
  return true, value, second, third, fourth
end

--- @param last boolean no question follows at once
local function give_back_old(self, now, last)
  local count = math.min(self._granted, self._last_grant)
  if self._granted > 0 and now > self._granted_until then
    self._granted = 0
    if count > 0 and self._store.give_back then
      call(self, "give_back", count, now, last)
    end
  end
end

--- Sees to it that what is not used is given back, also when no other request comes.
local function give_back_later(self)
  if self._timer or not self._store.later then
    return
  end
  self._timer = true
  self._store:later(LIFE + SPARE, function()
    self._timer = nil
    give_back_old(self, clock.now(), true)
    if self._granted > 0 then
      give_back_later(self)
    end
  end)
end

--- Whether at least half of each limit is left, as far as the store knows: what is asked for in
--- vain is missing elsewhere.
local function is_plenty(self, now)
  local ok, left = true, nil
  if self._store.left then
    ok, left = call(self, "left", self._windows, now)
  end
  for i, window in ipairs(self._windows) do
    if
      ok
      and type(left) == "table"
      and type(left[i]) == "number"
      and left[i] < window.limit / 2
    then
      return false
    end
  end
  return true
end

--- What the waiting requests need, and those that will come while a grant lasts, by how many came.
local function wanted(self, now)
  local elapsed = math.max(now - self._since, LIFE)
  local expected = is_plenty(self, now) and math.floor(self._went * LIFE / elapsed) or 0
  self._went, self._since = 0, now
  return math.max(1, self._waiting - self._granted + expected)
end

local NUMBER = "pace.store: take returned %s: a finite number of seconds to wait expected, 0 to go"

--- @return number? wait
--- @return any count number granted; or the error's text
--- @return string? why
--- @return number? again seconds until it is of use to ask again
local function answer(self, most, now)
  local ok, wait, count, why, again = call(self, "take", self._windows, now, most)
  if not ok then
    return nil, wait
  elseif wait == nil and type(count) == "string" then
    return nil, count:find("^pace%.") and count or "pace.store: " .. count
  elseif type(wait) ~= "number" or wait ~= wait or wait == math.huge then
    local got = type(wait) == "number" and tostring(wait) or check.type_name(wait)
    return nil, NUMBER:format(got)
  elseif wait > 0 then
    again = type(again) == "number" and again > 0 and again or LONGEST_WAIT
    return math.max(wait, SHORTEST_WAIT), 0, type(why) == "string" and why or WHY, again
  elseif count == nil then
    return 0, 1
  elseif type(count) ~= "number" or not (count >= 1 and count <= most) or count % 1 ~= 0 then
    local words = "pace.store: take granted %s: an integer from 1 to the number wanted expected"
    return nil, words:format(type(count) == "number" and tostring(count) or check.type_name(count))
  end
  return 0, count
end

local function wait_for(self, now, wait, why, again)
  self._ask_at, self._why = now + wait, why
  self._ask_again = now + math.min(wait, again)
end

--- Asks the store once.
--- @return string? err
local function ask(self, now)
  self._asking_until = now + LONGEST_ASK
  local most = wanted(self, now)
  local wait, count, why, again = answer(self, most, now)
  self._asking_until = 0
  local after = clock.now()
  if not wait then
    return count
  elseif wait > 0 then
    wait_for(self, after, wait, why, again)
  elseif after - now > LIFE then
    wait_for(self, after, LATE, "since the store of pace answers too late", LATE)
  else
    local older = self._granted > 0 and self._granted_until or math.huge
    self._granted = self._granted + count
    self._last_grant = count
    self._granted_until = math.min(now + LIFE, older)
    if self._granted > self._waiting then
      give_back_later(self)
    end
  end
end

--- @return number|false at not after `now`: it goes; false: an error
--- @return string? why or the error
local function look(self, turn, now)
  local began = now
  while true do
    turn.seen = now
    if turn.gone then -- it has not looked for so long that it was taken for dead
      join(self, turn)
    end
    give_back_old(self, now, false)
    if self._held > now then
      return self._held, HELD
    elseif is_served(self, turn, now) then
      self._granted = self._granted - 1
      self._went = self._went + 1
      leave(self, turn)
      return began
    elseif self._ask_at > now and self._ask_again > now then
      return self._ask_at, self._why
    elseif self._asking_until > now then
      return now + ASK_AGAIN, "behind another request that asks"
    end
    local err = ask(self, now)
    if err then
      leave(self, turn)
      return false, err
    end
    now = clock.now()
  end
end

--- Takes a place behind all that wait.
--- @param now number
--- @param expires number the latest time to go out
--- @return posthog.llm.Turn|false|nil turn nil: it would be later, and no place is taken; false: an
---   error
--- @return number|string at when it may go, or the store is asked again; or the error
--- @return string? why
function Turns:take(now, expires)
  local turn = { seen = now }
  join(self, turn)
  local at, why = look(self, turn, now)
  if not at then
    return false, why
  elseif at >= expires then
    leave(self, turn)
    return nil, at, why
  end
  return turn, at, why
end

--- @return number|false at false: an error
--- @return string? why or the error
function Turns:recheck(turn, now)
  return look(self, turn, now)
end

--- Releases the place of a request that is not sent.
function Turns:give_up(turn)
  leave(self, turn)
end

--- Holds all requests back until `to`, here and, by the store, elsewhere. An error of the store's
--- changes nothing here.
function Turns:block(to, now)
  self._held = math.max(self._held, to)
  if self._store.hold then
    call(self, "hold", to - now, now)
  end
end

--- @return { left: integer, most: integer, seconds: number }[]? nil: the store does not say
--- @return number? wait seconds until the end of the wait that the server asked for
function Turns:left(now)
  local ok, counts = true, nil
  if self._store.left then
    ok, counts = call(self, "left", self._windows, now)
  end
  local windows
  if ok and type(counts) == "table" then
    windows = {}
    for i, window in ipairs(self._limits) do
      local left = tonumber(counts[i]) or 0
      windows[i] = { left = left, most = window.most, seconds = window.seconds }
    end
  end
  return windows, self._held > now and self._held - now or nil
end

--- @param now number
--- @return boolean whether none of its requests waits or counts
function Turns:idle(now)
  return self._waiting == 0 and self._held <= now and now - self._since > self._keep
end

return turns
