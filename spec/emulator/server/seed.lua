--- Fills the store with many rows at once, for tests of paging and for benches.

local auth = require("server.auth")
local current_datasets = require("server.current.datasets")
local current_items = require("server.current.item_rows")
local dataset_items = require("server.dataset_items")
local datasets = require("server.datasets")
local json = require("server.json")
local settings = require("server.settings").values
local skill_rows = require("server.skill_rows")
local store = require("server.store")

local seed = {}

local function ids(rows)
  local texts = {}
  for i, row in ipairs(rows) do
    texts[i] = json.string(row)
  end
  return json.raw(json.list(texts))
end

--- How each profile makes its rows. `input` and `output` are JSON, `dataset` an id.
local MAKERS = {}

MAKERS.reference = {
  dataset = function(project, user, i)
    return datasets.insert(project, user, { name = ("Seeded dataset %d"):format(i) })
  end,
  item = function(project, user, dataset, input, output)
    return dataset_items.insert(
      project,
      user,
      { dataset = dataset, input = input, output = output }
    )
  end,
}

MAKERS.current = {
  dataset = function(project, user)
    local n = #store.rows(project).datasets + 1 -- names are unique
    return current_datasets.insert(project, user, { name = ("Seeded dataset %d"):format(n) })
  end,
  item = function(project, user, dataset, input, output)
    return current_items.insert(
      project,
      user,
      store.rows(project).dataset_by_id[dataset],
      { input = input, expected_output = output }
    )
  end,
}

--- Adds rows to a project.
--- @param wanted { project: integer?, skills: integer?, versions: integer?, category: string?,
---   datasets: integer?, items: integer?, dataset: string?, bytes: integer? } `versions` and
---   `category` of each skill, `items` in the dataset `dataset` or else in the first new one;
---   `bytes` is the rough size of an item's input
--- @return string json { skills = names, datasets = ids, items = ids }
function seed.fill(wanted)
  local project = store.projects[wanted.project or store.current]
  local user, make = auth.default_user, MAKERS[settings.profile]
  local made = { skills = {}, datasets = {}, items = {} }
  for i = 1, wanted.skills or 0 do
    local name = ("seeded-%04d"):format(i)
    local skill = skill_rows.insert(project, user, name, {
      description = "Seeded skill " .. i,
      body = "# Seeded\n\nVersion 1",
      category = wanted.category,
    })
    for n = 2, wanted.versions or 1 do
      skill_rows.add_version(skill, user, { body = "# Seeded\n\nVersion " .. n })
    end
    made.skills[i] = name
  end
  for i = 1, wanted.datasets or 0 do
    made.datasets[i] = make.dataset(project, user, i).id
  end
  local filler = ("lorem ipsum "):rep(math.ceil((wanted.bytes or 12) / 12))
  for i = 1, wanted.items or 0 do
    local input = json.raw(('{"n":%d,"text":"%s"}'):format(i, filler))
    local output = json.raw(('"output %d"'):format(i))
    made.items[i] = make.item(project, user, wanted.dataset or made.datasets[1], input, output).id
  end
  return json.object({ "skills", "datasets", "items" }, {
    skills = ids(made.skills),
    datasets = ids(made.datasets),
    items = ids(made.items),
  })
end

return seed
