--- Moments as microseconds since 1970, UTC: reading what clients send, writing what is sent back.

local times = {}

local SECOND = 1000000
times.SECOND = SECOND
times.DAY = 86400 * SECOND

--- Days since 1970 of a date of the Gregorian calendar.
local function days(year, month, day)
  if month <= 2 then
    year = year - 1
  end
  local era = math.floor(year / 400)
  local in_era = year - era * 400
  local in_year = math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1
  local in_days = in_era * 365 + math.floor(in_era / 4) - math.floor(in_era / 100) + in_year
  return era * 146097 + in_days - 719468
end

local MONTH_DAYS = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

local function days_in_month(year, month)
  local leap = year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
  return month == 2 and leap and 29 or MONTH_DAYS[month]
end

--- @return number? moment nil when there is no such date or time
function times.make(year, month, day, hour, minute, second, micro)
  if month < 1 or month > 12 or day < 1 or day > days_in_month(year, month) then
    return nil
  end
  if year < 1 or hour > 23 or minute > 59 or second > 59 then
    return nil
  end
  return (days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second) * SECOND + micro
end

local function zone_offset(zone)
  if zone == "" or zone == "Z" or zone == "z" then
    return 0
  end
  local sign, hours, minutes = zone:match("^([+-])(%d%d):?(%d?%d?)$")
  if not sign or #minutes == 1 then
    return nil
  end
  local offset = (tonumber(hours) * 60 + (tonumber(minutes) or 0)) * 60 * SECOND
  return sign == "-" and -offset or offset
end

--- Reads an ISO 8601 date with a time; without a zone it is UTC. A bare date is refused.
--- @return number? moment
function times.parse(s)
  local year, month, day, hour, minute, rest =
    s:match("^(%d%d%d%d)%-(%d%d?)%-(%d%d?)[T ](%d%d?):(%d%d)(.*)$")
  if not year then
    return nil
  end
  local second, fraction, zone = rest:match("^:(%d%d)[.,](%d+)%s*(.-)$")
  if not second then
    second, zone = rest:match("^:(%d%d)%s*(.-)$")
  end
  if not second then
    zone = rest:match("^%s*(.-)$")
  end
  local offset = zone_offset(zone)
  if not offset then
    return nil
  end
  local micro = tonumber(((fraction or "") .. "000000"):sub(1, 6))
  local moment = times.make(
    tonumber(year),
    tonumber(month),
    tonumber(day),
    tonumber(hour),
    tonumber(minute),
    tonumber(second or 0),
    micro
  )
  return moment and moment - offset
end

--- Reads a bare date as midnight UTC.
function times.parse_date(s)
  local year, month, day = s:match("^(%d%d%d%d)%-(%d%d)%-(%d%d)$")
  if not year then
    return nil
  end
  return times.make(tonumber(year), tonumber(month), tonumber(day), 0, 0, 0, 0)
end

--- Six fractional digits, or none at all when they are zero.
--- @param moment number? nil gives nil
--- @param zone? string what stands for UTC; Z
function times.format(moment, zone)
  if not moment then
    return nil
  end
  local seconds = math.floor(moment / SECOND)
  local micro = moment - seconds * SECOND
  local stamp = os.date("!%Y-%m-%dT%H:%M:%S", seconds)
  zone = zone or "Z"
  return micro == 0 and stamp .. zone or ("%s.%06d%s"):format(stamp, micro, zone)
end

--- The same moment `count` calendar months earlier; the day is cut to the length of the month.
local function months_before(moment, count)
  local date = os.date("!*t", math.floor(moment / SECOND))
  local month = date.year * 12 + date.month - 1 - count
  local year = math.floor(month / 12)
  month = month % 12 + 1
  local day = math.min(date.day, days_in_month(year, month))
  local midnight = times.make(year, month, day, 0, 0, 0, 0)
  return midnight and midnight + moment % times.DAY
end

local UNITS =
  { h = 3600 * SECOND, d = times.DAY, w = 7 * times.DAY, q = 91 * times.DAY, M = 60 * SECOND }
local MONTHS = { m = 1, y = 12 }

--- The start of the hour, day, month or year that `moment` lies in.
local function start_of(moment, unit)
  local date = os.date("!*t", math.floor(moment / SECOND))
  if unit == "h" then
    return moment - moment % UNITS.h
  end
  if unit == "m" then
    return times.make(date.year, date.month, 1, 0, 0, 0, 0)
  end
  if unit == "y" then
    return times.make(date.year, 1, 1, 0, 0, 0, 0)
  end
  return moment - moment % times.DAY
end

--- Reads `-7d`, `-1mStart` and the like.
--- @return number? moment nil when the text has another form
function times.parse_relative(s, now)
  local count, unit, edge = s:match("^%-?(%d+)([hdwmqyHDWMQY])(%a*)$")
  if not count or #count > 4 then
    return nil
  end
  if edge ~= "" and edge ~= "Start" and edge ~= "End" then
    return nil
  end
  count = tonumber(count)
  local moment = now
  if UNITS[unit] then
    moment = now - count * UNITS[unit]
  elseif MONTHS[unit] then
    moment = months_before(now, count * MONTHS[unit])
  end
  if not moment or edge == "" then
    return moment
  end
  local first = start_of(moment, unit)
  if edge == "Start" then
    return first
  end
  if MONTHS[unit] then
    return months_before(first, -MONTHS[unit]) - 1
  end
  return first + (unit == "h" and UNITS.h or times.DAY) - 1
end

return times
