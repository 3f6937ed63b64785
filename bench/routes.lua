--- What the benches ask bench/serve for, and what comes back.

local fixtures = require("fixtures")

local routes = {}

routes.KEY = "phx_" .. "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
routes.DATASET = fixtures.dataset():match('"id":"([^"]*)"')

--- Sent by every contender, as the library sends it.
routes.HEADERS = {
  { "Accept", "application/json" },
  { "User-Agent", "posthog-llm-bench/1" },
  { "Authorization", "Bearer " .. routes.KEY },
}

--- @class bench.Route
--- @field path string
--- @field text string the name of the text that answers
--- @field query? table of the library's list

--- @type table<string, bench.Route>
routes.all = {
  small = { path = "/api/projects/1/datasets/" .. routes.DATASET .. "/", text = "dataset" },
  page = {
    path = "/api/projects/1/dataset_items/?limit=100",
    text = "items",
    query = { limit = 100 },
  },
  big = {
    path = "/api/projects/1/dataset_items/?limit=7000",
    text = "big",
    query = { limit = 7000 },
  },
}

--- The texts by name, each made when it is asked for.
routes.make = {
  dataset = fixtures.dataset,
  items = function()
    return fixtures.items(95)
  end,
  skill = function()
    return fixtures.skill(205000)
  end,
  skills = function() -- one a line
    local lines = {}
    for i = 1, 20 do
      lines[i] = fixtures.skill(205000, 1000 * i)
    end
    return table.concat(lines, "\n")
  end,
  prose = function()
    return fixtures.prose(205000)
  end,
  spend = function()
    return fixtures.spend(251)
  end,
  big = function()
    return fixtures.items(7000)
  end,
}

return routes
