--- Decides whether a failed attempt is made again, and after how long.

local clock = require("posthog.llm.host.clock")
local server_clock = require("posthog.llm.http.server_clock")
local times = require("posthog.llm.util.time")

local retry = {}

local FIRST_DELAY, LONGEST_DELAY = 0.5, 8
local LONGEST_RETRY_AFTER = 60
local TRANSIENT = {
  [408] = true,
  [429] = true,
  [500] = true,
  [502] = true,
  [503] = true,
  [504] = true,
}

--- @param n integer the retry to come: 1, 2, ...
--- @return number seconds
function retry.backoff(n)
  return math.min(LONGEST_DELAY, FIRST_DELAY * 2 ^ (n - 1)) * (0.5 + 0.5 * clock.random())
end

--- How long the server asks to wait: from Retry-After (seconds or a date), else from the text of
--- the error (doc/api.md 0.6).
--- @param headers table
--- @param detail? string
--- @return number? seconds
function retry.after(headers, detail)
  local value = headers["retry-after"]
  if value then
    local digits = value:match("^%d+$")
    if digits then
      return tonumber(digits)
    end
    local at = times.http(value)
    if at then
      return math.max(0, at - (server_clock.read(headers) or os.time()))
    end
  end
  local words = detail and detail:match("[Ee]xpected available in (%d+) second")
  return tonumber(words)
end

--- @param err posthog.llm.Error of the failed attempt
--- @param attempt { costly?: boolean, idempotent: boolean, repeats: integer, sent: boolean, permanent: boolean, number: integer, max_retries: integer, left: number }
---   sent: the server may have seen the request; left: seconds to the deadline
--- @return number? delay seconds before the next attempt; nil: give up
function retry.delay(err, attempt)
  if attempt.number > attempt.max_retries or attempt.permanent then
    return nil
  elseif attempt.costly and err.status == 503 then
    return nil
  end
  local repeatable = attempt.idempotent or attempt.repeats > 0
  local allowed
  if err.status then
    allowed = err.status == 429 or (repeatable and TRANSIENT[err.status])
  elseif err.kind == "network" or err.kind == "timeout" or err.kind == "tls" then
    allowed = repeatable or not attempt.sent
  end
  if not allowed then
    return nil
  end
  local delay = retry.backoff(attempt.number)
  if err.retry_after then
    if err.retry_after > LONGEST_RETRY_AFTER then
      return nil
    end
    delay = math.max(delay, err.retry_after)
  end
  if delay >= attempt.left then
    return nil
  end
  return delay
end

return retry
