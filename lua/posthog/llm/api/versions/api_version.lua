--- Which version of the API a server speaks: "reference", API v1, that of the
--- reference pages, or "current", API v2 (doc/api.md part 3). No server says
--- so, but its responses differ; what they show is remembered for each host.

local errors = require("posthog.llm.util.errors")
local option_names = require("posthog.llm.util.option_names")

local api_version = {}

--- @alias posthog.llm.ApiVersion "reference"|"current"

--- By the host's base URL, for the life of the Lua state. A server that is
--- brought up to date is found out by its next response.
local learnt = {}

--- Forgets all that was learnt; for tests.
function api_version.forget()
  learnt = {}
end

--- Fields that only the rows of one API version have. Skills have none of them;
--- `deleted` and `version` they have on both.
local TELLING = {
  { "team_id", "current" },
  { "team", "reference" },
  { "archived", "current" },
  { "expected_output", "current" },
  { "output", "reference" },
  { "current_revision", "current" },
}

--- @param row table a dataset, an item, or a version of one
--- @return posthog.llm.ApiVersion?
local function of_row(row)
  for i = 1, #TELLING do -- of every response, so without a call of ipairs
    local entry = TELLING[i]
    if rawget(row, entry[1]) ~= nil then -- raw: rows can be read by the other names too
      return entry[2]
    end
  end
end

--- What a response shows (doc/api.md 3.3).
--- @param value any of datasets, items or skills
--- @return posthog.llm.ApiVersion? nil: it may be of either
function api_version.of(value)
  if type(value) ~= "table" then
    return nil
  elseif value.body_total_length ~= nil then -- a skill
    return "current"
  end
  local results = value.results
  if type(results) ~= "table" then
    return of_row(value)
  end
  local first = results[1]
  return type(first) == "table" and of_row(first) or nil
end

--- Types of error that only API v2 has (doc/api.md 3.3).
local TELLING_ERRORS = { skill_not_found = true, skill_version_not_found = true }

--- What a refusal shows.
--- @param err posthog.llm.Error
--- @return posthog.llm.ApiVersion? nil: it may be of either
local function of_error(err)
  return TELLING_ERRORS[err.type] and "current" or nil
end

--- What a client goes by. It holds no field through which the client's private
--- part could be reached.
--- @class posthog.llm.KnownVersion
--- @field fixed? posthog.llm.ApiVersion by the caller, in the option `profile`
--- @field learnt fun(): posthog.llm.ApiVersion? nil: no response has shown it yet
--- @field get fun(): posthog.llm.ApiVersion? what to go by: the fixed one, else the one learnt
--- @field learn fun(version?: posthog.llm.ApiVersion)

--- @param settings table of config.resolve
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

--- Wraps the pipeline so that every response is checked.
--- @param run fun(request: posthog.llm.Request): any, posthog.llm.Error?, posthog.llm.Response?
--- @param known posthog.llm.KnownVersion
function api_version.follow(run, known)
  return function(request)
    local value, err, response = run(request)
    if err then
      known.learn(of_error(err))
      return errors.failure(err, response)
    end
    known.learn(api_version.of(value))
    return value, nil, response
  end
end

local ONLY_V2 = "%sonly API v2 has it; %s"
local CLIENT_IS_V1 = 'the client\'s `profile` is "reference", API v1'
local SERVER_IS_V1 = "this server has API v1"
local MAY_LACK = "It may be an older server: only API v2 has %s"

local function wrong_server(option, who)
  local place = option and option_names.code(option) .. ": " or ""
  local message = ONLY_V2:format(place, who)
  return errors.new({ kind = "invalid", option = option, message = message })
end

--- The error of a call that only API v2 has, where the server is
--- known to speak API v1; nil where it may be tried.
--- @param known posthog.llm.KnownVersion
--- @param option? string
--- @return posthog.llm.Error?
local function refuse(known, option)
  if known.get() ~= "reference" then
    return nil
  end
  return wrong_server(option, known.fixed and CLIENT_IS_V1 or SERVER_IS_V1)
end

--- Adds a hint on the likely reason for an unknown route.
--- @param known posthog.llm.KnownVersion
--- @param err posthog.llm.Error
--- @param response? posthog.llm.Response
--- @param what string what only API v2 has
function api_version.hint(known, err, response, what)
  -- A router that does not take the method says nothing of a field.
  local unknown = err.kind == "not_found" or (err.kind == "invalid" and not err.attr)
  if response and unknown and known.learnt() ~= "current" then
    err.hint = MAY_LACK:format(what)
  end
end

--- Makes such a call. Where the server's API version is not known yet, the error
--- of an unknown route gets a hint; and a response in the shape of API v1 becomes an
--- error, since a server of API v1 ignores a parameter that it does not know.
--- @param known posthog.llm.KnownVersion
--- @param run fun(): any, posthog.llm.Error?, posthog.llm.Response?
--- @param option? string it is not the call but this option that only API v2 has
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
