--- The clock, the randomness and the sleep used between attempts, so that a test may replace them.

local core = require("posthog.llm.util.core")
local hosts = require("posthog.llm.host")

local clock = {}

--- @type fun(): number seconds on a monotonic clock; its zero has no meaning
clock.now = core.now

--- A number from 0 (included) to 1 (excluded). The clock's last digits spread clients well enough,
--- and the state of math.random, which belongs to the program, stays untouched.
--- @return number
function clock.random()
  return core.now() * 1e6 % 1000 / 1000
end

--- Waits the way the present host waits.
--- @param seconds number
--- @return boolean? finished false: the call was cancelled meanwhile
function clock.sleep(seconds)
  return hosts.current().sleep(seconds)
end

return clock
