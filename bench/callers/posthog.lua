--- The library, by the methods that a user calls.

local core = require("posthog.llm.core")
local llm = require("posthog.llm")
local routes = require("routes")

local caller = { now = core.now }

--- @param options? table more of llm.new's
function caller.client(base, ca_file, options)
  local all = {
    personal_api_key = routes.KEY,
    project_id = 1,
    host = base,
    ca_file = ca_file,
    max_retries = 0,
  }
  for name, value in pairs(options or {}) do
    all[name] = value
  end
  return llm.new(all)
end

function caller.open(base, ca_file)
  local client = caller.client(base, ca_file)
  return function(route)
    local value, err
    if route.query then
      value, err = client.dataset_items:list(route.query)
    else
      value, err = client.datasets:get(routes.DATASET)
    end
    return assert(value, err)
  end
end

return caller
