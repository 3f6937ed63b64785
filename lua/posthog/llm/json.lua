--- JSON to Lua values and back without loss: the codec of the C core with the errors of this
--- library. doc/json.md says what each kind of value becomes, and why.

local core = require("posthog.llm.util.core")
local errors = require("posthog.llm.util.errors")

--- JSON to Lua values and back without loss: `require("posthog.llm.json")`, which is also
--- `llm.json`. [JSON](../json.md) tells what each kind of value becomes.
---
--- ```lua
--- local value = assert(json.decode('{"tags": [], "id": 18446744073709551615, "note": null}'))
--- print(value.note == json.null, value.id) --> true  18446744073709551615
--- print(json.encode(value.tags), json.encode(json.array())) --> []  []
--- print(json.encode({}), json.encode(json.object())) --> {}  {}
--- ```
--- @class posthog.llm.json
--- @field null lightuserdata stands for null; the same value as `cjson.null` and `ngx.null`
--- @field array fun(t?: table): table Marks a table, or a new one, as an array, and returns it: an
---   empty one is encoded as `[]`.
--- @field object fun(t?: table): table Marks a table, or a new one, as an object, and returns it.
local json = {
  null = core.null,
  array = core.array,
  object = core.object,
}

--- An integer that Lua cannot represent, or a float beyond its range. `tostring` gives the digits
--- as they came; `==`, `<` and `<=` compare two of them by value. It is encoded as it came.
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

--- Decodes one JSON text. Every null becomes `json.null`; an array gets a metatable, so that an
--- empty one stays an array. An integer that Lua cannot hold exactly becomes a [Number](#number). A
--- text that is no string raises.
---
--- ```lua
--- local value, err = json.decode('{"question": "What is 2 + 2?"')
--- print(value, err.kind, err.position) --> nil  decode  30
--- ```
--- @param text string UTF-8
--- @return any? value
--- @return posthog.llm.Error? err kind `decode`, with `position`: it is not JSON; kind `too_large`:
---   it nests more than 512 levels deep
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

--- A JSON text as a value. `tostring` returns the text, `==` compares two texts.
--- @class posthog.llm.Raw
--- @field decode fun(self: posthog.llm.Raw): any the value that it stands for

--- Takes a JSON text as a value that is encoded byte for byte as it is: order of keys, `1.0` and
--- all.
---
--- ```lua
--- local input = assert(json.raw('{"b": 1.0, "a": []}'))
--- print(json.encode({ input = input })) --> {"input":{"b": 1.0, "a": []}}
--- print(input:decode().b == 1) --> true
--- ```
--- @param text string one JSON value; white space around it is left out
--- @return posthog.llm.Raw? raw
--- @return posthog.llm.Error? err as of [decode](#llmjsondecode)
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

--- Encodes a value. Tables are read without metamethods; the order of keys is not defined. An
--- unmarked empty table is `{}`.
---
--- ```lua
--- print(json.encode({ "one", 2, true, json.null })) --> ["one",2,true,null]
--- local text, err = json.encode({ items = { { score = 0 / 0 } } })
--- print(text, err.path) --> nil  items[1].score
--- ```
--- @param value any
--- @return string? text
--- @return posthog.llm.Error? err kind `invalid`: `path` names the value that cannot be encoded,
---   such as a function, NaN or a text that is not UTF-8; "": the value itself
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
