--- The content of items: its fields, their text, and when two are the same.

local compare = require("posthog.llm.util.compare")
local core = require("posthog.llm.core")
local json = require("posthog.llm.json")
local times = require("posthog.llm.util.time")
local display = require("posthog.llm.util.display")

local values = {}

local SHOWN = 60 -- characters of a value where only its start is told

--- The content of an item by generation: what a caller may set.
values.FIELDS = {
  reference = { "input", "output", "metadata", "ref_trace_id", "ref_timestamp", "ref_source_id" },
  current = {
    "input",
    "expected_output",
    "source_output",
    "metadata",
    "client_item_id",
    "source_trace_id",
    "source_timestamp",
    "source_event_id",
  },
}

--- Every name of a field, to one for both generations.
local NAMES = {
  output = "expected_output",
  ref_trace_id = "source_trace_id",
  ref_timestamp = "source_timestamp",
  ref_source_id = "source_event_id",
}
for _, name in ipairs(values.FIELDS.current) do
  NAMES[name] = name
end
for _, name in ipairs(values.FIELDS.reference) do
  NAMES[name] = NAMES[name] or name
end

--- Fields that hold any JSON; the others hold a text.
local IS_JSON = { input = true, expected_output = true, source_output = true, metadata = true }

function values.is_field(name)
  return NAMES[name] ~= nil
end

function values.is_json(name)
  return IS_JSON[NAMES[name]] == true
end

local function is_array(value)
  return getmetatable(value) == core.array_mt or value[1] ~= nil
end

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
values.sorted = sorted

--- The same for what goes into files: nil where it cannot be encoded.
--- @return string?
--- @return posthog.llm.Error? err
function values.encode(value)
  local text, err = json.encode(value)
  if text and type(value) == "table" then
    text = sorted(value)
  end
  return text, err
end

--- A value in a few characters, without control characters.
--- @return string
function values.excerpt(value)
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

--- A plain field as the server keeps it.
local function plain(name, value)
  if type(value) == "number" then
    value = core.encode(value)
  end
  if type(value) ~= "string" then
    return value
  elseif name == "source_timestamp" then
    return times.iso(value) or value
  end
  value = compare.trim(value)
  return value ~= "" and value or nil
end

--- The content of a row, or of what is to become one, in one vocabulary and as
--- the server keeps it. The key of an item is none of it, since an import adds one.
--- @param fields table
--- @return table content
function values.content(fields)
  local content = {}
  for name, field in next, fields do
    local common = NAMES[name]
    if common and common ~= "client_item_id" and field ~= core.null then
      if not IS_JSON[common] then
        field = plain(common, field)
      elseif common == "metadata" and type(field) == "table" and next(field) == nil then
        field = not is_array(field) and core.null or field -- {} is what newer servers have for null
      end
      if field ~= core.null then
        content[common] = field
      end
    end
  end
  return content
end

--- Whether two contents are the same but for the way a database writes numbers,
--- and for null where nothing is.
function values.alike(a, b)
  return compare.equal(a, b)
end

--- What a cell of a CSV file holds: JSON where it is some, else the text itself.
--- @param text string
--- @return any? value nil for an empty cell
function values.of_cell(text)
  if text == "" then
    return nil
  elseif text:find('^%s*["%[{%-%dtfn]') then
    local value, err = json.decode(text)
    if not err then
      return value
    end
  end
  return text
end

--- The cell of a value, from which of_cell makes the value again.
--- @param name string of the field
--- @param value any
--- @return string? text
--- @return posthog.llm.Error? err
function values.to_cell(name, value)
  if value == nil or value == core.null then
    return ""
  elseif type(value) == "string" and not values.is_json(name) then
    return value
  elseif type(value) == "string" and values.of_cell(value) == value then
    return value
  end
  return values.encode(value)
end

return values
