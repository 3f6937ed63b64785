--- From a record of a file to the fields of an item.

local check = require("posthog.llm.util.check")
local json = require("posthog.llm.json")
local json_value = require("posthog.llm.util.json_value")
local option_names = require("posthog.llm.util.option_names")
local values = require("posthog.llm.dataset_file.values")
local display = require("posthog.llm.util.display")

local mapping = {}

--- What a server adds to the content of a row. Exports of other tools have it;
--- it cannot be set.
local SERVERS = {}
for _, names in ipairs({
  "id dataset version version_id dataset_revision dataset_revision_id deleted archived",
  "created_at updated_at created_by team team_id version_created_at version_created_by",
}) do
  for name in names:gmatch("%S+") do
    SERVERS[name] = true
  end
end

--- @param fields any the option
--- @param level integer as for error()
function mapping.check(fields, level)
  if fields == nil or check.callable(fields) then
    return
  end
  check.type(fields, "table", "fields", level + 1)
  for name, source in pairs(fields) do
    if type(name) ~= "string" or not values.is_field(name) then
      check.fail(level + 1, "fields: an item has no field %s that can be set", tostring(name))
    elseif type(source) ~= "string" and not check.callable(source) then
      local got = check.type_name(source)
      check.fail(level + 1, "fields.%s: name or function expected, got %s", name, got)
    end
  end
end

--- A name of the file's, in a message.
local function quoted(name)
  return '"' .. display.clean(tostring(name)) .. '"'
end

--- The fields of a record by their own names.
local function by_name(value)
  local fields = {}
  for name, field in next, value do
    if values.is_field(name) then
      if field ~= json.null then -- null is the same as absent in a new row
        fields[name] = field
      end
    elseif (name == "deleted" or name == "archived") and field == true then
      return nil, "the row is marked as " .. name
    elseif not SERVERS[name] then
      return nil, ("an item has no field %s; map it to one that it has"):format(quoted(name))
    end
  end
  return fields
end

--- What is wrong with the columns of a file, so that no record of it could be used:
--- one that is to be mapped is not there, or one has no meaning.
--- @param columns string[]
--- @param fields? table|function the option
--- @return string? message
--- @return string? option to blame
function mapping.bad_column(columns, fields)
  local there = {}
  for _, name in ipairs(columns) do
    there[name] = true
    if fields == nil and not values.is_field(name) and not SERVERS[name] then
      local words = "line 1: an item has no field %s; map columns to fields by %s"
      return words:format(quoted(name), option_names.code("fields")), "fields"
    end
  end
  for _, name in pairs(type(fields) == "table" and fields or {}) do
    if type(name) == "string" and not there[name] then
      return ("it has no column %s"):format(quoted(name)), "fields"
    end
  end
end

local function by_table(map, value)
  local fields = {}
  for name, source in pairs(map) do
    local field
    if type(source) == "string" then
      field = value[source]
    else
      field = source(value)
    end
    fields[name] = field
  end
  return fields
end

--- The cells of a CSV file as values; of plain fields the text counts as it is.
local function of_cells(cells, as_text, map)
  local value = {}
  for name, text in pairs(cells) do
    local plain = as_text or (map == nil and values.is_field(name) and not values.is_json(name))
    if plain then
      value[name] = text ~= "" and text or nil
    else
      value[name] = values.of_cell(text)
    end
  end
  return value
end

--- What a record holds, by the names of the file.
--- @param record posthog.llm.dataset_file.Record
--- @param options { fields?: table|function, values?: "json"|"text" }
--- @return any
function mapping.value(record, options)
  if record.cells then
    return of_cells(record.cells, options.values == "text", options.fields)
  end
  return record.value
end

--- @param record posthog.llm.dataset_file.Record
--- @param options { fields?: table|function, values?: "json"|"text" }
--- @return table? fields nil: a reason, or neither when the caller's function left it out
--- @return string? reason
function mapping.fields(record, options)
  if record.reason then
    return nil, record.reason
  end
  local map, value = options.fields, mapping.value(record, options)
  if record.is_mapped then
    map = nil
  end
  if check.callable(map) then
    local fields, reason = map(value, record.n)
    if fields == nil then
      return nil, reason ~= nil and tostring(reason) or nil
    elseif not json_value.is_object(fields) then
      return nil, "the function of `fields` did not return a table"
    end
    map, value = nil, fields
  elseif not json_value.is_object(value) then
    return nil, "an object is expected, not a value of another kind"
  end
  local fields, reason
  if map then
    fields, reason = by_name(by_table(map, value))
  else
    fields, reason = by_name(value)
  end
  if fields and next(fields) == nil then
    return nil, "it has none of the fields of an item"
  end
  return fields, reason
end

return mapping
