--- Which failed attempts are made again, and after how long.

local core = require("posthog.llm.core")

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

--- A number from 0 up to 1. The clock's last digits spread clients as well as
--- a generator would, and the host's own generator stays as it is.
--- @return number
function retry.random()
  return core.now() * 1e6 % 1000 / 1000
end

--- @param n integer the retry to come: 1, 2, ...
--- @return number seconds
function retry.backoff(n)
  return math.min(LONGEST_DELAY, FIRST_DELAY * 2 ^ (n - 1)) * (0.5 + 0.5 * retry.random())
end

local MONTHS = {
  Jan = 1,
  Feb = 2,
  Mar = 3,
  Apr = 4,
  May = 5,
  Jun = 6,
  Jul = 7,
  Aug = 8,
  Sep = 9,
  Oct = 10,
  Nov = 11,
  Dec = 12,
}

--- Days from 1970-01-01 to a date of the Gregorian calendar.
local function days(year, month, day)
  if month <= 2 then
    year, month = year - 1, month + 12
  end
  local leaps = math.floor(year / 4) - math.floor(year / 100) + math.floor(year / 400)
  return 365 * year + leaps + math.floor((153 * (month - 3) + 2) / 5) + day - 719469
end

local TIME = "(%d%d):(%d%d):(%d%d)"
local PREFERRED = "^%a+, (%d%d) (%a%a%a) (%d%d%d%d) " .. TIME .. " GMT$"
local RFC_850 = "^%a+, (%d%d)-(%a%a%a)-(%d%d) " .. TIME .. " GMT$"
local ASCTIME = "^%a+ (%a%a%a) +(%d+) " .. TIME .. " (%d%d%d%d)$"

--- RFC 9110 5.6.7: the preferred form of a date, and the two obsolete ones.
--- @param text string
--- @return integer? time seconds since 1970
function retry.parse_date(text)
  local day, name, year, hour, min, sec = text:match(PREFERRED)
  if not day then
    day, name, year, hour, min, sec = text:match(RFC_850)
    year = year and (tonumber(year) < 70 and 2000 or 1900) + tonumber(year)
  end
  if not day then
    name, day, hour, min, sec, year = text:match(ASCTIME)
  end
  local month = MONTHS[name]
  if not month then
    return nil
  end
  day, hour, min, sec = tonumber(day), tonumber(hour), tonumber(min), tonumber(sec)
  if day < 1 or day > 31 or hour > 23 or min > 59 or sec > 60 then
    return nil
  end
  return days(tonumber(year), month, day) * 86400 + hour * 3600 + min * 60 + sec
end

--- How long the server asks to wait: by the header in seconds or as a date,
--- else by its words (contract 0.6).
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
    local at = retry.parse_date(value)
    if at then
      local now = headers.date and retry.parse_date(headers.date) or os.time()
      return math.max(0, at - now)
    end
  end
  local words = detail and detail:match("[Ee]xpected available in (%d+) second")
  return tonumber(words)
end

--- @param err posthog.llm.Error what the attempt ended with
--- @param attempt { idempotent: boolean, sent: boolean, permanent: boolean, number: integer, max_retries: integer, left: number }
---   sent: the server may have seen the request; left: seconds to the deadline
--- @return number? delay seconds before the next attempt; nil: give up
function retry.delay(err, attempt)
  if attempt.number > attempt.max_retries or attempt.permanent then
    return nil
  end
  local may
  if err.status then
    may = err.status == 429 or (attempt.idempotent and TRANSIENT[err.status])
  elseif err.kind == "network" or err.kind == "timeout" or err.kind == "tls" then
    may = attempt.idempotent or not attempt.sent
  end
  if not may then
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
