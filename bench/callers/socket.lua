--- luasocket and luasec, one connection kept (http.request would make one each
--- time), and lua-cjson.

local cjson = require("cjson")
local http = require("socket.http")
local ltn12 = require("ltn12")
local routes = require("routes")
local socket = require("socket")

local caller = { now = socket.gettime }

local function secure(plain, host, ca_file)
  local ssl = require("ssl")
  local secured = assert(ssl.wrap(plain, {
    mode = "client",
    protocol = "any",
    options = "all",
    verify = "peer",
    cafile = ca_file,
  }))
  secured:sni(host)
  assert(secured:dohandshake())
  return secured
end

function caller.open(base, ca_file)
  local scheme, host, port = base:match("^(%a+)://([^:]+):(%d+)")
  local connection = http.open(host, tonumber(port), socket.tcp)
  -- A request is two writes: without this the second waits for an answer to the first.
  connection.c:setoption("tcp-nodelay", true)
  if scheme == "https" then
    connection.c = secure(connection.c, host, ca_file)
  end
  local headers = { host = host .. ":" .. port }
  for _, header in ipairs(routes.HEADERS) do
    headers[header[1]:lower()] = header[2]
  end
  return function(route)
    connection:sendrequestline("GET", route.path)
    connection:sendheaders(headers)
    local status = connection:receivestatusline()
    local answer = connection:receiveheaders()
    assert(status == 200)
    local parts = {}
    connection:receivebody(answer, (ltn12.sink.table(parts)))
    return cjson.decode(table.concat(parts))
  end
end

return caller
