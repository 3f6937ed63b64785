--- The server's clock, read from its responses. Everything that compares a time with one of the
--- server's uses this module.

local times = require("posthog.llm.util.time")

local server_clock = {
  --- Seconds by which two of its times of the same moment may differ: a server is many machines,
  --- and `Date` has whole seconds.
  SKEW = 5,
}

--- @param headers table<string, string> of a response
--- @return integer? time when the response was made, in seconds since 1970; nil: it has no valid
---   Date
function server_clock.read(headers)
  return headers.date and times.http(headers.date)
end

return server_clock
