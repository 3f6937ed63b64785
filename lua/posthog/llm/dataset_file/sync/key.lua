--- The key of a sync: the field of an item, or the path within one, by which a record and an item are
--- the same.

local display = require("posthog.llm.util.display")
local failure = require("posthog.llm.dataset_file.failure")
local json = require("posthog.llm.json")
local json_text = require("posthog.llm.util.json_text")
local option_names = require("posthog.llm.util.option_names")
local paths = require("posthog.llm.dataset_file.paths")
local values = require("posthog.llm.dataset_file.values")

local key = {}

local function refuse(words, ...)
  local err = failure(nil, words, ...)
  err.option = "key"
  return nil, err
end

--- How to keep a name of the file within the metadata of an item, and to use it as the key.
local function in_metadata(name)
  local column = display.clean(name)
  if option_names.of("fields") == "fields" then
    return ('fields = { ["metadata.%s"] = %q, ... } and key = "metadata.%s"'):format(
      column,
      column,
      column
    )
  end
  return ("--field metadata.%s=%s, with the other fields, and --key metadata.%s"):format(
    column,
    column,
    column
  )
end

--- Finds the field of the item that is meant, which the caller may give by the name in the file.
--- @param name string as the caller gives it
--- @param fields? any the mapping
--- @param api_version? posthog.llm.ApiVersion
--- @return string? key
--- @return posthog.llm.Error? err
function key.resolve(name, fields, api_version)
  local root = paths.split(name)
  if type(fields) == "table" and not values.is_field(root) then
    for field, source in pairs(fields) do
      if source == name then
        name, root = field, paths.split(field)
        break
      end
    end
  end
  if root == "item_id" then
    name, root = "id", "id"
  end
  if root == "client_item_id" and api_version == "reference" then
    local words = "API v1 does not have client_item_id, so that it cannot be the key;"
      .. " keep it in the metadata: %s"
    return refuse(words, in_metadata("client_item_id"))
  elseif root ~= "id" and not values.is_field(root) then
    local words =
      "an item has no field %q, so that it cannot be the key; keep it in the metadata: %s"
    return refuse(words, display.clean(name), in_metadata(name))
  end
  return name
end

--- @param fields table of a record or a row
--- @param content table from values.content
--- @param name string the key
--- @return string? text equal for equal keys; nil: there is none
--- @return any value to display
function key.of(fields, content, name)
  local root, rest = paths.split(name)
  local value = values.kept(fields, content, root)
  if rest then
    value = paths.get(value, rest)
  end
  if value == nil or value == json.null or value == "" then
    return nil
  end
  return json_text.stored(value), value
end

return key
