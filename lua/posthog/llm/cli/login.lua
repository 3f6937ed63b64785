--- posthog-llm login: asks for an account, tries it, and saves it in the file of posthog-cli.

local checks = require("posthog.llm.checks")
local credentials = require("posthog.llm.credentials")
local display = require("posthog.llm.util.display")
local environment = require("posthog.llm.util.environment")
local errors = require("posthog.llm.util.errors")
local exits = require("posthog.llm.cli.exits")
local settings = require("posthog.llm.client.settings")
local terminal = require("posthog.llm.util.terminal")

local MAX_TRIES = 3 -- for each question

local function raise(kind, message)
  error(errors.new({ kind = kind, message = message }), 0)
end

local function stop_at_interrupt()
  if terminal.interrupted() then
    raise("cancelled", "interrupted")
  end
end

--- Reads a line that the user types. Raises at the end of the input.
local function read(context, question, hidden)
  question = display.clean(question)
  context.err:raw(hidden and "" or question)
  context.err.file:flush()
  local line
  if hidden then
    line = terminal.read_hidden(0, question)
  else
    line = io.stdin:read("*l")
  end
  if hidden or not line then -- no line break was echoed
    context.err:raw("\n")
  end
  stop_at_interrupt()
  if not line then
    raise("cancelled", "not logged in: the input has ended, and nothing was written")
  end
  return line:match("^%s*(.-)%s*$")
end

--- Asks until the answer is valid, at most MAX_TRIES times.
--- @param accept fun(text: string): any, posthog.llm.Error? the value, or nil and what is wrong
local function ask(context, question, accept, hidden)
  local err
  for _ = 1, MAX_TRIES do
    local value
    value, err = accept(read(context, question, hidden))
    if value then
      return value
    end
    context.err:line(err.message)
  end
  raise(err.kind, "not logged in: no input was valid, and nothing was written")
end

--- Also accepts what a browser shows: a host without a scheme, or the address of a project's page.
local function accept_host(text)
  if text:find("^[%w-]+%.[%w.-]+") then
    text = "https://" .. text
  end
  text = text:gsub("/project/%d.*$", "")
  local target, err = settings.resolve_host(text == "" and "us" or text)
  return target and target.base, err
end

local function accept_project(text)
  if text:find("^%d+$") then
    return text
  end
  local words = "a project's id is a number: the one in PostHog's address, /project/12345"
  return nil, errors.new({ kind = "invalid", option = "project_id", message = words })
end

local function accept_key(text)
  if text == "" then
    return nil, errors.new({ kind = "auth", message = "the key is empty" })
  end
  return settings.check_key(text)
end

local function needed(value, err)
  if not value then
    error(err, 0)
  end
  return value
end

--- Notes that a login exists, which will be replaced.
local function note_old_login(context)
  local old, err = credentials.stored()
  if old then
    context:note(
      ("already logged in to project %s at %s: a new login will replace it"):format(
        old.project_id,
        old.host
      )
    )
  elseif err then
    context:note("the saved login cannot be used: ", err.message)
  end
end

local SCOPES = "llm_skill:write, dataset:write and user:read"

local function ask_key(context)
  return ask(context, "Personal API key (it is not shown): ", accept_key, true)
end

local ASKED_AGAIN = { project = "project", key_accepted = "key" }
local OTHER_CLOUD = {
  ["https://us.posthog.com"] = "; is the account on the EU cloud? Then log in with --host eu",
  ["https://eu.posthog.com"] = "; is the account on the US cloud? Then log in with --host us",
}

--- Tries the account.
--- @return boolean? ok nil: it failed
--- @return posthog.llm.Error? err
--- @return string? what the question to ask again: "key" or "project"
local function try(context, login)
  context.err:status("trying the account at " .. login.host)
  local list = checks.run({
    personal_api_key = login.personal_api_key,
    project_id = login.project_id,
    host = login.host,
    source = "login",
  })
  context.err:clear()
  stop_at_interrupt()
  local notes = {}
  for _, check in ipairs(list) do
    if check.name == "key_accepted" and check.status == "unknown" then
      notes[#notes + 1] = "the key could not be tried: " .. check.message
    elseif check.status == "fail" then
      if check.name:find("_read$") or check.name == "clock" or check.name == "pace" then
        notes[#notes + 1] = check.message
      else
        local hint = check.name == "key_accepted" and OTHER_CLOUD[login.host] or ""
        local err = errors.new({ kind = check.kind, message = check.message .. hint })
        return nil, err, ASKED_AGAIN[check.name]
      end
    end
  end
  for _, words in ipairs(notes) do
    context:note("note: ", words)
  end
  return true
end

--- Asks for what was not given, and asks again for what the server refuses.
local function converse(context, args)
  note_old_login(context)
  local login = {}
  login.host = args.host and needed(accept_host(args.host))
    or ask(context, "Host: us, eu or a URL [us]: ", accept_host)
  login.project_id = args.project and needed(accept_project(args.project))
    or ask(context, "Project id, the number in PostHog's address (/project/ID): ", accept_project)
  context:note(("Create a key at %s/settings/user-api-keys"):format(login.host))
  context:note(("with the scopes %s."):format(SCOPES))
  login.personal_api_key = ask_key(context)
  for i = 1, MAX_TRIES do
    local ok, err, what = try(context, login)
    if ok then
      return login
    elseif not what or i == MAX_TRIES then
      raise(err.kind, ("not logged in: %s; nothing was written"):format(err.message))
    end
    context.err:line(err.message)
    if what == "key" then
      login.personal_api_key = ask_key(context)
    else
      login.project_id = ask(context, "Project id: ", accept_project)
    end
  end
end

--- Logs in without questions: with --key-file, --project and --host.
local function take(context, args)
  if not args.project then
    error(exits.usage("login with --key-file needs --project too", "posthog-llm login"), 0)
  end
  local login = {
    host = needed(accept_host(args.host or "us")),
    project_id = needed(accept_project(args.project)),
    personal_api_key = needed(accept_key(context:read_key())),
  }
  note_old_login(context)
  local ok, err = try(context, login)
  if not ok then
    raise(err.kind, ("not logged in: %s; nothing was written"):format(err.message))
  end
  return login
end

local KEY_VARIABLES = { "POSTHOG_PERSONAL_API_KEY", "POSTHOG_CLI_API_KEY", "POSTHOG_CLI_TOKEN" }

--- Notes a variable that has precedence over the login.
local function note_variables(context)
  local _, name = environment.first(KEY_VARIABLES)
  if name then
    context:note(("note: %s is set and has precedence over the login: unset it"):format(name))
  end
end

local function login(context, args)
  local account
  needed(credentials.path()) -- fail before asking anything
  if context.key_file then
    account = take(context, args)
  elseif context:can_ask() then
    account = converse(context, args)
  else
    local words = "standard input is not a terminal: give --key-file - (the key on standard "
      .. "input) or --key-file FILE, and --project"
    error(exits.usage(words, "posthog-llm login"), 0)
  end
  stop_at_interrupt()
  local path, err = credentials.save(account)
  if not path then
    return nil, err
  end
  if context.json then
    context.out:json({ file = path, host = account.host, project_id = account.project_id })
  else
    context:note(("logged in to project %s at %s"):format(account.project_id, account.host))
    context:note("saved in ", path)
  end
  note_variables(context)
end

--- @type posthog.llm.cli.Command
return {
  name = "login",
  summary = "save an account, for this command and posthog-cli",
  text = "Ask for host, project and personal API key, try them, and save them in the file of "
    .. "posthog-cli, ~/.posthog/credentials.json, readable only by you. Without a terminal, give "
    .. "--key-file and --project, and --host unless it is us.",
  examples = {
    { "posthog-llm login", "asks for what it needs" },
    { "posthog-llm login --host eu --project 42", "asks only for the key" },
    {
      "pass posthog | posthog-llm login --key-file - --host eu --project 42",
      "asks nothing: the key comes from standard input",
    },
  },
  run = login,
}
