--- Finds an account: key, project and host, all from one source. The command and the editor plugin
--- use it; llm.new by itself reads only the first source.
---
---     local credentials = require("posthog.llm.credentials")
---     local found, err = credentials.find()
---     local client = llm.new(assert(found, err))

local atomic_file = require("posthog.llm.util.atomic_file")
local calls = require("posthog.llm.util.calls")
local check = require("posthog.llm.util.check")
local environment = require("posthog.llm.util.environment")
local errors = require("posthog.llm.util.errors")
local file_system = require("posthog.llm.util.file_system")
local json = require("posthog.llm.json")
local json_text = require("posthog.llm.util.json_text")
local json_value = require("posthog.llm.util.json_value")
local settings = require("posthog.llm.client.settings")

--- Finds the account of this machine's user, the key, the project and the host, and keeps a login:
--- `require("posthog.llm.credentials")`. It makes no request. [Your own account](../credentials.md)
--- tells the order of the sources, and what the file may be like. No error contains the key.
--- @class posthog.llm.credentials
local credentials = {}

--- An account: options for [llm.new](llm.md#llmnew). `tostring` shows all but the key.
--- @class posthog.llm.Credentials
--- @field personal_api_key string
--- @field project_id? string digits or "@current"; nil: the source has none
--- @field host string URL, "us" or "eu"
--- @field source string where they come from: the variable of the key, or the path of the file
local Credentials = { __name = "posthog.llm.Credentials" }

function Credentials:__tostring()
  local project = self.project_id and "project " .. self.project_id or "no project"
  return ("%s, %s at %s"):format(self.source, project, self.host)
end

local BOM = "^\239\187\191"
local MAX_BYTES = 64 * 1024 -- of the file; it usually has a few hundred
local ENOENT = 2 -- errno: the file does not exist
local OWN_FILE, OWN_FOLDER = 6 * 64, 7 * 64 -- modes 0600 and 0700

--- The environment variables of each source, newer names first.
local VARIABLES = {
  {
    key = { "POSTHOG_PERSONAL_API_KEY" },
    project = { "POSTHOG_PROJECT_ID" },
    host = { "POSTHOG_HOST" },
  },
  {
    key = { "POSTHOG_CLI_API_KEY", "POSTHOG_CLI_TOKEN" },
    project = { "POSTHOG_CLI_PROJECT_ID", "POSTHOG_CLI_ENV_ID" },
    host = { "POSTHOG_CLI_HOST" },
    needs_project = true, -- posthog-cli does not accept a key without a project
  },
}

--- What the user has given for this run: it replaces what is found.
--- @class posthog.llm.CredentialsGiven
--- @field personal_api_key? string in place of `POSTHOG_PERSONAL_API_KEY`; then nothing else is
---   looked for
--- @field project_id? string|integer
--- @field host? string
--- @field source? string where `personal_api_key` comes from, for messages

--- @class posthog.llm.CredentialsLogin
--- @field personal_api_key string
--- @field project_id string|integer
--- @field host? string a URL, "us" or "eu"; default "us"
--- @field source? string is not kept: what `find` has returned may be saved

local function failure(kind, option, message, ...)
  return errors.failure(errors.new({
    kind = kind,
    option = option,
    message = message:format(...),
  }))
end

--- Adds the option, the source of its value and a hint to an error.
--- @param source? string nil: the caller passed the value
local function with_source(err, option, source, hint)
  err.option, err.source = option, source
  err.hint = hint or err.hint
  if source then
    err.message = ("%s: %s"):format(source, err.message)
  end
  return errors.failure(err)
end

--- @param found posthog.llm.Credentials
--- @param sources { key?: string, project?: string, host?: string } where each comes from
--- @param hint? string how to fix any of them
local function inspect(found, sources, hint)
  found.personal_api_key = found.personal_api_key:match("^%s*(.-)%s*$")
  local target, host_err = settings.resolve_host(found.host)
  local base = target and target.base
  local key, err = settings.check_key(found.personal_api_key, base)
  if not key then
    return with_source(err, "personal_api_key", sources.key, hint)
  end
  if found.project_id then
    local _, project_err = settings.resolve_project(found.project_id, base)
    if project_err then
      return with_source(project_err, "project_id", sources.project, hint)
    end
  end
  if host_err then
    return with_source(host_err, "host", sources.host, hint)
  end
  return setmetatable(found, Credentials)
end

--- The same, with the source of the key in the error, since an invalid project or host comes from
--- another variable.
local function checked(found, sources, hint)
  local good, err = inspect(found, sources, hint)
  if err then
    err.key_source = sources.key
  end
  return errors.result(good, err)
end

--- @param given { personal_api_key?: string, project_id?: string, host?: string, source?: string }
--- @return posthog.llm.Credentials? found nil without an error: the source has no key
--- @return posthog.llm.Error? err
local function from_environment(variables, given)
  local key, key_name = given.personal_api_key, given.source
  if not key then
    key, key_name = environment.first(variables.key)
  end
  if not key then
    return nil
  end
  local project, project_name = environment.first(variables.project)
  local host, host_name = environment.first(variables.host)
  if variables.needs_project and not (project or given.project_id) then
    local words = "%s is set, %s is not: set it to the project's id, or unset %s"
    local _, err = failure("invalid", "project_id", words, key_name, variables.project[1], key_name)
    err.key_source = key_name
    return errors.failure(err)
  end
  return checked({
    personal_api_key = key,
    project_id = given.project_id or project,
    host = given.host or host or settings.DEFAULT_HOST,
    source = key_name,
  }, {
    key = key_name,
    project = not given.project_id and project_name or nil,
    host = not given.host and host_name or nil,
  })
end

--- The folder of posthog-cli, which may be set by POSTHOG_HOME.
--- @return string? folder
--- @return string? reason
--- @return boolean? default whether it is ~/.posthog
local function folder()
  local own, home = environment.first({ "POSTHOG_HOME" }), environment.first({ "HOME" })
  local path, name = own or home, own and "POSTHOG_HOME" or "HOME"
  if not path then
    return nil, "neither HOME nor POSTHOG_HOME is set"
  elseif path:sub(1, 1) ~= "/" then
    return nil, ("%s is %q, not an absolute path"):format(name, path)
  end
  path = #path > 1 and path:gsub("/+$", "") or path
  return own and path or path .. "/.posthog", nil, not own
end

--- @return string? path
--- @return posthog.llm.Error? err
local function login_file()
  local path, reason = folder()
  if path then
    return path .. "/credentials.json"
  end
  local remedy = environment.first({ "POSTHOG_HOME" }) and "set it to one, or unset it"
    or "set HOME to your home directory"
  return failure("file", nil, "no folder for the login: %s; %s", reason, remedy)
end

--- The file in which a login is kept: `~/.posthog/credentials.json`, or `credentials.json` in the
--- folder that `POSTHOG_HOME` names.
---
--- ```lua
--- print(credentials.path())
--- ```
--- @return string? path
--- @return posthog.llm.Error? err kind `file`: neither variable has an absolute path
function credentials.path()
  return login_file()
end

--- @param hint? string
local function file_failure(path, hint, message, ...)
  local err = errors.new({
    kind = "file",
    hint = hint,
    path = path,
    file = path,
    message = path .. ": " .. message:format(...),
  })
  return errors.failure(err)
end

local LOG_IN_AGAIN = "Log in again: posthog-llm login"

--- By the reason that file_system.read_file returns: the message, and how to fix it.
local REASONS = {
  kind = { "it is a folder or a device, not a file", "Move it away, then run posthog-llm login" },
  size = {
    ("it has more than %d KiB, so it is not a login"):format(MAX_BYTES / 1024),
    LOG_IN_AGAIN,
  },
}

--- Reads and decodes the file.
--- @return table? value nil without an error: the file does not exist
--- @return posthog.llm.Error? err
--- @return integer? mode
--- @return boolean? own whether the user owns the file
local function read(path)
  local text, mode, own = file_system.read_file(path, MAX_BYTES)
  if not text then
    local why, code = mode, own
    if REASONS[why] then
      return file_failure(path, REASONS[why][2], "%s", REASONS[why][1])
    elseif code == ENOENT then
      return nil
    end
    local hint = "Make it readable for you with chown or chmod 600, or set POSTHOG_PERSONAL_API_KEY"
    return file_failure(path, hint, "cannot be read: %s", why)
  end
  local value = json.decode((text:gsub(BOM, ""))) -- no reason is shown: it could quote the key
  if type(value) ~= "table" or json_value.is_array(value) then
    return file_failure(path, LOG_IN_AGAIN, "it is not a JSON object")
  end
  return value, nil, mode, own
end

--- Removes the permissions of other users on the file.
local function keep_private(path, mode, own)
  local others = mode % 64
  if others == 0 or own and file_system.set_mode(path, mode % 512 - others) then
    return true
  end
  local words = "other users have access to it (mode %04o), and you do not own it"
  local hint = "Let its owner run chmod 600 on it, or set POSTHOG_PERSONAL_API_KEY"
  return file_failure(path, hint, words, mode % 512)
end

--- A field as text. One of another type becomes an invalid text, so that its check reports it.
--- @return string? text nil: it is absent, null or blank
local function field(value)
  if value == nil or value == json.null then
    return nil
  elseif type(value) ~= "string" then
    return json_text.excerpt(value)
  end
  local text = value:match("^%s*(.-)%s*$")
  return text ~= "" and text or nil
end

--- @param given { project_id?: string, host?: string }
local function from_file(path, given)
  local value, err, mode, own = read(path)
  if not value then
    if err then
      return errors.failure(err)
    end
    return nil
  end
  local key = type(value.token) == "string" and field(value.token)
  local project = given.project_id or field(value.env_id)
  if not key then
    local none = errors.new({ kind = "auth", message = "it has no key (token)" })
    return with_source(none, "personal_api_key", path, LOG_IN_AGAIN)
  elseif not project then
    local none = errors.new({ kind = "invalid", message = "it has no project (env_id)" })
    return with_source(none, "project_id", path, LOG_IN_AGAIN)
  end
  local private
  private, err = keep_private(path, mode, own)
  if not private then
    return errors.failure(err)
  end
  return checked({
    personal_api_key = key,
    project_id = project,
    host = given.host or field(value.host) or settings.DEFAULT_HOST,
    source = path,
  }, {
    key = path,
    project = not given.project_id and path or nil,
    host = not given.host and path or nil,
  }, LOG_IN_AGAIN)
end

--- The stored login of posthog-cli and posthog-llm, whatever the environment has.
---
--- ```lua
--- local login, err = credentials.stored()
--- if not login then
---   print(err or "nobody is logged in") --> nobody is logged in
--- end
--- ```
--- @return posthog.llm.Credentials? found nil without an error: nobody is logged in
--- @return posthog.llm.Error? err kind `file`: the file cannot be read, is not JSON, or others have
---   access to it; kind `auth` or `invalid`: its key, project or host is invalid
function credentials.stored()
  local path, err = login_file()
  if not path then
    return errors.failure(err)
  end
  return from_file(path, {})
end

local FIELDS = { personal_api_key = true, project_id = true, host = true, source = true }

--- Checks the fields that a caller passes, and returns them as texts.
--- @param level integer as for error()
local function arguments(given, what, level)
  check.type(given, "table", what, level + 1)
  check.known(given, FIELDS, what, level + 1)
  local texts = {}
  for name, value in pairs(given) do
    if name == "project_id" and type(value) == "number" then
      value = ("%d"):format(check.integer(value, what .. ".project_id", level + 1, 0))
    end
    check.type(value, "string", ("%s.%s"):format(what, name), level + 1)
    texts[name] = value
  end
  return texts
end

local LOG_IN = "Log in with `posthog-llm login`, or set POSTHOG_PERSONAL_API_KEY"

local function no_key(why)
  local err = errors.new({ kind = "auth", option = "personal_api_key", hint = LOG_IN })
  err.message = "no key: " .. why
  return errors.failure(err)
end

--- Finds an account: in the variables `POSTHOG_PERSONAL_API_KEY`, `POSTHOG_PROJECT_ID` and
--- `POSTHOG_HOST`; in those of posthog-cli; in the file of a login. All values are from the first
--- of them that has a key, so that no key is sent to a host that was set for another one. If other
--- users may read the file and the user owns it, their access is removed.
---
--- ```lua
--- local found, err = credentials.find({ project_id = 42 })
--- if not found then
---   print(err) -- what is wrong, and how to fix it
---   os.exit(5)
--- end
--- local client = llm.new(found)
--- print(found.source) --> POSTHOG_PERSONAL_API_KEY
--- ```
--- @param given? posthog.llm.CredentialsGiven
--- @return posthog.llm.Credentials? found
--- @return posthog.llm.Error? err kind `auth`: there is no key, or it is of another kind; kind
---   `invalid`: the project or the host is invalid; kind `file`: the login cannot be used.
---   `err.source` is the variable or file to blame, `err.key_source` where the key comes from
function credentials.find(given)
  given = arguments(given == nil and {} or given, "given", 2)
  if given.personal_api_key then
    return from_environment(VARIABLES[1], given)
  end
  for _, variables in ipairs(VARIABLES) do
    local found, err = from_environment(variables, given)
    if found or err then
      return errors.result(found, err)
    end
  end
  local path = login_file()
  if not path then
    return no_key(select(2, folder()))
  end
  local found, err = from_file(path, given)
  if not found and not err then
    return no_key(path .. " does not exist")
  end
  return errors.result(found, err)
end

--- @return true?
--- @return posthog.llm.Error?
local function make_folder()
  local path, _, is_default = folder()
  local created, why, _, mode = file_system.create_folder(path, OWN_FOLDER)
  if created then
    return true
  elseif not mode then
    return file_failure(path, nil, "the folder cannot be created: %s", why)
  elseif is_default and mode % 64 ~= 0 then -- another folder may be shared on purpose
    file_system.set_mode(path, mode % 512 - mode % 64)
  end
  return true
end

--- @param path string
--- @param text string
--- @return string? path
--- @return posthog.llm.Error? err
local function write(path, text)
  local file, err = atomic_file.open(file_system.real_path(path) or path, OWN_FILE)
  local ok
  if file then
    ok, err = file:write(text)
  end
  if ok then
    ok, err = file:commit()
  end
  if ok then
    return path
  end
  return errors.failure(err)
end

--- Keeps a login in the file and the form of posthog-cli: as a whole or not at all, with mode 0600
--- in a folder of mode 0700. Other fields of the file are kept, and so is a link to it. What `find`
--- would refuse is not saved. It does not try the key.
---
--- ```lua
--- local path, err = credentials.save({
---   personal_api_key = os.getenv("POSTHOG_PERSONAL_API_KEY"),
---   project_id = 42,
---   host = "eu",
--- })
--- print(path or err)
--- ```
--- @param login posthog.llm.CredentialsLogin
--- @return string? path of the file
--- @return posthog.llm.Error? err kind `auth` or `invalid`: the key, the project or the host is
---   invalid; kind `file`
function credentials.save(login)
  login = arguments(login, "login", 2)
  local path, err = login_file()
  if not path then
    return errors.failure(err)
  end
  local found = {
    personal_api_key = login.personal_api_key or "",
    project_id = login.project_id,
    host = login.host or settings.DEFAULT_HOST,
  }
  local _
  found, err = inspect(found, {})
  if found then
    _, err = settings.resolve_project(found.project_id) -- posthog-cli does not accept a key without a project
  end
  if err then
    return errors.failure(err)
  end
  local ready
  ready, err = make_folder()
  if not ready then
    return errors.failure(err)
  end
  local stored, read_err = read(path)
  if read_err and not file_system.read_file(path, MAX_BYTES) then
    return errors.failure(read_err) -- not readable; a readable file that is no login is replaced
  end
  stored = stored or {}
  stored.host = settings.resolve_host(found.host).base -- posthog-cli does not know short names
  stored.token, stored.env_id = found.personal_api_key, found.project_id
  local text
  text, err = json_text.encode(stored)
  if err then
    return errors.failure(err)
  end
  return write(path, text .. "\n")
end

--- Removes the stored login, and a symbolic link to it. The variables stay.
---
--- ```lua
--- local path, err = credentials.remove()
--- print(path and "logged out" or err or "nobody was logged in") --> logged out
--- ```
--- @return string? path nil without an error: nobody was logged in
--- @return posthog.llm.Error? err kind `file`: it cannot be removed
function credentials.remove()
  local path, err = login_file()
  if not path then
    return errors.failure(err)
  end
  local target = file_system.real_path(path)
  if not target then
    return nil
  end
  local _, why = file_system.read_file(path, MAX_BYTES)
  if why == "kind" then
    return file_failure(path, REASONS.kind[2], "%s", REASONS.kind[1])
  end
  for _, name in ipairs(target == path and { path } or { target, path }) do
    local ok, reason, code = os.remove(name)
    if not ok and code ~= ENOENT then -- path and target may be one file, in a folder that is a link
      return atomic_file.failure(path, "cannot be removed", reason)
    end
  end
  atomic_file.sync_name(path)
  return path
end

calls.tool(credentials, "credentials")

return credentials
