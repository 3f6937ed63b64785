--- The checks of an account, in order: where key, project and host come from, the connection to the
--- server, and the permissions of the key. They only read. `posthog-llm doctor` and Neovim's
--- `:checkhealth posthog` report them.

local environment = require("posthog.llm.util.environment")
local errors = require("posthog.llm.util.errors")
local reach = require("posthog.llm.checks.reach")
local rights = require("posthog.llm.checks.rights")
local settings = require("posthog.llm.client.settings")
local url = require("posthog.llm.http.url")

local checks = {}

--- The checks, in the order in which they are made and reported.
checks.NAMES = {
  "credentials",
  "key",
  "host",
  "proxy",
  "name_lookup",
  "connection",
  "tls",
  "server",
  "clock",
  "key_accepted",
  "project",
  "skills_read",
  "skills_write",
  "datasets_read",
  "datasets_write",
  "spend_read",
  "api_version",
  "pace",
}

--- @class posthog.llm.Check
--- @field name string
--- @field status "ok"|"fail"|"warn"|"unknown"|"skipped"
--- @field message string
--- @field cure? string how to fix it (the name in the output of --json)
--- @field kind? posthog.llm.ErrorKind fail: determines the exit code of the command

--- How to change a setting that came neither from the environment nor from a login.
--- @class posthog.llm.Setter
--- @field another string "give another --host"
--- @field to? string a format for the value: "give --host %s"

--- The state that the checks share.
--- @class posthog.llm.Checkup
--- @field given table<"key"|"project"|"host", posthog.llm.Setter>
--- @field account? posthog.llm.Credentials
--- @field target? table { base, origin, scheme }
--- @field url? posthog.llm.Url of the target
--- @field by table<string, posthog.llm.Check>
--- @field failed? string the first check that failed
local Checkup = {}
Checkup.__index = Checkup

--- @param name string of the check
--- @param status "ok"|"fail"|"warn"|"unknown"|"skipped"
--- @param message string
--- @param cure? string
--- @param kind? posthog.llm.ErrorKind
function Checkup:tell(name, status, message, cure, kind)
  self.by[name] = { name = name, status = status, message = message, cure = cure, kind = kind }
  if status == "fail" then
    self.failed = self.failed or name
  end
end

function Checkup:fail(name, kind, message, cure)
  self:tell(name, "fail", message, cure, kind)
end

function Checkup:is(name, status)
  return self.by[name] ~= nil and self.by[name].status == status
end

--- How to set key, project and host, by the source of the key.
local SETTERS = {
  { "^POSTHOG_CLI_", "set POSTHOG_CLI_%s" },
  { "^/", "log in again: posthog-llm login" },
  { "", "set POSTHOG_%s" },
}
--- posthog-cli does not know short names of hosts.
local CLI_HOSTS = { us = "https://us.posthog.com", eu = "https://eu.posthog.com" }
local NAMES_OF = {
  key = { "API_KEY", "PERSONAL_API_KEY" },
  project = { "PROJECT_ID", "PROJECT_ID" },
  host = { "HOST", "HOST" },
}

--- @param what "key"|"project"|"host"
--- @param value? string the value to set
--- @return string cure such as "set POSTHOG_HOST=eu"
function Checkup:how_to_set(what, value)
  local source = self.account and self.account.source or self.source or ""
  local names, given = NAMES_OF[what], self.given[what]
  if given then
    return value and given.to and given.to:format(value) or given.another
  end
  for i, setter in ipairs(SETTERS) do
    if source:find(setter[1]) then
      local words = setter[2]:format(names[i == 1 and 1 or 2])
      if i == 2 then
        return value and ("%s, host %s"):format(words, value) or words
      end
      return value and words .. "=" .. (i == 1 and CLI_HOSTS[value] or value) or words
    end
  end
end

local KEY_FROM = "create one in PostHog under Settings, Personal API keys"

--- The check that fails, by the option to blame.
local BLAMED = { personal_api_key = "key", project_id = "project", host = "host" }
local BEFORE = { key = { "credentials" }, host = { "credentials", "key" } }
BEFORE.project = { "credentials", "key" }

--- Reports that no account was found, or an invalid one.
local function without_account(self, err)
  self.source = err.key_source or err.source
  local name = BLAMED[err.option]
  if name == nil or name == "key" and not err.source then
    local cure = err.hint and err.hint:gsub("^%u", string.lower)
    cure = err.kind == "auth" and KEY_FROM .. "; " .. (cure or "") or cure
    return self:fail("credentials", err.kind, err.message, cure)
  end
  for _, earlier in ipairs(BEFORE[name]) do
    local words = earlier == "key" and "its format is valid" or self.source or "as given"
    self:tell(earlier, "ok", words)
  end
  local cure = self:how_to_set(name)
  if name == "key" then
    cure = KEY_FROM .. "; " .. cure
  elseif name == "host" and not cure:find("^log in") then
    cure = cure .. (self.given.host and ": " or " to ") .. "us, eu or your server's URL"
  end
  self:fail(name, err.kind, err.message, cure)
end

--- A variable that is set but not used, since the key comes from a source that has its own project
--- and host.
local function unused(source)
  if not (source:find("^POSTHOG_CLI_") or source:find("^/")) then
    return nil
  end
  return (select(2, environment.first({ "POSTHOG_HOST", "POSTHOG_PROJECT_ID" })))
end

local PREFIXES = { phx_ = "a personal API key (phx_...)", pha_ = "an OAuth token (pha_...)" }

local function with_account(self, account)
  self.account, self.source = account, account.source
  local ignored = unused(account.source)
  if ignored then
    local words = "%s (%s is set, but is not used with this key)"
    self:tell("credentials", "ok", words:format(account.source, ignored))
  else
    self:tell("credentials", "ok", account.source)
  end
  local key = account.personal_api_key
  local form = PREFIXES[key:sub(1, 4)] or "a key without a prefix, as older ones are"
  self:tell("key", "ok", ("%s, %d characters"):format(form, #key))
  self.target = settings.resolve_host(account.host)
  self.url = url.parse(self.target.base)
  self:tell("host", "ok", self.target.base)
end

--- Adds the checks that were not made, with the reason.
local function complete(self)
  local list = {}
  for i, name in ipairs(checks.NAMES) do
    if not self.by[name] then
      local first = (self.failed or ""):gsub("_", " ")
      local why = self.failed and ("because %s failed"):format(first) or "not made"
      self:tell(name, "skipped", why)
    end
    list[i] = self.by[name]
  end
  return list
end

--- Makes all checks.
--- @param account? posthog.llm.Credentials
--- @param err? posthog.llm.Error why there is no account
--- @param given? table<"key"|"project"|"host", posthog.llm.Setter> those that were set otherwise
---   than by a variable or a login
--- @param agent? string what the User-Agent ends with; "cli"
--- @return posthog.llm.Check[] list in the order of NAMES
function checks.run(account, err, given, agent)
  local self = setmetatable({ by = {}, given = given or {} }, Checkup)
  if account then
    with_account(self, account)
    local options =
      { user_agent_suffix = agent or "cli", timeout = 10, deadline = 15, max_retries = 0 }
    for name, value in pairs(account) do
      options[name] = value
    end
    self.client = require("posthog.llm").new(options)
    if reach.check(self) then
      rights.check(self)
    end
    self.client:close()
  else
    without_account(self, err)
  end
  return complete(self)
end

--- The first check that failed, as an error.
--- @param list posthog.llm.Check[]
--- @return posthog.llm.Error? err
--- @return posthog.llm.Check? check
function checks.first_failure(list)
  for _, check in ipairs(list) do
    if check.status == "fail" then
      local words = check.cure and check.message .. "; " .. check.cure or check.message
      return errors.new({ kind = check.kind, message = words }), check
    end
  end
end

return checks
