--- lua-cjson's place on a Lua for which there is none: dkjson, which busted brings, reads. What is
--- written has to be as cjson writes it, {} an object, and that is what ours does.

local core = require("posthog.llm.core")
local dkjson = require("dkjson")

local function decode(text)
  local value, _, err = dkjson.decode(text, 1, core.null, nil, nil)
  return value, err
end

local safe = { null = core.null, decode = decode, encode = core.encode }
function safe.new() return safe end

local raising = { null = core.null, encode = core.encode }
function raising.new() return raising end
function raising.decode(text)
  local value, err = decode(text)
  if err then error(err, 2) end
  return value
end

return { cjson = raising, ["cjson.safe"] = safe }
