--- Whose PostHog it is: one client for each account that is in use.

local config = require("posthog.nvim.config")
local core = require("posthog.nvim.core")

local account = {}

--- @class posthog.nvim.Account
--- @field client posthog.llm.Client
--- @field source string where the key is from
--- @field id string of host, project and key; a secret

--- @type table<string, posthog.nvim.Account> by what it was made of
local accounts = {}

--- @type table<string, string> keys, by the command that has printed them
local keys = {}

local LONGEST = 60000 -- milliseconds for key_command, which may ask for a passphrase

local function first_line(text)
  return (text:match("^%s*([^\r\n]*)") or ""):gsub("%s+$", "")
end

--- What key_command prints. Its output is in no message: there may be a key in it.
local function run_key_command(command)
  local words = type(command) == "table" and command or { "sh", "-c", command }
  local started, process = pcall(vim.system, words, { text = true, timeout = LONGEST })
  if not started then
    error(("key_command: %s cannot be run"):format(tostring(words[1])), 0)
  end
  local result = process:wait()
  if result.code == 124 and result.signal ~= 0 then
    error(("key_command: no key within %d s"):format(LONGEST / 1000), 0)
  elseif result.code ~= 0 then
    error(("key_command ended with status %d"):format(result.code), 0)
  end
  local key = first_line(result.stdout)
  if key == "" then
    error("key_command has printed no key", 0)
  end
  return key
end

local function read_key_file(path)
  path = vim.fs.normalize(path)
  local file, why = io.open(path, "r")
  local text = file and file:read("*a")
  if file then
    file:close()
  end
  if not text then
    error("key_file: " .. (why or path .. " cannot be read"), 0)
  end
  local key = first_line(text)
  if key == "" then
    error(("key_file: there is no key in the first line of %s"):format(path), 0)
  end
  return key
end

--- How to change what vim.g.posthog has set, for the checks.
local SETTERS = {
  host = { another = "set another vim.g.posthog.host", to = 'set vim.g.posthog.host = "%s"' },
  project = { another = "set another vim.g.posthog.project" },
  key_command = { another = "let vim.g.posthog.key_command print another key" },
  key_file = { another = "put another key into the file of vim.g.posthog.key_file" },
}

--- The setting that the key comes from.
--- @return "key_command"|"key_file"|nil
local function key_setting(settings)
  return settings.key_command and "key_command" or settings.key_file and "key_file" or nil
end

local function read_key(settings, name)
  if name == "key_file" then
    return read_key_file(settings.key_file)
  elseif name == "key_command" then
    local command = vim.inspect(settings.key_command)
    keys[command] = keys[command] or run_key_command(settings.key_command)
    return keys[command]
  end
end

--- Where key, project and host come from: the settings, and what they leave open as the command
--- has it. Raises a text where the settings' key cannot be had.
--- @return posthog.llm.Credentials? found
--- @return posthog.llm.Error? err
--- @return table<string, posthog.llm.Setter> given how to change what the settings set
function account.find()
  core.load()
  local settings = config.get()
  local name = key_setting(settings)
  local found, err = require("posthog.llm.credentials").find({
    personal_api_key = read_key(settings, name),
    source = name,
    project_id = settings.project,
    host = settings.host,
  })
  if err then
    local option = ({ host = "host", project_id = "project" })[err.option]
    if option and settings[option] and not err.source then
      err.message = ("vim.g.posthog.%s: %s"):format(option, err.message)
    elseif err.option == "personal_api_key" and not err.source then
      err.hint = err.hint .. ", or set key_command or key_file in vim.g.posthog"
    end
  end
  local given = { key = name and SETTERS[name] }
  given.host = settings.host and SETTERS.host
  given.project = settings.project and SETTERS.project
  return found, err, given
end

--- The account that the settings name now. Raises an error, or a text, where there is none.
--- @return posthog.nvim.Account
function account.current()
  local options, err = account.find()
  if not options then
    error(err, 0)
  end
  local id = table.concat(
    { options.host, tostring(options.project_id or ""), options.personal_api_key },
    "\n"
  )
  local found = accounts[id]
  if not found then
    found = {
      client = core.load().new({
        personal_api_key = options.personal_api_key,
        project_id = options.project_id,
        host = options.host,
        user_agent_suffix = "nvim",
      }),
      source = options.source,
      id = id,
    }
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
