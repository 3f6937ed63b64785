-- Fails when a module requires one that it may not see, or stands on no floor
-- (doc/architecture.md): the floors only know those below, a tool knows of
-- another tool no more than its door, nothing goes in a circle, and the C core
-- is for the lowest floors alone.
--
--   lua5.4 tools/check_layers.lua [folder]    the folder that holds posthog/, "lua" if none is given

local ROOT = arg[1] or "lua"

-- By the longest name that fits; a door is the one module that others may see.
local FLOORS = {
  ["posthog.llm.util"] = 0,
  ["posthog.llm.json"] = 0,
  ["posthog.llm.host"] = 1,
  ["posthog.llm.clock"] = 1,
  ["posthog.llm.http"] = 2,
  ["posthog.llm.api"] = 3,
  ["posthog.llm.client"] = 4,
  ["posthog.llm"] = 4,
  ["posthog.llm.checks"] = 5,
  ["posthog.llm.credentials"] = 5,
  ["posthog.llm.skill_folder"] = 5,
  ["posthog.llm.dataset_file"] = 5,
  ["posthog.llm.spend_report"] = 5,
  ["posthog.llm.cache"] = 5,
  ["posthog.llm.cli"] = 6,
  ["posthog.nvim"] = 6,
  ["posthog.health"] = 6,
}
-- Insides that others may see too: SKILL.md as a text, without folders, which an editor checks and
-- merges as folders do; the editor's own health check.
local DOORS = {
  ["posthog.llm.skill_folder.field_merge"] = true,
  ["posthog.llm.skill_folder.lint"] = true,
  ["posthog.llm.skill_folder.paths"] = true,
  ["posthog.llm.skill_folder.skill_md"] = true,
  ["posthog.llm.skill_folder.text"] = true,
  ["posthog.nvim.config"] = true,
  ["posthog.nvim.account"] = true,
  ["posthog.nvim.build"] = true,
  ["posthog.nvim.core"] = true,
  ["posthog.nvim.message"] = true,
  ["posthog.nvim.spend"] = true,
}
local CORE = "posthog.llm.util.core" -- the one door of the module in C
local IN_C = "posthog.llm.core"
local SEES_CORE = 2 -- the highest floor that does

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("a")
  file:close()
  return text
end

-- The entry of FLOORS that a module belongs to.
local function home(module)
  local name = module
  while name ~= "" do
    -- A file beside the floors is on one only by its own name.
    if FLOORS[name] and (name ~= "posthog.llm" or module == name) then
      return name, FLOORS[name]
    end
    name = name:match("^(.*)%.[^.]*$") or ""
  end
end

local function modules()
  local found = {}
  local command = "cd '%s' && find posthog -name '*.lua' | LC_ALL=C sort"
  local list = assert(io.popen(command:format(ROOT)))
  for path in list:lines() do
    local name = path:gsub("%.lua$", ""):gsub("/", "."):gsub("%.init$", "")
    found[#found + 1] = { name = name, path = ROOT .. "/" .. path }
  end
  list:close()
  return found
end

-- The modules that a file requires, with the lines. Names in strings count too:
-- some are required by a table of names.
local function requires(module)
  local found, number = {}, 0
  for line in (read(module.path) .. "\n"):gmatch("(.-)\n") do
    number = number + 1
    local code = line:gsub("^%s*%-%-.*", "")
    for name in code:gmatch("[\"'](posthog[%w_.]*)[\"']") do
      found[#found + 1] = { name = name, line = number }
    end
  end
  return found
end

local wrong = 0

local function complain(module, line, ...)
  wrong = wrong + 1
  io.stderr:write(("%s:%d: "):format(module.path, line), string.format(...), "\n")
end

local function check_require(module, required, known)
  local from, floor = home(module.name)
  if required.name == CORE or required.name == IN_C then
    if floor > SEES_CORE then
      local way = "requires the C core, which is for util, host, http and json: go by one of those"
      complain(module, required.line, way)
    elseif required.name == IN_C and module.name ~= CORE then
      local way = "requires %s: require %s, which says what is wrong where it cannot be loaded"
      complain(module, required.line, way, IN_C, CORE)
    end
    return
  elseif not known[required.name] or required.name == module.name then
    return -- a name of something else, such as a class
  end
  local to, below = home(required.name)
  if below > floor then
    local way = "requires %s, which is on a floor above: turn it round, or move what it needs down"
    complain(module, required.line, way, required.name)
  elseif to ~= from and FLOORS[to] >= 5 and required.name ~= to and not DOORS[required.name] then
    local way = "requires the inside of %s: require %s itself, or move what both need down"
    complain(module, required.line, way, to, to)
  elseif to ~= from and below == floor and floor == 5 then
    local way = "requires %s, a tool beside it: move what both need down"
    complain(module, required.line, way, required.name)
  end
end

-- A circle through this module, which would be required while it is loading.
local function check_circle(name, known, state, trail)
  if state[name] == "done" then
    return
  elseif state[name] then
    complain(known[name], 1, "a circle: %s", table.concat(trail, " -> ") .. " -> " .. name)
    return
  end
  state[name] = "open"
  trail[#trail + 1] = name
  for _, required in ipairs(known[name].requires) do
    if known[required.name] and required.name ~= name and required.at_load then
      check_circle(required.name, known, state, trail)
    end
  end
  trail[#trail] = nil
  state[name] = "done"
end

-- Only a require that stands outside of every function runs while loading.
local function mark_loading(module)
  local text = read(module.path)
  for _, required in ipairs(module.requires) do
    local quoted = required.name:gsub("%.", "%%.")
    required.at_load = ("\n" .. text):find('\nlocal [%w_]+ = require%("' .. quoted .. '"%)') ~= nil
  end
end

local known, list = {}, modules()
for _, module in ipairs(list) do
  module.requires = requires(module)
  mark_loading(module)
  known[module.name] = module
end
for _, module in ipairs(list) do
  if not home(module.name) then
    complain(module, 1, "stands on no floor: move it, or name its floor in tools/check_layers.lua")
  else
    for _, required in ipairs(module.requires) do
      check_require(module, required, known)
    end
  end
end
local state = {}
for _, module in ipairs(list) do
  check_circle(module.name, known, state, {})
end

os.exit(wrong == 0)
