--- One request as it arrived: target, query, headers, body, and the body's members.

local responses = require("server.responses")
local json = require("server.json")
local text = require("server.text")

local request = {}

--- Everything is served once more below this path, as for a host with a path prefix.
local PREFIX = "/posthog"

--- Name, value pairs in the order sent, and the last value of each name.
local function parse_query(query)
  local pairs_sent, last = {}, {}
  for part in (query or ""):gmatch("[^&]+") do
    local name, value = part:match("^([^=]*)=?(.*)$")
    name = text.valid(text.unescape((name:gsub("%+", " "))))
    value = text.valid(text.unescape((value:gsub("%+", " "))))
    pairs_sent[#pairs_sent + 1] = { name, value }
    last[name] = value
  end
  return pairs_sent, last
end

--- Collects what is known before the body is read.
function request.new()
  local target = ngx.var.request_uri
  local raw_path, query = target:match("^([^?#]*)%??([^#]*)")
  local prefix = ""
  if raw_path:sub(1, #PREFIX + 1) == PREFIX .. "/" then
    prefix, raw_path = PREFIX, raw_path:sub(#PREFIX + 1)
  end
  local ctx = {
    method = ngx.req.get_method(),
    target = target,
    prefix = prefix,
    raw_path = raw_path,
    path = text.valid(text.unescape(raw_path)),
    headers = ngx.req.get_headers(0),
  }
  ctx.query_pairs, ctx.query = parse_query(query)
  return ctx
end

--- Reads the body, from memory or from the file that nginx put it into.
function request.read_body(ctx)
  ngx.req.read_body()
  ctx.body = ngx.req.get_body_data()
  if not ctx.body then
    local name = ngx.req.get_body_file()
    if name then
      local file = assert(io.open(name, "rb"))
      ctx.body = file:read("*a")
      file:close()
    end
  end
  ctx.body = ctx.body or ""
end

--- Whether the client takes JSON, or this other type.
function request.accepts(ctx, other)
  local accept = ctx.headers["accept"]
  if type(accept) == "table" then
    accept = table.concat(accept, ",")
  end
  if not accept or accept == "" then
    return true
  end
  for range in accept:lower():gmatch("[^,]+") do
    local media = range:match("^%s*([^;%s]*)")
    if
      media == "*/*"
      or media == "application/*"
      or media == "application/json"
      or media == other
    then
      return true
    end
  end
  return false
end

local function form_members(body)
  local members = {}
  local _, last = parse_query(body)
  for name, value in pairs(last) do
    members[name] = json.string(value)
  end
  return members
end

local function multipart_members(body, content_type)
  local members = {}
  local boundary = content_type:match('boundary="?([^";]+)')
  if not boundary then
    return members
  end
  local delimiter = "--" .. boundary
  local from = body:find(delimiter, 1, true)
  while from do
    local to = body:find("\r\n" .. delimiter, from + #delimiter, true)
    if not to then
      break
    end
    local head, value = body:sub(from + #delimiter, to - 1):match("^\r\n(.-)\r\n\r\n(.*)$")
    local name = head and head:match('name="([^"]*)"')
    if name then
      members[name] = json.string(text.valid(value))
    end
    from = to + 2
  end
  return members
end

local function json_members(body)
  local bad = text.bad_utf8(body)
  if bad then
    error(
      responses.parse_error(
        ("'utf-8' codec can't decode byte 0x%02x in position %d"):format(body:byte(bad), bad - 1)
      )
    )
  end
  local kind, members = json.check(body)
  if not kind then
    error(responses.parse_error(members))
  end
  if kind ~= "object" then
    error(
      responses.invalid(
        nil,
        "invalid_input",
        ("Invalid data. Expected a dictionary, but got %s."):format(kind)
      )
    )
  end
  return members
end

--- The raw members of the body by name. Throws 415 and 400.
function request.members(ctx)
  if ctx.body == "" then
    return {}
  end
  local content_type = ctx.headers["content-type"] or ""
  if type(content_type) == "table" then
    content_type = content_type[1]
  end
  local media = content_type:lower():match("^%s*([^;%s]*)")
  if media == "application/json" then
    return json_members(ctx.body)
  end
  if media == "application/x-www-form-urlencoded" then
    return form_members(ctx.body)
  end
  if media == "multipart/form-data" then
    return multipart_members(ctx.body, content_type)
  end
  error(responses.unsupported_media_type(content_type))
end

--- Scheme and host as the client used them.
function request.origin()
  return ngx.var.scheme .. "://" .. (ngx.var.http_host or "localhost")
end

return request
