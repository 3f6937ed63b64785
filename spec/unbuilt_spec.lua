-- The library without its core, or with one that does not fit: what a script, the command,
-- Neovim and nginx say then, each in one line.
if os.getenv("SPEC_MODE") ~= "plain" then
  return
end

local core = require("posthog.llm.core")
local folders = require("spec.support.folders")
local server = require("spec.ngx.server")
local shell = require("spec.support.shell")

local LUA = os.getenv("LUA")
local JIT = rawget(_G, "jit") ~= nil
local THIS = JIT and "LuaJIT" or _VERSION
local VERSION = JIT and "luajit" or _VERSION:match("%d%.%d")
local MAKE = VERSION == "5.4" and "make" or "make LUA_VERSION=" .. VERSION
-- A core for it cannot be loaded here.
local OTHER = VERSION == "5.4" and { "luajit", "LuaJIT" } or { "5.4", "Lua 5.4" }

local run, WITHOUT_PATHS = shell.run, shell.WITHOUT_LUA_PATHS

local function first_line(text)
  return text:match("^[^\n]*")
end

describe("a checkout", function()
  local root

  -- With a blank in its path, which a message has to keep and a shell has to survive.
  before_each(function()
    root = folders.new() .. "/a checkout"
    run(
      ("mkdir -p '%s/src' && cp -R lua bin Makefile '%s/' && cp src/core.c '%s/src/'"):format(
        root,
        root,
        root
      )
    )
    folders.write(
      root,
      "program.lua",
      '-- the first line\nlocal llm = require("posthog.llm")\n' .. "print(llm._VERSION)\n"
    )
  end)
  after_each(function()
    folders.remove(root:match("^(.*)/"))
  end)

  --- Puts the core of a Lua where a build of this Lua has it.
  local function build(version, into)
    into = into or root .. "/build/" .. VERSION
    local said, status = run(
      ("mkdir -p '%s/posthog/llm' && cp build/%s/posthog/llm/core.so" .. " '%s/posthog/llm/'"):format(
        into,
        version,
        into
      )
    )
    assert.equal(0, status, said)
    return into .. "/posthog/llm/core.so"
  end

  --- @param cpath? string template, before what Lua has by itself
  local function program(cpath, arguments)
    return run(
      ("%s LUA_PATH='%s/lua/?.lua;%s/lua/?/init.lua;;' LUA_CPATH='%s;' %s %s"):format(
        WITHOUT_PATHS,
        root,
        root,
        cpath or "",
        LUA,
        arguments or "'" .. root .. "/program.lua'"
      )
    )
  end

  --- What a program prints that fails at its second line.
  local function fails(words)
    return ("%s: %s/program.lua:2: posthog.llm: %s"):format(LUA, root, words)
  end

  describe("that is not built", function()
    local none = "there is no C core for " .. THIS .. ", no posthog/llm/core.so on package.cpath: "

    it("asks a script to run make, at its line", function()
      local output, status = program()
      assert.equal(fails(none .. ('run "%s" in %s'):format(MAKE, root)), first_line(output))
      assert.equal(1, status)
      assert.is_nil(output:find("no file", 1, true))
    end)

    it("says the same when it is required again, and by another module", function()
      local output = program(
        nil,
        [[-e '
        for _, name in ipairs({ "posthog.llm", "posthog.llm", "posthog.llm.json" }) do
          print(select(2, pcall(require, name)))
        end']]
      )
      local said = ("(command line):3: posthog.llm: %srun %q in %s\n"):format(none, MAKE, root)
      assert.equal(said:rep(3), output)
    end)

    it("asks who runs the command to run make, and exits with 1", function()
      local output, status =
        run(("%s %s '%s/bin/posthog-llm' skills list"):format(WITHOUT_PATHS, LUA, root))
      assert.equal(("posthog-llm: %srun %q in %s\n"):format(none, MAKE, root), output)
      assert.equal(1, status)
    end)

    it("takes no core for the command from the folder in which somebody runs it", function()
      build(VERSION, root .. "/somewhere")
      local line = "cd '%s/somewhere' && %s %s '%s/bin/posthog-llm' --version"
      local output, status = run(line:format(root, WITHOUT_PATHS, LUA, root))
      assert.equal(("posthog-llm: %srun %q in %s\n"):format(none, MAKE, root), output)
      assert.equal(1, status)
    end)

    it("names no folder if it is the current one", function()
      local output = run(("cd '%s' && %s %s bin/posthog-llm"):format(root, WITHOUT_PATHS, LUA))
      assert.equal(("posthog-llm: %srun %q\n"):format(none, MAKE), output)
    end)

    it("names the path of a core that is not in LUA_CPATH", function()
      build(VERSION)
      local output = program()
      local words = none .. ('set LUA_CPATH="%s/build/%s/?.so;;"'):format(root, VERSION)
      assert.equal(fails(words), first_line(output))
      assert.equal(0, select(2, program(root .. "/build/" .. VERSION .. "/?.so")))
    end)
  end)

  describe("with a core for another Lua", function()
    setup(function()
      local said, status = run("make -s --no-print-directory SETUP=: LUA_VERSION=" .. OTHER[1])
      assert.equal(0, status, said)
    end)

    it("names the file, both Luas, and what to run", function()
      local file = build(OTHER[1])
      local output = program(root .. "/build/" .. VERSION .. "/?.so")
      local words = "%s is built for %s, and this is %s: run %q in %s"
      assert.equal(fails(words:format(file, OTHER[2], THIS, MAKE, root)), first_line(output))
    end)

    it("names the core of this Lua if there is one", function()
      local file = build(OTHER[1], root .. "/other")
      build(VERSION)
      local output = program(root .. "/other/?.so")
      local words = '%s is built for %s, and this is %s: set LUA_CPATH="%s/build/%s/?.so;;"'
      assert.equal(fails(words:format(file, OTHER[2], THIS, root, VERSION)), first_line(output))
    end)
  end)

  it("whose core is of another version names both versions and what to run", function()
    local file = build(VERSION)
    local wanted = core.BUILD:match("core (%S+) for")
    local old = wanted:gsub("%d$", "x")
    run(
      ("LC_ALL=C sed -i 's/core %s for/core %s for/' '%s'"):format(
        wanted:gsub("%p", "[%0]"),
        old,
        file
      )
    )
    local output = program(root .. "/build/" .. VERSION .. "/?.so")
    local words = "%s is version %s of the C core, and its Lua files need %s: run %q in %s"
    assert.equal(fails(words:format(file, old, wanted, MAKE, root)), first_line(output))
  end)

  it("whose core is of another version names one of its own behind that", function()
    local own = build(VERSION, root .. "/own"):match("^(.*/)posthog/")
    local file = build(VERSION, root .. "/other")
    local wanted = core.BUILD:match("core (%S+) for")
    local old = wanted:gsub("%d$", "x")
    local line = "LC_ALL=C sed -i 's/core %s for/core %s for/' '%s'"
    run(line:format(wanted:gsub("%p", "[%0]"), old, file))
    local output = program(root .. "/other/?.so;" .. own .. "?.so")
    local words =
      '%s is version %s of the C core, and its Lua files need %s: set LUA_CPATH="%s?.so;;"'
    assert.equal(fails(words:format(file, old, wanted, own)), first_line(output))
  end)

  it("whose core is not a library quotes what the system says of it", function()
    folders.write(root, "build/" .. VERSION .. "/posthog/llm/core.so", "not a library, not at all")
    local output = program(root .. "/build/" .. VERSION .. "/?.so")
    assert.truthy(
      first_line(output):find(
        fails("the C core cannot be loaded: ")
          .. root
          .. "/build/"
          .. VERSION
          .. "/posthog/llm/core.so: ",
        1,
        true
      ),
      output
    )
  end)

  if not JIT then
    return -- the Lua of those that follow
  end

  it("in Neovim says which target puts the core into the plugin", function()
    if select(2, run("command -v nvim")) ~= 0 then
      pending("nvim is not installed")
      return
    end
    local home = folders.new()
    folders.write(home, "posthog/llm/core.lua", "io.stderr:write('run')") -- somebody's
    local output = run(
      (
        "cd '%s' && %s HOME='%s' XDG_CONFIG_HOME='%s' XDG_DATA_HOME='%s' timeout 30 nvim"
        .. " --headless -i NONE -n -u NORC --cmd 'set rtp^=%s'"
        .. [[ -c 'lua print(select(2, pcall(require, "posthog.llm")))' -c qall]]
      ):format(home, WITHOUT_PATHS, home, home, home, (root:gsub(" ", "\\ ")))
    )
    folders.remove(home)
    local _, is_old =
      run([[nvim --headless -u NONE -c 'if has("nvim-0.10") | qa | endif' -c cquit]])
    local command = is_old == 0 and "nvim -l build.lua" or "make nvim NVIM_PLUGIN_DIR=."
    assert.equal(
      '[string ":lua"]:1: posthog.llm: there is no C core, no lua/posthog/llm/core.so'
        .. ' on the runtimepath: run "'
        .. command
        .. '" in '
        .. root,
      output
    )
  end)

  it("in nginx says what to add to lua_package_cpath", function()
    if server.missing() then
      pending("is left out: " .. server.missing())
      return
    end
    build(VERSION)
    local conf = [[
daemon off; pid "ROOT/pid"; error_log stderr;
MODULES
events {}
http {
  lua_package_path "ROOT/lua/?.lua;ROOT/lua/?/init.lua;;";
  init_by_lua_block {
    io.stderr:write(select(2, pcall(require, "posthog.llm")), "\n")
    os.exit(0)
  }
}
]]
    folders.write(root, "nginx.conf", (conf:gsub("MODULES", server.modules()):gsub("ROOT", root)))
    local output = run(
      ("PATH=$PATH:/usr/sbin timeout 20 %s nginx -p '%s' -c nginx.conf"):format(WITHOUT_PATHS, root)
    )
    local words = ": posthog.llm: there is no C core for LuaJIT, no posthog/llm/core.so on"
      .. " package.cpath: add "
      .. root
      .. "/build/luajit/?.so to lua_package_cpath\n"
    assert.truthy(output:find(words, 1, true), output)
  end)
end)

describe("an installed library", function()
  local root
  before_each(function()
    root = folders.new()
    run(
      ("mkdir -p '%s/share/lua/%s' && cp -R lua/posthog '%s/share/lua/%s/'"):format(
        root,
        _VERSION:match("%d%.%d"),
        root,
        _VERSION:match("%d%.%d")
      )
    )
  end)
  after_each(function()
    folders.remove(root)
  end)

  local function message()
    local share = ("%s/share/lua/%s/"):format(root, _VERSION:match("%d%.%d"))
    return (
      run(
        ([[%s LUA_PATH='%s?.lua;%s?/init.lua' %s -e '
      io.write((select(2, pcall(require, "posthog.llm"))))']]):format(
          WITHOUT_PATHS,
          share,
          share,
          LUA
        )
      ):gsub("^.*package%.cpath: ", "")
    )
  end

  it("without a core for this Lua says how to install it", function()
    local words = 'run "make install%s" or "luarocks --lua-version %s make" in its checkout'
    assert.equal(words:format(MAKE:sub(5), _VERSION:match("%d%.%d")), message())
  end)

  it("names the path of the core next to it", function()
    local lib = ("%s/lib/lua/%s/"):format(root, _VERSION:match("%d%.%d"))
    run(
      ("mkdir -p '%sposthog/llm' && cp build/%s/posthog/llm/core.so '%sposthog/llm'"):format(
        lib,
        VERSION,
        lib
      )
    )
    assert.equal(('set LUA_CPATH="%s?.so;;"'):format(lib), message())
  end)
end)

it("the command alone says that its library is missing", function()
  local root = folders.new()
  run(("cp bin/posthog-llm '%s'"):format(root))
  local output, status = run(("cd / && %s %s '%s/posthog-llm'"):format(WITHOUT_PATHS, LUA, root))
  folders.remove(root)
  assert.equal(
    'posthog-llm: its library is neither beside it nor on LUA_PATH: run "make install"'
      .. " in its checkout, which puts both in their places\n",
    output
  )
  assert.equal(1, status)
end)

-- Else a core that is a build behind would be taken, and fail somewhere.
it("the core counts its version up when it gives Lua other names", function()
  local names = {}
  for name, value in pairs(core) do
    names[#names + 1] = name .. " " .. type(value)
  end
  table.sort(names)
  local digest = core.sha256(table.concat(names, "\n")):sub(1, 12)
  assert.equal(
    "10 30c8a1715ba6",
    core.BUILD:match("core %S-%+(%d+) for") .. " " .. digest,
    "what the core gives Lua has changed: count its number up in src/base/version.h and in"
      .. " lua/posthog/llm/util/core.lua, and write both here anew"
  )
end)
