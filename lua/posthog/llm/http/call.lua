--- The pipeline of every call: attempts, until one has a value or there is no sense in another.

local attempt_error = require("posthog.llm.http.attempt_error")
local attempts = require("posthog.llm.http.attempt")
local ahead_requests = require("posthog.llm.http.ahead")
local clock = require("posthog.llm.host.clock")
local errors = require("posthog.llm.util.errors")
local outcome_of = require("posthog.llm.http.outcome")
local redact = require("posthog.llm.http.redact")
local responses = require("posthog.llm.http.response")
local retry = require("posthog.llm.http.retry")
local send = require("posthog.llm.http.send")
local send_ahead = require("posthog.llm.http.send_ahead")
local waits = require("posthog.llm.http.waits")

local call = {}

local AHEAD = ahead_requests.OPTION

--- @class posthog.llm.Request
--- @field method string
--- @field under? "projects"|"environments" the path is relative to the project, in this path scope
--- @field path string relative to the project if `under` is set, else to the host's base
--- @field query? string encoded, without "?"
--- @field json? any the value to send
--- @field body? string the text to send instead of `json`, encoded by the caller's codec
--- @field idempotent boolean safe to repeat
--- @field costly? boolean not repeated after a 503: the server gave up after much work, and would
---   again
--- @field repeats? integer how often a request that is not idempotent may be repeated while its
---   outcome is unknown; default 0
--- @field guard? fun(err: posthog.llm.Error): boolean called right before such a repetition: false
---   prevents it
--- @field raw? boolean the value is the undecoded body
--- @field stream? boolean the value is a posthog.llm.Stream, returned once its first byte has
---   arrived. From then on only `timeout` applies, to each wait for more, and the request is not
---   repeated
--- @field raw_fields? table<string, boolean> fields of the response that are to be llm.json.raw
--- @field bare? boolean success has no content (204): a response with content is not PostHog's
--- @field numbers? table<string, string> with raw: header fields by the names that their numbers
---   get in the value, which is then a table whose `data` is the body
--- @field shape? table required fields of the response (http/shape.lua); nil: any JSON
--- @field asked? string what the path or the body names, and the response has to show (shape.ASKED)
--- @field moves? boolean a redirect may lead to what has another name than `asked`
--- @field options table timeout, deadline, max_retries, headers of this call; `expires` when one
---   call makes several requests; and a posthog.llm.Ahead (http/ahead.lua)
--- @field started? posthog.llm.Started what http/direct.lua has made of it: it continues from there
--- @field expires? number on clock.now's clock: the deadline, set once the request is first made
--- @field sent_at? integer seconds since 1970: when it was first sent, set once its outcome is
---   unknown, and kept when it is made again, also under another path

--- The transfer of a request that was made directly, as if `send` had made it.
local function continue(settings, request, attempt)
  local started = request.started
  request.started = nil
  attempt.limited = settings.deadline <= settings.timeout
  attempt.seconds = attempt.limited and settings.deadline or settings.timeout
  attempt.decoded = started.value
  return started.transfer
end

--- The transfer of an attempt: one that was started directly or sent ahead, or a new one.
local function transfer_of(state, request, attempt)
  if request.started then
    return continue(state.settings, request, attempt)
  end
  local ahead = request.options[AHEAD]
  local is_first = attempt.number == 1 and attempt.redirects == 0
  local transfer = ahead and is_first and send_ahead.take(ahead, attempt)
  if transfer then
    return transfer
  end
  return send(state, request, attempt)
end

--- The error of an attempt whose request was not sent.
local function not_sent(settings, request, attempt, err)
  attempt.permanent = true
  if attempt.redirects == 0 then
    attempt.number = attempt.number - 1
  end
  return attempt_error.complete(settings, request, attempt, err)
end

--- The error of an attempt without a response, by what the core says of its transfer.
local function no_response(state, request, attempt, transfer, kind, words, sent, permanent, stage)
  attempt.sent = attempt.sent or sent
  attempt.permanent = permanent or kind == "too_large" or kind == "cancelled"
  local err = attempt_error.without_response(state, attempt, transfer, kind, words, stage)
  return attempt_error.complete(state.settings, request, attempt, err)
end

--- Makes the response, and tells the hook on_response.
local function receive(settings, attempt, transfer, status, echoed)
  local redacted = redact.text(attempt.url, attempt.key)
  local response = responses.new(transfer, status, redacted, attempt.number, echoed and attempt.key)
  if settings.on_response then
    settings.on_response({
      status = status,
      headers = responses.copy_headers(response.headers),
      url = redacted,
      attempt = attempt.number,
    })
  end
  return response
end

--- Makes one attempt, redirects included.
--- @return any? value
--- @return posthog.llm.Error? err
--- @return posthog.llm.Response? response
local function try(state, request, attempt)
  local settings = state.settings
  attempt.redirects, attempt.sent = 0, false
  while true do
    local transfer, err = transfer_of(state, request, attempt)
    if not transfer then
      return nil, not_sent(settings, request, attempt, err)
    end
    waits.transfer(state, transfer, attempt.host)
    local status, size, echoed, sent, permanent, stage = transfer:result(attempt.key)
    if not status then
      local kind, words = size, echoed
      return nil,
        no_response(state, request, attempt, transfer, kind, words, sent, permanent, stage)
    end
    attempt.sent, state.answered = true, true
    local response = receive(settings, attempt, transfer, status, echoed)
    local value, target
    value, err, target = outcome_of(state, request, attempt, transfer, response, size)
    transfer:free_body() -- the response object may outlive the call and references the transfer
    if err then
      return nil, attempt_error.complete(settings, request, attempt, err, response), response
    elseif not target then
      return value, nil, response
    end
    attempt.url, attempt.redirects = target, attempt.redirects + 1
  end
end

--- Adds the fields that retry.delay reads. Only failed attempts need them, and each field of a new
--- table costs as much as calling a C function.
local function add_policy(state, request, attempt)
  attempt.max_retries = request.options.max_retries or state.settings.max_retries
  attempt.idempotent = request.idempotent
  attempt.repeats = request.repeats or 0
  attempt.costly = request.costly
end

--- Waits before the next attempt, and prepares it.
--- @return boolean? ready nil: there is no other attempt
--- @return posthog.llm.Error? err of the call, then
local function next_attempt(state, request, attempt, err)
  attempt.left = attempt.expires - clock.now()
  local settings, delay = state.settings, not state.closed and retry.delay(err, attempt)
  if not delay then
    return nil, err
  end
  local is_repeat = request.sent_at and not attempt.idempotent
  if is_repeat then
    attempt.repeats = attempt.repeats - 1
  end
  if settings.on_retry then
    settings.on_retry({ error = err, delay = delay, attempt = attempt.number })
  end
  local key, stop_err
  if not waits.pause(state, delay) then
    local why = state.closed and "the client was closed" or "the call was cancelled"
    stop_err = errors.new({ kind = "cancelled", message = why .. " before another attempt" })
  elseif is_repeat and request.guard and not request.guard(err) then
    return nil, err
  else
    key, stop_err = settings.key()
  end
  if not key then
    stop_err.attempts = attempt.number
    attempt_error.mark_ambiguous(request, stop_err)
    return nil, stop_err
  end
  attempt.key, attempt.number = key, attempt.number + 1
  return true
end

--- Makes other attempts after one that has failed.
--- @param target string the URL: redirects are not remembered between attempts
local function retried(state, request, attempt, target, err, response)
  add_policy(state, request, attempt)
  while true do
    local ready, stop_err = next_attempt(state, request, attempt, err)
    if not ready then
      return errors.failure(stop_err, response)
    end
    attempt.url = target
    local value, next_err, next_response = try(state, request, attempt)
    if not next_err then
      return value, nil, next_response
    elseif attempt.held_back then -- return the error that made another attempt necessary
      err.retry_after = err.retry_after or next_err.retry_after
      return errors.failure(err, response)
    end
    err, response = next_err, next_response
  end
end

--- @param state posthog.llm.State the private part of a client
--- @param request posthog.llm.Request
--- @return any? value
--- @return posthog.llm.Error? err
--- @return posthog.llm.Response? response
function call.run(state, request)
  local ahead = request.options[AHEAD]
  if ahead and ahead.sending then
    return send_ahead.send(state, request, ahead)
  end
  local attempt, prepare_err = attempts.first(state, request)
  if not attempt then
    return nil, prepare_err
  end
  local target = attempt.url
  local value, err, response = try(state, request, attempt)
  if err then
    return retried(state, request, attempt, target, err, response)
  end
  return value, nil, response
end

return call
