--- The responses that are not an endpoint's own: the three error shapes of the API.
--- A response is a table { status, body, headers }; handlers return one or throw one. A long one may have
--- `pieces`, a function that makes an iterator over the texts of its body, in place of `body`.

local json = require("server.json")
local settings = require("server.settings").values

local responses = {}

local ENVELOPE = { "type", "code", "detail", "attr" }

--- A successful response with a JSON body.
function responses.ok(body, status)
  return {
    status = status or 200,
    body = body,
    headers = { ["Content-Type"] = "application/json" },
  }
end

--- No body and no Content-Type.
function responses.empty(status, headers)
  return { status = status, body = "", headers = headers or {} }
end

--- Shape 1: the envelope.
function responses.envelope(status, kind, code, detail, attr)
  local values = { type = kind, code = code, detail = detail, attr = attr }
  return responses.ok(json.object(ENVELOPE, values), status)
end

--- Shape 2: `detail`, and the other fields of the view. `extra` is a list of name, value pairs.
function responses.plain(status, detail, extra)
  local keys, values = { "detail" }, { detail = detail }
  for _, pair in ipairs(extra or {}) do
    keys[#keys + 1] = pair[1]
    values[pair[1]] = pair[2]
  end
  return responses.ok(json.object(keys, values), status)
end

--- An object of `code`, `detail` and name, value pairs, with the status 409.
local function coded(code, detail, extra)
  local keys, values = { "code", "detail" }, { code = code, detail = detail }
  for _, pair in ipairs(extra) do
    keys[#keys + 1] = pair[1]
    values[pair[1]] = pair[2]
  end
  return responses.ok(json.object(keys, values), 409)
end

--- The 409 of newer datasets. What it does not tell is absent or null, by a setting.
--- @param current? { version: integer?, item_id: string? }
function responses.conflict(code, detail, current)
  local extra, nulls = {}, settings.conflict_nulls
  for _, name in ipairs({ "version", "item_id" }) do
    local value = current and current[name]
    if value or nulls then
      extra[#extra + 1] = { "current_" .. name, value }
    end
  end
  return coded(code, detail, extra)
end

--- The 409 of a limit: it tells that limit and nothing of an item.
function responses.limit_reached(resource, count, limit)
  return coded(
    "limit_reached",
    ("There are already %d of %s."):format(count, resource),
    { { "resource", resource }, { "current_count", count }, { "limit", limit } }
  )
end

--- A field that does not pass. `attr` nil concerns the whole body.
function responses.invalid(attr, code, detail)
  local response = responses.envelope(400, "validation_error", code, detail, attr)
  response.problem = { attr = attr, code = code, detail = detail }
  return response
end

function responses.parse_error(what)
  return responses.envelope(400, "invalid_request", "parse_error", "JSON parse error - " .. what)
end

function responses.not_authenticated(code, detail)
  return responses.envelope(401, "authentication_error", code, detail)
end

function responses.denied(detail)
  return responses.envelope(403, "authentication_error", "permission_denied", detail)
end

function responses.not_found(detail)
  return responses.envelope(404, "invalid_request", "not_found", detail or "Not found.")
end

function responses.method_not_allowed(method, allow)
  local response = responses.envelope(
    405,
    "invalid_request",
    "method_not_allowed",
    ('Method "%s" not allowed.'):format(method)
  )
  response.headers["Allow"] = allow
  return response
end

function responses.not_acceptable()
  return responses.envelope(
    406,
    "invalid_request",
    "not_acceptable",
    "Could not satisfy the request Accept header."
  )
end

function responses.unsupported_media_type(content_type)
  return responses.envelope(
    415,
    "invalid_request",
    "unsupported_media_type",
    ('Unsupported media type "%s" in request.'):format(content_type)
  )
end

function responses.throttled(seconds, with_header)
  local response = responses.envelope(
    429,
    "throttled_error",
    "throttled",
    ("Request was throttled. Expected available in %d second%s."):format(
      seconds,
      seconds == 1 and "" or "s"
    )
  )
  if with_header then
    response.headers["Retry-After"] = ("%d"):format(seconds)
  end
  return response
end

function responses.server_error()
  return responses.envelope(500, "server_error", "error", "A server error occurred.")
end

--- The page of an error that came while a response was written.
function responses.error_page()
  return {
    status = 500,
    body = "<!doctype html>\n<html><head><title>Server Error (500)</title></head>"
      .. "<body><h1>Server Error (500)</h1></body></html>\n",
    headers = { ["Content-Type"] = "text/html; charset=utf-8" },
  }
end

return responses
