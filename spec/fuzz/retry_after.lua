-- How long a server asks to wait: never an error, never a negative time or NaN, whatever it sends;
-- dates of headers as libcurl reads them and as they were written, those of the API as written. An input is a Retry-After, a Date and a
-- detail with RS (\30) between them.

local fuzz = require("fuzz")

fuzz.watch()

local retry = require("posthog.llm.http.retry")
local times = require("posthog.llm.util.time")

local DAYS = { "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday" }
local MONTHS =
  { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" }
local LAST = 253402300799 -- the end of the year 9999

--- A time in the three forms of a date; the second one only where it can say the year.
local function written(time)
  local d = os.date("!*t", time)
  local day, month = DAYS[d.wday], MONTHS[d.month]
  local clock = ("%02d:%02d:%02d"):format(d.hour, d.min, d.sec)
  return {
    ("%s, %02d %s %04d %s GMT"):format(day:sub(1, 3), d.day, month, d.year, clock),
    ("%s %s %2d %s %04d"):format(day:sub(1, 3), month, d.day, clock, d.year),
    d.year >= 1970
        and d.year < 2070
        and ("%s, %02d-%s-%02d %s GMT"):format(day, d.day, month, d.year % 100, clock)
      or nil,
  }
end

local function check_written(data)
  local time = 0
  for i = 1, math.min(#data, 6) do
    time = (time * 256 + data:byte(i)) % (LAST + 1)
  end
  for _, text in pairs(written(time)) do
    assert(times.http(text) == time, text)
  end
  local text = os.date("!%Y-%m-%dT%H:%M:%S", time)
  assert(times.iso(text .. "Z") == time and times.iso(text .. "-01:30") == time + 5400, text)
end

--- Does it begin with a day? libcurl takes other words for zones.
local function begins_with_day(text)
  local word = text:match("^%a+")
  for _, day in ipairs(DAYS) do
    if word == day or word == day:sub(1, 3) then
      return true
    end
  end
  return false
end

local function check_date(text)
  local time, written_so = times.http(text), times.iso(text)
  assert(time == nil or time == time and math.abs(time) < 1e15, text)
  assert(written_so == nil or written_so == written_so and math.abs(written_so) < 1e15, text)
  -- A year that is, or looks like, one of two digits may be that of another century.
  local theirs = not text:find("%z") and begins_with_day(text) and fuzz.curl_getdate(text)
  if time and theirs and theirs ~= -1 and not text:find("%-70 ") and not text:find(" 00%d%d") then
    assert(time == theirs, ("%s: %s, not %s"):format(text, time, theirs))
  end
end

local function check_wait(headers, detail)
  local seconds = retry.after(headers, detail)
  assert(seconds == nil or type(seconds) == "number" and seconds >= 0, seconds)
end

return function(data)
  local value, date, detail = data:match("^([^\30]*)\30?([^\30]*)\30?(.*)$")
  check_date(value)
  check_wait({ ["retry-after"] = value }, nil)
  check_wait({ ["retry-after"] = value, date = date }, detail)
  check_wait({}, detail)
  check_written(data)
end
