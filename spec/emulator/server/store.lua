--- The rows, the clock and the source of ids. One worker, so plain tables do.

local settings = require("server.settings").values
local times = require("server.times")

local store = {}

--- Projects that exist. `foreign` ones belong to somebody else: nobody here may enter them.
local PROJECTS = { { id = 112358 }, { id = 271828 }, { id = 314159, foreign = true } }

--- Empties everything.
function store.reset()
  store.projects = {}
  for _, project in ipairs(PROJECTS) do
    store.projects[project.id] = {
      id = project.id,
      foreign = project.foreign,
      skills = {}, -- by name; the same in all profiles
      skills_version = 0, -- microseconds; grows whenever they change
      rows = {}, -- the rest by profile: see store.rows
    }
  end
  store.last = 0
  store.clock_text = nil
end

store.current = 112358

--- Datasets and items of a project. Each profile has its own: their rows have little in common.
function store.rows(project)
  local rows = project.rows[settings.profile]
  if not rows then
    rows = {
      datasets = {}, -- in order of creation
      dataset_by_id = {},
      items = {}, -- in order of creation
      item_by_id = {},
      exports = {}, -- in order of creation
    }
    project.rows[settings.profile] = rows
  end
  return rows
end

--- The present moment, in microseconds; each call gives a later one.
function store.now()
  if settings.clock ~= "" then
    if store.clock_text ~= settings.clock then
      store.clock_text = settings.clock
      store.last = times.parse(settings.clock) or 0
    else
      store.last = store.last + math.floor(settings.clock_step * times.SECOND + 0.5)
    end
    return store.last
  end
  ngx.update_time()
  local now = math.floor(ngx.now() * 1000 + 0.5) * 1000
  store.last = now > store.last and now or store.last + 1
  return store.last
end

local serial = 0

--- A new UUID, version 7: later ones sort behind earlier ones.
function store.new_id()
  serial = (serial + 1) % 0x1000
  local ms = ("%012x"):format(math.floor(ngx.now() * 1000))
  return ("%s-%s-7%03x-%x%03x-%06x%06x"):format(
    ms:sub(1, 8),
    ms:sub(9),
    serial,
    8 + math.random(0, 3),
    math.random(0, 0xFFF),
    math.random(0, 0xFFFFFF),
    math.random(0, 0xFFFFFF)
  )
end

store.reset()

return store
