--- Numbers of a report, rounded for people, with a decimal point in every locale. The formats csv
--- and json use exact numbers.

local json = require("posthog.llm.json")

local numbers = {}

--- The metatable of the codec's number objects, for numbers that Lua cannot represent.
local NUMBER_OBJECT = getmetatable(json.decode("18446744073709551616"))

--- Larger numbers are limited to this, so that sums stay finite.
local LARGEST = 1e300

--- @param value any a number, or a number object of the codec
--- @return number? value the nearest number to calculate with; nil: not a number
function numbers.of(value)
  if type(value) == "userdata" and NUMBER_OBJECT and getmetatable(value) == NUMBER_OBJECT then
    value = value:tonumber()
  end
  if type(value) ~= "number" or value ~= value then
    return nil
  end
  return math.max(-LARGEST, math.min(LARGEST, value))
end

--- @param value number
--- @param format string for one float
local function written(value, format)
  return (format:format(value):gsub(",", "."))
end

--- Separates thousands: "1234567.5" becomes "1,234,567.5".
local function grouped(digits)
  local sign, whole, rest = digits:match("^(%-?)(%d+)(.*)$")
  if not whole then
    return digits
  end
  local groups = whole:reverse():gsub("(%d%d%d)", "%1,"):reverse():gsub("^,", "")
  return sign .. groups .. rest
end

--- An amount of dollars: "$1,843.21"; "<$0.01" for less than half a cent, except zero.
--- @param value any
--- @param plus? boolean write a plus sign before positive amounts
--- @return string? text nil: not a number
function numbers.money(value, plus)
  local n = numbers.of(value)
  if not n then
    return nil
  end
  local sign, size = n < 0 and "-" or plus and n > 0 and "+" or "", math.abs(n)
  if size ~= 0 and size < 0.005 then
    return sign .. "<$0.01"
  elseif size >= 1e15 then
    return sign .. "$" .. written(size, "%.3g")
  end
  return sign .. "$" .. grouped(written(size, "%.2f"))
end

--- Dollars per unit, with four significant digits: "$0.01047".
function numbers.rate(value)
  local n = numbers.of(value)
  if not n or math.abs(n) >= 1 or math.abs(n) < 1e-6 then
    return numbers.money(value)
  end
  return (n < 0 and "-" or "") .. "$" .. written(math.abs(n), "%.4g")
end

--- An integer with all its digits: "9,007,199,254,740,993".
function numbers.count(value)
  local n = numbers.of(value)
  if not n then
    return nil
  elseif type(value) == "userdata" then
    return grouped(tostring(value))
  elseif math.abs(n) >= 2 ^ 63 then
    return written(n, "%.4g")
  elseif n == math.floor(n) then
    return grouped(("%.0f"):format(n):gsub("^%-0$", "0"))
  end
  return grouped(written(n, "%.1f"))
end

local UNITS = { { 1e12, "T" }, { 1e9, "B" }, { 1e6, "M" }, { 1e3, "k" } }

--- A number of tokens with three significant digits: "812B", "9,007T".
function numbers.tokens(value)
  local n = numbers.of(value)
  if not n then
    return nil
  elseif math.abs(n) >= 1e18 then
    return written(n, "%.3g")
  end
  for _, unit in ipairs(UNITS) do
    if math.abs(n) >= unit[1] * 0.9995 then
      local scaled = n / unit[1]
      local size = math.abs(scaled)
      local format = size < 9.995 and "%.2f" or size < 99.95 and "%.1f" or "%.0f"
      return grouped(written(scaled, format)) .. unit[2]
    end
  end
  return numbers.count(math.floor(n + 0.5))
end

--- A fraction of 1 as a percentage: "50.9%", "<0.1%".
function numbers.share(value, plus)
  local n = numbers.of(value)
  if not n then
    return nil
  end
  local sign, percent = n < 0 and "-" or plus and n > 0 and "+" or "", math.abs(n) * 100
  if percent ~= 0 and percent < 0.05 then
    return sign .. "<0.1%"
  elseif percent >= 1e6 then
    return sign .. written(percent, "%.2g") .. "%"
  end
  return sign .. grouped(written(percent, percent < 99.95 and "%.1f" or "%.0f")) .. "%"
end

--- A number for programs: with all its digits, as JSON.
--- @param value any
--- @return string? digits nil: not a number
function numbers.exact(value)
  return numbers.of(value) and json.encode(value)
end

return numbers
