--- Which kind of JSON value a Lua value becomes.

local core = require("posthog.llm.util.core")

local json_value = {}

local array_mt = core.array_mt

--- Whether a table is encoded as an array. An empty one is when it is marked.
--- @param value table
--- @return boolean
function json_value.is_array(value)
  return getmetatable(value) == array_mt or value[1] ~= nil
end

--- Whether a value is a table that is not marked as an array.
--- @param value any
--- @return boolean
function json_value.is_object(value)
  return type(value) == "table" and getmetatable(value) ~= array_mt
end

--- Whether JSON can represent a text, that is, whether it is UTF-8.
--- @param text string
--- @return boolean
function json_value.is_text(text)
  return core.encode(text) ~= nil
end

return json_value
