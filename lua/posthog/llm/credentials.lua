--- Whose account it is: key, project and host, all from one place. The command
--- and the editor plugin use it; llm.new alone only reads the first place.
---
---     local credentials = require("posthog.llm.credentials")
---     local found, err = credentials.find()
---     local client = llm.new(assert(found, err))

local atomic_file = require("posthog.llm.util.atomic_file")
local calls = require("posthog.llm.util.calls")
local check = require("posthog.llm.util.check")
local errors = require("posthog.llm.util.errors")
local file_system = require("posthog.llm.util.file_system")
local json = require("posthog.llm.json")
local json_text = require("posthog.llm.util.json_text")
local json_value = require("posthog.llm.util.json_value")
local settings = require("posthog.llm.client.settings")

local credentials = {}

--- Options for llm.new. tostring tells all but the key.
--- @class posthog.llm.Credentials
--- @field personal_api_key string
--- @field project_id? string digits or "@current"; nil: the place names none
--- @field host string URL, "us" or "eu"
--- @field source string where they are from: the variable of the key, or the path of the file
local Credentials = { __name = "posthog.llm.Credentials" }

function Credentials:__tostring()
  local project = self.project_id and "project " .. self.project_id or "no project"
  return ("%s, %s at %s"):format(self.source, project, self.host)
end

local BOM = "^\239\187\191"
local MOST = 64 * 1024 -- bytes of the file; it has some hundred
local ENOENT = 2 -- there is no such file
local OWN_FILE, OWN_FOLDER = 6 * 64, 7 * 64 -- modes 0600 and 0700

--- The variables of a place, the newer name of each first.
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
    whole = true, -- posthog-cli takes no key without a project
  },
}

local function env(names)
  for _, name in ipairs(names) do
    local value = os.getenv(name)
    if value and value ~= "" then
      return value, name
    end
  end
end

local function failure(kind, option, message, ...)
  return errors.failure(errors.new({
    kind = kind,
    option = option,
    message = message:format(...),
  }))
end

--- The same error, which says where the value is from.
--- @param place? string nil: the caller knows
local function placed(err, option, place, cure)
  err.option, err.source = option, place
  err.hint = cure or err.hint
  if place then
    err.message = ("%s: %s"):format(place, err.message)
  end
  return errors.failure(err)
end

--- @param found posthog.llm.Credentials
--- @param places { key?: string, project?: string, host?: string } where they are from
--- @param cure? string how to fix each of them
local function inspect(found, places, cure)
  found.personal_api_key = found.personal_api_key:match("^%s*(.-)%s*$")
  local target, host_err = settings.resolve_host(found.host)
  local base = target and target.base
  local key, err = settings.check_key(found.personal_api_key, base)
  if not key then
    return placed(err, "personal_api_key", places.key, cure)
  end
  if found.project_id then
    local _, project_err = settings.resolve_project(found.project_id, base)
    if project_err then
      return placed(project_err, "project_id", places.project, cure)
    end
  end
  if host_err then
    return placed(host_err, "host", places.host, cure)
  end
  return setmetatable(found, Credentials)
end

--- The same, whose error also says where the key is from: with a wrong project or host, that is
--- another variable.
local function checked(found, places, cure)
  local good, err = inspect(found, places, cure)
  if err then
    err.key_source = places.key
  end
  return errors.result(good, err)
end

--- @param given { personal_api_key?: string, project_id?: string, host?: string, source?: string }
--- @return posthog.llm.Credentials? found nil without an error: the place has no key
--- @return posthog.llm.Error? err
local function from_environment(place, given)
  local key, key_name = given.personal_api_key, given.source
  if not key then
    key, key_name = env(place.key)
  end
  if not key then
    return nil
  end
  local project, project_name = env(place.project)
  local host, host_name = env(place.host)
  if place.whole and not (project or given.project_id) then
    local words = "%s is set, %s is not: set it to the project's id, or unset %s"
    local _, err = failure("invalid", "project_id", words, key_name, place.project[1], key_name)
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

--- The folder of posthog-cli, which also reads POSTHOG_HOME.
--- @return string? folder
--- @return string? reason
--- @return boolean? usual it is the one in the user's home
local function folder()
  local own, home = env({ "POSTHOG_HOME" }), env({ "HOME" })
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
  local cure = env({ "POSTHOG_HOME" }) and "set it to one, or unset it"
    or "set HOME to your home directory"
  return failure("file", nil, "no place for a login: %s; %s", reason, cure)
end

--- Where posthog-cli keeps a login: ~/.posthog/credentials.json, or
--- credentials.json in POSTHOG_HOME.
--- @return string? path
--- @return posthog.llm.Error? err the home is not known
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

local AGAIN = "Log in again: posthog-llm login"

--- By what read_file says of a path: the message, and how to fix it.
local REASONS = {
  kind = { "it is a folder or a device, not a file", "Move it away, then posthog-llm login" },
  size = { ("it has more than %d KiB, so it is not a login"):format(MOST / 1024), AGAIN },
}

--- The text of the file, as a table.
--- @return table? value nil without an error: there is no file
--- @return posthog.llm.Error? err
--- @return integer? mode
--- @return boolean? own the file is the user's
local function read(path)
  local text, mode, own = file_system.read_file(path, MOST)
  if not text then
    local why, code = mode, own
    if REASONS[why] then
      return file_failure(path, REASONS[why][2], "%s", REASONS[why][1])
    elseif code == ENOENT then
      return nil
    end
    local hint = "Let yourself read it, by chown or chmod 600, or set POSTHOG_PERSONAL_API_KEY"
    return file_failure(path, hint, "cannot be read: %s", why)
  end
  local value = json.decode((text:gsub(BOM, ""))) -- the invalid part may be the key: it is not shown
  if type(value) ~= "table" or json_value.is_array(value) then
    return file_failure(path, AGAIN, "it is not a JSON object")
  end
  return value, nil, mode, own
end

--- Takes from others what they may do with the file.
local function keep_private(path, mode, own)
  local others = mode % 64
  if others == 0 or own and file_system.set_mode(path, mode % 512 - others) then
    return true
  end
  local words = "others may use it (mode %04o), and you do not own it"
  local hint = "As its owner run chmod 600 on it, or set POSTHOG_PERSONAL_API_KEY"
  return file_failure(path, hint, words, mode % 512)
end

--- A field as text; an invalid one is reported by its check, and not treated as absent.
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
    return placed(none, "personal_api_key", path, AGAIN)
  elseif not project then
    local none = errors.new({ kind = "invalid", message = "it has no project (env_id)" })
    return placed(none, "project_id", path, AGAIN)
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
  }, AGAIN)
end

--- The login of posthog-cli and posthog-llm alone.
--- @return posthog.llm.Credentials? found nil without an error: nobody is logged in
--- @return posthog.llm.Error? err
function credentials.stored()
  local path, err = login_file()
  if not path then
    return errors.failure(err)
  end
  return from_file(path, {})
end

local FIELDS = { personal_api_key = true, project_id = true, host = true, source = true }

--- What a user gives, as texts.
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

--- Finds an account: in POSTHOG_PERSONAL_API_KEY, POSTHOG_PROJECT_ID, POSTHOG_HOST; in those of
--- posthog-cli, POSTHOG_CLI_API_KEY (or _TOKEN), POSTHOG_CLI_PROJECT_ID (or _ENV_ID),
--- POSTHOG_CLI_HOST; in the file of its login. The first place that has a key is taken, and
--- nothing from another: no key goes to a host that was set for another one. Where the login is the
--- user's own and others may read it, their right is taken away.
--- @param given? { personal_api_key?: string, project_id?: string|integer, host?: string, source?: string }
---   what the user said for this once; it takes the place of what is found, and a key (from `source`)
---   that of POSTHOG_PERSONAL_API_KEY
--- @return posthog.llm.Credentials? found options for llm.new
--- @return posthog.llm.Error? err kind "auth": no key, or one of another kind; "file": the login
---   cannot be used; "invalid": its project or host. No key is in it
function credentials.find(given)
  given = arguments(given == nil and {} or given, "given", 2)
  if given.personal_api_key then
    return from_environment(VARIABLES[1], given)
  end
  for _, place in ipairs(VARIABLES) do
    local found, err = from_environment(place, given)
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
    return no_key("there is no " .. path)
  end
  return errors.result(found, err)
end

--- @return true?
--- @return posthog.llm.Error?
local function make_folder()
  local path, _, usual = folder()
  local made, why, _, mode = file_system.create_folder(path, OWN_FOLDER)
  if made then
    return true
  elseif not mode then
    return file_failure(path, nil, "the folder cannot be made: %s", why)
  elseif usual and mode % 64 ~= 0 then -- another one may be shared with reason
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

--- Saves a login where posthog-cli looks for it, in its format: completely or not at all, for its owner
--- alone. Fields of the file that are not known here stay. What find would refuse is not stored.
--- @param login { personal_api_key: string, project_id: string|integer, host?: string } host: a URL,
---   "us" or "eu"; us
--- @return string? path
--- @return posthog.llm.Error? err kind "auth" or "invalid": no such key, project or host; "file"
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
    _, err = settings.resolve_project(found.project_id) -- posthog-cli takes no key without one
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
  if read_err and not file_system.read_file(path, MOST) then
    return errors.failure(read_err) -- it cannot be read; what is just no login is replaced
  end
  stored = stored or {}
  stored.host = settings.resolve_host(found.host).base -- posthog-cli knows no short names
  stored.token, stored.env_id = found.personal_api_key, found.project_id
  local text
  text, err = json_text.encode(stored)
  if err then
    return errors.failure(err)
  end
  return write(path, text .. "\n")
end

--- Takes the login away; a link to it too.
--- @return string? path nil without an error: nobody was logged in
--- @return posthog.llm.Error? err
function credentials.remove()
  local path, err = login_file()
  if not path then
    return errors.failure(err)
  end
  local target = file_system.real_path(path)
  if not target then
    return nil
  end
  local _, why = file_system.read_file(path, MOST)
  if why == "kind" then
    return file_failure(path, REASONS.kind[2], "%s", REASONS.kind[1])
  end
  for _, name in ipairs(target == path and { path } or { target, path }) do
    local ok, reason, code = os.remove(name)
    if not ok and code ~= ENOENT then -- path may lead to the target by a link to its folder
      return atomic_file.failure(path, "cannot be removed", reason)
    end
  end
  atomic_file.sync_name(path)
  return path
end

calls.tool(credentials, "credentials")

return credentials
