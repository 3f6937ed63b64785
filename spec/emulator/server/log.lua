--- What arrived, byte for byte: one JSON object a request, in memory and in a file.

local cjson = require("cjson.safe").new()

local json = require("server.json")
local settings = require("server.settings").values

local log = {}

local entries, texts, first, last = {}, {}, 1, 0
local writes = 0
local path, file

--- Opens the file; a number of entries survives only in memory until reset.
function log.open(name)
  path = name
  log.reset()
end

function log.reset()
  entries, texts, first, last, writes = {}, {}, 1, 0, 0
  if file then
    file:close()
  end
  file = assert(io.open(path, "wb"))
end

--- Notes a request whose headers are here.
function log.arrive(method, target)
  if not settings.log then
    return nil
  end
  last = last + 1
  local version = ngx.req.http_version()
  local entry = {
    n = last,
    at = ngx.now(),
    connection = tonumber(ngx.var.connection),
    tls = ngx.var.ssl_protocol or false,
    http = version == 2 and "2" or version and ("%.1f"):format(version),
    method = method,
    target = target,
    applied = false,
    writes = writes,
  }
  if version == 2 then
    entry.headers = ngx.req.get_headers(0, true)
  elseif version then
    entry.raw_header = ngx.req.raw_header()
  end
  entries[last] = entry
  if last - first >= settings.log_max then
    entries[first], texts[first] = nil, nil
    first = first + 1
  end
  return entry
end

--- Notes what its handler made of a write, which may be long after it was answered.
function log.handled(entry, status)
  writes = writes + 1
  entry.handled, entry.order, entry.applied = status, writes, status < 300
  if entries[entry.n] == entry then
    texts[entry.n] = nil
  end
end

--- Notes how it was answered; status 0 is a connection closed without a response.
function log.finish(entry, status)
  if entry.status then
    return
  end
  entry.status = status
  if entries[entry.n] ~= entry then
    return
  end -- a reset came between
  local text = cjson.encode(entry)
  texts[entry.n] = text
  file:write(text, "\n")
  file:flush()
end

--- The entries after number `since`, as a JSON list.
function log.list(since)
  local list = {}
  for n = math.max(first, since + 1), last do
    list[#list + 1] = texts[n] or cjson.encode(entries[n])
  end
  return json.list(list)
end

function log.count()
  return last
end

return log
