--- The YAML of front matter. Values are read so that every Lua takes a text for
--- the same: a plain scalar is a number only where the number would be written
--- just so (`1.10` is a text), and nothing is an alias or of a foreign type.

local json_value = require("posthog.llm.util.json_value")
local parser = require("yaml").parser -- of lyaml

local json = require("posthog.llm.json")

local yaml = {}

local TAG = "tag:yaml.org,2002:"

local PLAIN = {
  [""] = json.null,
  ["~"] = json.null,
  ["null"] = json.null,
  ["Null"] = json.null,
  ["NULL"] = json.null,
  ["true"] = true,
  ["True"] = true,
  ["TRUE"] = true,
  ["false"] = false,
  ["False"] = false,
  ["FALSE"] = false,
}

--- Other words that older readers of YAML take for a boolean.
local WORDS = { y = true, n = true, yes = true, no = true, on = true, off = true }

--- The number that a plain scalar means.
local function plain_number(s)
  if not s:find("^-?%d") then
    return nil
  end
  local value = json.decode(s)
  if value == nil or json.encode(value) ~= s then
    return nil
  elseif s:find("[.eE]") and type(value) == "number" and value % 1 == 0 then
    return nil -- 1.0, which not every Lua tells from 1
  end
  return value
end

local function plain_value(s)
  if PLAIN[s] ~= nil then
    return PLAIN[s]
  end
  local number = plain_number(s)
  if number == nil then
    return s
  end
  return number
end

local function fail(event, message)
  error({ message = message, line = event.start_mark.line + 1 }, 0)
end

local function tagged(event)
  local kind = event.tag:match("^" .. TAG .. "(%a+)$")
  if kind == "str" then
    return event.value
  elseif kind == "int" or kind == "float" then
    local value = json.decode(event.value)
    if type(value) == "string" or type(value) == "boolean" or value == nil then
      fail(event, ("%q is not a number"):format(event.value))
    end
    return value
  elseif kind == "null" or kind == "bool" then
    return plain_value(event.value)
  end
  fail(event, "the type " .. event.tag .. " is not supported")
end

local build

local function build_map(next_event, start)
  local map = { kind = "map", line = start.start_mark.line + 1, style = start.style, entries = {} }
  local places = {}
  while true do
    local event = next_event()
    if event.type == "MAPPING_END" then
      map.last = event.start_mark.line
      return map
    elseif event.type ~= "SCALAR" then
      fail(event, "a key that is not a string")
    elseif places[event.value] then
      fail(event, ("duplicate key %q"):format(event.value))
    end
    places[event.value] = true
    map.entries[#map.entries + 1] = {
      key = event.value,
      line = event.start_mark.line + 1,
      node = build(next_event, next_event()),
    }
  end
end

local function build_list(next_event, start)
  local list = { kind = "list", line = start.start_mark.line + 1, items = {} }
  while true do
    local event = next_event()
    if event.type == "SEQUENCE_END" then
      return list
    end
    list.items[#list.items + 1] = build(next_event, event)
  end
end

function build(next_event, event)
  if event.type == "ALIAS" then
    fail(event, "an alias (*" .. event.anchor .. ") is not supported")
  elseif event.type == "MAPPING_START" then
    return build_map(next_event, event)
  elseif event.type == "SEQUENCE_START" then
    return build_list(next_event, event)
  end
  local node = { kind = "scalar", line = event.start_mark.line + 1, raw = event.value }
  if event.tag and event.tag ~= "!" then
    node.value = tagged(event)
  elseif event.style == "PLAIN" and event.tag ~= "!" then
    node.value = plain_value(event.value)
  else
    node.value = event.value
  end
  return node
end

local function document(source)
  local next_event = parser(source)
  local event
  repeat
    event = next_event()
  until event.type ~= "STREAM_START" and event.type ~= "DOCUMENT_START"
  if event.type == "STREAM_END" then
    return { kind = "map", line = 1, entries = {}, last = 1 }
  end
  return build(next_event, event)
end

--- Reads one document.
--- @param source string
--- @return table? node kind "map" with entries, "list" with items, "scalar" with raw and value
--- @return { message: string, line: integer }? err
function yaml.read(source)
  local ok, result = pcall(document, source)
  if ok then
    return result
  elseif type(result) == "table" then
    return nil, result
  end
  local message = tostring(result)
  local line = tonumber(message:match("line: (%d+)")) or 1
  return nil, { message = message:match("^(.-) at document") or "it is not YAML", line = line }
end

--- The JSON value that a node means.
--- @param node table
--- @return any
function yaml.value(node)
  if node.kind == "scalar" then
    return node.value
  end
  if node.kind == "list" then
    local list = json.array({})
    for i, item in ipairs(node.items) do
      list[i] = yaml.value(item)
    end
    return list
  end
  local map = json.object({})
  for _, entry in ipairs(node.entries) do
    map[entry.key] = yaml.value(entry.node)
  end
  return map
end

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
    and quoted(s) == json.encode(s)
    and plain_value(s) == s
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
  if plain_number(s) ~= nil then
    return s
  end
  return (s:find("[.eE]") and "!!float " or "!!int ") .. s
end

local function sorted_keys(map)
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
function yaml.flow(value)
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
      parts[i] = yaml.flow(item)
    end
    return "[" .. table.concat(parts, ", ") .. "]"
  end
  for i, key in ipairs(sorted_keys(value)) do
    parts[i] = quoted(key) .. ": " .. yaml.flow(value[key])
  end
  return "{" .. table.concat(parts, ", ") .. "}"
end

--- `key: value` and what belongs to it, as lines.
--- @param key string
--- @param value any
--- @param indent? string
--- @return string lines with their ends
function yaml.entry(key, value, indent)
  indent = indent or ""
  local head = indent .. (is_plain(key) and key or quoted(key)) .. ":"
  if type(value) ~= "string" then
    return head .. " " .. yaml.flow(value) .. "\n"
  elseif is_block(value) then
    local inner = ("\n" .. value):gsub("\n([^\n]+)", "\n" .. indent .. "  %1")
    return head .. " |-" .. inner .. "\n"
  end
  return head .. " " .. (is_plain(value) and value or quoted(value)) .. "\n"
end

return yaml
