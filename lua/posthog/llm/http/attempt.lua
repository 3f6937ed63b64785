--- What the attempts of a call need, found before the first: host, key, CA bundle, URL, the body as a
--- codec of the caller's encodes it, and the deadline of them all.

local body = require("posthog.llm.http.body")
local clock = require("posthog.llm.host.clock")
local errors = require("posthog.llm.util.errors")
local hosts = require("posthog.llm.host")
local shared = require("posthog.llm.http.shared")

local attempt = {}

--- The present attempt of a call: one after another, in the same table.
--- @class posthog.llm.Attempt
--- @field number integer counted from 1; in an error, those that were sent
--- @field redirects integer followed in this attempt
--- @field host table the host module (host/init.lua)
--- @field key string
--- @field url string of the current request
--- @field began number on clock.now's clock: before the first attempt
--- @field expires number on clock.now's clock: the call's deadline
--- @field permanent? boolean another attempt would fail in the same way
--- @field held_back? boolean by the rate limit: no request was made
--- @field seconds number what this attempt may take
--- @field limited boolean the deadline ends this attempt before its own timeout would
--- @field sent boolean the server may have seen a request of this attempt
--- @field decoded? any the value of the response, if it is decoded already
--- @field ahead? boolean nobody waits for it: it is sent only where that takes no wait
--- @field raised? { [1]: any } what on_request has raised, of an attempt that is sent ahead

--- Why no request can be made, here and now.
--- @return posthog.llm.Error?
local function unable(state, host)
  if state.closed then
    return shared.closed()
  elseif state.settings.target_error then
    return errors.copy(state.settings.target_error)
  end
  return host.unavailable()
end

--- The URL of a request.
local function url_of(state, request)
  local prefix, err = shared.prefix(state, request.under)
  if not prefix then
    return nil, err
  end
  local query = request.query
  return query and prefix .. request.path .. "?" .. query or prefix .. request.path
end

--- @param state posthog.llm.State
--- @param request posthog.llm.Request
--- @return posthog.llm.Attempt? first
--- @return posthog.llm.Error? err
function attempt.first(state, request)
  local settings, started = state.settings, request.started
  local host = hosts.current()
  local why = not started and unable(state, host) -- what was started is judged by its transfer
  if why then
    return nil, why
  end
  local key, err = settings.key()
  if not key then
    return nil, err
  end
  err = shared.find_ca_bundle(settings)
  if err then
    return nil, err
  end
  local target
  target, err = url_of(state, request)
  if not target then
    return nil, err
  end
  if request.json ~= nil and settings.json then
    request.body, err = body.encode_by(settings.json, request.json)
    if err then
      return nil, err
    end
    request.json = nil
  end
  local options, now = request.options, started and started.began or clock.now()
  request.expires = request.expires
    or options.expires
    or now + (options.deadline or settings.deadline)
  return { -- with the fields of every attempt: a table that grows costs more than they do
    number = 1,
    redirects = 0,
    host = host,
    key = key,
    url = target,
    began = now,
    expires = request.expires,
    seconds = 0,
    limited = false,
    sent = false,
  }
end

return attempt
