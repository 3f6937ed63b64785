--- JSON to Lua values and back without loss: the codec of the C core with the errors of this
--- library. doc/json.md says what each kind of value becomes, and why.

local core = require("posthog.llm.util.core")
local errors = require("posthog.llm.util.errors")

--- @class posthog.llm.json
--- @field null lightuserdata stands for null; the same value as cjson.null and ngx.null
--- @field array fun(t?: table): table marks a table, or a new one, as an array
--- @field object fun(t?: table): table marks a table, or a new one, as an object
local json = {
  null = core.null,
  array = core.array,
  object = core.object,
}

--- An integer that Lua cannot represent, or a float beyond its range. tostring gives the digits as
--- they came; == < <= compare two of them by value.
--- @class posthog.llm.Number
--- @field tonumber fun(self: posthog.llm.Number): number the nearest Lua number

--- Decodes one JSON text. Every null becomes json.null.
--- @param text string
--- @return any? value
--- @return posthog.llm.Error? err kind "decode", or "too_large" when it nests more than 512 levels
---   deep; `position` is a byte offset, from 1
function json.decode(text)
  if type(text) ~= "string" then
    error("json.decode expects a string, got " .. type(text), 2)
  end
  local value, message, position, limit = core.decode(text)
  if message then
    return nil,
      errors.new({
        kind = limit and "too_large" or "decode",
        message = ("%s at byte %d: %s"):format(
          limit and "over the limit " .. limit or "invalid JSON",
          position,
          message
        ),
        position = position,
      })
  end
  return value
end

--- Encodes a value. Reads tables without metamethods.
--- @param value any
--- @return string? text
--- @return posthog.llm.Error? err kind "invalid"; `path` of the value that cannot be encoded; "":
---   the value itself
function json.encode(value)
  local text, message, path = core.encode(value)
  if message then
    return nil,
      errors.new({
        kind = "invalid",
        message = ("%s%s"):format(path ~= "" and path .. ": " or "", message),
        path = path,
      })
  end
  return text
end

return json
