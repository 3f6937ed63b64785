--- JSON with its keys in order, for files and for people.

local display = require("posthog.llm.util.display")
local json = require("posthog.llm.json")
local json_value = require("posthog.llm.util.json_value")

local json_text = {}

local SHOWN = 60 -- characters of a value where only its start is shown

local is_array = json_value.is_array

--- JSON with sorted keys: equal values have equal texts, whatever made them.
--- @param value any that can be encoded
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

--- The same, for a value that may be one that JSON cannot hold.
--- @return string?
--- @return posthog.llm.Error? err
function json_text.encode(value)
  local text, err = json.encode(value)
  if text and type(value) == "table" then
    text = sorted(value)
  end
  return text, err
end

--- A value in a few characters, without control characters.
--- @return string
function json_text.excerpt(value)
  local text = display.clean(sorted(value))
  local last = 1
  for _ = 1, SHOWN do
    local _, stop = text:find("^[^\128-\191][\128-\191]*", last)
    if not stop then
      return text
    end
    last = stop + 1
  end
  return last <= #text and text:sub(1, last - 1) .. "..." or text
end

return json_text
