--- What the key may do: whether it is accepted, finds the project and has its scopes. Reading is
--- tried; whether it may write is what the server says of the key, as nothing is written to find out.

local errors = require("posthog.llm.util.errors")
local reach = require("posthog.llm.cli.checks.reach")

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

--- What was answered, and what it shows.
--- @class posthog.llm.cli.Trial
--- @field err? posthog.llm.Error
--- @field status integer? nil: PostHog has not answered, or not with what was asked for
--- @field no_scope boolean the server names the scope that is missing

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

--- A question for spend that is refused for its parameters, if not before: no figures are made up.
local function ask_spend(self)
  local query = { query = { limit = 0 } }
  local value, err = reach.ask(self.client, "GET", "/api/llm_analytics/@me/spend/", query)
  if value and not (type(value) == "table" and type(value.summary) == "table") then
    err = errors.new({ kind = "decode", message = 'the response has no object "summary"' })
  end
  return trial("user:read", err)
end

--- 403 and 400 come after the key was looked at; a 404 may come before.
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
  local cure = ("make a key at %s; %s"):format(
    KEYS_PAGE:format(self.target.base),
    self:how_to_set("key")
  )
  if cloud then
    local other = "is the account on the %s cloud? Then %s. Else %s"
    cure = other:format(cloud[1], self:how_to_set("host", cloud[2]), cure)
  end
  local words = "the key is not valid at " .. self.url.host .. " (HTTP 401)"
  self:fail("key_accepted", "auth", words, cure)
  return false
end

--- Projects that the key is confined to.
local function confined(self)
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
  return ("the key is only for the projects %s"):format(table.concat(words, ", "))
end

local WHERE = "the id is the number in PostHog's address, /project/ID"

local function check_project(self)
  local id, skills, datasets = self.account.project_id, self.tried.skills, self.tried.datasets
  if not id then
    local cure = ("%s: %s"):format(WHERE, self:how_to_set("project"))
    return self:fail("project", "invalid", "there is no project", cure)
  end
  local cure = ("%s; %s"):format(WHERE, self:how_to_set("project"))
  local only = confined(self)
  if only then
    return self:fail("project", "forbidden", ("not project %s: %s"):format(id, only), cure)
  elseif skills.status == 200 or datasets.status == 200 then
    return self:tell("project", "ok", id)
  elseif skills.status == 404 and datasets.status == 404 then
    local words = ("there is no project %s at %s (HTTP 404)"):format(id, self.url.host)
    return self:fail("project", "not_found", words, cure)
  end
  for _, one in ipairs({ skills, datasets }) do
    if one.status == 403 and not one.no_scope then
      local words = ("project %s: %s (HTTP 403)"):format(id, one.err.message)
      return self:fail(
        "project",
        "forbidden",
        words,
        "ask for access to it, or have what is meant " .. "switched on; else " .. cure
      )
    end
  end
  self:tell("project", "unknown", ("project %s: no response has shown it"):format(id))
end

local function add_scope(self, scope)
  return ("add the scope %s to it: %s"):format(scope, KEYS_PAGE:format(self.target.base))
end

--- How to fix it when PostHog has not answered this one request.
local function cure_of_failure(self, err)
  if err.kind == "server" or err.kind == "timeout" or err.kind == "network" then
    local tells = CLOUDS[self.target.origin] and "; see https://status.posthog.com" or ""
    return "try again later" .. tells
  end
  return "does a proxy or gateway answer in the server's place? Else " .. self:how_to_set("host")
end

--- @param name string of the check
--- @param what string "skills"
local function check_reading(self, name, what, scope, one)
  if one.status == 200 then
    self:tell(name, "ok", scope)
  elseif one.no_scope then
    self:fail(name, "forbidden", "the key has no scope " .. scope, add_scope(self, scope))
  elseif one.status == 403 then
    local words = ("%s (HTTP 403)"):format(one.err.message)
    self:fail(name, "forbidden", words, "the project's owner can switch it on or let you in")
  elseif one.status == 404 then
    local words = ("this server has no %s (HTTP 404)"):format(what)
    self:fail(name, "not_found", words, "PostHog may be too old there: upgrade it")
  elseif one.err.kind == "rate_limited" then
    self:tell(name, "unknown", "the server asks to wait: see pace")
  else
    self:fail(name, one.err.kind, one.err.message, cure_of_failure(self, one.err))
  end
end

local function check_writing(self, name, scope)
  local may = has_scope(self, scope)
  if may == nil then
    local words = "%s: the server does not list the key's scopes, and doctor writes nothing"
    self:tell(name, "unknown", words:format(scope))
  elseif may then
    self:tell(name, "ok", scope)
  else
    self:tell(name, "warn", "read only: the key has no scope " .. scope)
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
    self:tell(name, "warn", "this server has no spend: only PostHog's cloud has")
  elseif one.err.kind == "redirect" then
    self:tell(name, "warn", "this server redirects spend to another one")
  else
    check_reading(self, name, "spend", scope, one)
  end
end

--- The two versions, by the names of the option `profile`.
local VERSIONS = { reference = "v1 (reference)", current = "v2 (current)" }

--- On an empty project no row tells: the newer API alone refuses an empty search.
local function find_version(self)
  local known = self.client:profile()
  if known or self.tried.datasets.status ~= 200 then
    return known
  end
  local options = { query = { search = "", limit = 1 } }
  local path = "/api/projects/:project_id/datasets/"
  local _, err = reach.ask(self.client, "GET", path, options)
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
    return self:fail("pace", "rate_limited", words, "wait, or ask who else uses the key")
  elseif not windows then
    return self:tell("pace", "unknown", "no limit is kept for this host")
  end
  local words = {}
  for i = #windows, 1, -1 do
    local window = windows[i]
    words[#words + 1] = ("%d of %d a %s"):format(window.left, window.most, WINDOWS[window.seconds])
  end
  self:tell("pace", "ok", table.concat(words, ", ") .. " left, as far as this command knows")
end

--- @param self posthog.llm.cli.Checkup
function rights.check(self)
  local own = self.own.value
  self.scopes = type(own) == "table" and type(own.scopes) == "table" and own.scopes or nil
  local none = { status = nil, no_scope = false }
  local has_project = self.account.project_id ~= nil
  self.tried = {
    skills = has_project and list(self, "skills", "llm_skill:read") or none,
    datasets = has_project and list(self, "datasets", "dataset:read") or none,
    spend = ask_spend(self),
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
