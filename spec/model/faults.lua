--- What may befall one request of the tried client.

local JSON = { ["Content-Type"] = "application/json" }
local ROUTER = '{"type":"invalid_request","code":"not_found","detail":"No route.","attr":null}'
local PAGE = "<html><body>502 Bad Gateway</body></html>"

local faults = {}

--- To a write. `hold`: it is done later, see story.lua.
faults.WRITES = {
  { name = "lost, not done", action = { close = "before" } },
  { name = "done, answer lost", action = { close = "after" } },
  { name = "done, answer broken off", action = { truncate = 20 } },
  { name = "done, answer garbage", action = { body = PAGE } },
  { name = "done later, connection lost", action = { close = "before", hold = true } },
  { name = "done later, 504", action = { status = 504, body = PAGE, hold = true } },
  { name = "done, 502", action = { status = 502, body = PAGE, apply = true } },
  { name = "not done, 502", action = { status = 502, body = PAGE } },
  { name = "not done, 503", action = { status = 503, body = '{"detail":"down"}', headers = JSON } },
  { name = "not done, gateway's 404", action = { status = 404, body = "default backend - 404" } },
  { name = "not done, router's 404", action = { status = 404, body = ROUTER, headers = JSON } },
  { name = "not done, 429", action = { status = 429, body = "{}", headers = JSON } },
}

--- To a read.
faults.READS = {
  { name = "read lost", action = { close = "before" } },
  { name = "read 503", action = { status = 503 } },
  { name = "read: gateway's 404", action = { status = 404, body = "default backend - 404" } },
  {
    name = "read: gateway's JSON 404",
    action = {
      status = 404,
      headers = JSON,
      body = '{"message":"no Route matched with those values"}',
    },
  },
  { name = "read: router's 404", action = { status = 404, body = ROUTER, headers = JSON } },
  { name = "read: 204", action = { status = 204 } },
}

local BY_NAME = {}
for _, list in ipairs({ faults.WRITES, faults.READS }) do
  for _, fault in ipairs(list) do
    BY_NAME[fault.name] = fault
  end
end

--- @param name string
function faults.find(name)
  return BY_NAME[name]
end

return faults
