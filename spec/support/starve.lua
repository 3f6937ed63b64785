--- The program that spec/support/starve.c is, for the Lua under test.

local cc = require("spec.support.cc")

local starve = {}

local WRAPPED = {
  "malloc",
  "calloc",
  "realloc",
  "curl_global_init",
  "curl_multi_socket_action",
  "pthread_atfork",
  "atexit",
}

--- The linker of macOS wraps no functions; valgrind does not follow into another program.
--- @return boolean
function starve.can()
  local pipe = io.popen("uname -s")
  local system = pipe:read("*l")
  pipe:close()
  return system ~= "Darwin" and os.getenv("SPEC_MODE") ~= "valgrind"
end

--- Compiles it.
--- @return string path
function starve.program()
  return cc.program("spec_starve", "spec/support/starve.c", WRAPPED)
end

return starve
