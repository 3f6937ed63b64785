--- Writes JSON values as YAML that every reader takes for the same.

local json = require("posthog.llm.json")
local json_value = require("posthog.llm.util.json_value")
local scalars = require("posthog.llm.skill_folder.yaml.scalars")

local writer = {}

--- Words that older readers of YAML take for a boolean.
local WORDS = { y = true, n = true, yes = true, no = true, on = true, off = true }

--- What JSON allows in a string and YAML would not take, or take for a line's end.
local ESCAPED = {
  ["\127"] = "\\x7F",
  ["\226\128\168"] = "\\L",
  ["\226\128\169"] = "\\P",
  ["\239\187\191"] = "\\uFEFF",
  ["\239\191\190"] = "\\uFFFE",
  ["\239\191\191"] = "\\uFFFF",
}

local function quoted(s)
  local text = json.encode(s) or json.encode((s:gsub("[\128-\255]", "?")))
  if not text:find("[\127-\255]") then
    return text
  end
  text = text:gsub("\127", ESCAPED):gsub("\226\128[\168\169]", ESCAPED)
  text = text:gsub("\239[\187\191][\190\191]", ESCAPED)
  return (text:gsub("\194([\128-\159])", function(c)
    return ("\\x%02X"):format(c:byte())
  end))
end

local function is_plain(s)
  return s:find("^[%a\195-\244]")
    and not s:find("[%c\127]")
    and not s:find(":[ %z]")
    and not s:find(" #", 1, true)
    and not s:find("[: ]$")
    and (not s:find("[\127-\255]") or quoted(s) == json.encode(s))
    and scalars.meaning(s) == s
    and not WORDS[s:lower()]
end

--- Several lines as they are, where YAML reads just them back.
local function is_block(s)
  return s:find("\n", 1, true)
    and not s:find("[%z\1-\9\11-\31\127]")
    and not s:find("^[ \n]")
    and not s:find("\n$")
    and not s:find(" \n")
    and not s:find(" $")
    and not quoted(s):find("\\[xLPu]")
end

local function number(value)
  local s = json.encode(value)
  if scalars.number(s) ~= nil then
    return s
  end
  return (s:find("[.eE]") and "!!float " or "!!int ") .. s
end

--- @param map table
--- @return string[]
function writer.sorted_keys(map)
  local keys = {}
  for key in pairs(map) do
    keys[#keys + 1] = key
  end
  table.sort(keys)
  return keys
end

local is_list = json_value.is_array

--- A value on one line.
--- @param value any
--- @return string
function writer.flow(value)
  if type(value) == "string" then
    return quoted(value)
  elseif type(value) == "boolean" then
    return tostring(value)
  elseif type(value) ~= "table" then -- an object of the codec's too, where a number is too long
    return value == json.null and "null" or number(value)
  end
  local parts = {}
  if is_list(value) then
    for i, item in ipairs(value) do
      parts[i] = writer.flow(item)
    end
    return "[" .. table.concat(parts, ", ") .. "]"
  end
  for i, key in ipairs(writer.sorted_keys(value)) do
    parts[i] = quoted(key) .. ": " .. writer.flow(value[key])
  end
  return "{" .. table.concat(parts, ", ") .. "}"
end

--- A text on one line, where it can be in the quotes of the one before it.
--- @param s string
--- @param quote? string \' or "
--- @return string
function writer.text(s, quote)
  if quote == "'" and quoted(s) == '"' .. s:gsub('"', '\\"') .. '"' then
    return "'" .. s:gsub("'", "''") .. "'"
  elseif quote == '"' or not is_plain(s) then
    return quoted(s)
  end
  return s
end

--- A value: what stands in the line of its name, and the lines below.
--- @param value any
--- @param indent string of the lines below
--- @param quote? string of the value before it
--- @return string head
--- @return string lines with their ends
function writer.value(value, indent, quote)
  if type(value) ~= "string" then
    return writer.flow(value), ""
  elseif is_block(value) then
    return "|-", (("\n" .. value):gsub("\n([^\n]+)", "\n" .. indent .. "%1"):sub(2)) .. "\n"
  end
  return writer.text(value, quote), ""
end

--- `key: value` and what belongs to it, as lines.
--- @param key string
--- @param value any
--- @param indent? string
--- @return string lines with their ends
function writer.entry(key, value, indent)
  indent = indent or ""
  local head, lines = writer.value(value, indent .. "  ")
  return indent .. writer.text(key) .. ": " .. head .. "\n" .. lines
end

--- A map as lines, with its names in their order.
--- @param map table
--- @param indent string
--- @return string lines with their ends
function writer.map(map, indent)
  local lines = {}
  for i, key in ipairs(writer.sorted_keys(map)) do
    lines[i] = writer.entry(key, map[key], indent)
  end
  return table.concat(lines)
end

return writer
