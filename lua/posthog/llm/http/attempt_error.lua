--- The error of an attempt: by the status of its response, or by what has come in place of one.

local body = require("posthog.llm.http.body")
local clock = require("posthog.llm.host.clock")
local errors = require("posthog.llm.util.errors")
local excerpt = require("posthog.llm.http.excerpt")
local explain_failure = require("posthog.llm.http.explain.failure")
local explain_status = require("posthog.llm.http.explain.status")
local redact = require("posthog.llm.http.redact")
local retry = require("posthog.llm.http.retry")

local attempt_error = {}

local LONGEST_JSON = 1024 * 1024 -- bytes of an error's body; a longer one is not decoded

--- Kinds of failure after which it is unknown what the server did with the request.
local UNSURE = {
  network = true,
  timeout = true,
  cancelled = true,
  too_large = true,
  decode = true,
  server = true,
}
local READS = { GET = true, HEAD = true, OPTIONS = true }

local function path_of(address)
  return address:match("^%a+://[^/?]*([^?]*)")
end

--- The body of an error response; its start, if it is not JSON or long.
local function body_of(transfer, key, settings)
  local value
  if transfer:size() <= LONGEST_JSON then
    value = body.decode_error(transfer, settings)
  end
  if value == nil then
    value = excerpt.body(transfer, key, settings)
  end
  -- Before anything is taken out of it: a part of a key would not be found again.
  return redact.value(value, key)
end

--- @param settings posthog.llm.Settings
--- @param request posthog.llm.Request
--- @param attempt posthog.llm.Attempt
--- @param transfer userdata a finished one
--- @param response posthog.llm.Response
--- @param redirect? string the message for a redirect that is not followed
--- @return posthog.llm.Error
function attempt_error.of_status(settings, request, attempt, transfer, response, redirect)
  local key, status = attempt.key, response.status
  local err = errors.from_response(status, body_of(transfer, key, settings))
  err.retry_after = retry.after(response.headers, status == 429 and err.detail or nil)
  if err.kind == "redirect" then
    err.message = redirect
  else
    err.message = excerpt.cut(err.message, settings)
  end
  explain_status({
    err = err,
    settings = settings,
    request = request,
    path = redact.text(path_of(attempt.url), key),
    headers = response.headers,
  })
  if err.kind == "redirect" and attempt.redirects >= settings.max_redirects then
    err.option = "max_redirects"
  end
  return err
end

--- The error of an attempt without a usable response.
--- @param state posthog.llm.State
--- @param attempt posthog.llm.Attempt
--- @param transfer userdata a finished one
--- @param kind string
--- @param words string of the core
--- @param stage? string
--- @return posthog.llm.Error
function attempt_error.without_response(state, attempt, transfer, kind, words, stage)
  if kind == "cancelled" then
    local message = state.closed and "the client was closed during the call" or words
    return errors.new({ kind = kind, message = message, stage = stage })
  end
  local cause, status = transfer:cause()
  local explained = explain_failure(cause, {
    settings = state.settings,
    words = redact.cut_text(words, attempt.key),
    status = status,
    timeout = attempt.seconds,
    answered = state.answered,
  })
  if kind == "timeout" and attempt.limited then
    explained.message = "the call's deadline has passed: " .. explained.message
    explained.option = "deadline"
  end
  explained.kind, explained.stage = kind, stage
  return errors.new(explained)
end

--- Marks the error of a write that may have happened nevertheless.
--- @param request posthog.llm.Request
--- @param err posthog.llm.Error
function attempt_error.mark_ambiguous(request, err)
  if request.sent_at and not READS[request.method] then
    err.ambiguous, err.sent_at = true, request.sent_at
  end
end

--- Completes the error of an attempt.
--- @param settings posthog.llm.Settings
--- @param request posthog.llm.Request
--- @param attempt posthog.llm.Attempt
--- @param err posthog.llm.Error
--- @param response? posthog.llm.Response
--- @return posthog.llm.Error err
function attempt_error.complete(settings, request, attempt, err, response)
  err.host = settings.origin
  err.attempts = attempt.number
  err.request_id = response and response.request_id
  if attempt.sent and (UNSURE[err.kind] or err.status == 408) then
    request.sent_at = request.sent_at or os.time() - math.ceil(clock.now() - attempt.began)
  end
  attempt_error.mark_ambiguous(request, err)
  redact.error(err, attempt.key)
  return err
end

return attempt_error
