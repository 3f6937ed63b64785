--- What the specs of the codec share.

local core = require("posthog.llm.core")

local support = {}

--- A generator of pseudo-random integers below n that any Lua computes alike.
function support.generator(seed)
  local state = seed
  return function(n)
    state = (state * 16807) % 2147483647
    return state % n
  end
end

function support.kind_of(value)
  return math.type and math.type(value) or type(value)
end

--- Equal in value, kind and, for floats, in every bit.
function support.identical(a, b)
  if type(a) ~= type(b) then
    return false
  end
  if type(a) == "table" then
    if getmetatable(a) ~= getmetatable(b) then
      return false
    end
    for key, value in pairs(a) do
      if not support.identical(value, b[key]) then
        return false
      end
    end
    for key in pairs(b) do
      if a[key] == nil then
        return false
      end
    end
    return true
  end
  if type(a) == "number" then
    return a == b and support.kind_of(a) == support.kind_of(b) and (a ~= 0 or 1 / a == 1 / b)
  end
  return a == b
end

function support.assert_identical(expected, actual)
  if not support.identical(expected, actual) then
    require("luassert").equal(core.encode(expected), core.encode(actual)) -- fuzzers lack it
    error("values differ though their text is the same: " .. tostring(core.encode(actual)))
  end
end

function support.decode(text)
  local value, message, position = core.decode(text)
  if message then
    error(("%s at %d in %s"):format(message, position, text:sub(1, 100)), 2)
  end
  return value
end

function support.encode(value)
  local text, message, path = core.encode(value)
  if message then
    error(message .. " at " .. path, 2)
  end
  return text
end

return support
