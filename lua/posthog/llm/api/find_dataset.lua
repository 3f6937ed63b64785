--- Finds a dataset by its id or its name.

local compare = require("posthog.llm.util.compare")
local errors = require("posthog.llm.util.errors")
local listing = require("posthog.llm.api.listing")

local find_dataset = {}

local PAGE_SIZE = 100

local UUID = "^%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$"

local function failure(kind, response, message, ...)
  return errors.failure(errors.new({ kind = kind, message = message:format(...) }), response)
end

local function by_name(client, name, archived)
  local found
  local next_row, listed = listing(client.datasets, {
    search = name,
    order_by = "created_at",
    limit = PAGE_SIZE,
    archived = archived,
  })
  while true do
    local row, err = next_row()
    if err then
      return errors.failure(err, listed.response)
    elseif not row then
      break
    elseif row.name == name and found then
      local words = "two datasets have the name %q: %s and %s; give the id"
      return failure("conflict", nil, words, name, found.id, row.id)
    elseif row.name == name and type(row.id) ~= "string" then
      return failure("decode", listed.response, "the id of the dataset %q is not a string", name)
    elseif row.name == name then
      found = row
    end
  end
  if not found then
    return failure("not_found", listed.response, "there is no dataset %q", name)
  end
  return found, nil, listed.response
end

--- @param client posthog.llm.Client
--- @param dataset string id or name
--- @param archived? boolean API v2: a name is searched among the deleted datasets
--- @return posthog.llm.Dataset? row
--- @return posthog.llm.Error? err kind "not_found"; "conflict" when two datasets have the name
--- @return posthog.llm.Response? response
function find_dataset.find(client, dataset, archived)
  if not find_dataset.is_id(dataset) then
    return by_name(client, compare.trim(dataset), archived) -- as the server stores names
  end
  local row, err, response = client.datasets:get(dataset)
  if not row or row == true then
    return errors.failure(err or errors.no_content("dataset"), response)
  end
  return row, nil, response
end

function find_dataset.is_id(dataset)
  return dataset:find(UUID) ~= nil
end

--- Creates a dataset under a free name. When the response is lost, the dataset is read back.
--- @param client posthog.llm.Client
--- @param fields posthog.llm.DatasetFields
--- @return posthog.llm.Dataset? row
--- @return posthog.llm.Error? err
--- @return posthog.llm.Response? response
function find_dataset.create(client, fields)
  local sent_at = os.time()
  local row, err, response = client.datasets:create(fields)
  if row == true then
    err = errors.no_content("dataset")
    err.ambiguous, err.sent_at = true, sent_at
  end
  if err and err.ambiguous then
    local found, _, found_response = client.datasets:find_created(fields, err.sent_at)
    if found and #found == 1 then
      return found[1], nil, found_response
    end
  end
  return errors.result(row, err, response)
end

return find_dataset
