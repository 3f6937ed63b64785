--- Parses dates as servers write them, into seconds since 1970.

local times = {}

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

--- @return integer? time nil: not a valid date and time
local function seconds(year, month, day, hour, min, sec)
  year, day, hour = tonumber(year), tonumber(day), tonumber(hour)
  min, sec = tonumber(min), tonumber(sec)
  if not month or month < 1 or month > 12 or day < 1 or day > 31 then
    return nil
  elseif hour > 23 or min > 59 or sec > 60 then
    return nil
  end
  return days(year, month, day) * 86400 + hour * 3600 + min * 60 + sec
end

local TIME = "(%d%d):(%d%d):(%d%d)"
local PREFERRED = "^%a+, (%d%d) (%a%a%a) (%d%d%d%d) " .. TIME .. " GMT$"
local RFC_850 = "^%a+, (%d%d)-(%a%a%a)-(%d%d) " .. TIME .. " GMT$"
local ASCTIME = "^%a+ (%a%a%a) +(%d+) " .. TIME .. " (%d%d%d%d)$"

--- RFC 9110 5.6.7: the preferred form of a date, and the two obsolete ones.
--- @param text string
--- @return integer? time
function times.http(text)
  local day, name, year, hour, min, sec = text:match(PREFERRED)
  if not day then
    day, name, year, hour, min, sec = text:match(RFC_850)
    year = year and (tonumber(year) < 70 and 2000 or 1900) + tonumber(year)
  end
  if not day then
    name, day, hour, min, sec, year = text:match(ASCTIME)
  end
  return day and seconds(year, MONTHS[name], day, hour, min, sec)
end

--- Seconds east of UTC of the zone at the end of a time; none is UTC.
--- @return integer? offset nil: not a zone
local function offset_of(zone)
  if zone == "" or zone == "Z" or zone == "z" then
    return 0
  end
  local sign, hours, minutes = zone:match("^([+-])(%d%d):?(%d?%d?)$")
  if not sign or #minutes == 1 then
    return nil
  end
  local offset = tonumber(hours) * 3600 + (tonumber(minutes) or 0) * 60
  return sign == "+" and offset or -offset
end

--- ISO 8601 in all spellings that the API takes, which writes one of them (doc/api.md 0.4): a single
--- digit, no seconds, a comma before the fraction, an offset; UTC when there is no zone. As on the
--- server, what is finer than a microsecond does not count.
--- @param text string
--- @return number? time with the fraction of a second
function times.iso(text)
  local year, month, day, hour, min, rest =
    text:match("^(%d%d%d%d)%-(%d%d?)%-(%d%d?)[Tt ](%d%d?):(%d%d?)(.*)$")
  if not year then
    return nil
  end
  local sec, fraction, zone = rest:match("^:(%d%d?)[.,](%d+)%s*(.*)$")
  if not sec then
    sec, zone = rest:match("^:(%d%d?)%s*(.*)$")
  end
  local offset = offset_of(zone or rest:match("^%s*(.*)$"))
  local time = seconds(year, tonumber(month), day, hour, min, sec or 0)
  if not (time and offset) then
    return nil
  end
  local digits = fraction and fraction:sub(1, 6) -- tonumber("0.5") depends on the locale
  return digits and time - offset + tonumber(digits) / 10 ^ #digits or time - offset
end

return times
