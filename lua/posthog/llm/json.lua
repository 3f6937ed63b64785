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

--- What is wrong with a text.
--- @param message string of the core
--- @param position integer
--- @param limit? string
local function invalid(message, position, limit)
  local what = limit and "over the limit " .. limit or "invalid JSON"
  return errors.new({
    kind = limit and "too_large" or "decode",
    message = ("%s at byte %d: %s"):format(what, position, message),
    position = position,
  })
end

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
    return nil, invalid(message, position, limit)
  end
  return value
end

--- A JSON text as a value: it is encoded byte for byte as it was given, key order, `1.0` and all.
--- tostring returns the text, == compares two texts.
--- @class posthog.llm.Raw
--- @field decode fun(self: posthog.llm.Raw): any the value that it stands for

--- Takes a JSON text to be sent as it is.
--- @param text string one JSON value; white space around it is left out
--- @return posthog.llm.Raw? raw
--- @return posthog.llm.Error? err as of json.decode
function json.raw(text)
  if type(text) ~= "string" then
    error("json.raw expects a string, got " .. type(text), 2)
  end
  local raw, message, position, limit = core.raw(text)
  if not raw then
    return nil, invalid(message, position, limit)
  end
  return raw
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
