--- The dataset that a caller means, by its id or its name.

local errors = require("posthog.llm.errors")

local target = {}

local UUID = "^%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$"

local function failure(kind, response, message, ...)
  return errors.failure(errors.new({ kind = kind, message = message:format(...) }), response)
end

local function by_name(client, name, archived)
  local found
  local offset = 0
  while true do
    local page, err, response = client.datasets:list({
      search = name,
      order_by = "created_at",
      limit = 100,
      offset = offset,
      archived = archived,
    })
    if not page then
      return errors.failure(err, response)
    end
    for _, row in ipairs(page.results) do
      if row.name == name and found then
        local words = "two datasets have the name %q: %s and %s; give the id"
        return failure("conflict", nil, words, name, found.id, row.id)
      elseif row.name == name then
        found = row
      end
    end
    offset = offset + #page.results
    if #page.results == 0 or type(page.next) ~= "string" then
      if not found then
        return failure("not_found", response, "there is no dataset %q", name)
      end
      return found, nil, response
    end
  end
end

--- @param client posthog.llm.Client
--- @param dataset string id or name
--- @param archived? boolean current generation: by name, one of those that are deleted
--- @return posthog.llm.Dataset? row
--- @return posthog.llm.Error? err kind "not_found"; "conflict" where two have the name
--- @return posthog.llm.Response? response
function target.find(client, dataset, archived)
  if not target.is_id(dataset) then
    return by_name(client, dataset, archived)
  end
  local row, err, response = client.datasets:get(dataset)
  if not row then
    return errors.failure(err, response)
  end
  return row, nil, response
end

function target.is_id(dataset)
  return dataset:find(UUID) ~= nil
end

--- Makes a dataset of a name that none has. Where the answer is lost, it is looked for.
--- @param client posthog.llm.Client
--- @param fields posthog.llm.DatasetFields
--- @return posthog.llm.Dataset? row
--- @return posthog.llm.Error? err
--- @return posthog.llm.Response? response
function target.create(client, fields)
  local row, err, response = client.datasets:create(fields)
  if err and err.ambiguous then
    local found, _, seen = by_name(client, fields.name)
    if found then
      return found, nil, seen
    end
  end
  return errors.result(row, err, response)
end

return target
