--- Whose PostHog it is: one client for each account that is in use.

local config = require("posthog.nvim.config")

local account = {}

--- @class posthog.nvim.Account
--- @field client posthog.llm.Client
--- @field source string where the key is from
--- @field id string of host, project and key; a secret

--- @type table<string, posthog.nvim.Account> by what it was made of
local accounts = {}

--- @type table<string, string> keys, by the command that has printed them
local keys = {}

local function first_line(text)
  return (text:match("^%s*([^\r\n]*)") or ""):gsub("%s+$", "")
end

local function run_key_command(command)
  local result = vim
    .system(type(command) == "table" and command or { "sh", "-c", command }, { text = true })
    :wait()
  if result.code ~= 0 then
    error(("key_command ended with status %d"):format(result.code), 0)
  end
  return first_line(result.stdout)
end

local function read_key_file(path)
  path = vim.fs.normalize(path)
  local file, why = io.open(path, "r")
  if not file then
    error("key_file: " .. why, 0)
  end
  local line = first_line(file:read("*a"))
  file:close()
  return line
end

--- Where key, project and host come from: the settings, and what they leave open as the command
--- has it.
local function find(settings)
  local options = { project_id = settings.project, host = settings.host }
  if settings.key_command then
    local command = vim.inspect(settings.key_command)
    keys[command] = keys[command] or run_key_command(settings.key_command)
    options.personal_api_key, options.source = keys[command], "key_command"
  elseif settings.key_file then
    options.personal_api_key, options.source = read_key_file(settings.key_file), "key_file"
  else
    local found, err = require("posthog.llm.credentials").find()
    if not found then
      error(err, 0)
    end
    for name, value in pairs(found) do
      options[name] = options[name] or value
    end
  end
  return options
end

--- The account that the settings name now. Raises an error, or a text, where there is none.
--- @return posthog.nvim.Account
function account.current()
  local options = find(config.get())
  local id = table.concat(
    { options.host or "", tostring(options.project_id or ""), options.personal_api_key or "" },
    "\n"
  )
  local found = accounts[id]
  if not found then
    options.user_agent_suffix = "nvim"
    found = { client = require("posthog.llm").new(options), source = options.source or "", id = id }
    accounts[id] = found
  end
  return found
end

--- Accounts of buffers that are still to be loaded, by name.
--- @type table<string, posthog.nvim.Account>
local heirs = {}

--- Makes a buffer that is opened next belong to an account.
--- @param name string of the buffer
--- @param found? posthog.nvim.Account nil: that of the settings
function account.pass_on(name, found)
  heirs[name] = found
end

--- The account of a buffer that is loaded for the first time.
--- @param name string
--- @return posthog.nvim.Account
function account.of_new(name)
  local found = heirs[name] or account.current()
  heirs[name] = nil
  return found
end

return account
