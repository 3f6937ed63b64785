--- Sends the request of an attempt: waits for the rate limit, tells the hook, starts the transfer.

local clock = require("posthog.llm.host.clock")
local errors = require("posthog.llm.util.errors")
local headers = require("posthog.llm.http.headers")
local rate_limit = require("posthog.llm.http.rate_limit")
local redact = require("posthog.llm.http.redact")
local shared = require("posthog.llm.http.shared")
local waits = require("posthog.llm.http.waits")

--- Waits until the rate limit allows the request.
--- @return posthog.llm.Error? err
local function wait_for_slot(state, request, attempt)
  if state.closed then
    return nil
  end
  local left = attempt.ahead and rate_limit.NO_WAIT or attempt.expires - clock.now()
  if left <= 0 then
    return nil
  end
  local limit = state.settings.rate_limit
  return rate_limit.pass(limit, attempt.key, request.path, left, waits.pause, state)
end

--- Tells the hook on_request.
--- @return boolean? raised the request is not sent, and the error is raised where it is needed
local function announce(settings, request, attempt, lines)
  local told = {
    method = request.method,
    url = redact.text(attempt.url, attempt.key),
    headers = headers.for_hook(lines, attempt.key),
    attempt = attempt.number,
  }
  if not attempt.ahead then
    settings.on_request(told)
    return
  end
  local ok, err = pcall(settings.on_request, told)
  if not ok then
    attempt.raised = { err }
    return true
  end
end

--- The error of a request that the core does not start.
--- @param path? string where the body is to blame: the field, or ""
local function refused(message, path)
  if path then
    local where = path ~= "" and path .. ": " or ""
    return errors.new({ kind = "invalid", message = where .. message, path = path })
  end
  return errors.new({ kind = "network", message = message })
end

--- @param state posthog.llm.State
--- @param request posthog.llm.Request
--- @param attempt posthog.llm.Attempt
--- @return userdata? transfer nil without an error: the hook of an attempt ahead has raised
--- @return posthog.llm.Error? err
return function(state, request, attempt)
  local settings, options = state.settings, request.options
  local held_back = settings.rate_limit and wait_for_slot(state, request, attempt)
  if held_back then
    attempt.held_back = true
    return nil, held_back
  end
  local has_body = request.json ~= nil or request.body ~= nil
  local config = headers.request_config(state, attempt.key, has_body)
  local own = options.headers and headers.merge(config.lines, options.headers)
  if settings.on_request and announce(settings, request, attempt, own or config.lines) then
    return nil
  end
  if state.closed then -- by on_request, or while it waited
    return nil, shared.closed()
  end
  local timeout = options.timeout or settings.timeout
  local left = attempt.expires - clock.now()
  if left <= 0 then
    local message = "the call's deadline has passed"
    return nil, errors.new({ kind = "timeout", option = "deadline", message = message })
  end
  attempt.limited = left <= timeout
  attempt.seconds = attempt.limited and left or timeout
  local pool = shared.pool(state)
  local transfer, message, path = pool:start(config.core, request, attempt.url, timeout, left, own)
  if not transfer then
    return nil, refused(message, path)
  end
  return transfer
end
