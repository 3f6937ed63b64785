--- A curl started for each call, as most plugins of editors do, and lua-cjson.

local cjson = require("cjson")
local ffi = require("ffi")
local routes = require("routes")

ffi.cdef([[
struct bench_rusage { long user_s, user_us, system_s, system_us, rest[28]; };
int getrusage(int who, struct bench_rusage *usage);
]])

local caller = {}

--- Those of the children that have ended count too.
function caller.cpu()
  local usage, seconds = ffi.new("struct bench_rusage"), 0
  for who = -1, 0 do
    assert(ffi.C.getrusage(who, usage) == 0)
    seconds = seconds
      + tonumber(usage.user_s + usage.system_s)
      + tonumber(usage.user_us + usage.system_us) / 1e6
  end
  return seconds
end

function caller.open(base, ca_file)
  local words = { "exec curl -sSf --noproxy '*'" }
  for _, header in ipairs(routes.HEADERS) do
    words[#words + 1] = ("-H '%s: %s'"):format(header[1], header[2])
  end
  if ca_file then
    words[#words + 1] = ("--cacert '%s'"):format(ca_file)
  end
  local command = table.concat(words, " ")
  return function(route)
    local pipe = assert(io.popen(("%s '%s%s'"):format(command, base, route.path), "r"))
    local text = pipe:read("*a")
    pipe:close()
    return cjson.decode(text)
  end
end

return caller
