--- The same as cjson.safe: what raises there returns nil and the message here.

local cjson = require("cjson")

local function guarded(call)
  return function(value)
    local ok, result = pcall(call, value)
    if ok then
      return result
    end
    return nil, result
  end
end

local safe = { null = cjson.null, encode = guarded(cjson.encode), decode = guarded(cjson.decode) }

function safe.new()
  return safe
end

return safe
