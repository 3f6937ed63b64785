--- The field names of rows in both API versions (doc/api.md 3.3): which names mean the same, and
--- which have no counterpart.

local check = require("posthog.llm.util.check")
local errors = require("posthog.llm.util.errors")
local item_fields = require("posthog.llm.api.item_fields")
local json = require("posthog.llm.json")

local field_names = {}

local RENAMED = item_fields.RENAMED
local TO_V1 = {}
for reference, current in pairs(RENAMED) do
  TO_V1[current] = reference
end

--- Fields that only API v2 has, with what API v1 has instead.
local CURRENT_ONLY = { base_version = "its rows have no versions, and the last writer wins" }
--- Fields that can only be set when an item is created, by their names in API v2.
local FIXED = {}
for _, field in ipairs(item_fields.FIELDS) do
  CURRENT_ONLY[field.name] = field.instead
  FIXED[field.name] = field.fixed
end

--- The values that API v2 stores instead of null.
local NEVER_NULL = {
  metadata = function()
    return json.object({})
  end,
  description = function()
    return ""
  end,
}

local function refuse(field, message, ...)
  return nil,
    errors.new({ kind = "invalid", attr = field, message = field .. ": " .. message:format(...) })
end

--- Raises when a field is given under both names. Read without metamethods: a row from an earlier
--- call answers to both names, and may be sent back.
local function check_pair(fields, one, other, level)
  if rawget(fields, one) ~= nil and rawget(fields, other) ~= nil then
    check.fail(level + 1, "%s and %s are the same field: give only one of them", one, other)
  end
end

--- Checks the fields of a write.
--- @param fields any
--- @param level integer as for error()
function field_names.check(fields, level)
  check.type(fields, "table", "fields", level + 1)
  for name in next, fields do
    if RENAMED[name] then
      check_pair(fields, name, RENAMED[name], level + 1)
    end
  end
  check_pair(fields, "deleted", "archived", level + 1)
  local base = rawget(fields, "base_version")
  if base ~= nil then
    check.integer(base, "base_version", level + 1, 1)
  end
end

--- Whether one of the fields does not exist in API v1.
function field_names.has_current_only(fields)
  for name in next, fields do
    if CURRENT_ONLY[name] then
      return true
    end
  end
  return false
end

--- Whether API v1 would silently drop one of the fields under its name in API v2.
function field_names.has_current_names(fields)
  for name in next, fields do
    if CURRENT_ONLY[name] or RENAMED[name] or TO_V1[name] then
      return true
    end
  end
  return false
end

local function to_reference(fields)
  local body = item_fields.room()
  for name, value in next, fields do
    if CURRENT_ONLY[name] then
      local why = "API v1 does not have it: %s"
      return refuse(name, why, CURRENT_ONLY[name])
    end
    body[name == "archived" and "deleted" or TO_V1[name] or name] = value
  end
  return body
end

--- @param is_new boolean for a create, for which null is the same as absent
local function to_current(fields, is_new)
  local body = item_fields.room()
  for name, value in next, fields do
    local new_name = RENAMED[name] or name
    if not is_new and FIXED[new_name] then
      local why = "API v2 calls it %s, and it cannot be changed"
      return refuse(name, why, new_name)
    elseif name == "deleted" or name == "archived" then
      if value ~= json.null and value ~= false then
        return refuse(name, "in API v2 only :delete sets it")
      end
    elseif value == json.null and NEVER_NULL[name] then
      if not is_new then
        body[name] = NEVER_NULL[name]()
      end
    elseif value ~= json.null or not (is_new and FIXED[new_name]) then
      body[new_name] = value
    end
  end
  return body
end

--- Translates fields to the names of one API version.
--- @param fields table of a dataset or an item, by the names of either version
--- @param version posthog.llm.ApiVersion
--- @param is_new boolean for a create
--- @return table? body a copy
--- @return posthog.llm.Error? err a field has no counterpart; `attr` is its name
function field_names.translate(fields, version, is_new)
  local body, err
  if version == "reference" then
    body, err = to_reference(fields)
  else
    body, err = to_current(fields, is_new)
  end
  return body and setmetatable(body, getmetatable(fields)), err
end

--- The fields of a create with the values that API v2 stores.
--- @param fields table by the names of either version
--- @return table copy
function field_names.as_stored(fields)
  local copy = {}
  for name, value in next, fields do
    local instead = value == json.null and NEVER_NULL[name]
    copy[name] = instead and instead() or value
  end
  return copy
end

--- Whether an error shows that the server has API v2, after a request with the names of API v1.
--- @param err posthog.llm.Error
--- @param body table of the request
--- @return boolean? nil: undecided, a read has to show it
function field_names.shows_current(err, body)
  local field = err.kind == "invalid" and err.attr
  if field == "base_version" then
    return body.base_version == nil
  elseif field == "deleted" or field == "output" then
    return body[field] ~= nil
  elseif field == "description" or field == "metadata" then
    return body[field] == json.null
  elseif field and RENAMED[field] and body[field] ~= nil then
    return nil
  end
  return false
end

--- For each name of a field that has two, the other one.
local ALIASES = { deleted = "archived", archived = "deleted", team = "team_id", team_id = "team" }
for reference, current in pairs(RENAMED) do
  ALIASES[reference], ALIASES[current] = current, reference
end

--- The same for a line of an export, whose names say what each field is of.
local EXPORTED = {
  id = "item_id",
  dataset = "dataset_id",
  created_at = "item_created_at",
  updated_at = "version_created_at",
}
for name, other in pairs(ALIASES) do
  EXPORTED[name] = other
end

--- @param aliases table<string, string>
local function reading(aliases)
  return {
    __index = function(row, name)
      local other = aliases[name]
      return other and rawget(row, other)
    end,
  }
end

local Row, ExportedRow = reading(ALIASES), reading(EXPORTED)

--- Makes the fields of a row readable by the names of the other API version too. Its own fields,
--- and so what `pairs` and the encoder see, stay as the server sent them.
--- @param row any
--- @return any row
function field_names.name(row)
  if type(row) == "table" and getmetatable(row) == nil then
    setmetatable(row, Row)
  end
  return row
end

--- The same for a line of an export.
--- @param row table
--- @return table row
function field_names.name_exported(row)
  return setmetatable(row, ExportedRow)
end

--- A copy of a row with the names of both API versions.
--- @param row table of either API version
--- @return table
function field_names.row(row)
  local copy = {}
  for name, value in next, row do
    copy[name] = value
  end
  for name, other in pairs(getmetatable(row) == ExportedRow and EXPORTED or ALIASES) do
    if copy[name] == nil then
      copy[name] = copy[other]
    end
  end
  return copy
end

return field_names
