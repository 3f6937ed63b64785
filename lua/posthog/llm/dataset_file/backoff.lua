--- How long to wait after requests that have failed, and when to give up.

local MOST_FAILURES = 12 -- rounds in a row without any success
local LONGEST_PAUSE = 10 -- seconds, where the server gives no time
local LONGEST_HOLD = 3700 -- seconds: a limit by the hour may delay a request so long

--- @class posthog.llm.dataset_file.Backoff
--- @field private pause fun(seconds: number): posthog.llm.Error?
--- @field private failures integer rounds in a row without any success
--- @field private pauses integer the same, including rounds that were rate limited
local Backoff = {}
Backoff.__index = Backoff

--- Waits after a round that had failures and no success.
--- @param made boolean? something was done
--- @param failed? posthog.llm.Error the latest failure
--- @return posthog.llm.Error? err it is no use to go on
function Backoff:after(made, failed)
  if made or not failed then
    self.failures, self.pauses = 0, 0
    return nil
  end
  self.pauses = self.pauses + 1
  local is_held = failed.kind == "rate_limited" -- so the server responds
  self.failures = is_held and 0 or self.failures + 1
  local hold = failed.retry_after or 0
  if hold > LONGEST_HOLD or self.failures >= MOST_FAILURES then
    return failed
  end
  return self.pause(math.max(hold, math.min(LONGEST_PAUSE, 0.25 * 2 ^ self.pauses)))
end

local backoff = {}

--- @param pause fun(seconds: number): posthog.llm.Error? waits; an error: the caller wants to stop
--- @return posthog.llm.dataset_file.Backoff
function backoff.new(pause)
  return setmetatable({ pause = pause, failures = 0, pauses = 0 }, Backoff)
end

return backoff
