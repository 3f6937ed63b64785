--- From a record of a file to the fields of an item.

local check = require("posthog.llm.util.check")
local item_fields = require("posthog.llm.api.item_fields")
local json = require("posthog.llm.json")
local json_value = require("posthog.llm.util.json_value")
local paths = require("posthog.llm.dataset_file.paths")
local values = require("posthog.llm.dataset_file.values")
local display = require("posthog.llm.util.display")

local mapping = {}

--- What a server adds to the content of a row. Exports of other tools have it;
--- it cannot be set.
local SERVERS = {}
for _, names in ipairs({
  "id dataset version version_id dataset_revision dataset_revision_id deleted archived",
  "created_at updated_at created_by team team_id version_created_at version_created_by",
  -- of a line of an export
  "dataset_id item_id version_dataset_revision version_dataset_revision_id",
  "item_created_at item_created_by_id version_created_by_id",
}) do
  for name in names:gmatch("%S+") do
    SERVERS[name] = true
  end
end

--- Whether a server has this name for something that it alone sets.
function mapping.is_servers(name)
  return SERVERS[name] == true
end

--- @param fields any the option
--- @param level integer as for error()
function mapping.check(fields, level)
  if fields == nil or check.callable(fields) then
    return
  end
  check.type(fields, "table", "fields", level + 1)
  for name, source in pairs(fields) do
    local root, rest = paths.split(type(name) == "string" and name or "")
    if not values.is_field(root) then
      check.fail(level + 1, "fields: an item has no field %s that can be set", tostring(name))
    elseif rest and not values.is_json(root) then
      check.fail(level + 1, "fields: %s is no object, so that %q cannot be in it", root, name)
    elseif type(source) ~= "string" and not check.callable(source) then
      local got = check.type_name(source)
      check.fail(level + 1, "fields.%s: name or function expected, got %s", name, got)
    end
    local whole = name:match("^(.*)%.")
    while whole do
      if fields[whole] ~= nil then
        check.fail(level + 1, "fields: %s is given as a whole and in parts", whole)
      end
      whole = whole:match("^(.*)%.")
    end
  end
end

--- A name of the file's, in a message.
local function quoted(name)
  return '"' .. display.clean(tostring(name)) .. '"'
end

--- The fields of a record by their own names.
--- @return table? fields
--- @return string? reason
--- @return boolean? is_left_out the server has it as a row that counts no more
local function by_name(value)
  local fields = item_fields.room()
  for name, field in next, value do
    if values.is_field(name) then
      if field ~= json.null then -- null is the same as absent in a new row
        fields[name] = field
      end
    elseif (name == "deleted" or name == "archived") and field == true then
      return nil, "the row is marked as " .. name, true
    elseif not SERVERS[name] then
      return nil, ("an item has no field %s; map it to one that it has"):format(quoted(name))
    end
  end
  return fields
end

--- The cell of a column as a value. Of a plain field the text counts as it is.
--- @param text? string
--- @param name? string of the field
local function cell(text, as_text, name)
  if text == nil or text == "" then
    return nil
  elseif as_text or (name and not values.is_json(paths.split(name))) then
    return text
  end
  return values.of_cell(text)
end

--- The cells of a record as values.
--- @param by_own_names boolean
local function of_cells(cells, as_text, by_own_names)
  local value = {}
  for name, text in pairs(cells) do
    value[name] = cell(text, as_text, by_own_names and values.is_field(name) and name or nil)
  end
  return value
end

--- What a record holds, by the names of the file.
--- @param record posthog.llm.dataset_file.Record
--- @param options { fields?: table|function, values?: "json"|"text" }
--- @return any
function mapping.value(record, options)
  if record.cells then
    return of_cells(record.cells, options.values == "text", options.fields == nil)
  end
  return record.value
end

--- What a field is made of: a column or key, what is at a path in one, or what a function returns.
--- @param source string|fun(value: table): any
local function take(source, name, value, cells, as_text)
  if type(source) ~= "string" then
    return source(value)
  elseif cells and cells[source] then
    return cell(cells[source], as_text, name)
  end
  return paths.get(value, source)
end

local function by_table(map, value, cells, as_text)
  local fields = {}
  for name, source in pairs(map) do
    local field = take(source, name, value, cells, as_text)
    if field ~= nil then
      paths.set(fields, name, field)
    end
  end
  return fields
end

--- Whether an export of the server has a row as deleted, also where the caller says which fields to take.
local function mark_of_export(value)
  local is_exported = value.item_id ~= nil or value.dataset ~= nil or value.dataset_id ~= nil
  for _, mark in ipairs({ "deleted", "archived" }) do
    if is_exported and value[mark] == true then
      return mark
    end
  end
end

--- @param record posthog.llm.dataset_file.Record
--- @param options { fields?: table|function, values?: "json"|"text" }
--- @return table? fields nil: a reason, or neither when the caller's function left it out
--- @return string? reason
--- @return boolean? is_left_out it is not wrong, but nothing to make a row of
function mapping.fields(record, options)
  if record.reason then
    return nil, record.reason
  end
  local map, as_text = options.fields, options.values == "text"
  local value = mapping.value(record, options)
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
  local mark = map and mark_of_export(value)
  if mark then
    return nil, "the row is marked as " .. mark, true
  end
  local fields, reason, is_left_out =
    by_name(map and by_table(map, value, record.cells, as_text) or value)
  if fields and next(fields) == nil then
    return nil, "it has none of the fields of an item"
  end
  return fields, reason, is_left_out
end

return mapping
