--- A store of `pace` in Redis: one count for all machines of a key. The script is in
--- redis_script.lua, with the proof of its bound; here is what one worker knows.
---
--- Every grant is also counted here. So one worker stays within the limit whatever Redis answers,
--- and when Redis is away each goes on alone with its share: as many requests in a window as it was
--- granted in the last one, at most half of the limit, and at least its part of a twentieth for all
--- workers of the machine. A timer tries Redis again; the requests made meanwhile are then counted in
--- Redis too.

local clock = require("posthog.llm.host.clock")
local memory = require("posthog.llm.http.rate_limit.memory")
local queue = require("posthog.llm.http.rate_limit.queue")
local redis = require("posthog.llm.host.redis")
local redis_check = require("posthog.llm.host.redis_check")
local redis_script = require("posthog.llm.http.rate_limit.redis_script")

--- One key's count, as one worker knows it.
--- @class posthog.llm.RedisStore: posthog.llm.PaceStore
--- @field private _redis posthog.llm.Redis
--- @field private _script posthog.llm.RedisScript
--- @field private _windows? string for the script
--- @field private _limits? posthog.llm.RateWindow[]
--- @field private _keep number seconds of the longest window
--- @field private _times posthog.llm.RateTimes of the requests that were granted to this worker
--- @field private _blocks posthog.llm.RateTimes
--- @field private _full posthog.llm.RateQueue the full limits, which all grants go through
--- @field private _epoch string of Redis's count, "": none known
--- @field private _seen string the moment of the last answer, by Redis's clock
--- @field private _counts string the last known counts of all machines
--- @field private _report? string those that Redis has lost and is to be told
--- @field private _left integer[] what is left of the limits, by window
--- @field private _asked_at number
--- @field private _answered? boolean Redis was of use once
--- @field private _stamp? string when Redis made the last grant, by its clock
--- @field private _back? string what is given back with the next question
--- @field private _held_until number of a 429 that Redis does not know yet
--- @field private _share? posthog.llm.RateQueue what this worker may have while Redis is away
--- @field private _probing? boolean a timer tries Redis
--- @field private _calls number[] the times of the requests that Redis has not counted
local Store = {}
Store.__index = Store

local store = {}

local BUCKETS = 60 -- a window is divided into so many
local LONGEST = 1 -- seconds for an answer, however it comes
local AGAIN = 2 -- seconds until it is of use to ask again: others may have given back
local PROBE = 1 -- seconds between two tries of a Redis that is away
local LEAST = 1 / 20 -- of a limit: the share of a machine's workers without Redis, if they had less
local MOST = 1 / 2 -- of a limit: that of one worker
local MAX_COUNTS = 32768 -- bytes of counts that an answer may have
local MAX_GRANT = 1e6
local MAX_WAIT = 2 * 86400 * 1000 -- ms
local SOON = 1e-3 -- seconds
local NO_TIME = 1e-6 -- seconds

--- The limits in the form that a queue takes. Its own margin comes on top.
--- @param part? number of the limits
local function limits_of(windows, part)
  local list = {}
  for i, window in ipairs(windows) do
    local most = part and math.max(1, math.floor(window.limit * part)) or window.limit
    local words = "to stay within the limits of pace"
    list[i] = {
      most = most,
      seconds = window.seconds - queue.MARGIN,
      words = part and words .. " (Redis is away: within this worker's share of them)" or words,
    }
  end
  return list
end

local function windows_text(windows)
  local list = {}
  for i = #windows, 1, -1 do -- the shortest first
    local length = math.ceil(windows[i].seconds * 1000)
    local size = math.ceil(length / BUCKETS)
    list[#list + 1] = ("%d:%d:%d"):format(windows[i].limit, size, length)
  end
  return table.concat(list, ",")
end

--- Requests that were made without Redis, as their ages.
local function calls_text(calls, keep, now)
  local list, counts, order = {}, {}, {}
  for _, at in ipairs(calls) do
    local age = math.floor(now - at)
    if age <= keep then
      if not counts[age] then
        order[#order + 1] = age
      end
      counts[age] = (counts[age] or 0) + 1
    end
  end
  for i, age in ipairs(order) do
    list[i] = ("%d:%d"):format(age * 1000, counts[age])
  end
  return table.concat(list, " ")
end

--- Runs a function in a light thread, which is killed when it takes longer than LONGEST: a timeout
--- of nginx's starts anew with each byte that comes.
--- @return any? reply
--- @return string? err
--- @return boolean? away
local function in_time(run, ...)
  local done = require("ngx.semaphore").new()
  local reply, err, away
  local thread = ngx.thread.spawn(function(...)
    local ok, first, second, third = pcall(run, ...)
    if ok then
      reply, err, away = first, second, third
    else
      err, away = tostring(first), true
    end
    done:post(1)
  end, ...)
  if not done:wait(LONGEST) then
    ngx.thread.kill(thread)
    return nil, "took longer than a second to answer", true
  end
  return reply, err, away
end

--- @return number?
local function whole(value, most)
  if type(value) == "number" and value >= 0 and value <= most and value % 1 == 0 then
    return value
  end
end

local TYPES = { "string", "number", "number", "string", "string", "number", "string", "string" }

--- @return boolean whether it may be an answer of the script
local function is_answer(reply)
  if type(reply) ~= "table" then
    return false
  end
  for i, expected in ipairs(TYPES) do
    if type(reply[i]) ~= expected then
      return false
    end
  end
  return reply[1]:find("^%d+%.%d+$") ~= nil
    and #reply[1] < 40
    and whole(reply[2], MAX_GRANT) ~= nil
    and whole(reply[3], MAX_WAIT) ~= nil
    and reply[5]:find("^%d+$") ~= nil
    and #reply[5] < 20
    and not reply[7]:find("[^%d ]")
    and #reply[8] < MAX_COUNTS
    and not reply[8]:find("[^%d: ]")
end

--- Takes over what an answer tells.
local function learn(self, reply, wanted)
  local lost = reply[6] == 1
  self._epoch = reply[1]
  self._report = lost and (self._report or self._counts) or nil
  if not lost then
    self._counts = reply[8]
  end
  local left = {}
  for digits in reply[7]:gmatch("%d+") do
    table.insert(left, 1, tonumber(digits)) -- the script has the shortest window first
  end
  self._left = left
  self._seen = reply[5]
  if reply[2] > 0 then
    self._stamp = reply[5]
  end
  local granted = math.min(reply[2], wanted)
  return { granted = granted, wait = reply[3] / 1000, why = reply[4], lost = lost }
end

--- Runs the script once.
--- @return table? answer
--- @return string? err
local function ask_once(self, key, wanted)
  local now = clock.now()
  local sent, back, held_until = #self._calls, self._back, self._held_until
  self._back = nil -- must not be given back twice
  local reply, err = in_time(
    self._redis.script,
    self._redis,
    self._script,
    { self._redis.prefix .. "pace:" .. key },
    wanted,
    self._epoch,
    self._windows,
    back or "",
    math.max(0, math.ceil((held_until - now) * 1000)),
    self._report or "",
    calls_text(self._calls, self._keep, now),
    self._seen
  )
  if reply == nil then
    return nil, tostring(err)
  end
  -- Only now: nginx may have ended the light thread that asked.
  for _ = 1, sent do
    table.remove(self._calls, 1)
  end
  if self._held_until == held_until then
    self._held_until = 0
  end
  self._answered, self._asked_at = true, now
  return learn(self, reply, wanted)
end

--- Asks Redis; when it has lost its count, once more, with what is known here.
--- @return table? answer
--- @return string? err
local function ask(self, key, wanted)
  if clock.now() - self._asked_at > self._keep then
    self._epoch = "" -- what is known counts no more
  end
  local answer, err = ask_once(self, key, wanted)
  if answer and answer.lost then
    answer, err = ask_once(self, key, wanted)
  end
  return answer, err
end

local go_on_alone

--- Tries Redis again, in a timer, until it answers.
local function probe(premature, self, key)
  self._probing = nil
  if premature then
    return
  elseif ask(self, key, 0) then
    self._share = nil
  else
    go_on_alone(self, key)
  end
end

function go_on_alone(self, key)
  if not self._share then
    local now = clock.now()
    local shortest = self._full:left(now)
    shortest = shortest[#shortest]
    local had = 1 - shortest.left / shortest.most
    local part = math.min(math.max(had, LEAST / ngx.worker.count()), MOST)
    self._share = queue.new(limits_of(self._limits, part), self._times, self._blocks)
  end
  self._probing = self._probing or ngx.timer.at(PROBE, probe, self, key)
end

--- @return number seconds until a queue has a free place
local function wait_of(line, now)
  local _, at, why = line:take(now, now)
  return math.max(at - now, SOON), why
end

--- Takes one of this worker's share.
local function take_alone(self, key)
  go_on_alone(self, key)
  local now = clock.now()
  if not self._share:take(now, now + NO_TIME) then
    local wait, why = wait_of(self._share, now)
    return wait, 0, why
  end
  self._calls[#self._calls + 1] = now
  return 0, 1
end

local WORDS = {
  limit = "to stay within the limits of pace, which all machines share",
  held = "since the server asked to wait (429)",
  settling = "until all machines have told Redis what it has lost",
}

--- Takes what Redis has granted, within what one worker may ever have.
local function take_shared(self, answer)
  local now, count = clock.now(), 0
  while count < answer.granted and self._full:take(now, now + NO_TIME) do
    count = count + 1
  end
  if count > 0 then
    return 0, count
  elseif answer.wait > 0 then
    return answer.wait, 0, WORDS[answer.why], AGAIN
  end
  local wait, why = wait_of(self._full, now)
  return wait, 0, why
end

local function prepare(self, windows)
  self._limits, self._windows = windows, windows_text(windows)
  for _, window in ipairs(windows) do
    self._keep = math.max(self._keep, window.seconds)
  end
  self._times, self._blocks = memory.new(self._keep + 1), memory.new(0)
  self._full = queue.new(limits_of(windows), self._times, self._blocks)
end

--- As posthog.llm.PaceStore, always with the same key and windows.
function Store:take(key, windows, _, wanted)
  if not self._full then
    prepare(self, windows)
  end
  if self._share then
    return take_alone(self, key)
  end
  local answer, err = ask(self, key, wanted)
  if answer then
    return take_shared(self, answer)
  end
  local words, for_good = redis_check.explain(err)
  if for_good and not self._answered then
    return nil, ("pace.redis: %s %s"):format(self._redis.name, words)
  end
  self._redis:fail(err)
  go_on_alone(self, key)
  return SOON, 0, "since Redis has just gone" -- this question may have taken longer than a grant lasts
end

--- As posthog.llm.PaceStore.
function Store:give_back(key, count, _, last)
  if self._stamp and not self._share then
    self._back = ("%d:%s"):format(count, self._stamp)
    self._stamp = nil
    if last then
      ask(self, key, 0)
    end
  end
end

--- As posthog.llm.PaceStore.
function Store:later(seconds, f)
  ngx.timer.at(seconds, function(premature)
    if not premature then
      f()
    end
  end)
end

--- As posthog.llm.PaceStore.
function Store:hold(key, seconds, now)
  self._held_until = math.max(self._held_until, now + seconds)
  if self._full and not self._share then
    ask(self, key, 0)
  end
end

--- As posthog.llm.PaceStore: what was left at the last answer.
function Store:left()
  return self._left
end

--- @type table<string, posthog.llm.Redis> by what tells one from another
local clients = {}

--- A store for one key.
--- @param options posthog.llm.RedisOptions of redis.check
--- @return posthog.llm.RedisStore?
--- @return string? err
function store.new(options)
  local client, err = redis.new(options)
  if not client then
    return nil, "pace." .. err
  end
  client:set_address(options.address)
  local id = client:identity()
  clients[id] = clients[id] or client
  return setmetatable({
    _redis = clients[id],
    _script = redis.new_script(redis_script, is_answer),
    _keep = 0,
    _epoch = "",
    _seen = "0",
    _counts = "",
    _left = {},
    _asked_at = 0,
    _held_until = 0,
    _calls = {},
  }, Store)
end

return store
