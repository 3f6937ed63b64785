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

--- ISO 8601 as the API writes it (doc/api.md 0.4), or with an offset; UTC when there is no zone.
--- @param text string
--- @return number? time with the fraction of a second
function times.iso(text)
  local year, month, day, clock, rest =
    text:match("^(%d%d%d%d)-(%d%d)-(%d%d)[Tt ](%d%d:%d%d:%d%d)(.*)$")
  if not year then
    return nil
  end
  local fraction, zone = rest:match("^(%.%d+)(.*)$")
  zone = zone or rest
  local sign, hours, minutes = zone:match("^([+-])(%d%d):?(%d%d)$")
  if not (sign or zone == "" or zone == "Z" or zone == "z") then
    return nil
  end
  local hour, min, sec = clock:match("(%d%d):(%d%d):(%d%d)")
  local time = seconds(year, tonumber(month), day, hour, min, sec)
  if not time then
    return nil
  elseif sign then
    local offset = tonumber(hours) * 3600 + tonumber(minutes) * 60
    time = sign == "+" and time - offset or time + offset
  end
  local digits = fraction and fraction:sub(2, 10) -- tonumber("0.5") depends on the locale
  return digits and time + tonumber(digits) / 10 ^ #digits or time
end

return times
