--- Stands in for lua-cjson where there is none for the Lua under test; tools/test then puts this
--- folder on the path. dkjson, which busted brings, reads and writes; ours must not, it is what
--- is tested.

local dkjson = require("dkjson")

-- cjson.null is the pointer NULL, which plain Lua cannot make.
local NULL = require("posthog.llm.core").null

local cjson = { null = NULL }

--- A copy in which empty tables are objects, as they are to cjson, which takes no NaN either.
local function marked(value)
  if value ~= value then
    error("not a number")
  end
  if type(value) ~= "table" then
    return value
  end
  local copy = {}
  for k, v in pairs(value) do
    copy[k] = marked(v)
  end
  return next(copy) == nil and setmetatable(copy, { __jsontype = "object" }) or copy
end

local function write_null(reason, value)
  if value == NULL then
    return "null"
  end
  return nil, reason
end

function cjson.encode(value)
  return (assert(dkjson.encode(marked(value), { exception = write_null })))
end

function cjson.decode(text)
  local value, _, err = dkjson.decode(text, 1, NULL, nil, nil) -- without metatables
  if err then
    error(err, 2)
  end
  return value
end

function cjson.new()
  return cjson
end

return cjson
