--- A clock for programs on LuaJIT that are not to load the library.

local ffi = require("ffi")

ffi.cdef([[
struct bench_timespec { long s, ns; };
int clock_gettime(int clock, struct bench_timespec *time);
]])

local MONOTONIC = ffi.os == "OSX" and 6 or 1
local time = ffi.new("struct bench_timespec")

return {
  --- @return number seconds
  now = function()
    assert(ffi.C.clock_gettime(MONOTONIC, time) == 0)
    return tonumber(time.s) + tonumber(time.ns) / 1e9
  end,
}
