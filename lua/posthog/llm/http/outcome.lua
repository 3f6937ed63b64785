--- What a response means for its call: a value, a stream, a redirect to follow, or an error.

local attempt_error = require("posthog.llm.http.attempt_error")
local errors = require("posthog.llm.util.errors")
local rate_limit = require("posthog.llm.http.rate_limit")
local redirect = require("posthog.llm.http.redirect")
local stream = require("posthog.llm.http.stream")
local values = require("posthog.llm.http.value")

local read_value = values.read

--- Whether the caller has a copy of the response and requests only a newer one.
local function is_conditional(request)
  for name in pairs(request.options.headers or {}) do
    if name:lower() == "if-none-match" then
      return true
    end
  end
  return false
end

--- libcurl does not notice that a compressed body ends too early. For a whole document the decoder
--- would; for separate lines nothing does.
local COMPRESSED = "the response is compressed (%s), which the request did not accept: a"
  .. " truncated response would go unnoticed"

--- Opens a 2xx response as a stream, to be read while it arrives.
local function open_stream(state, request, attempt, transfer, response)
  local encoding = response.headers["content-encoding"] or "identity"
  if encoding:lower() ~= "identity" then
    transfer:cancel()
    local message = COMPRESSED:format(encoding)
    return nil, errors.new({ kind = "decode", status = response.status, message = message })
  end
  local settings = state.settings
  attempt.seconds, attempt.limited = request.options.timeout or settings.timeout, false
  local most = settings.transfer.max_response_bytes
  return stream.new(transfer, state.in_flight, most, function(kind, words, stage)
    local err
    if kind == "too_large" then
      err = errors.new({ kind = kind, message = words })
    else
      err = attempt_error.without_response(state, attempt, transfer, kind, words, stage)
    end
    return attempt_error.complete(settings, request, attempt, err, response)
  end)
end

--- Handles a response whose status is not 2xx.
--- @return posthog.llm.Error? err
--- @return string? target of a redirect to be followed
local function refusal(settings, request, attempt, transfer, response)
  local target, refused = redirect.target(settings, request, attempt, response)
  if target then
    return nil, target
  end
  local err = attempt_error.of_status(settings, request, attempt, transfer, response, refused)
  if response.status == 429 and settings.rate_limit then
    rate_limit.learn(settings.rate_limit, attempt.key, request.path, err.retry_after)
  end
  return err
end

--- @param state posthog.llm.State
--- @param request posthog.llm.Request
--- @param attempt posthog.llm.Attempt
--- @param transfer userdata a finished one
--- @param response posthog.llm.Response
--- @param size integer of the body in bytes
--- @return any? value
--- @return posthog.llm.Error? err
--- @return string? target neither value nor error: the URL that the server redirects to
return function(state, request, attempt, transfer, response, size)
  local status = response.status
  if status == 304 and is_conditional(request) then
    return true
  elseif status < 200 or status >= 300 then
    return nil, refusal(state.settings, request, attempt, transfer, response)
  elseif request.stream and status ~= 204 then
    return open_stream(state, request, attempt, transfer, response)
  end
  return read_value(state.settings, request, attempt, transfer, response, size)
end
