-- tools/needs: what a build lacks, all at once, by the names of each system. It is a shell
-- script: one Lua that starts it is enough.
if _VERSION ~= "Lua 5.4" or os.getenv("SPEC_MODE") ~= "plain" then
  return
end

local folders = require("spec.support.folders")
local shell = require("spec.support.shell")

local SYSTEMS = {
  debian = "ID=debian\n",
  ubuntu = 'ID=ubuntu\nID_LIKE=debian\nVERSION="24.04 LTS (Noble Numbat)"\n',
  mint = 'ID=linuxmint\nID_LIKE="ubuntu debian"\n',
  fedora = "ID=fedora\n",
  rocky = 'ID="rocky"\nID_LIKE="rhel centos fedora"\n',
  arch = "ID=arch\n",
  manjaro = "ID=manjaro\nID_LIKE=arch\n",
  alpine = "ID=alpine\n",
  nixos = "ID=nixos\n",
}

-- Of a package manager, what tools/needs asks: nothing of it is to be this machine's.
local APT = {
  ["apt-cache"] = [[
shift
for p; do
  case " $RELEASE " in *" $p "*) printf '%s:\n  Candidate: 1.0\n' "$p" ;; esac
done]],
  ["apt-get"] = [[
for p; do
  case " $REMOVING " in *" $p "*) echo "Remv libnginx-mod-http-lua [1.0]" ;; esac
done]],
}

describe("tools/needs", function()
  local root

  local function program(name, text)
    folders.write(root, "bin/" .. name, "#!/bin/sh\n" .. text .. "\n")
    shell.run(("chmod +x '%s/bin/%s'"):format(root, name))
  end

  before_each(function()
    root = folders.new()
    for name, text in pairs(SYSTEMS) do
      folders.write(root, name, text)
    end
    folders.write(root, "lists/main_Packages", "")
    program("id", "echo 0")
    for name, text in pairs(APT) do
      program(name, text)
    end
  end)
  after_each(function()
    folders.remove(root)
  end)

  local NOTHING = "CC=no-cc PKG_CONFIG=no-pkg LUA_COMMAND=no-lua"

  --- @param env? string variables, such as "REMOVING=x"; if not given, nothing is found here
  local function needs(system, words, env)
    local command = "PATH='%s/bin':$PATH OS_RELEASE='%s/%s' APT_LISTS='%s/lists' %s tools/needs %s"
    return shell.run(command:format(root, root, system, root, env or NOTHING, words))
  end

  local ALL = "posthog-llm: a build for Lua 5.4 needs a C compiler, pkg-config, the headers of"
    .. " Lua 5.4 and libcurl with its headers\n"
    .. "posthog-llm: the command needs Lua 5.4 and luafilesystem\n"

  for system, words in pairs({
    debian = "to install: apt-get install gcc libc6-dev pkg-config liblua5.4-dev"
      .. " libcurl4-openssl-dev lua5.4 lua-filesystem\n",
    fedora = "to install: dnf install gcc pkgconf-pkg-config lua-devel libcurl-devel lua"
      .. " lua-filesystem\n",
    arch = "to install: pacman -S --needed gcc pkgconf lua54 curl lua54-filesystem\n",
    alpine = "to install: apk add gcc musl-dev pkgconf lua5.4-dev curl-dev lua5.4"
      .. " lua5.4-filesystem\n",
    nixos = "by LuaRocks: luarocks --lua-version 5.4 install luafilesystem\n"
      .. "posthog-llm: install a C compiler, pkg-config, the headers of Lua 5.4, libcurl with its"
      .. " headers and Lua 5.4 by this system's packages; where they are in a place of their own,"
      .. " give LUA_CFLAGS=-I... CURL_CFLAGS=-I... CURL_LIBS=-L...\n",
  }) do
    it("names all that is missing at once, as it is called on " .. system, function()
      local said, status = needs(system, "build 5.4 command")
      assert.equal(ALL .. "posthog-llm: " .. words, said)
      assert.equal(1, status)
    end)
  end

  it("names what is missing as Homebrew does on macOS, with Apple's compiler", function()
    program("uname", "echo Darwin")
    local said = needs("nixos", "build 5.4 command")
    assert.equal(
      ALL
        .. "posthog-llm: to install: brew install pkgconf lua@5.4 curl\n"
        .. "posthog-llm: the compiler: xcode-select --install\n"
        .. 'posthog-llm: then: export PKG_CONFIG_PATH="$(brew --prefix lua@5.4)/lib/pkgconfig"\n'
        .. "posthog-llm: by LuaRocks: luarocks --lua-version 5.4 install luafilesystem\n",
      said
    )
  end)

  it("treats a derivative of a system like that system", function()
    for system, like in pairs({
      ubuntu = "debian",
      mint = "debian",
      rocky = "fedora",
      manjaro = "arch",
    }) do
      local said = needs(system, "build 5.4")
      assert.matches("to install:", said)
      assert.equal(needs(like, "build 5.4"), said)
    end
  end)

  it("names the headers of the Lua that is asked for", function()
    for _, case in ipairs({
      { "debian", "5.1", "liblua5.1-0-dev" },
      { "debian", "5.3", "liblua5.3-dev" },
      { "fedora", "5.1", "compat-lua-devel" },
      { "fedora", "luajit", "luajit-devel" },
      { "arch", "5.3", "lua53" },
      { "alpine", "luajit", "luajit-dev" },
    }) do
      local said = needs(case[1], "build " .. case[2])
      assert.truthy((said .. " "):gsub("\n", " "):find(" " .. case[3] .. " ", 1, true), said)
    end
  end)

  local WITH_COMPILER = "CC=gcc PKG_CONFIG=no-pkg LUA_CFLAGS=-I/nowhere"
  local BOTH = " RELEASE='libluajit2-5.1-dev libluajit-5.1-dev'"

  it("takes of two packages the one that removes nothing", function()
    local said = needs("debian", "build luajit", WITH_COMPILER .. BOTH)
    assert.truthy(said:find("to install: apt-get install libluajit2-5.1-dev\n", 1, true), said)
    said = needs("debian", "build luajit", WITH_COMPILER .. BOTH .. " REMOVING=libluajit2-5.1-dev")
    assert.truthy(said:find("to install: apt-get install libluajit-5.1-dev\n", 1, true), said)
  end)

  it("takes the package that the release has", function()
    local said = needs("debian", "build luajit", WITH_COMPILER .. " RELEASE=libluajit-5.1-dev")
    assert.truthy(said:find("to install: apt-get install libluajit-5.1-dev\n", 1, true), said)
  end)

  it("proposes nothing that would remove another package, and says what would", function()
    local said, status = needs(
      "debian",
      "build luajit",
      WITH_COMPILER .. BOTH .. " REMOVING='libluajit2-5.1-dev libluajit-5.1-dev'"
    )
    assert.equal(
      "posthog-llm: a build for LuaJIT needs the headers of LuaJIT\n"
        .. "posthog-llm: careful: to install libluajit2-5.1-dev would remove"
        .. " libnginx-mod-http-lua\n",
      said
    )
    assert.equal(1, status)
  end)

  it("updates lists first that were never fetched", function()
    os.remove(root .. "/lists/main_Packages")
    local said = needs("debian", "build 5.4")
    assert.truthy(said:find("to install: apt-get update && apt-get install gcc", 1, true), said)
  end)

  it("says who may install packages", function()
    program("id", "echo 1000")
    if shell.run("command -v sudo") == "" then
      assert.truthy(
        needs("debian", "build 5.4"):find("to install, as root: apt-get install gcc", 1, true)
      )
    end
    program("sudo", "exit 1")
    local words = "to install: sudo apt-get install gcc"
    assert.truthy(needs("debian", "build 5.4"):find(words, 1, true))
    os.remove(root .. "/lists/main_Packages")
    assert.truthy(
      needs("debian", "build 5.4"):find(
        "to install: sudo apt-get update && sudo apt-get install gcc",
        1,
        true
      )
    )
  end)

  it("finds what is installed, and prints nothing", function()
    local flags = shell.run("pkg-config --cflags lua5.4"):gsub("\n", "")
    local said, status = needs("debian", "build 5.4", ("CC=gcc LUA_CFLAGS='%s'"):format(flags))
    assert.equal("", said)
    assert.equal(0, status)
    assert.equal("", (needs("debian", "command 5.4 lua5.4", "")))
  end)

  it("does not take the headers of another Lua", function()
    local flags = shell.run("pkg-config --cflags lua5.4"):gsub("\n", "")
    for _, version in ipairs({ "5.3", "luajit" }) do
      local _, status = needs("debian", "build " .. version, ("LUA_CFLAGS='%s'"):format(flags))
      assert.equal(1, status)
    end
  end)

  it("is what make prints, before it compiles anything", function()
    local make = "unset MAKEFLAGS MAKELEVEL LUA_VERSION NEEDS; OS_RELEASE='%s/fedora'"
      .. " PATH='%s/bin':$PATH make --no-print-directory install PREFIX='%s/to' BUILD='%s/build'"
      .. " LUA_VERSION=5.4 LUA_COMMAND=no-lua CC=no-cc PKG_CONFIG=no-pkg"
    local said, status = shell.run(make:format(root, root, root, root))
    assert.equal(
      "posthog-llm: to install: dnf install gcc pkgconf-pkg-config lua-devel"
        .. " libcurl-devel lua lua-filesystem",
      said:match("[^\n]*to install:[^\n]*")
    )
    assert.is_nil(said:find("no-cc -", 1, true), said)
    assert.equal(2, status)
    assert.is_nil(folders.read(root, "to/bin/posthog-llm"))
  end)

  it("uses the names that tools/setup prints where there is no apt-get", function()
    shell.run(
      (
        "cd '%s/bin' && rm apt-*; for p in awk cat dirname grep sed tr uname; do"
        .. " ln -s $(command -v $p) .; done"
      ):format(root)
    )
    local said, status =
      shell.run(("PATH='%s/bin' OS_RELEASE='%s/arch' tools/setup"):format(root, root))
    assert.truthy(
      said:find(
        "setup: not found: cc make\nsetup: of it, for the build: pacman -S"
          .. " --needed gcc pkgconf lua54 curl lua54-filesystem\n",
        1,
        true
      ),
      said
    )
    assert.equal(1, status)
  end)
end)

describe("the command posthog-llm", function()
  local root
  setup(function()
    root = folders.new()
    for name, text in pairs(SYSTEMS) do
      folders.write(root, name, text)
    end
  end)
  teardown(function()
    folders.remove(root)
  end)

  --- What it says on a system where it lacks these modules.
  local function lacking(system, modules, lua)
    local lost = {}
    for module in modules:gmatch("%S+") do
      lost[#lost + 1] = ("package.preload.%s = function() error('none') end"):format(module)
    end
    local run = "OS_RELEASE='%s/%s' LUA_INIT=%s %s bin/posthog-llm skills lint"
    local said, status =
      shell.run(run:format(root, system, shell.quote(table.concat(lost, " ")), lua or "lua5.4"))
    assert.equal(1, status)
    return said
  end

  it("names what it lacks, by the present system's packages", function()
    assert.equal(
      "posthog-llm: luafilesystem is missing: apt-get install"
        .. " lua-filesystem, or luarocks --lua-version 5.4 install luafilesystem\n",
      lacking("debian", "lfs")
    )
    assert.equal(
      "posthog-llm: luafilesystem is missing: apk add lua5.4-filesystem, or"
        .. " luarocks --lua-version 5.4 install luafilesystem\n",
      lacking("alpine", "lfs")
    )
    assert.equal(
      "posthog-llm: luafilesystem is missing: luarocks --lua-version 5.4 install luafilesystem\n",
      lacking("nixos", "lfs")
    )
  end)

  it("names packages as tools/needs does, on each system and Lua", function()
    for _, lua in ipairs({ "5.4", "luajit" }) do
      shell.run("make -s --no-print-directory SETUP=: LUA_VERSION=" .. lua)
      for system, text in pairs(SYSTEMS) do
        local ask = [[. tools/system.sh; kind=$(OS_RELEASE='%s/%s' system_kind)
          system_packages $kind %s lfs | grep -v '^-' | paste -sd ' ' -]]
        local known = shell.run(ask:format(root, system, lua)):gsub("\n", "")
        local said = lacking(system, "lfs", lua == "luajit" and lua or "lua" .. lua)
        if known ~= "" then
          assert.truthy(said:find(" " .. known .. ",", 1, true), system .. ": " .. text .. said)
        else
          assert.truthy(said:find("missing: luarocks", 1, true), said)
        end
      end
    end
  end)
end)

-- The names themselves, as far as this machine can tell.
it("Debian has every package that is named for it", function()
  if shell.run("LC_ALL=C apt-cache policy gcc"):find("Candidate: %d") == nil then
    return
  end
  local column = shell
    .run(". tools/system.sh; packages")
    :gsub("^[^\n]*\n", "")
    :gsub("%S+ +(%S+)[^\n]*", "%1")
    :gsub(",", " ")
  local names = column:gsub("V", "5.4"):gsub("[|]", " "):gsub("\n", " ")
  local policy = "\n" .. shell.run("LC_ALL=C apt-cache policy " .. names)
  for entry in column:gsub("V", "5.4"):gmatch("%S+") do
    local known = entry:find("5.5", 1, true) ~= nil -- newer than this release
    for name in entry:gmatch("[^|]+") do
      known = known or policy:find("\n" .. name:gsub("%p", "%%%0") .. ":\n[^\n]*\n  Candidate: %d")
    end
    assert.truthy(known, entry)
  end
end)
