--- The pipeline of every call: build the request, send it, decode the response, retry or return.

local ahead_requests = require("posthog.llm.http.ahead")
local body = require("posthog.llm.http.body")
local clock = require("posthog.llm.host.clock")
local core = require("posthog.llm.util.core")
local errors = require("posthog.llm.util.errors")
local explain_status = require("posthog.llm.http.explain.status")
local explain_failure = require("posthog.llm.http.explain.failure")
local headers = require("posthog.llm.http.headers")
local hosts = require("posthog.llm.host")
local redact = require("posthog.llm.http.redact")
local rate_limit = require("posthog.llm.http.rate_limit")
local responses = require("posthog.llm.http.response")
local retry = require("posthog.llm.http.retry")
local shared = require("posthog.llm.http.shared")
local stream = require("posthog.llm.http.stream")
local url = require("posthog.llm.http.url")

local call = {}

local LARGE = 1024 * 1024 -- bytes of a body; an error has only the start of a larger one
local PAUSE_STEP = 0.25 -- seconds between two checks for client:close() while a call waits
local REDIRECTS = { [301] = true, [302] = true, [303] = true, [307] = true, [308] = true }

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
--- @field shape? table required fields of the response (body.mismatch); nil: any JSON
--- @field options table timeout, deadline, max_retries, headers of this call; `expires` when one
---   call makes several requests; and a posthog.llm.Ahead (http/ahead.lua)
--- @field started? posthog.llm.Started what http/direct.lua has made of it: it continues from there
--- @field expires? number on clock.now's clock: the deadline, set once the request is first made
--- @field sent_at? integer seconds since 1970: when it was first sent, set once its outcome is
---   unknown, and kept when it is made again, also under another path

--- @class posthog.llm.Attempt
--- @field number integer counted from 1
--- @field host table the host module (host/init.lua)
--- @field key string
--- @field url string of the current request
--- @field began number on clock.now's clock: before the first attempt
--- @field expires number on clock.now's clock: the call's deadline
--- @field permanent? boolean another attempt would fail in the same way
--- @field seconds number what this attempt may take
--- @field limited boolean the deadline ends this attempt before its own timeout would
--- @field sent boolean the server may have seen a request of this attempt
--- @field decoded? any the value of the response, if it is decoded already
--- @field ahead? boolean nobody waits for it: it is sent only where that takes no wait
--- @field raised? { [1]: any } what on_request has raised, of an attempt that is sent ahead

local function expired()
  local message = "the call's deadline has passed"
  return errors.new({ kind = "timeout", option = "deadline", message = message })
end

local function closed()
  return errors.new({ kind = "cancelled", message = "the client is closed" })
end

--- The URL of a request.
local function target_of(state, request)
  local prefix, err = shared.prefix(state, request.under)
  if not prefix then
    return nil, err
  end
  local query = request.query
  return query and prefix .. request.path .. "?" .. query or prefix .. request.path
end

--- Waits before the next attempt, in steps, so that client:close() ends the wait.
--- @return boolean? finished false: the call was cancelled meanwhile
local function pause(state, seconds)
  while seconds > 0 and not state.closed do
    local step = math.min(seconds, PAUSE_STEP)
    if clock.sleep(step) == false then
      return false
    end
    seconds = seconds - step
  end
  return not state.closed
end

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
  return rate_limit.pass(state.settings.rate_limit, attempt.key, request.path, left, pause, state)
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

local function send(state, request, attempt)
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
    return nil, closed()
  end
  local timeout = options.timeout or settings.timeout
  local left = attempt.expires - clock.now()
  if left <= 0 then
    return nil, expired()
  end
  attempt.limited = left <= timeout
  attempt.seconds = attempt.limited and left or timeout
  local transfer, message, path =
    shared.pool(state):start(config.core, request, attempt.url, timeout, left, own)
  if transfer then
    return transfer
  elseif path then
    local where = path ~= "" and path .. ": " or ""
    return nil, errors.new({ kind = "invalid", message = where .. message, path = path })
  end
  return nil, errors.new({ kind = "network", message = message })
end

--- The transfer of a request that was made directly, as if `send` had made it.
local function continue(state, request, attempt)
  local settings, started = state.settings, request.started
  request.started = nil
  attempt.limited = settings.deadline <= settings.timeout
  attempt.seconds = attempt.limited and settings.deadline or settings.timeout
  attempt.decoded = started.value
  return started.transfer
end

--- The transfer of an attempt: one that was started directly or sent ahead, or a new one.
local function transfer_of(state, request, attempt, redirects)
  if request.started then
    return continue(state, request, attempt)
  end
  local ahead = request.options[ahead_requests.OPTION]
  local is_first = attempt.number == 1 and redirects == 0
  local sent = ahead and is_first and ahead:take(attempt.url, core.engine())
  if not sent then
    return send(state, request, attempt)
  elseif sent.raised then
    error(sent.raised[1], 0)
  end
  attempt.key, attempt.seconds, attempt.limited = sent.key, sent.seconds, sent.limited
  return sent.transfer
end

--- Waits for a transfer; client:close() cancels all transfers in `in_flight`.
local function wait(state, transfer, host)
  state.in_flight[transfer] = true
  host.wait(transfer)
  state.in_flight[transfer] = nil
end

--- The start of a text of the server, for an error.
local function cut(text, settings)
  local most = settings.max_excerpt_bytes
  if #text <= most then
    return text
  end
  while most > 0 and text:find("^[\128-\191]", most + 1) do -- in the middle of a character
    most = most - 1
  end
  return text:sub(1, most) .. "... (cut, max_excerpt_bytes)"
end

--- The target of a redirect that may be followed: for GET, and for 307 and 308 with their method
--- and body, on the same origin (doc/api.md 0.8). The key is never sent to another origin.
--- @return string? target nil: not to be followed
--- @return string? message for the error
local function redirect_target(state, request, attempt, response, redirects)
  local status, location = response.status, response.headers.location
  if not REDIRECTS[status] then
    return nil, ("the server answered %d, which this call does not expect"):format(status)
  elseif not location or location == "" then
    return nil, ("the server answered %d without a Location"):format(status)
  end
  local target = url.join(attempt.url, location)
  local settings = state.settings
  local redacted = cut(redact.text(url.without_userinfo(target), attempt.key), settings)
  local parsed = url.parse(target)
  local why
  if not parsed or parsed.userinfo or parsed.origin ~= settings.target.origin then
    why = "not followed: the key only goes to " .. settings.target.origin
  elseif status ~= 307 and status ~= 308 and request.method ~= "GET" then
    why = ("not followed: a %d may turn %s into GET"):format(status, request.method)
  elseif redirects >= settings.max_redirects then
    why = ("not followed: over the limit max_redirects (%d)"):format(settings.max_redirects)
  else
    return target
  end
  return nil, ("the server redirects to %s, %s"):format(redacted, why)
end

--- The start of a body that is not JSON, for the error. The key is redacted before the text is cut,
--- so that no part of a key at the end remains.
local function excerpt(transfer, key, settings)
  local text = cut(redact.excerpt(transfer, settings.max_excerpt_bytes, key), settings)
  return (text:gsub("[%z\1-\8\11\12\14-\31\127]", "?"))
end

local function path_of(address)
  return address:match("^%a+://[^/?]*([^?]*)")
end

--- @param redirect? string the message for a redirect that is not followed
local function status_error(transfer, response, request, attempt, settings, redirect)
  local key = attempt.key
  local value
  if transfer:size() <= LARGE then
    value = body.decode_error(transfer, settings)
  end
  if value == nil then
    value = excerpt(transfer, key, settings)
  end
  local status = response.status
  -- Before anything is taken out of it: a part of a key would not be found again.
  local err = errors.from_response(status, redact.value(value, key))
  err.retry_after = retry.after(response.headers, status == 429 and err.detail or nil)
  if err.kind == "redirect" then
    err.message = redirect
  else
    err.message = cut(err.message, settings)
  end
  explain_status({
    err = err,
    settings = settings,
    request = request,
    path = redact.text(path_of(attempt.url), key),
    headers = response.headers,
  })
  return err
end

--- The error of an attempt without a usable response.
local function no_response(state, transfer, attempt, kind, words)
  if kind == "cancelled" then
    local message = state.closed and "the client was closed during the call" or words
    return errors.new({ kind = kind, message = message })
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
  explained.kind = kind
  return errors.new(explained)
end

local NOT_JSON_HINT =
  "A login page, a network's captive portal or another program may answer in its place"

--- The most common reasons for a response that is not JSON are a login page, a captive portal, and
--- another program on the port.
local function not_json(err, message, content_type)
  if content_type and not content_type:find("json", 1, true) then
    err.message = ("the response is %s, not JSON: is it the right host?"):format(content_type)
    err.hint, err.option = NOT_JSON_HINT, "host"
  else
    err.message = "the response is not JSON: " .. message
  end
end

--- The options that set the decoder's limits, by the decoder's names.
local DECODER_LIMITS = { max_depth = "max_json_depth", max_seconds = "max_decode_seconds" }

local function over_limit(err, limit, settings, message)
  local option = DECODER_LIMITS[limit]
  local words = "the response is over the limit %s (%g): %s"
  err.kind, err.option = "too_large", option
  err.message = words:format(option, settings[option], message)
end

--- Collects what was decoded from a large body before the error: otherwise Lua might hold the next
--- body and this garbage at the same time.
--- @param size integer of the body in bytes
local function collect_decoded(size)
  if size > LARGE then
    collectgarbage()
  end
end

--- The error of a body that was not decoded.
local function decode_error(transfer, response, key, settings, message, position, limit)
  local err = errors.new({
    kind = "decode",
    status = response.status,
    position = position,
    body = excerpt(transfer, key, settings),
  })
  if limit then
    over_limit(err, limit, settings, message)
  else
    not_json(err, message, response.headers["content-type"])
  end
  collect_decoded(transfer:size())
  return err
end

--- Turns a 2xx response into the call's value.
--- @param value? any the decoded body, if it is decoded already
local function read_value(state, request, transfer, response, size, key, value)
  local status = response.status
  if status == 204 or request.method == "HEAD" then
    return true
  elseif request.raw then
    local text = transfer:body()
    if not request.numbers then
      return text
    end
    local numbers = responses.numbers(response, request.numbers)
    numbers.data = text
    return numbers
  elseif size == 0 and value == nil then
    return nil, errors.new({ kind = "decode", status = status, message = "the response is empty" })
  end
  local settings = state.settings
  if request.bare then
    local text = excerpt(transfer, key, settings)
    local message = "a response without content was expected: is it the right host?"
    return nil, errors.new({ kind = "decode", status = status, message = message, body = text })
  end
  local start = size > LARGE and request.shape and excerpt(transfer, key, settings)
  local text = request.raw_fields and transfer:body()
  if value == nil then
    local message, position, limit
    value, message, position, limit = body.decode(transfer, settings)
    if message then
      return nil, decode_error(transfer, response, key, settings, message, position, limit)
    end
  end
  local reason = request.shape and body.mismatch(value, request.shape)
  if reason then
    value = start or value
    collect_decoded(size)
    return nil, errors.new({ kind = "decode", status = status, message = reason, body = value })
  end
  return text and body.keep_raw(value, text, request.raw_fields) or value
end

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

--- Marks the error of a write that may have happened nevertheless.
local function mark_ambiguous(request, err)
  if request.sent_at and not READS[request.method] then
    err.ambiguous, err.sent_at = true, request.sent_at
  end
end

--- Completes the error of an attempt.
local function finish_error(state, request, attempt, err, response)
  err.host = state.settings.origin
  err.attempts = attempt.number
  err.request_id = response and response.request_id
  if attempt.sent and (UNSURE[err.kind] or err.status == 408) then
    request.sent_at = request.sent_at or os.time() - math.ceil(clock.now() - attempt.began)
  end
  mark_ambiguous(request, err)
  redact.error(err, attempt.key)
  return nil, err, response
end

--- Handles a response whose status is not 2xx.
--- @return string? target of a redirect to be followed
--- @return posthog.llm.Error? err
local function refusal(state, request, attempt, transfer, response, redirects)
  local settings = state.settings
  local target, refused = redirect_target(state, request, attempt, response, redirects)
  if target then
    return target
  end
  local err = status_error(transfer, response, request, attempt, settings, refused)
  if redirects >= settings.max_redirects and err.kind == "redirect" then
    err.option = "max_redirects"
  end
  if response.status == 429 and settings.rate_limit then
    rate_limit.learn(settings.rate_limit, attempt.key, request.path, err.retry_after)
  end
  return nil, err
end

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
--- @return posthog.llm.Stream? stream
--- @return posthog.llm.Error? err
local function open_stream(state, request, transfer, response, attempt)
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
      err = no_response(state, transfer, attempt, kind, words)
      err.stage = stage
    end
    finish_error(state, request, attempt, err, response)
    return err
  end)
end

local function is_success(status)
  return status >= 200 and status < 300
end

--- Makes one attempt, redirects included.
--- @return any? value
--- @return posthog.llm.Error? err
--- @return posthog.llm.Response? response
local function try(state, request, attempt)
  local settings = state.settings
  local redirects = 0
  attempt.sent = false
  while true do
    local transfer, err = transfer_of(state, request, attempt, redirects)
    if not transfer then
      attempt.permanent = true
      if redirects == 0 then
        attempt.number = attempt.number - 1
      end
      return finish_error(state, request, attempt, err)
    end
    wait(state, transfer, attempt.host)
    local status, size, echoed, sent, permanent, stage = transfer:result(attempt.key)
    if not status then
      local kind, message = size, echoed
      attempt.sent = attempt.sent or sent
      attempt.permanent = permanent or kind == "too_large" or kind == "cancelled"
      err = no_response(state, transfer, attempt, kind, message)
      err.stage = stage
      return finish_error(state, request, attempt, err)
    end
    attempt.sent, state.answered = true, true
    local redacted = redact.text(attempt.url, attempt.key)
    local response =
      responses.new(transfer, status, redacted, attempt.number, echoed and attempt.key)
    if settings.on_response then
      settings.on_response({
        status = status,
        headers = responses.copy_headers(response.headers),
        url = redacted,
        attempt = attempt.number,
      })
    end
    local value, target
    if status == 304 and is_conditional(request) then
      value = true
    elseif request.stream and is_success(status) and status ~= 204 then
      value, err = open_stream(state, request, transfer, response, attempt)
    elseif is_success(status) then
      value, err =
        read_value(state, request, transfer, response, size, attempt.key, attempt.decoded)
    else
      target, err = refusal(state, request, attempt, transfer, response, redirects)
    end
    transfer:free_body() -- the response object may outlive the call and references the transfer
    if err then
      return finish_error(state, request, attempt, err, response)
    elseif not target then
      return value, nil, response
    end
    attempt.url = target
    redirects = redirects + 1
  end
end

--- Why no request can be made, here and now.
--- @return posthog.llm.Error?
local function unable(state, host)
  if state.closed then
    return closed()
  elseif state.settings.target_error then
    return errors.copy(state.settings.target_error)
  end
  return host.unavailable()
end

local function prepare(state, request)
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
  target, err = target_of(state, request)
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
  return {
    number = 0,
    host = host,
    key = key,
    url = target,
    began = now,
    expires = request.expires,
    limited = false,
    sent = false,
  }
end

--- Adds the fields that retry.delay reads. Only failed attempts need them, and each field of a new
--- table costs as much as calling a C function.
local function add_policy(state, request, attempt)
  attempt.max_retries = request.options.max_retries or state.settings.max_retries
  attempt.idempotent = request.idempotent
  attempt.repeats = request.repeats or 0
  attempt.costly = request.costly
end

--- Lua 5.1 cannot yield through pcall, and a hook may wait.
local YIELDS_THROUGH_PCALL = _VERSION ~= "Lua 5.1" or rawget(_G, "jit") ~= nil

--- Sends a request whose response is not needed yet. Where it cannot be sent now, because the rate
--- limit holds it back or something is wrong, the call that needs it waits or fails in its place.
--- @param state table the private part of a client
--- @param request posthog.llm.Request
--- @param ahead posthog.llm.Ahead
local function send_ahead(state, request, ahead)
  if state.settings.on_request and not YIELDS_THROUGH_PCALL then
    return
  end
  local attempt = prepare(state, request)
  if not attempt then
    return
  end
  attempt.number, attempt.ahead = 1, true
  local transfer = send(state, request, attempt)
  if not transfer and not attempt.raised then
    return
  end
  local engine = core.engine()
  if transfer then
    -- Its thread works while Lua uses the rows of another page. Without one, it works during waits.
    pcall(engine.run, engine)
    state.in_flight[transfer] = true
  end
  ahead:keep({
    url = attempt.url,
    engine = engine,
    transfer = transfer,
    raised = attempt.raised,
    key = attempt.key,
    seconds = attempt.seconds,
    limited = attempt.limited,
  })
end

--- @param state table the private part of a client
--- @param request posthog.llm.Request
--- @return any? value
--- @return posthog.llm.Error? err
--- @return posthog.llm.Response? response
function call.run(state, request)
  local ahead = request.options[ahead_requests.OPTION]
  if ahead and ahead.sending then
    return send_ahead(state, request, ahead)
  end
  local attempt, prepare_err = prepare(state, request)
  if not attempt then
    return nil, prepare_err
  end
  local on_retry, target = state.settings.on_retry, attempt.url
  local last, last_response
  while true do
    attempt.number = attempt.number + 1
    attempt.url = target -- redirects are not remembered between attempts
    local value, err, response = try(state, request, attempt)
    if not err then
      return value, nil, response
    elseif attempt.held_back and last then -- return the error that made another attempt necessary
      last.retry_after = last.retry_after or err.retry_after
      return errors.failure(last, last_response)
    end
    if not last then
      add_policy(state, request, attempt)
    end
    last, last_response = err, response
    attempt.left = attempt.expires - clock.now()
    local delay = not state.closed and retry.delay(err, attempt)
    if not delay then
      return errors.failure(err, response)
    end
    local is_repeat = request.sent_at and not attempt.idempotent
    if is_repeat then
      attempt.repeats = attempt.repeats - 1
    end
    if on_retry then
      on_retry({ error = err, delay = delay, attempt = attempt.number })
    end
    local key, stop_err
    if pause(state, delay) then
      if is_repeat and request.guard and not request.guard(err) then
        return errors.failure(err, response)
      end
      key, stop_err = state.settings.key()
    else
      local why = state.closed and "the client was closed" or "the call was cancelled"
      stop_err = errors.new({ kind = "cancelled", message = why .. " before another attempt" })
    end
    if not key then
      stop_err.attempts = attempt.number
      mark_ambiguous(request, stop_err)
      return errors.failure(stop_err, response)
    end
    attempt.key = key
  end
end

return call
