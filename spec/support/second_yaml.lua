--- A second reader of front matter, by libyaml's events: what ours is compared with.

local parser = require("yaml").parser -- of lyaml

local json = require("posthog.llm.json")

local second = {}

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
  local root = build(next_event, event)
  if next_event().implicit then -- no line ... ends it
    next_event() -- raises where more stands there
  end
  return root
end

--- Reads one document.
--- @param source string
--- @return table? node kind "map" with entries, "list" with items, "scalar" with raw and value
--- @return { message: string, line: integer }? err
function second.read(source)
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
function second.value(node)
  if node.kind == "scalar" then
    return node.value
  end
  if node.kind == "list" then
    local list = json.array({})
    for i, item in ipairs(node.items) do
      list[i] = second.value(item)
    end
    return list
  end
  local map = json.object({})
  for _, entry in ipairs(node.entries) do
    map[entry.key] = second.value(entry.node)
  end
  return map
end

return second
