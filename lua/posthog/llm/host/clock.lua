--- The clock, the randomness and the sleep used between attempts, so that a test may replace them.

local core = require("posthog.llm.util.core")
local hosts = require("posthog.llm.host")

--- The time, random numbers and waits of the library: `require("posthog.llm.clock")`. A test may
--- replace its functions, so that it does not have to wait between attempts, for `pace` or for an
--- export.
---
--- ```lua
--- local clock = require("posthog.llm.clock")
--- print(clock.now() > 0) --> true
--- ```
--- @class posthog.llm.clock
--- @field now fun(): number Seconds on a monotonic clock, whose zero has no meaning.
local clock = {}

clock.now = core.now

--- A number from 0 (included) to 1 (excluded), which spreads the waits between attempts. It leaves
--- the state of `math.random` as it is.
---
--- ```lua
--- clock.random = function() return 0.5 end
--- print(clock.random()) --> 0.5
--- ```
--- @return number random
function clock.random()
  return core.now() * 1e6 % 1000 / 1000
end

--- Waits the way the present host waits.
---
--- ```lua
--- local now, waited = clock.now(), 0
--- clock.now = function() return now end
--- clock.sleep = function(seconds)
---   now, waited = now + seconds, waited + seconds
---   return true
--- end
--- clock.sleep(30)
--- print(waited) --> 30
--- ```
--- @param seconds number
--- @return boolean? finished false: the call was cancelled meanwhile
function clock.sleep(seconds)
  return hosts.current().sleep(seconds)
end

return clock
