--- Numbers by their digits: equal by value, however they are written.

local core = require("posthog.llm.util.core")

local decimal = {}

local MAX_DIGITS = 400 -- more are written with an exponent; no double has more before its point

--- The parts of a number.
--- @param text string a number as JSON has it
--- @return string? sign nil: the text is not a number
--- @return string? digits without leading and trailing zeros; "" for zero
--- @return integer? power of ten of the last digit
--- @return integer? scale digits that a database stores after the point
local function split(text)
  local sign, whole, fraction, exponent = text:match("^(%-?)(%d+)%.?(%d*)[eE]?([+-]?%d*)$")
  if not sign then
    return nil
  end
  local shift = tonumber(exponent) or 0
  local all = (whole .. fraction):gsub("^0+", "")
  local digits = all:match("^.*[1-9]") or ""
  return sign, digits, shift - #fraction + #all - #digits, math.max(0, #fraction - shift)
end

--- The canonical form of a decimal number: its digits without leading and trailing zeros, and the
--- power of ten of the last digit. Two texts of one number have the same form.
--- @param text string a number as JSON has it
--- @return string? nil: not a number
function decimal.of(text)
  local sign, digits, power = split(text)
  if not sign then
    return nil
  elseif digits == "" then
    return "0" -- also negative zero, whose sign a database does not store
  end
  return ("%s%se%d"):format(sign, digits, power)
end

--- A number as JSON text; nil for other values. Numbers that Lua cannot represent are userdata.
--- @param value any
--- @return string?
function decimal.text(value)
  if type(value) == "number" then
    return core.encode(value)
  elseif type(value) == "userdata" and value ~= core.null then
    return tostring(value)
  end
end

--- One text for all numbers that are equal once stored: the server stores 1e16 as
--- 10000000000000000, and -0.0 as 0.0 (doc/api.md 0.4).
--- @param text string a number as JSON has it
--- @param tells_floats boolean whether 1.0 and 1 differ
--- @return string
function decimal.stored(text, tells_floats)
  if #text <= MAX_DIGITS and (text:find("^%-?[1-9]%d*$") or text == "0") then
    return text
  end
  local sign, digits, power, scale = split(text)
  if not sign then
    return text
  elseif digits == "" then
    sign, digits, power = "", "0", 0
  end
  if power < 0 or #digits + power > MAX_DIGITS then
    return ("%s%se%d"):format(sign, digits, power)
  end
  return sign .. digits .. ("0"):rep(power) .. (tells_floats and scale > 0 and ".0" or "")
end

return decimal
