--- The count of a key in Redis: a script, which Redis runs as one step, and by its own clock, so that
--- the clocks of the machines do not matter. Redis 5 or newer.
---
--- A window of S seconds is divided into 60 buckets of S / 60. A grant is counted in the bucket of
--- its moment. When n requests are granted at a moment t, then n <= most - (the counts of all buckets
--- that touch (t - length, t]), where `length` is the window's.
---
--- The bound. Let I be an interval of `length` that ends at a grant g, the last one in it. All grants
--- in I are in buckets that touch (g - length, g], and were counted when g was granted, so together
--- with g they are at most `most`. Any other interval of this length holds no more grants than the
--- one that ends at its last grant. A process uses a grant within LIFE seconds or gives it back, and
--- a request arrives up to MARGIN later than another one (turns.lua); so requests that arrive within
--- S were granted within S + LIFE + MARGIN, which is the `length` that the script is given.
---
--- The cost. The bucket that touches the window's start counts as a whole, so that a window lasts up
--- to S / 60 longer: for a minute 62.25 s, in which 96 % of the limit can be used.
---
--- What Redis forgets (FLUSHALL, a restart without its data or with an old copy of it) is told to it
--- again: each answer has the counts of the whole fleet, and who sees that the count has begun anew,
--- or who has seen a later moment than Redis remembers, sends what it last saw.
--- The last grant of all is in the answer of its own asker, so when that one reports, nothing is
--- missing; else its one grant is. Nothing is granted until all had time to report (`until`).

--- KEYS[1]: a hash. ARGV: the number wanted; the epoch that the asker knows, or ""; the windows, as
--- "most:size of a bucket:length", in ms, the shortest first; what it gives back, as "number:moment
--- of its grant"; ms to hold everything back; counts of a lost epoch, as "size:bucket:count"; its
--- calls without Redis, as "age in ms:count"; the moment of the last answer that it has.
--- Answer: epoch; number granted; ms to wait; why ("limit", "held", "settling"); the moment; 1 when
--- the asker's epoch is lost; what is left by window; the counts.
return [==[
local SETTLE, FIRST = 2000, 1000
local key, wanted, known = KEYS[1], tonumber(ARGV[1]), ARGV[2]
local time = redis.call("TIME")
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local function text(n) return string.format("%.0f", n) end
local function set(field, value) redis.call("HSET", key, field, text(value)) end

local state, counts = {}, {}
local flat = redis.call("HGETALL", key)
for i = 1, #flat, 2 do
  local size, bucket = flat[i]:match("^(%d+):(%d+)$")
  if size then
    size, bucket = tonumber(size), tonumber(bucket)
    counts[size] = counts[size] or {}
    counts[size][bucket] = tonumber(flat[i + 1])
  else
    state[flat[i]] = flat[i + 1]
  end
end
local function number(field) return tonumber(state[field] or 0) end
local function count(size, bucket, n)
  counts[size] = counts[size] or {}
  counts[size][bucket] = math.max(0, (counts[size][bucket] or 0) + n)
  set(text(size) .. ":" .. text(bucket), counts[size][bucket])
end

local windows, longest, least = {}, 0, nil
for most, size, length in ARGV[3]:gmatch("(%d+):(%d+):(%d+)") do
  most, size, length = tonumber(most), tonumber(size), tonumber(length)
  windows[#windows + 1] = { most = most, size = size, length = length }
  longest = math.max(longest, length)
  least = math.min(least or most, most)
end
local share = math.max(1, math.floor(least / 20))

local until_ = number("until")
if until_ > now + SETTLE then until_ = 0 end -- Redis's clock was set back
local function settle(ms, spare)
  until_ = now + ms
  state.spare = text(spare)
  set("until", until_)
  set("spare", spare)
end
if not state.epoch then
  state.epoch = time[1] .. "." .. time[2]
  redis.call("HSET", key, "epoch", state.epoch)
  if known == "" then settle(FIRST, share) end -- others may know an older one
end
if known == state.epoch and tonumber(ARGV[8]) > number("last") then -- an old copy of its data
  state.epoch, state.told = time[1] .. "." .. time[2], "1"
  redis.call("HSET", key, "epoch", state.epoch)
  set("told", 1)
  settle(SETTLE, 0)
end
set("last", now)
local lost = known ~= "" and known ~= state.epoch
if lost then wanted = 0 end -- it reports first
if lost and not state.told then
  state.told = "1"
  set("told", 1)
  settle(SETTLE, 0)
end

for _, window in ipairs(windows) do
  local size = window.size
  local current = math.floor(now / size)
  window.first = math.floor((now - window.length) / size)
  for bucket, n in pairs(counts[size] or {}) do
    if bucket < window.first then
      counts[size][bucket] = nil
      redis.call("HDEL", key, text(size) .. ":" .. text(bucket))
    elseif bucket > current then -- Redis's clock was set back
      counts[size][bucket] = nil
      redis.call("HDEL", key, text(size) .. ":" .. text(bucket))
      window.late = (window.late or 0) + n
    end
  end
  if window.late then count(size, current, window.late) end
end

local back, moment = ARGV[4]:match("^(%d+):(%d+)$")
for _, window in ipairs(windows) do
  local size = window.size
  local current = math.floor(now / size)
  local bucket = back and math.floor(tonumber(moment) / size)
  if bucket and not lost and counts[size] and counts[size][bucket] then
    count(size, bucket, -tonumber(back))
  end
  for at_size, at, n in ARGV[6]:gmatch("(%d+):(%d+):(%d+)") do
    at, n = math.min(tonumber(at), current), tonumber(n)
    if tonumber(at_size) == size and at >= window.first then
      local have = counts[size] and counts[size][at] or 0
      if n > have then count(size, at, n - have) end
    end
  end
  for age, n in ARGV[7]:gmatch("(%d+):(%d+)") do
    local at = math.floor((now - tonumber(age)) / size)
    if at >= window.first then count(size, at, tonumber(n)) end
  end
end
if ARGV[7] ~= "" and now - number("alone") > windows[1].length then -- others were alone too
  set("alone", now)
  if until_ < now + SETTLE then settle(SETTLE, 0) end
end

local held = number("held")
if held > now + 86400000 then held = 0 end -- Redis's clock was set back
if tonumber(ARGV[5]) > 0 and now + tonumber(ARGV[5]) > held then
  held = now + tonumber(ARGV[5])
  set("held", held)
end

local left, wait, why = nil, 0, "limit"
for _, window in ipairs(windows) do
  local size, used = window.size, 0
  local order = {}
  for bucket, n in pairs(counts[size] or {}) do
    used = used + n
    order[#order + 1] = bucket
  end
  window.left = window.most - used
  left = math.min(left or window.left, window.left)
  if window.left <= 0 then
    table.sort(order)
    local free = window.left
    for _, bucket in ipairs(order) do
      free = free + counts[size][bucket]
      if free > 0 then
        wait = math.max(wait, (bucket + 1) * size + window.length - now)
        break
      end
    end
  end
end
local granted = 0
if held > now and held - now >= wait then
  wait, why = held - now, "held"
elseif left <= 0 then
  granted = 0
elseif until_ > now and number("spare") <= 0 then
  wait, why = until_ - now, "settling"
else
  granted = math.min(wanted, share, math.max(1, math.floor(left / 4)))
  if until_ > now then
    granted = math.min(granted, number("spare"))
    set("spare", number("spare") - granted)
  end
end
local pictured, lefts = {}, {}
for i, window in ipairs(windows) do
  local size = window.size
  if granted > 0 then count(size, math.floor(now / size), granted) end
  lefts[i] = text(math.max(0, window.left - granted))
  for bucket, n in pairs(counts[size] or {}) do
    if n > 0 then pictured[#pictured + 1] = text(size) .. ":" .. text(bucket) .. ":" .. text(n) end
  end
end
redis.call("PEXPIRE", key, text(math.max(longest, held - now) + 600000))
return { state.epoch, granted, math.ceil(wait), why, text(now), lost and 1 or 0,
  table.concat(lefts, " "), table.concat(pictured, " ") }
]==]
