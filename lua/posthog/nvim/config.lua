--- The settings of the plugin: vim.g.posthog, read when one is asked for.

local defaults = require("posthog.nvim.defaults")
local message = require("posthog.nvim.message")

local config = {}

local TYPES = {
  project = { "string", "number" },
  host = { "string" },
  key_command = { "string", "table" },
  key_file = { "string" },
  wait = { "number" },
  quit_wait = { "number" },
  items = { "number" },
  lint = { "boolean" },
  spend = { "table" },
}

local SPEND_TYPES = {
  refresh = { "number" },
  from = { "string" },
  budget = { "number" },
  max_per_day = { "number" },
}
config.SPEND_TYPES = SPEND_TYPES

config.TYPES = TYPES

--- Names that hold a secret where everybody's settings are read.
local SECRETS = { key = true, api_key = true, personal_api_key = true, token = true }

local has_warned = false

local LONGEST = 86400000 -- milliseconds

--- The range of a number; what is outside of it is taken for its nearest end.
local RANGES = { wait = { 0, LONGEST }, quit_wait = { 0, LONGEST }, items = { 1, LONGEST } }

--- The names of a table, for a message.
local function names_of(table_of)
  local names = vim.tbl_keys(table_of)
  table.sort(names)
  return table.concat(names, ", ")
end

--- What is wrong with one setting.
--- @return string? text
local function fault(name, value, types, known)
  local expected = types[name]
  if not expected then
    return ("vim.g.posthog.%s is unknown; there are %s"):format(known .. name, names_of(types))
  elseif not vim.tbl_contains(expected, type(value)) then
    local words = "vim.g.posthog.%s: %s expected, got %s; it is not used"
    return words:format(known .. name, table.concat(expected, " or "), type(value))
  end
  local range = known == "" and RANGES[name]
  if range and not (value >= range[1] and value <= range[2]) then
    local words = "vim.g.posthog.%s: %s is not between %d and %d"
    return words:format(name, tostring(value), range[1], range[2])
  end
end

--- What is wrong with the settings.
--- @return string[] warnings
function config.warnings()
  local given, warnings = vim.g.posthog, {}
  if given == nil then
    return warnings
  elseif type(given) ~= "table" then
    return { "vim.g.posthog is not a table; it is not used" }
  end
  for name, value in pairs(given) do
    if SECRETS[name] then
      local words = "vim.g.posthog.%s is not used: a key does not belong into settings; "
        .. "set POSTHOG_PERSONAL_API_KEY, key_command or key_file"
      warnings[#warnings + 1] = words:format(name)
    else
      warnings[#warnings + 1] = fault(tostring(name), value, TYPES, "")
    end
  end
  for name, value in pairs(type(given.spend) == "table" and given.spend or {}) do
    warnings[#warnings + 1] = fault(tostring(name), value, SPEND_TYPES, "spend.")
  end
  table.sort(warnings)
  return warnings
end

--- Whole numbers, as Neovim waits for them.
local function in_range(settings)
  for name, range in pairs(RANGES) do
    settings[name] = math.floor(math.max(range[1], math.min(settings[name], range[2])))
  end
  return settings
end

local function spend_settings(given)
  local settings = {}
  for name, expected in pairs(SPEND_TYPES) do
    local value = type(given) == "table" and given[name]
    settings[name] = type(value) == expected[1] and value or defaults.spend[name]
  end
  return settings
end

--- The settings of this moment. What is wrong with them is shown once.
--- @return posthog.nvim.Config
function config.get()
  if not has_warned then
    has_warned = true
    local warnings = config.warnings()
    if #warnings > 0 then
      message.warn(table.concat(warnings, "; "))
    end
  end
  local given = type(vim.g.posthog) == "table" and vim.g.posthog or {}
  local settings = {}
  for name, types in pairs(TYPES) do
    local value = given[name]
    settings[name] = vim.tbl_contains(types, type(value)) and value or defaults.settings[name]
    if value == false and types[1] == "boolean" then
      settings[name] = false
    end
  end
  settings.spend = spend_settings(given.spend)
  return in_range(settings)
end

return config
