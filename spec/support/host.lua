--- Builds host.c for the Lua under test, beside the core, and loads it.

local names = {
  ["lua5.1"] = "lua5.1 lua-5.1 lua51",
  ["lua5.3"] = "lua5.3 lua-5.3 lua53",
  ["lua5.4"] = "lua5.4 lua-5.4 lua54",
  luajit = "luajit",
}

local build = package.cpath:match("^([^;]+)/%?%.so")
local pipe = io.popen(([[
  for n in %s; do flags=$(pkg-config --cflags $n 2>/dev/null) && break; done
  ${CC:-cc} -shared -fPIC -O1 -g -pthread $flags -o '%s/spec_host.so' spec/support/host.c 2>&1 &&
  echo built]]):format(names[os.getenv("LUA")], build))
local output = pipe:read("*a")
pipe:close()
assert(output:match("built%s*$"), output)

return require("spec_host")
