--- Stays below a server's limits of requests (contract 0.6), so that a long
--- run waits a little now and then and is not refused. Exact for the windows
--- that the server counts: of any n + 1 requests, the first and the last are a
--- whole window apart.

local clock = require("posthog.llm.clock")

local pace = {}

--- Added to a window: requests do not all take the same time to arrive.
local SLACK = 0.25

--- @class posthog.llm.Window
--- @field most integer requests
--- @field seconds number
--- @field word string
--- @field times number[] a ring: when the last `most` requests went out, or will
--- @field at integer the place of the oldest one

--- @class posthog.llm.Pace
--- @field [integer] posthog.llm.Window
local Pace = {}
Pace.__index = Pace

--- @param limits { per_minute?: integer, per_hour?: integer }
--- @return posthog.llm.Pace
function pace.new(limits)
  local self = setmetatable({}, Pace)
  for _, window in ipairs({ { "per_minute", 60, "minute" }, { "per_hour", 3600, "hour" } }) do
    local most = limits[window[1]]
    if most then
      self[#self + 1] = { most = most, seconds = window[2], word = window[3], times = {}, at = 1 }
    end
  end
  return self
end

--- Takes the next place in the row.
--- @param longest number seconds that the caller would wait
--- @return number? wait seconds until the request may go out; nil: longer, and no place is taken
--- @return string? why what holds it back, such as "480 requests a minute"
--- @return number? seconds that it would have to wait
function Pace:take(longest)
  local now = clock.now()
  local at, why = now, nil
  for _, window in ipairs(self) do
    local oldest = window.times[window.at]
    if oldest and oldest + window.seconds + SLACK > at then
      at = oldest + window.seconds + SLACK
      local many = window.most > 1 and ("%d requests"):format(window.most) or "one request"
      why = many .. " a " .. window.word
    end
  end
  if at - now >= longest then
    return nil, why, at - now
  end
  for _, window in ipairs(self) do
    window.times[window.at] = at
    window.at = window.at % window.most + 1
  end
  return at - now
end

return pace
