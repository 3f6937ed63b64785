--- The API version of a server: "reference" (API v1, that of the reference pages) or "current" (API
--- v2; doc/api.md part 3). No response states it, but responses differ; what they show is
--- remembered for each host.

local errors = require("posthog.llm.util.errors")
local option_names = require("posthog.llm.util.option_names")

local api_version = {}

--- The version of PostHog's API that a server has: [Compatibility](../compatibility.md) tells what
--- differs.
--- @alias posthog.llm.ApiVersion
--- | "reference" API v1, that of PostHog's reference pages
--- | "current"   API v2, the newest

--- By the host's base URL, for the life of the Lua state. When a server is upgraded, its next
--- response shows it.
local learnt = {}

--- Forgets everything learnt; for tests.
function api_version.forget()
  learnt = {}
end

--- Fields that only the rows of one API version have. Skills of API v1 have none of them (only
--- `deleted` and `version`, which are in both versions).
local DISTINCTIVE_FIELDS = {
  { "team_id", "current" },
  { "team", "reference" },
  { "archived", "current" },
  { "expected_output", "current" },
  { "output", "reference" },
  { "current_revision", "current" },
  { "spec_problems", "current" }, -- a skill
}

--- @param row table a dataset, an item, or a version of one
--- @return posthog.llm.ApiVersion?
local function of_row(row)
  for i = 1, #DISTINCTIVE_FIELDS do -- runs for every response, hence no ipairs
    local entry = DISTINCTIVE_FIELDS[i]
    if rawget(row, entry[1]) ~= nil then -- raw: rows also answer to the names of the other version
      return entry[2]
    end
  end
end

--- Whether a fresh row shows a version by a field that it has in place of another.
local function confirms(row, version)
  if version == "current" then
    return row.team_id ~= nil
  end
  return version == "reference" and row.team ~= nil and row.team_id == nil
end

--- The API version that a response shows (doc/api.md 3.3).
--- @param value any the value of a call on datasets, items or skills
--- @return posthog.llm.ApiVersion? nil: it may be either
function api_version.of(value)
  if type(value) ~= "table" then
    return nil
  elseif value.body_total_length ~= nil then -- a skill
    return "current"
  end
  local results, skill = value.results, value.skill
  if type(skill) == "table" then -- a skill with its history
    return of_row(skill)
  elseif type(results) ~= "table" then
    return of_row(value)
  end
  local first = results[1]
  return type(first) == "table" and of_row(first) or nil
end

--- Types of error that only API v2 has (doc/api.md 3.3).
local DISTINCTIVE_ERRORS = { skill_not_found = true, skill_version_not_found = true }

--- The API version that an error shows.
--- @param err posthog.llm.Error
--- @return posthog.llm.ApiVersion? nil: it may be either
local function of_error(err)
  return DISTINCTIVE_ERRORS[err.type] and "current" or nil
end

--- The API version that a client uses. No field of it leads to the client's private state.
--- @class posthog.llm.KnownVersion
--- @field fixed? posthog.llm.ApiVersion set by the caller, with the option `profile`
--- @field learnt fun(): posthog.llm.ApiVersion? nil: no response has shown it yet
--- @field get fun(): posthog.llm.ApiVersion? the one to use: the fixed one, else the one learnt
--- @field learn fun(version?: posthog.llm.ApiVersion)

--- @param settings posthog.llm.Settings
--- @return posthog.llm.KnownVersion
function api_version.new(settings)
  local host = settings.target and settings.target.base or ""
  local self = { fixed = settings.profile }

  function self.learnt()
    return learnt[host]
  end

  function self.get()
    return self.fixed or learnt[host]
  end

  function self.learn(version)
    learnt[host] = version or learnt[host]
  end

  return self
end

--- Wraps the pipeline so that every response is examined for the API version.
--- @param run fun(request: posthog.llm.Request): any, posthog.llm.Error?, posthog.llm.Response?
--- @param known posthog.llm.KnownVersion
function api_version.follow(run, known)
  return function(request)
    local value, err, response = run(request)
    if err then
      known.learn(of_error(err))
      return errors.failure(err, response)
    end
    if type(value) ~= "table" or not confirms(value, known.learnt()) then
      known.learn(api_version.of(value))
    end
    return value, nil, response
  end
end

--- The same for reads that are made directly (http/direct.lua).
--- @param read posthog.llm.DirectRead
--- @param known posthog.llm.KnownVersion
--- @return posthog.llm.DirectRead
function api_version.follow_reads(read, known)
  local learn, learnt_version = known.learn, known.learnt
  return function(path, query, fields, asked)
    local value, response, started = read(path, query, fields, asked)
    if response and not confirms(value, learnt_version()) then
      learn(api_version.of(value))
    end
    return value, response, started
  end
end

local ONLY_V2 = "%sonly API v2 has this; %s"
local CLIENT_IS_V1 = 'the client\'s `profile` is "reference", API v1'
local SERVER_IS_V1 = "this server has API v1"
local MAY_LACK = "It may be an older server: only API v2 has %s"

local function wrong_server(option, who)
  local prefix = option and option_names.code(option) .. ": " or ""
  local message = ONLY_V2:format(prefix, who)
  return errors.new({ kind = "invalid", option = option, message = message })
end

--- The error of a response that shows that the server has ignored an option.
--- @param option string that only API v2 has
--- @return posthog.llm.Error
function api_version.ignored(option)
  return wrong_server(option, SERVER_IS_V1)
end

--- The error of a call that only API v2 has, when the server is known to have API v1; nil: the call
--- may be tried.
--- @param known posthog.llm.KnownVersion
--- @param option? string
--- @return posthog.llm.Error?
local function refuse(known, option)
  if known.get() ~= "reference" then
    return nil
  end
  return wrong_server(option, known.fixed and CLIENT_IS_V1 or SERVER_IS_V1)
end

--- Adds the likely reason for an unknown route as a hint.
--- @param known posthog.llm.KnownVersion
--- @param err posthog.llm.Error
--- @param response? posthog.llm.Response
--- @param what string what only API v2 has
function api_version.hint(known, err, response, what)
  -- A router that does not allow the method names no field.
  local unknown = err.kind == "not_found" or (err.kind == "invalid" and not err.attr)
  if response and unknown and known.learnt() ~= "current" then
    err.hint = MAY_LACK:format(what)
  end
end

--- Makes a call that only API v2 has. While the server's API version is unknown, the error of an
--- unknown route gets a hint, and a response in the shape of API v1 becomes an error, since API v1
--- ignores unknown parameters.
--- @param known posthog.llm.KnownVersion
--- @param run fun(): any, posthog.llm.Error?, posthog.llm.Response?
--- @param option? string the option that only API v2 has; nil: the whole call
function api_version.only_current(known, run, option)
  local refused = refuse(known, option)
  if refused then
    return errors.failure(refused)
  end
  local value, err, response = run()
  if err then
    api_version.hint(known, err, response, option and option_names.code(option) or "this call")
  elseif api_version.of(value) == "reference" then
    err = wrong_server(option, SERVER_IS_V1)
  end
  return errors.result(value, err, response)
end

return api_version
