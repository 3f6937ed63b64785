--- The value of a call, from the body of a 2xx response, or the error of a body that has none.

local body = require("posthog.llm.http.body")
local errors = require("posthog.llm.util.errors")
local excerpt = require("posthog.llm.http.excerpt")
local responses = require("posthog.llm.http.response")
local shape = require("posthog.llm.http.shape")

local value = {}

local LARGE = 1024 * 1024 -- bytes of a body

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
    body = excerpt.body(transfer, key, settings),
  })
  if limit then
    over_limit(err, limit, settings, message)
  else
    not_json(err, message, response.headers["content-type"])
  end
  collect_decoded(transfer:size())
  return err
end

--- The body as it is; with `numbers`, in a table with those of the header.
local function raw(request, transfer, response)
  local text = transfer:body()
  if not request.numbers then
    return text
  end
  local numbers = responses.numbers(response, request.numbers)
  numbers.data = text
  return numbers
end

--- The error of a response with content to a request that expects none.
local function not_bare(transfer, response, key, settings)
  return errors.new({
    kind = "decode",
    status = response.status,
    message = "a response without content was expected: is it the right host?",
    body = excerpt.body(transfer, key, settings),
  })
end

--- @param settings posthog.llm.Settings
--- @param request posthog.llm.Request
--- @param attempt posthog.llm.Attempt
--- @param transfer userdata a finished one
--- @param response posthog.llm.Response
--- @param size integer of the body in bytes
--- @return any? value
--- @return posthog.llm.Error? err
function value.read(settings, request, attempt, transfer, response, size)
  local status, key, decoded = response.status, attempt.key, attempt.decoded
  if status == 204 or request.method == "HEAD" then
    return true
  elseif request.raw then
    return raw(request, transfer, response)
  elseif size == 0 and decoded == nil then
    return nil, errors.new({ kind = "decode", status = status, message = "the response is empty" })
  elseif request.bare then
    return nil, not_bare(transfer, response, key, settings)
  end
  local start = size > LARGE and request.shape and excerpt.body(transfer, key, settings)
  local text = request.raw_fields and transfer:body()
  if decoded == nil then
    local message, position, limit
    decoded, message, position, limit = body.decode(transfer, settings)
    if message then
      return nil, decode_error(transfer, response, key, settings, message, position, limit)
    end
  end
  local has_moved = request.moves and attempt.redirects > 0
  local reason = request.shape
    and shape.mismatch(decoded, request.shape, not has_moved and request.asked or nil)
  if reason then
    decoded = start or decoded
    collect_decoded(size)
    local fields = { kind = "decode", status = status, message = reason, body = decoded }
    return nil, errors.new(fields)
  end
  return text and body.keep_raw(decoded, text, request.raw_fields) or decoded
end

return value
