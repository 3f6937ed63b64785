--- JSON with sorted keys, for files and for people.

local display = require("posthog.llm.util.display")
local json = require("posthog.llm.json")
local json_value = require("posthog.llm.util.json_value")

local json_text = {}

local EXCERPT_LENGTH = 60 -- characters

local is_array = json_value.is_array

--- JSON with sorted keys: equal values have equal texts.
--- @param value any one that JSON can represent
--- @return string
local function sorted(value)
  if type(value) ~= "table" then
    return json.encode(value) or tostring(value)
  end
  local parts = {}
  if is_array(value) then
    for i = 1, #value do
      parts[i] = sorted(value[i])
    end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  for name, field in next, value do
    parts[#parts + 1] = (json.encode(tostring(name)) or "") .. ":" .. sorted(field)
  end
  table.sort(parts)
  return "{" .. table.concat(parts, ",") .. "}"
end
json_text.sorted = sorted

--- The same for any value, with an error when JSON cannot represent it.
--- @return string?
--- @return posthog.llm.Error? err
function json_text.encode(value)
  local text, err = json.encode(value)
  if text and type(value) == "table" then
    text = sorted(value)
  end
  return text, err
end

--- The start of a value's JSON, without control characters.
--- @return string
function json_text.excerpt(value)
  local text = display.clean(sorted(value))
  local last = 1
  for _ = 1, EXCERPT_LENGTH do
    local _, stop = text:find("^[^\128-\191][\128-\191]*", last)
    if not stop then
      return text
    end
    last = stop + 1
  end
  return last <= #text and text:sub(1, last - 1) .. "..." or text
end

return json_text
