-- The core compiled with the declarations of src/headers in place of the headers of Lua and
-- libcurl, and libcurl opened at run time: what an editor's user gets from build.lua.
local LUA = os.getenv("LUA") or ""
if os.getenv("SPEC_MODE") ~= "plain" or (LUA ~= "luajit" and LUA ~= "lua5.1") then
  return -- the declarations are those of Lua 5.1's API
end

local emulator = require("spec.emulator")
local folders = require("spec.support.folders")
local shell = require("spec.support.shell")

local run = shell.run
local JIT = rawget(_G, "jit") ~= nil
local VERSION = require("posthog.llm.core").curl_version:match("^libcurl/(%S+)")

local function number_of(version)
  local major, minor, patch = version:match("(%d+)%.(%d+)%.(%d+)")
  return ("0x%02x%02x%02x"):format(major, minor, patch)
end

--- Compiles a core into the folder. @return string output of the compiler, "" when it is content
local function compile(folder, number, more)
  local command = "mkdir -p '%s/posthog/llm' && ${CC:-cc} -std=c99 -O1 -fPIC -shared"
    .. " -fvisibility=hidden -pthread -Wall -Wextra -Wpedantic -Werror -Isrc -Isrc/headers"
    .. " -DLIBCURL_VERSION_NUM=%s %s %s -o '%s/posthog/llm/core.so' src/*.c src/*/*.c -lm -ldl"
  return (
    run(command:format(folder, number, JIT and "-DPOSTHOG_LLM_LUAJIT" or "", more or "", folder))
  )
end

--- Runs a program that finds the core of the folder first. @return string output
local function program(folder, text, env)
  folders.write(folder, "program.lua", text)
  local command =
    "env LUA_PATH='./lua/?.lua;./lua/?/init.lua;;' LUA_CPATH='%s/?.so;;' %s %s '%s/program.lua'"
  return (run(command:format(folder, env or "", LUA, folder)))
end

--- The value of each constant, in the order of the names, by a program in C.
local function values(folder, names, flags)
  local lines = { "#include <stdio.h>\n#include <curl/curl.h>\n#include <lua.h>\nint main(void) {" }
  for _, name in ipairs(names) do
    lines[#lines + 1] = ('printf("%s %%lld\\n", (long long)%s);'):format(name, name)
  end
  lines[#lines + 1] = "return 0; }\n"
  folders.write(folder, "values.c", table.concat(lines, "\n"))
  local output, status =
    run(("cd '%s' && ${CC:-cc} %s -w -o values values.c && ./values"):format(folder, flags))
  assert.equal(0, status, output)
  return output
end

--- The names of numbers that a header declares.
local function names_in(path, pattern)
  local names, text = {}, assert(io.open(path)):read("*a")
  for name in text:gmatch(pattern) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

describe("the core compiled without the headers of Lua and libcurl", function()
  local folder, server

  setup(function()
    folder = folders.new()
    server = emulator.start({ tls = true })
    assert.equal("", compile(folder, number_of(VERSION)))
  end)
  teardown(function()
    server:stop()
    folders.remove(folder)
  end)

  it("is compiled with no header of theirs", function()
    local command = "${CC:-cc} -std=c99 -M -Isrc -Isrc/headers -DLIBCURL_VERSION_NUM=%s"
      .. " -DPOSTHOG_LLM_LUAJIT src/*.c src/*/*.c"
    local headers = run(command:format(number_of(VERSION)))
    for path in headers:gmatch("%S+%.h") do
      local name = path:match("[^/]+$")
      if name:find("^lua") or name == "lauxlib.h" or path:find("curl/", 1, true) then
        assert.matches("^src/", path)
      end
    end
  end)

  it("is not linked with libcurl", function()
    assert.not_matches("libcurl", run(("ldd '%s/posthog/llm/core.so'"):format(folder)))
  end)

  it("makes calls, also over TLS, with the libcurl of the system", function()
    local output = program(
      folder,
      [[
        local core = require("posthog.llm.core")
        local llm = require("posthog.llm")
        local client = llm.new()
        local fields = { name = "first", description = "d", body = ("é\n"):rep(5000) }
        assert(client.skills:create(fields))
        print(core.curl_version:match("%S+"), #assert(client.skills:get("first")).body)
      ]],
      ("POSTHOG_HOST=%s SSL_CERT_FILE=%s POSTHOG_PERSONAL_API_KEY=phx_emulator_all"):format(
        server.tls_url,
        server.ca_file
      ) .. " POSTHOG_PROJECT_ID=112358"
    )
    -- White space at the end is not stored.
    assert.equal(("libcurl/%s\t14999\n"):format(VERSION), output)
  end)

  it("has the codec of any other build", function()
    local output = program(
      folder,
      [[
        local json = require("posthog.llm.json")
        print(json.encode(json.decode('{"a":[1.5,"\\u00e9",12345678901234567890,null]}')))
      ]]
    )
    assert.equal('{"a":[1.5,"é",12345678901234567890,null]}\n', output)
  end)

  it("declares the numbers that the headers of libcurl declare", function()
    local names = names_in("src/headers/curl/curl.h", "%f[%w_](CURL[%u]*_[%w_]+)")
    local known = {}
    for _, name in ipairs(names) do
      local is_value = not name:find("^CURL_FUNCTION") and name ~= "CURL_OPENED_AT_RUN_TIME"
      known[#known + 1] = is_value and name ~= "CURLVERSION_NOW" and name or nil
    end
    assert.is_true(#known > 90)
    local flags = "$(pkg-config --cflags libcurl luajit 2>/dev/null || pkg-config --cflags libcurl)"
    if not JIT then
      flags = "$(pkg-config --cflags libcurl lua5.1 2>/dev/null || pkg-config --cflags libcurl)"
    end
    local root = shell.run("pwd"):match("[^\n]+")
    local own = ("-I'%s/src/headers' -DLIBCURL_VERSION_NUM=%s"):format(root, number_of(VERSION))
    assert.equal(values(folder, known, flags), values(folder, known, own))
  end)

  it("says in one line that the libcurl of the system is older than it was built for", function()
    local other = folders.new()
    assert.equal("", compile(other, "0x7f0000"))
    local output = program(other, 'require("posthog.llm")')
    folders.remove(other)
    assert.matches(
      "program.lua:1: posthog.llm: the C core cannot be loaded: it was built for libcurl 127.0.0, "
        .. "and this is "
        .. VERSION:gsub("%p", "%%%0")
        .. ": build it again",
      output:match("^[^\n]*")
    )
  end)

  it("says in one line that there is no libcurl, and how to get it", function()
    local other = folders.new()
    -- The names that it opens, moved aside: what a machine without libcurl has.
    run(("mkdir -p '%s/src' && cp -R src/. '%s/src/'"):format(other, other))
    run(("sed -i 's/\"libcurl/\"nosuchcurl/g' '%s/src/net/curl_library.c'"):format(other))
    local built = run(
      ("cd '%s' && mkdir -p posthog/llm && ${CC:-cc} -std=c99 -fPIC -shared -pthread -Isrc"):format(
        other
      )
        .. " -Isrc/headers -fvisibility=hidden -DLIBCURL_VERSION_NUM=0x074400 "
        .. (JIT and "-DPOSTHOG_LLM_LUAJIT" or "")
        .. " -o posthog/llm/core.so src/*.c src/*/*.c -lm -ldl"
    )
    assert.equal("", built)
    local output = program(other, 'require("posthog.llm")')
    folders.remove(other)
    assert.matches("nosuchcurl", output:match("^[^\n]*"))
    assert.matches("is not installed %(no [^)]+%): install curl", output:match("^[^\n]*"))
  end)
end)
