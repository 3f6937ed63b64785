--- The server's clock, as its responses tell it. All times that are compared with
--- one of the server's go through here.

local times = require("posthog.llm.util.time")

local server_clock = {
  --- Seconds that two of its times may differ by though they are of one moment:
  --- a server is many machines, and `Date` has whole seconds.
  SKEW = 5,
}

--- @param headers table<string, string> of a response
--- @return integer? time seconds since 1970 when it was made; nil: it does not tell
function server_clock.read(headers)
  return headers.date and times.http(headers.date)
end

return server_clock
