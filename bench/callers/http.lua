--- lua-http, one connection kept, and lua-cjson.

local cjson = require("cjson")
local http_client = require("http.client")
local http_headers = require("http.headers")
local http_tls = require("http.tls")
local routes = require("routes")

local caller = {}

function caller.open(base, ca_file)
  local scheme, host, port = base:match("^(%a+)://([^:]+):(%d+)")
  local tls = scheme == "https"
  local context
  if tls then
    context = http_tls.new_client_context()
    context:getStore():add(ca_file)
  end
  local connection = assert(
    http_client.connect({ host = host, port = tonumber(port), tls = tls, ctx = context }, 10)
  )
  return function(route)
    local headers = http_headers.new()
    headers:append(":method", "GET")
    headers:append(":scheme", scheme)
    headers:append(":authority", host .. ":" .. port)
    headers:append(":path", route.path)
    for _, header in ipairs(routes.HEADERS) do
      headers:append(header[1]:lower(), header[2])
    end
    local stream = assert(connection:new_stream())
    assert(stream:write_headers(headers, true, 10))
    local answer = assert(stream:get_headers(10))
    assert(answer:get(":status") == "200")
    return cjson.decode(assert(stream:get_body_as_string(10)))
  end
end

return caller
