--- One pipeline for every call: build, send, decode, and retry or return.

local body = require("posthog.llm.body")
local core = require("posthog.llm.core")
local errors = require("posthog.llm.errors")
local hosts = require("posthog.llm.host")
local response = require("posthog.llm.response")
local retry = require("posthog.llm.retry")
local url = require("posthog.llm.url")

local call = {}

local EXCERPT_BYTES = 2048
local MOST_REDIRECTS = 5
local REDIRECTS = { [301] = true, [302] = true, [303] = true, [307] = true, [308] = true }

--- @class posthog.llm.Request
--- @field method string
--- @field path string below the host's base; may hold :scope and :project_id
--- @field query? string encoded, without "?"
--- @field json? any the value to send
--- @field idempotent boolean it is safe to repeat
--- @field shape? table required fields of the answer (body.mismatch); nil: any JSON
--- @field options table timeout, deadline, max_retries, headers of this call

--- @class posthog.llm.Attempt
--- @field number integer counted from 1
--- @field url string where this request goes
--- @field key string
--- @field expires number on core.now's clock: the call's deadline

local function closed()
  return errors.new({ kind = "cancelled", message = "the client is closed" })
end

--- The pool of the client's family, a new one after a fork.
local function pool_of(state)
  local family = state.family
  local engine = core.engine()
  if family.engine ~= engine then
    family.engine, family.pool = engine, engine:pool()
  end
  return family.pool
end

--- The part of a URL behind the origin, with the words in it filled in.
local function fill_path(state, path)
  local settings = state.settings
  if path:find(":project_id", 1, true) then
    if settings.project_error then
      return nil, settings.project_error
    end
    path = path:gsub(":project_id", settings.project)
  end
  return (path:gsub(":scope", state.scope))
end

--- Header lines by whether there is a body. The list without headers of the
--- call's own is kept as long as the key stays the same.
local function header_lines(state, key, has_body, own)
  local kept = state.header_lines
  if kept.key ~= key then
    kept.key, kept[true], kept[false] = key, nil, nil
  end
  local lines = kept[has_body]
  if not lines then
    lines = {
      "Authorization: Bearer " .. key,
      "Accept: application/json",
      "User-Agent: " .. state.user_agent,
      "Expect:", -- no extra round trip before a large body
      has_body and "Content-Type: application/json" or nil,
    }
    kept[has_body] = lines
  end
  if own == nil or next(own) == nil then
    return lines
  end
  local all, replaced = {}, {}
  for name, value in pairs(own) do
    replaced[name:lower()] = true
    all[#all + 1] = ("%s: %s"):format(name, value)
  end
  for _, line in ipairs(lines) do
    if not replaced[line:match("^[^:]+"):lower()] then
      all[#all + 1] = line
    end
  end
  return all
end

--- What a hook sees of the headers: everything but the key.
local function shown_headers(lines)
  local shown = {}
  for _, line in ipairs(lines) do
    local name, value = line:match("^([^:]+):%s*(.*)$")
    if name:lower() ~= "authorization" and value ~= "" then
      shown[name:lower()] = value
    end
  end
  return shown
end

local function send(state, request, attempt)
  local settings, options = state.settings, request.options
  local left = attempt.expires - core.now()
  if left <= 0 then
    return nil, errors.new({ kind = "timeout", message = "the call's deadline has passed" })
  end
  local lines = header_lines(state, attempt.key, attempt.has_body, options.headers)
  if settings.on_request then
    settings.on_request({
      method = request.method,
      url = attempt.url,
      headers = shown_headers(lines),
      attempt = attempt.number,
    })
  end
  local transfer, message, path = pool_of(state):start({
    method = request.method,
    url = attempt.url,
    headers = lines,
    json = attempt.json,
    body = attempt.text,
    timeout = options.timeout or settings.timeout,
    connect_timeout = settings.connect_timeout,
    deadline = left,
    max_response_bytes = settings.max_response_bytes,
    max_connections = settings.max_connections,
    ca_file = settings.ca_file,
    proxy = settings.proxy,
    no_proxy = settings.no_proxy,
    once = not request.idempotent,
  })
  if transfer then
    return transfer
  elseif path then
    local where = path ~= "" and path .. ": " or ""
    return nil, errors.new({ kind = "invalid", message = where .. message, path = path })
  end
  return nil, errors.new({ kind = "network", message = message })
end

--- Waits for a transfer; client:close() cancels it from outside.
local function wait(state, transfer)
  state.in_flight[transfer] = true
  hosts.current().wait(transfer)
  state.in_flight[transfer] = nil
end

--- Where a redirect may be followed to: GET on the same origin, and 307 / 308
--- on the same origin with method and body (contract 0.8). The key never goes
--- to another one.
local function redirect_target(state, request, attempt, status, headers)
  local location = headers.location
  if not (REDIRECTS[status] and location) then
    return nil
  end
  local target = url.join(attempt.url, location)
  local parsed = url.parse(target)
  local same = parsed and not parsed.userinfo and parsed.origin == state.settings.target.origin
  local keeps = status == 307 or status == 308
  if same and (keeps or request.method == "GET") and attempt.redirects < MOST_REDIRECTS then
    return target
  end
  return nil, target
end

--- The start of a body that is no JSON object, for the error.
local function excerpt(transfer)
  local text = transfer:body(EXCERPT_BYTES)
  return (text:gsub("[%z\1-\8\11\12\14-\31\127]", "?"))
end

local function answer_error(transfer, status, headers, target)
  local value = body.decode_error(transfer)
  if value == nil then
    value = excerpt(transfer)
  end
  local err = errors.from_answer(status, value)
  if status == 429 or status == 503 then
    err.retry_after = retry.after(headers, err.detail)
  end
  if err.kind == "redirect" then
    err.message = target and ("the server redirects to %s, which is not followed"):format(target)
      or ("the server answered %d without a usable Location"):format(status)
  end
  return err
end

--- Turns a 2xx answer into the call's value.
local function read_value(state, request, transfer, status)
  if status == 204 or request.method == "HEAD" then
    return true
  elseif transfer:size() == 0 then
    return nil, errors.new({ kind = "decode", status = status, message = "the answer is empty" })
  end
  local value, message, position = body.decode(transfer, state.settings)
  if message then
    return nil,
      errors.new({
        kind = "decode",
        status = status,
        message = "the answer is not JSON: " .. message,
        position = position,
        body = excerpt(transfer),
      })
  end
  local problem = request.shape and body.mismatch(value, request.shape)
  if problem then
    return nil, errors.new({ kind = "decode", status = status, message = problem, body = value })
  end
  return value
end

--- Makes one attempt, redirects included.
--- @return any? value
--- @return posthog.llm.Error? err
--- @return posthog.llm.Response? response
local function try(state, request, attempt)
  local settings = state.settings
  attempt.redirects = 0
  attempt.sent, attempt.permanent = false, false
  while true do
    local transfer, err = send(state, request, attempt)
    if not transfer then
      attempt.permanent = true
      return nil, err
    end
    wait(state, transfer)
    local status, kind, message, sent, permanent = transfer:result()
    if not status then
      attempt.sent = attempt.sent or sent
      attempt.permanent = permanent or kind == "too_large" or kind == "cancelled"
      if kind == "timeout" and core.now() >= attempt.expires then
        message = "the call's deadline has passed: " .. message
      end
      return nil, errors.new({ kind = kind, message = message })
    end
    attempt.sent = true
    local headers = response.headers(transfer, attempt.key)
    if settings.on_response then
      settings.on_response({
        status = status,
        headers = response.copy_headers(headers),
        url = attempt.url,
        attempt = attempt.number,
      })
    end
    local answer = response.new(transfer, status, headers, attempt.url, attempt.number)
    if status >= 200 and status < 300 then
      local value
      value, err = read_value(state, request, transfer, status)
      return value, err, answer
    end
    local target, refused = redirect_target(state, request, attempt, status, headers)
    if not target then
      return nil, answer_error(transfer, status, headers, refused), answer
    end
    attempt.url = target
    attempt.redirects = attempt.redirects + 1
  end
end

--- Completes an error once no further attempt is made.
local function give_up(request, attempt, err, answer)
  err.attempts = attempt.number
  err.request_id = answer and answer.request_id
  local unsure = err.kind == "network"
    or err.kind == "timeout"
    or err.kind == "cancelled"
    or err.kind == "too_large"
    or err.kind == "decode"
    or err.kind == "server"
    or err.status == 408
  if request.method ~= "GET" and request.method ~= "HEAD" and attempt.sent and unsure then
    err.ambiguous = true
  end
  response.mask(err, attempt.key)
  return nil, err, answer
end

local function prepare(state, request)
  local settings = state.settings
  if state.closed then
    return nil, closed()
  elseif settings.target_error then
    return nil, settings.target_error
  end
  local unable = hosts.current().problem()
  if unable then
    return nil, unable
  end
  local key, err = settings.key()
  if not key then
    return nil, err
  end
  local path, problem = fill_path(state, request.path)
  if not path then
    return nil, problem
  end
  local attempt = { number = 0, key = key, has_body = request.json ~= nil }
  attempt.first_url = settings.target.base .. path .. (request.query and "?" .. request.query or "")
  attempt.expires = core.now() + (request.options.deadline or settings.deadline)
  if request.json ~= nil and settings.json then
    attempt.text, err = body.encode_by(settings.json, request.json)
    if not attempt.text then
      return nil, err
    end
  else
    attempt.json = request.json
  end
  return attempt
end

--- @param state table the private part of a client
--- @param request posthog.llm.Request
--- @return any? value
--- @return posthog.llm.Error? err
--- @return posthog.llm.Response? response
function call.run(state, request)
  local attempt, problem = prepare(state, request)
  if not attempt then
    return nil, problem
  end
  local settings = state.settings
  attempt.max_retries = request.options.max_retries or settings.max_retries
  attempt.idempotent = request.idempotent
  local ever_sent = false
  while true do
    attempt.number = attempt.number + 1
    attempt.url = attempt.first_url
    local value, err, answer = try(state, request, attempt)
    if not err then
      return value, nil, answer
    end
    ever_sent = ever_sent or attempt.sent
    attempt.left = attempt.expires - core.now()
    local delay = not state.closed and retry.delay(err, attempt)
    if not delay then
      attempt.sent = ever_sent
      return give_up(request, attempt, err, answer)
    end
    if settings.on_retry then
      err.attempts = attempt.number
      settings.on_retry({
        error = response.mask(err, attempt.key),
        delay = delay,
        attempt = attempt.number,
      })
    end
    if hosts.current().sleep(delay) == false or state.closed then
      return nil, closed()
    end
    local key
    key, problem = settings.key()
    if not key then
      return nil, problem
    end
    attempt.key = key
  end
end

return call
