--- The soak's measure of memory: a hundred failing calls, each with a response of 63 MiB, in a
--- process of their own.

local bulk = require("spec.support.bulk")
local process = require("spec.support.process")

local memory = {}

local MIBS = 63 -- of each response: nearly the limit, 64
local MOST = 160 -- MiB
local CALLS = 7 -- of each of the fifteen kinds of failure

--- @return boolean this system shows it
function memory.can()
  return process.peak() ~= nil and bulk.can()
end

--- @param lua string command
--- @param host "plain"|"uv"
--- @return boolean ok
--- @return string name of the check, with what was measured
function memory.measure(lua, host)
  local server = bulk.start()
  local words = "timeout 300 %s spec/support/memory_calls.lua %s %s %d %d"
  local pipe = io.popen(words:format(lua, server.url, host, CALLS, MIBS))
  local said = pipe:read("*a")
  pipe:close()
  server:stop()
  local kinds = select(2, said:gsub(" MiB ", ""))
  local peak = tonumber(said:match("\npeak%s+(%d+)"))
  local name = "memory: %d MiB at most in %d failing calls of %d MiB, under %d"
  return peak ~= nil and peak < MOST, name:format(peak or 0, kinds * CALLS, MIBS, MOST)
end

return memory
