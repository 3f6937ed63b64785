--- The fields of datasets, items and skills that are not plain text: the only table of their names
--- in both versions of the API and of their types (doc/api.md). All code that treats a field by its
--- name uses this module.

local json = require("posthog.llm.json")

local item_fields = {}

--- @class posthog.llm.ItemField
--- @field name string the name in API v2, which the library uses internally
--- @field v1? string the name in API v1; nil: API v1 does not have it
--- @field kind "json"|"time"|"text" its type
--- @field fixed? boolean can only be set when the item is created
--- @field instead? string what API v1 has instead, for a message

--- The fields of an item that a caller can set, in the order in which files and reports list them.
--- @type posthog.llm.ItemField[]
local FIELDS = {
  { name = "input", v1 = "input", kind = "json" },
  { name = "expected_output", v1 = "output", kind = "json" },
  {
    name = "source_output",
    kind = "json",
    instead = "it has one output only, `output`, which is `expected_output`",
  },
  { name = "metadata", v1 = "metadata", kind = "json" },
  { name = "client_item_id", kind = "text", instead = "it has no key of the client's own" },
  { name = "source_trace_id", v1 = "ref_trace_id", kind = "text", fixed = true },
  { name = "source_timestamp", v1 = "ref_timestamp", kind = "time", fixed = true },
  { name = "source_event_id", v1 = "ref_source_id", kind = "text", fixed = true },
}
item_fields.FIELDS = FIELDS

--- By both names.
--- @type table<string, posthog.llm.ItemField>
local BY_NAME = {}
for _, field in ipairs(FIELDS) do
  BY_NAME[field.name] = field
  if field.v1 then
    BY_NAME[field.v1] = field
  end
end

--- @param name string in either version
--- @return posthog.llm.ItemField? field nil: not a field that a caller can set
function item_fields.of(name)
  return BY_NAME[name]
end

--- An empty table that has room for the fields of most items: one that grows with each field is
--- allocated four times.
--- @return table
function item_fields.room()
  return { dataset = nil, input = nil, output = nil, expected_output = nil, metadata = nil }
end

--- The names that differ: from those of API v1 to those of API v2.
--- @type table<string, string>
item_fields.RENAMED = {}
--- The names in each API version, in order.
--- @type table<posthog.llm.ApiVersion, string[]>
item_fields.NAMES = { reference = {}, current = {} }
--- Fields of free JSON, by all their names: in them null is kept as a value.
--- @type string[]
item_fields.FREE_JSON = {}
--- The same as a set.
--- @type table<string, boolean>
item_fields.IS_FREE_JSON = {}

for _, field in ipairs(FIELDS) do
  local names = item_fields.NAMES
  names.current[#names.current + 1] = field.name
  names.reference[#names.reference + 1] = field.v1
  if field.v1 and field.v1 ~= field.name then
    item_fields.RENAMED[field.v1] = field.name
  end
  if field.kind == "json" then
    local free = item_fields.FREE_JSON
    free[#free + 1] = field.name
    free[#free + 1] = field.v1 ~= field.name and field.v1 or nil
  end
end
for _, name in ipairs(item_fields.FREE_JSON) do
  item_fields.IS_FREE_JSON[name] = true
end

--- Fields that the API defines as lists: an empty table in them is encoded as [].
local LISTS = { files = true, edits = true, file_edits = true, allowed_tools = true, owners = true }

--- Fields that the API defines as integers.
local INTEGERS = { base_version = true, source_version = true, revision = true }

local function is_empty_unmarked(value)
  return type(value) == "table" and next(value) == nil and getmetatable(value) == nil
end

--- The fields in the form in which they are sent.
--- @param fields table
--- @param is_own? boolean they are nobody else's and are changed; otherwise a copy is made, and the
---   caller's tables stay as they are
--- @return table
function item_fields.on_wire(fields, is_own)
  local copy = is_own and fields or {}
  for name, value in next, fields do -- without metamethods, as the encoder reads tables
    if LISTS[name] and is_empty_unmarked(value) then
      value = json.array({})
    elseif name == "file_edits" and type(value) == "table" then
      local list = json.array({})
      for i, entry in ipairs(value) do
        list[i] = type(entry) == "table" and item_fields.on_wire(entry) or entry
      end
      value = list
    elseif INTEGERS[name] and math.tointeger then
      value = math.tointeger(value) or value
    end
    copy[name] = value
  end
  return is_own and fields or setmetatable(copy, getmetatable(fields))
end

return item_fields
