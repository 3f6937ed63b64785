--- Compiles what the specs need in C, for the Lua under test and with its sanitizer.

local cc = {}

--- What pkg-config may call the Lua under test: lua5.4 lua-5.4 lua54, or luajit.
local function names()
  local version = os.getenv("LUA"):match("^lua(5%.%d)$")
  return version and ("lua%s lua-%s lua%s"):format(version, version, (version:gsub("%.", "")))
    or os.getenv("LUA")
end

local SANITIZERS = {
  asan = "-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer",
  tsan = "-fsanitize=thread -fno-omit-frame-pointer",
}

--- The folder of the core under test.
cc.build = package.cpath:match("^([^;]+)/%?%.so")

local function compile(command)
  local pipe = io.popen(([[
    for n in %s; do flags=$(pkg-config --cflags $n 2>/dev/null) && break; done
    %s 2>&1 && echo built]]):format(names(), command))
  local output = pipe:read("*a")
  pipe:close()
  assert(output:match("built%s*$"), output)
end

--- A module, without a sanitizer, that `require` then finds.
--- @param name string
--- @param source string
function cc.module(name, source)
  compile(
    ("${CC:-cc} -shared -fPIC -O1 -g -pthread $flags -o '%s/%s.so' %s"):format(
      cc.build,
      name,
      source
    )
  )
end

--- A program with Lua and the core linked in.
--- @param name string
--- @param source string
--- @param wrapped string[] functions of which the calls in source and core go to __wrap_...
--- @return string path
function cc.program(name, source, wrapped)
  local sanitizer = SANITIZERS[os.getenv("SPEC_MODE")]
  local path = cc.build .. "/" .. name
  compile(
    (
      "%s %s -std=c99 -O1 -g -pthread $flags -o '%s' %s "
      .. "$(find src -name '*.c' | sed 's|^src/\\(.*\\)c$|%s/obj/\\1o|') -Wl,--wrap=%s "
      .. "$(pkg-config --libs $n libcurl) -lm"
    ):format(
      sanitizer and "gcc" or "${CC:-cc}",
      sanitizer or "",
      path,
      source,
      cc.build,
      table.concat(wrapped, ",--wrap=")
    )
  )
  return path
end

return cc
