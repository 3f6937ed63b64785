--- Debian's lua-curl, one handle kept, and lua-cjson.

local cjson = require("cjson")
local curl = require("curl")
local routes = require("routes")

local caller = {}

function caller.open(base, ca_file)
  local headers = {}
  for i, header in ipairs(routes.HEADERS) do
    headers[i] = header[1] .. ": " .. header[2]
  end
  local parts
  local easy = curl.easy_init()
  easy:setopt(curl.OPT_HTTPHEADER, headers)
  easy:setopt(curl.OPT_PROXY, "")
  easy:setopt(curl.OPT_FAILONERROR, 1)
  easy:setopt(curl.OPT_WRITEFUNCTION, function(bytes, size)
    parts[#parts + 1] = bytes
    return size
  end)
  if ca_file then
    easy:setopt(curl.OPT_CAINFO, ca_file)
  end
  return function(route)
    parts = {}
    easy:setopt(curl.OPT_URL, base .. route.path)
    local code, message = easy:perform()
    assert(code == 0, message)
    return cjson.decode(table.concat(parts))
  end
end

return caller
