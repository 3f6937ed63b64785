--- The checks of the key's permissions: whether it is accepted, has access to the project, and has
--- the scopes. Reading is tried; for writing, the scopes that the server lists are examined, since
--- nothing may be written.

local errors = require("posthog.llm.util.errors")
local reach = require("posthog.llm.checks.reach")

local rights = {}

local KEYS_PAGE = "%s/settings/user-api-keys"
local CLOUDS = {
  ["https://us.posthog.com"] = { "EU", "eu" },
  ["https://eu.posthog.com"] = { "US", "us" },
}

--- @param scope string
--- @return boolean? nil: the server does not say
local function has_scope(self, scope)
  local list = self.scopes
  if not list then
    return nil
  end
  for _, one in ipairs(list) do
    if one == "*" or one == scope or one == scope:gsub(":read$", ":write") then
      return true
    end
  end
  return false
end

--- The outcome of one request, and what it shows.
--- @class posthog.llm.Trial
--- @field err? posthog.llm.Error
--- @field status integer? nil: no response of PostHog, or an unexpected one
--- @field no_scope boolean whether the server says that the scope is missing

local function trial(scope, err)
  local says = err and err.detail or ""
  local named = says:find("'" .. scope:match("^[%w_]+:")) ~= nil
  return {
    err = err,
    status = not err and 200 or err.detail and err.status or nil,
    no_scope = named and err.status == 403,
  }
end

local function list(self, resource, scope)
  local _, err = self.client[resource]:list({ limit = 1 })
  if err and err.kind == "cancelled" then
    error(err, 0)
  end
  return trial(scope, err)
end

--- Requests spend with an invalid parameter, so that a server which accepts the key refuses the
--- request without computing a report.
local function try_spend(self)
  local query = { query = { limit = 0 } }
  local value, err = reach.request(self.client, "GET", "/api/llm_analytics/@me/spend/", query)
  if value and not (type(value) == "table" and type(value.summary) == "table") then
    err = errors.new({ kind = "decode", message = 'the response has no object "summary"' })
  end
  return trial("user:read", err)
end

--- Whether the key was accepted. 403 and 400 show that it was; a 404 does not.
local function accepted(self)
  local refused
  local seen = { { status = self.own.value and 200 or self.own.err.status } }
  for _, name in ipairs({ "skills", "datasets", "spend" }) do
    seen[#seen + 1] = self.tried[name]
  end
  for _, one in ipairs(seen) do
    if one.status == 200 or one.status == 400 or one.status == 403 then
      return true
    end
    refused = refused or one.status == 401
  end
  return not refused and nil
end

local function check_key(self)
  local is_good = accepted(self)
  if is_good then
    local label = self.own.value and self.own.value.label
    local words = label and ('its label is "%s"'):format(label) or "by the server"
    self:tell("key_accepted", "ok", words)
    return true
  elseif is_good == nil then
    self:tell("key_accepted", "unknown", "no response has shown it")
    return true
  end
  local cloud = CLOUDS[self.target.origin]
  local cure = ("create a key at %s; %s"):format(
    KEYS_PAGE:format(self.target.base),
    self:how_to_set("key")
  )
  if cloud then
    local other = "is the account on the %s cloud? Then %s. Otherwise %s"
    cure = other:format(cloud[1], self:how_to_set("host", cloud[2]), cure)
  end
  local words = "the key is not valid at " .. self.url.host .. " (HTTP 401)"
  self:fail("key_accepted", "auth", words, cure)
  return false
end

--- Why the key cannot be used for the project, if it is restricted to others.
local function restricted(self)
  local teams = self.own.value and self.own.value.scoped_teams
  local id = self.account.project_id
  if type(teams) ~= "table" or #teams == 0 or id == "@current" then
    return nil
  end
  local words = {}
  for i, team in ipairs(teams) do
    words[i] = tostring(team)
    if words[i] == id then
      return nil
    end
  end
  return ("the key is restricted to the projects %s"):format(table.concat(words, ", "))
end

local WHERE = "the id is the number in PostHog's address, /project/ID"

local function check_project(self)
  local id, skills, datasets = self.account.project_id, self.tried.skills, self.tried.datasets
  if not id then
    local cure = ("%s: %s"):format(WHERE, self:how_to_set("project"))
    return self:fail("project", "invalid", "no project is set", cure)
  end
  local cure = ("%s; %s"):format(WHERE, self:how_to_set("project"))
  local only = restricted(self)
  if only then
    return self:fail("project", "forbidden", ("not project %s: %s"):format(id, only), cure)
  elseif skills.status == 200 or datasets.status == 200 then
    return self:tell("project", "ok", id)
  elseif skills.status == 404 and datasets.status == 404 then
    local words = ("project %s does not exist at %s (HTTP 404)"):format(id, self.url.host)
    return self:fail("project", "not_found", words, cure)
  end
  for _, one in ipairs({ skills, datasets }) do
    if one.status == 403 and not one.no_scope then
      local words = ("project %s: %s (HTTP 403)"):format(id, one.err.message)
      return self:fail(
        "project",
        "forbidden",
        words,
        "ask for access to it, or have the feature enabled; otherwise " .. cure
      )
    end
  end
  self:tell("project", "unknown", ("project %s: no response has shown it"):format(id))
end

local function add_scope(self, scope)
  return ("add the scope %s to the key: %s"):format(scope, KEYS_PAGE:format(self.target.base))
end

--- How to fix it when this request alone got no response of PostHog.
local function cure_of_failure(self, err)
  if err.kind == "server" or err.kind == "timeout" or err.kind == "network" then
    local status_page = CLOUDS[self.target.origin] and "; see https://status.posthog.com" or ""
    return "try again later" .. status_page
  end
  return "does a proxy or gateway answer instead of the server? Otherwise "
    .. self:how_to_set("host")
end

--- @param name string of the check
--- @param what string "skills"
local function check_reading(self, name, what, scope, one)
  if one.status == 200 then
    self:tell(name, "ok", scope)
  elseif one.no_scope then
    self:fail(name, "forbidden", "the key lacks the scope " .. scope, add_scope(self, scope))
  elseif one.status == 403 then
    local words = ("%s (HTTP 403)"):format(one.err.message)
    self:fail(name, "forbidden", words, "the project's owner can enable it or give you access")
  elseif one.status == 404 then
    local words = ("this server does not have %s (HTTP 404)"):format(what)
    self:fail(name, "not_found", words, "its PostHog may be too old: upgrade it")
  elseif one.err.kind == "rate_limited" then
    self:tell(name, "unknown", "the server asks to wait: see the check pace")
  else
    self:fail(name, one.err.kind, one.err.message, cure_of_failure(self, one.err))
  end
end

local function check_writing(self, name, scope)
  local may = has_scope(self, scope)
  if may == nil then
    local words = "%s: the server does not list the key's scopes, and no check writes"
    self:tell(name, "unknown", words:format(scope))
  elseif may then
    self:tell(name, "ok", scope)
  else
    self:tell(name, "warn", "read only: the key lacks the scope " .. scope)
  end
end

local function check_resource(self, what, scope)
  local one = self.tried[what]
  if self:is("project", "fail") then
    return
  end
  check_reading(self, what .. "_read", what, scope .. ":read", one)
  if self:is(what .. "_read", "ok") then
    check_writing(self, what .. "_write", scope .. ":write")
  else
    local words = ("because %s read is not ok"):format(what)
    self:tell(what .. "_write", "skipped", words)
  end
end

local function check_spend(self)
  local one, name, scope = self.tried.spend, "spend_read", "user:read"
  if one.status == 200 or one.status == 400 then
    self:tell(name, "ok", scope)
  elseif one.status == 404 then
    self:tell(name, "warn", "this server does not have spend: only PostHog's cloud does")
  elseif one.err.kind == "redirect" then
    self:tell(name, "warn", "this server redirects spend to another server")
  else
    check_reading(self, name, "spend", scope, one)
  end
end

--- The API versions, by their names in the option `profile`.
local VERSIONS = { reference = "v1 (reference)", current = "v2 (current)" }

--- In an empty project no row shows the version, but API v2 alone refuses an empty search.
local function find_version(self)
  local known = self.client:profile()
  if known or self.tried.datasets.status ~= 200 then
    return known
  end
  local options = { query = { search = "", limit = 1 } }
  local path = "/api/projects/:project_id/datasets/"
  local _, err = reach.request(self.client, "GET", path, options)
  return not err and "reference" or err.status == 400 and "current" or nil
end

local function check_version(self)
  local version = find_version(self)
  if version then
    self:tell("api_version", "ok", VERSIONS[version])
  else
    self:tell("api_version", "unknown", "no response has shown it")
  end
end

local WINDOWS = { [60] = "minute", [3600] = "hour", [86400] = "day" }

local function check_pace(self)
  local windows, wait = self.client:pace()
  for _, one in pairs(self.tried) do
    wait = wait or one.err and one.err.kind == "rate_limited" and (one.err.retry_after or 60)
  end
  if wait then
    local words = ("the server asks to wait %.0f s (HTTP 429)"):format(wait)
    return self:fail("pace", "rate_limited", words, "wait, or find out who else uses the key")
  elseif not windows then
    return self:tell("pace", "unknown", "no rate limit is known for this host")
  end
  local words = {}
  for i = #windows, 1, -1 do
    local window = windows[i]
    words[#words + 1] = ("%d of %d a %s"):format(window.left, window.most, WINDOWS[window.seconds])
  end
  self:tell("pace", "ok", table.concat(words, ", ") .. " left, by this program's own count")
end

--- @param self posthog.llm.Checkup
function rights.check(self)
  local own = self.own.value
  self.scopes = type(own) == "table" and type(own.scopes) == "table" and own.scopes or nil
  local none = { status = nil, no_scope = false }
  local has_project = self.account.project_id ~= nil
  self.tried = {
    skills = has_project and list(self, "skills", "llm_skill:read") or none,
    datasets = has_project and list(self, "datasets", "dataset:read") or none,
    spend = try_spend(self),
  }
  if not check_key(self) then
    return
  end
  check_project(self)
  check_resource(self, "skills", "llm_skill")
  check_resource(self, "datasets", "dataset")
  check_spend(self)
  if not self:is("project", "fail") then
    check_version(self)
  end
  check_pace(self)
end

return rights
