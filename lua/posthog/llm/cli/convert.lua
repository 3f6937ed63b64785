--- Conversions of the values of options: each returns the value, or nil and why it is invalid.

local convert = {}

local function whole(text, least)
  local n = tonumber(text)
  if n and n >= least and n == math.floor(n) and n < 2 ^ 53 then
    return math.tointeger and math.tointeger(n) or n
  end
end

--- @return integer?
function convert.count(text)
  local n = whole(text, 1)
  return n, not n and ("invalid number '%s': a whole number above 0"):format(text) or nil
end

--- @return integer?
function convert.count_or_none(text)
  local n = whole(text, 0)
  return n, not n and ("invalid number '%s': a whole number, 0 or above"):format(text) or nil
end

--- @return integer?
function convert.port(text)
  local n = whole(text, 1)
  if n and n <= 65535 then
    return n
  end
  return nil, ("invalid port '%s': a number from 1 to 65535"):format(text)
end

--- @return number?
function convert.seconds(text)
  local n = tonumber(text)
  if n and n >= 0 and n < 1e6 then
    return n
  end
  return nil, ("invalid time '%s': seconds, such as 10"):format(text)
end

--- @return string[]
function convert.names(text)
  local names = {}
  for name in text:gmatch("[^,]+") do
    names[#names + 1] = name
  end
  return names
end

--- @return number?
function convert.dollars(text)
  local n = tonumber((text:gsub("^%$", "")))
  if n and n >= 0 and n < 1e12 then
    return n
  end
  return nil, ("invalid amount '%s': dollars, such as 50"):format(text)
end

return convert
