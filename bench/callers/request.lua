--- luasocket and luasec as their own example uses them, a connection a call,
--- and lua-cjson.

local cjson = require("cjson")
local http = require("socket.http")
local https = require("ssl.https")
local ltn12 = require("ltn12")
local routes = require("routes")
local socket = require("socket")

local caller = { now = socket.gettime }

function caller.open(base, ca_file)
  local request = base:find("^https") and https.request or http.request
  local headers = {}
  for _, header in ipairs(routes.HEADERS) do
    headers[header[1]:lower()] = header[2]
  end
  return function(route)
    local parts = {}
    local _, status = request({
      url = base .. route.path,
      headers = headers,
      sink = (ltn12.sink.table(parts)),
      verify = "peer",
      cafile = ca_file,
    })
    assert(status == 200, status)
    return cjson.decode(table.concat(parts))
  end
end

return caller
