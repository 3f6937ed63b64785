--- The dataset that a caller means, by its id or its name.

local errors = require("posthog.llm.errors")

local UUID = "^%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$"

local function by_name(client, name)
  local found
  local offset = 0
  while true do
    local page, err, response =
      client.datasets:list({ search = name, order_by = "created_at", limit = 100, offset = offset })
    if not page then
      return errors.failure(err, response)
    end
    for _, row in ipairs(page.results) do
      if row.name == name and found then
        local words = "two datasets have the name %q: %s and %s; give the id"
        return errors.failure(
          errors.new({ kind = "conflict", message = words:format(name, found.id, row.id) })
        )
      elseif row.name == name then
        found = row
      end
    end
    offset = offset + #page.results
    if #page.results == 0 or type(page.next) ~= "string" then
      if not found then
        local words = ("there is no dataset %q"):format(name)
        return errors.failure(errors.new({ kind = "not_found", message = words }), response)
      end
      return found, nil, response
    end
  end
end

--- @param client posthog.llm.Client
--- @param dataset string id or name
--- @return posthog.llm.Dataset? row
--- @return posthog.llm.Error? err kind "not_found"; "conflict" where two have the name
--- @return posthog.llm.Response? response
local function target(client, dataset)
  if not dataset:find(UUID) then
    return by_name(client, dataset)
  end
  local row, err, response = client.datasets:get(dataset)
  if not row then
    return errors.failure(err, response)
  end
  return row, nil, response
end

return target
