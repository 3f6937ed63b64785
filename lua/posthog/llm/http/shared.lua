--- What the requests of a client share, made when the first of them needs it: making a client does
--- no I/O.

local ca_bundle = require("posthog.llm.http.ca_bundle")
local core = require("posthog.llm.util.core")
local errors = require("posthog.llm.util.errors")

local shared = {}

--- The pool of the client's family, a new one after a fork.
--- @param state posthog.llm.State of a client that is not closed
--- @return userdata
function shared.pool(state)
  local family = state.family
  local engine = core.engine()
  if family.engine ~= engine then
    family.engine, family.pool = engine, engine:pool()
  end
  return family.pool
end

--- @return posthog.llm.Error of a call of a closed client
function shared.closed()
  return errors.new({ kind = "cancelled", message = "the client is closed" })
end

--- The start of the URLs of requests.
--- @param state posthog.llm.State
--- @param under? string Request.under
--- @return string? prefix
--- @return posthog.llm.Error? err a path that is relative to the project, and no valid project
function shared.prefix(state, under)
  local settings = state.settings
  if not under then
    return settings.target.base
  elseif settings.project_error then
    return nil, errors.copy(settings.project_error)
  end
  local prefix = state.prefixes[under]
  if not prefix then
    prefix = ("%s/api/%s/%s/"):format(settings.target.base, under, settings.project)
    state.prefixes[under] = prefix
  end
  return prefix
end

--- Finds the CA bundle, once.
--- @param settings posthog.llm.Settings
--- @return posthog.llm.Error?
function shared.find_ca_bundle(settings)
  if not settings.needs_ca_bundle then
    return nil
  end
  local file, reason = ca_bundle.find(settings.ca_file)
  if reason then
    return errors.new({ kind = "tls", option = "ca_file", message = reason })
  end
  settings.transfer.ca_file, settings.needs_ca_bundle = file, false
end

return shared
