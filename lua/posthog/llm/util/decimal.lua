--- Numbers by their digits: equal by value, however they are written.

local core = require("posthog.llm.util.core")

local decimal = {}

local LONGEST = 400 -- digits that are written out; no double has more before its point

--- The digits of a number without zeros around them, the power of ten of the last
--- one, and how many digits a database keeps behind the point.
--- @param text string a number as JSON has it
--- @return string? sign nil: it is not one
--- @return string? digits "" for zero
--- @return integer? power
--- @return integer? scale
local function split(text)
  local sign, whole, fraction, exponent = text:match("^(%-?)(%d+)%.?(%d*)[eE]?([+-]?%d*)$")
  if not sign then
    return nil
  end
  local shift = tonumber(exponent) or 0
  local digits, zeros = (whole .. fraction):gsub("^0+", ""):match("^(.-)(0*)$")
  return sign, digits, shift - #fraction + #zeros, math.max(0, #fraction - shift)
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

--- One text for all numbers that are the same once they are stored: the server
--- makes 10000000000000000 of 1e16, and 0.0 of -0.0 (doc/api.md 0.4).
--- @param text string a number as JSON has it
--- @param tells_floats boolean whether 1.0 is another one than 1
--- @return string
function decimal.stored(text, tells_floats)
  if text:find("^%-?[1-9]%d*$") or text == "0" then
    return text
  end
  local sign, digits, power, scale = split(text)
  if not sign then
    return text
  elseif digits == "" then
    sign, digits, power = "", "0", 0
  end
  if power < 0 or #digits + power > LONGEST then
    return ("%s%se%d"):format(sign, digits, power)
  end
  return sign .. digits .. ("0"):rep(power) .. (tells_floats and scale > 0 and ".0" or "")
end

return decimal
