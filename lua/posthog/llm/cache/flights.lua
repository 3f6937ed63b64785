--- Requests of one worker that want the same entry: the first gets it, the others wait on a
--- semaphore for what it gets, also when that is too large to be stored.

local clock = require("posthog.llm.clock")
local errors = require("posthog.llm.util.errors")
local semaphore = require("ngx.semaphore")

local flights = {}

--- @class posthog.llm.CacheFlight
--- @field ends number on the clock's time: nobody waits longer; its leader may have been killed
--- @field waiting integer
--- @field semaphore? table of those who wait
--- @field done? boolean
--- @field text? string
--- @field err? posthog.llm.Error
--- @field from? string

local function wait(flight, now)
  flight.semaphore = flight.semaphore or semaphore.new()
  flight.waiting = flight.waiting + 1
  flight.semaphore:wait(math.max(flight.ends - now, 0.001))
  flight.waiting = flight.waiting - 1
  return flight.done
end

local function finish(all, id, flight)
  flight.done = true
  if all[id] == flight then
    all[id] = nil
  end
  if flight.waiting > 0 then
    flight.semaphore:post(flight.waiting)
  end
end

--- @param all table<string, posthog.llm.CacheFlight> of this worker
--- @param id string
--- @param seconds number the longest to wait
--- @param work fun(): string?, posthog.llm.Error?, string? text, err, from
--- @return string? text
--- @return posthog.llm.Error? err nil with a text of nil: it took too long
--- @return string? from
function flights.join(all, id, seconds, work)
  local now = clock.now()
  local flight = all[id]
  if flight and now < flight.ends then
    if wait(flight, now) then
      local err = flight.err and errors.copy(flight.err)
      return flight.text, err, flight.from == "stale" and "stale" or "waited"
    end
    return nil
  end
  flight = { ends = now + seconds, waiting = 0 }
  all[id] = flight
  local ok, text, err, from = pcall(work)
  if not ok then
    finish(all, id, flight)
    error(text, 0)
  end
  flight.text, flight.err, flight.from = text, err, from
  finish(all, id, flight)
  return text, err, from
end

return flights
