--- The window of time that a response covers, and calendar days. All times are UTC.

local json = require("posthog.llm.json")
local times = require("posthog.llm.util.time")
local display = require("posthog.llm.util.display")

local period = {}

period.DAY = 86400

--- @param value any a timestamp or a day as the server writes them, or seconds since 1970
--- @return number? time seconds since 1970
function period.seconds(value)
  if type(value) == "number" then
    return value == value and math.abs(value) < 1e11 and value or nil
  elseif type(value) ~= "string" then
    return nil
  elseif value:find("^%d%d%d%d%-%d%d%-%d%d$") then
    value = value .. "T00:00:00Z"
  end
  return times.iso(value)
end

--- @param time number seconds since 1970
--- @return string day "2026-05-13"
function period.day(time)
  return os.date("!%Y-%m-%d", math.floor(time))
end

--- The start of the month after the one that contains a time.
--- @param time number
--- @return number
function period.month_end(time)
  local year, month = period.day(time):match("^(%d+)%-(%d+)")
  local next_month = month % 12 + 1
  if next_month == 1 then
    year = year + 1
  end
  return period.seconds(("%04d-%02d-01"):format(year, next_month))
end

--- @return string "2026-05-14 10:02", or the original text if it is not a time
local function written(value)
  local time = period.seconds(value)
  if time then
    return os.date("!%Y-%m-%d %H:%M", math.floor(time))
  elseif value == nil or value == json.null then
    return "?"
  end
  return display.clean(tostring(value))
end

--- @param from any
--- @param to any exclusive
--- @return { date_from: any, date_to: any, from: string, to: string, start?: number, stop?: number, days?: number }
function period.of(from, to)
  local start, stop = period.seconds(from), period.seconds(to)
  return {
    date_from = from,
    date_to = to,
    from = written(from),
    to = written(to),
    start = start,
    stop = stop,
    days = start and stop and stop > start and (stop - start) / period.DAY or nil,
  }
end

--- @return string "30 days", "6 hours", "" when the window is unknown
function period.length(of)
  if not of.days then
    return ""
  end
  local count, unit = of.days, "day"
  if count < 2 then
    count, unit = count * 24, "hour"
  end
  count = math.floor(count * 10 + 0.5) / 10
  return ("%.14g %s%s"):format(count, unit, count == 1 and "" or "s"):gsub(",", ".")
end

--- @return string "2026-04-14 10:02 to 2026-05-14 10:02 UTC (30 days)"
function period.phrase(of)
  local length = period.length(of)
  return ("%s to %s UTC%s"):format(of.from, of.to, length ~= "" and " (" .. length .. ")" or "")
end

return period
