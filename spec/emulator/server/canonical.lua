--- One text for all spellings of a JSON value, so that two values can be compared by kind and value:
--- `true` is not `1`, nor is `1.0`, which is a float as `10e-1` is; the order of names does not matter.

local json = require("server.json")

local canonical

--- Sign, digits without zeros around them, and the exponent of the last digit; any precision.
local function number(raw)
  local sign, whole, fraction, exponent = raw:match("^(%-?)(%d+)%.?(%d*)[eE]?([+-]?%d*)$")
  local digits, zeros = (whole .. fraction):gsub("^0+", ""):match("^(.-)(0*)$")
  local kind = raw:find("[.eE]") and "float " or ""
  if digits == "" then
    return kind .. "0"
  end
  local power = (tonumber(exponent) or 0) - #fraction + #zeros
  return ("%s%s%se%d"):format(kind, sign, digits, power)
end

local function object(raw)
  local names, members = {}, json.members(raw)
  for name in pairs(members) do
    names[#names + 1] = name
  end
  table.sort(names)
  for i, name in ipairs(names) do
    names[i] = json.string(name) .. ":" .. canonical(members[name])
  end
  return "{" .. table.concat(names, ",") .. "}"
end

--- @param raw string a text that is known to be good JSON, without space around it
--- @return string
function canonical(raw)
  local kind = json.kind(raw)
  if kind == "number" then
    return number(raw)
  end
  if kind == "object" then
    return object(raw)
  end
  if kind == "string" then
    local value = json.decode(raw)
    return value and json.string(value) or raw -- lone surrogates stay as they are
  elseif kind == "array" then
    local texts = json.elements(raw)
    for i, element in ipairs(texts) do
      texts[i] = canonical(element)
    end
    return json.list(texts)
  end
  return raw
end

return canonical
