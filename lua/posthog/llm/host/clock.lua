--- The time, the chance and the waiting of everything between two attempts, so
--- that a test may put its own in their place.

local core = require("posthog.llm.util.core")
local hosts = require("posthog.llm.host")

local clock = {}

--- @type fun(): number seconds on a clock that only goes forward; its zero means nothing
clock.now = core.now

--- A number from 0 up to 1. The clock's last digits spread clients as well as
--- a generator would, and the host's own generator stays as it is.
--- @return number
function clock.random()
  return core.now() * 1e6 % 1000 / 1000
end

--- Waits the way the present host waits.
--- @param seconds number
--- @return boolean? over false: the call was given up meanwhile
function clock.sleep(seconds)
  return hosts.current().sleep(seconds)
end

return clock
