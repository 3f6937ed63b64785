--- JSON as the server's database gives it back: Postgres' jsonb keeps no order of names, no second
--- member of a name and no spelling of a number. What has a fraction is a float behind it.

local responses = require("server.responses")
local json = require("server.json")
local settings = require("server.settings").values

local jsonb = {}

--- The digits of a number without exponent, and how many of them are behind the point.
local function expand(whole, fraction, exponent)
  local digits, scale = whole .. fraction, #fraction - exponent
  if scale <= 0 then
    return digits .. ("0"):rep(-scale), 0
  end
  if #digits <= scale then
    digits = ("0"):rep(scale - #digits + 1) .. digits
  end
  return digits, scale
end

--- The shortest text that reads as the same float.
local function shortest(value)
  for digits = 1, 17 do
    local text = ("%." .. digits .. "g"):format(value)
    if tonumber(text) == value then
      return text:find("[.e]") and text or text .. ".0"
    end
  end
end

local function number(raw)
  local sign, whole, fraction, exponent = raw:match("^(%-?)(%d+)%.?(%d*)[eE]?([+-]?%d*)$")
  local digits, scale = expand(whole, fraction, tonumber(exponent) or 0)
  if not digits:find("[1-9]") then
    sign = ""
  end -- there is no negative zero
  digits = digits:gsub("^0+(%d)", "%1")
  if scale == 0 then
    return sign .. digits
  end
  digits = ("0"):rep(scale - #digits + 1) .. digits
  return shortest(tonumber(sign .. digits:sub(1, -scale - 1) .. "." .. digits:sub(-scale)))
end

local function value(raw)
  local kind = json.kind(raw)
  if kind == "number" then
    return number(raw)
  elseif kind == "array" then
    local texts = json.elements(raw)
    for i, element in ipairs(texts) do
      texts[i] = value(element)
    end
    return json.list(texts)
  elseif kind ~= "object" then
    return raw
  end
  local names, members = {}, json.members(raw)
  for name in pairs(members) do
    names[#names + 1] = name
  end
  table.sort(names, function(a, b)
    if #a ~= #b then
      return #a < #b
    end
    return a < b
  end)
  for i, name in ipairs(names) do
    names[i] = json.string(name) .. ":" .. value(members[name])
  end
  return "{" .. table.concat(names, ",") .. "}"
end

--- The largest integers that can be sent, below zero and above.
local LEAST, MOST = "9223372036854775808", "18446744073709551615"

--- Whether JSON holds an integer that 64 bits do not.
local function has_wide_integer(raw)
  local bare = raw:gsub("\\.", ""):gsub('"[^"]*"', '""')
  for number_text in bare:gmatch("%-?%d[%d.eE+-]*") do
    local sign, digits = number_text:match("^(%-?)(%d+)$")
    local limit = sign == "-" and LEAST or MOST
    if digits and (#digits > #limit or #digits == #limit and digits > limit) then
      return true
    end
  end
  return false
end

--- Throws the 500 of what the database refuses.
function jsonb.check(raw)
  if settings.json_nul == "error" and raw:gsub("\\\\", ""):find("\\u0000", 1, true) then
    error(responses.server_error())
  end
end

--- What is kept of a value of a row; unless the setting `jsonb` is on, all of it.
function jsonb.kept(given)
  if type(given) ~= "table" or not given.raw then
    return given
  end
  local kept = given
  if settings.jsonb then
    kept = json.raw(value(given.raw))
  end
  if settings.wide_integers == "breaks" and has_wide_integer(kept.raw) then
    kept = json.raw(kept.raw)
    kept.broken = responses.error_page()
  end
  return kept
end

return jsonb
