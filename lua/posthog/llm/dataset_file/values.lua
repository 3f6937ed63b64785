--- The content of items: its fields, their text, and whether two are equal.

local compare = require("posthog.llm.util.compare")
local decimal = require("posthog.llm.util.decimal")
local digest = require("posthog.llm.util.digest")
local item_fields = require("posthog.llm.api.item_fields")
local json = require("posthog.llm.json")
local json_text = require("posthog.llm.util.json_text")
local json_value = require("posthog.llm.util.json_value")
local plain_number = require("posthog.llm.util.plain_number")
local times = require("posthog.llm.util.time")

local values = {}

function values.is_field(name)
  return item_fields.of(name) ~= nil
end

function values.is_json(name)
  local field = item_fields.of(name)
  return field ~= nil and field.kind == "json"
end

local is_array = json_value.is_array

--- A field that is not free JSON, as the server stores it.
--- @param kind "time"|"text"
local function plain(kind, value)
  value = decimal.text(value) or value
  if type(value) ~= "string" then
    return value
  elseif kind == "time" then
    return times.iso(value) or value
  end
  value = compare.trim(value)
  return value ~= "" and value or nil
end

--- The content of a row or of a record, by the names of API v2 and as the server
--- stores it. The key of an item is not part of it, since an import adds one.
--- @param fields table
--- @return table content
function values.content(fields)
  local content = item_fields.room()
  for name, field in next, fields do
    local rule = item_fields.of(name)
    if rule and rule.name ~= "client_item_id" and field ~= json.null then
      if rule.kind ~= "json" then
        field = plain(rule.kind, field)
      elseif name == "metadata" and type(field) == "table" and next(field) == nil then
        field = not is_array(field) and json.null or field -- {} is what newer servers have for null
      end
      if field ~= json.null then
        content[rule.name] = field
      end
    end
  end
  return content
end

--- A digest of a content, by which the journal has a record.
--- @param content table
--- @return string
function values.digest(content)
  return digest.sha256(json_text.sorted(content)):sub(1, 16)
end

--- A field as the server stores it, by the name of either API version.
--- @param fields table
--- @param content table of these fields
--- @param name string
--- @return any? value nil: absent or null
function values.kept(fields, content, name)
  local rule = item_fields.of(name)
  local value = fields[name]
  if rule and rule.name ~= "client_item_id" then
    return content[rule.name]
  elseif value == json.null then
    return nil
  end
  return rule and plain(rule.kind, value) or value
end

--- Whether 1.0 differs from 1: to a server of API v2, which makes a new version for
--- it, if this Lua and the client's codec distinguish the two.
--- @param row table a dataset or an item, as the server gave it
--- @return boolean
function values.tells_floats(row)
  return math.type ~= nil and math.type(row.version or row.current_revision) == "integer"
end

--- Whether two contents are equal in value, null being equal to absent.
function values.alike(a, b)
  return compare.equal(a, b)
end

--- The size of an item as the server counts it: its free JSON as one object.
--- @param fields table
--- @return integer bytes
function values.size(fields)
  local parts = {}
  for name, value in pairs(fields) do
    parts[name] = values.is_json(name) and value or nil
  end
  return #(json.encode(json.object(parts)) or "")
end

--- Whether a number has no double, as 1e400 has none: servers have it neither. Integers have any size.
--- @param number any from plain_number
local function is_too_large(number)
  return type(number) == "userdata" and tostring(number):find("^%-?%d+$") == nil
end

local WORDS = { ["true"] = true, ["false"] = false }

--- What a cell of a CSV file holds. What would be written in another way as a cell is a text:
--- `1.10`, `True`, `null` (null is an empty cell), a text in quotes that it does not need; and so is
--- `1e400`, which no server can store.
--- @param text string
--- @return any? value nil for an empty cell
function values.of_cell(text)
  if text == "" then
    return nil
  elseif WORDS[text] ~= nil then
    return WORDS[text]
  elseif text:find('^%s*["%[{]') then
    local value, err = json.decode(text)
    local is_one = not err and (type(value) ~= "string" or values.of_cell(value) ~= value)
    return is_one and value or text
  end
  local number = plain_number(text)
  if number == nil then -- 1e-07 and 1e+16 are what C and Python write for 1e-7 and 1e16
    number = plain_number((text:gsub("e%+([1-9]%d+)$", "e%1"):gsub("e%-0(%d)$", "e-%1")))
  end
  if number == nil or is_too_large(number) then
    return text
  end
  return number
end

--- The cell of a value, from which of_cell makes the value again.
--- @param name string of the field
--- @param value any
--- @return string? text
--- @return posthog.llm.Error? err
function values.to_cell(name, value)
  if value == nil or value == json.null then
    return ""
  elseif type(value) == "string" and not values.is_json(name) then
    return value
  elseif type(value) == "string" and values.of_cell(value) == value then
    return value
  end
  return json_text.encode(value)
end

return values
