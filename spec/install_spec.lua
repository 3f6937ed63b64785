-- `make install`, `make uninstall` and `make nvim`, and what they leave behind: used from another
-- folder by what they have printed, and by nothing else.
if os.getenv("SPEC_MODE") ~= "plain" then
  return
end

local folders = require("spec.support.folders")
local shell = require("spec.support.shell")
local version = require("posthog.llm.util.version")

local LUA = os.getenv("LUA")
local JIT = rawget(_G, "jit") ~= nil
local VERSION = JIT and "luajit" or _VERSION:match("%d%.%d")
local ABI = _VERSION:match("%d%.%d")

local run, quote = shell.run, shell.quote

-- What the make of this test hands on; the next is to be that of a person.
local NEW_MAKE = "unset MAKEFLAGS MAKELEVEL BUILD LUA_VERSION NEEDS SPEC;"
  .. " make --no-print-directory "

local function make(words)
  return run(NEW_MAKE .. "SETUP=: " .. words)
end

local function files_in(folder)
  return (run("cd " .. quote(folder) .. " && find . ! -type d | LC_ALL=C sort"))
end

describe("make install", function()
  local root, prefix

  -- Blanks, which a path of a person's may have.
  before_each(function()
    root = folders.new()
    prefix = root .. "/a place/of mine"
  end)
  after_each(function()
    folders.remove(root)
  end)

  local function install(words)
    local said, status = make(("install PREFIX=%s %s"):format(quote(prefix), words or ""))
    assert.equal(0, status, said)
    return said
  end

  --- The lines that a person copies out of what was printed.
  local function exports(said)
    local lines = {}
    for line in said:gmatch("\n  (export [^\n]*)") do
      lines[#lines + 1] = line
    end
    return table.concat(lines, "; ")
  end

  local CALL = [[ -e '
    local llm = require("posthog.llm")
    local client = llm.new({ host = "http://127.0.0.1:1", personal_api_key = "phx_x",
      project_id = 1, max_retries = 0 })
    print(select(2, client.datasets:list({})).kind, debug.getinfo(llm.new, "S").source)']]

  local function called(said, lua)
    return (
      run(
        ("%s sh -c %s"):format(
          shell.WITHOUT_LUA_PATHS,
          quote("cd / && " .. exports(said) .. " && " .. lua .. CALL)
        )
      )
    )
  end

  it("prints what makes Lua find it, from any folder", function()
    local said = install("LUA_VERSION=" .. VERSION)
    local source = ("%s/share/lua/%s/posthog/llm/init.lua"):format(prefix, ABI)
    assert.equal("network\t@" .. source .. "\n", called(said, LUA))
  end)

  it("installs the command, which finds its library without a setting", function()
    local said = install("LUA_VERSION=" .. VERSION)
    local path = exports(said):match("export PATH=[^;]*")
    local output = run(
      ("%s sh -c %s"):format(
        shell.WITHOUT_LUA_PATHS,
        quote("cd / && " .. path .. " && posthog-llm --version")
      )
    )
    assert.equal("posthog-llm " .. version .. "\n", output)
    local first = folders.read(prefix, "bin/posthog-llm"):match("^[^\n]*")
    assert.equal("#!/usr/bin/env " .. LUA, first)
    for _, file in ipairs({
      "man/man1/posthog-llm.1",
      "zsh/site-functions/_posthog-llm",
      "bash-completion/completions/posthog-llm",
      "posthog-llm/emulator/start",
    }) do
      assert.is_string(folders.read(prefix .. "/share", file), file)
    end
  end)

  it(
    "installs a command that takes its own core, in Debian's folder too, before another one",
    function()
      install("LUA_VERSION=" .. VERSION)
      local core = ("/lib/lua/%s/posthog/llm"):format(ABI)
      local triplet = ("%s/lib/any-linux-gnu/lua/%s"):format(prefix, ABI)
      run(
        ("mkdir -p %s/posthog && mv %s %s/posthog/"):format(
          quote(triplet),
          quote(prefix .. core),
          quote(triplet)
        )
      )
      folders.write(root, "local" .. core .. "/core.so", "of another installation")
      local line = "cd / && %s LUA_CPATH=%s %s --version"
      local paths = ("%s/local/lib/lua/%s/?.so;%s/?.so"):format(root, ABI, triplet)
      local output =
        run(line:format(shell.WITHOUT_LUA_PATHS, quote(paths), quote(prefix .. "/bin/posthog-llm")))
      assert.equal("posthog-llm " .. version .. "\n", output)
    end
  )

  it("does not mention paths that Lua and the shell have already", function()
    local said = make(("install LUA_VERSION=%s DESTDIR='%s/stage'"):format(VERSION, root))
    assert.equal(("staged in %s/stage/usr/local\n"):format(root), said)
    said = run(("PATH=/usr/local/bin:$PATH tools/installed /usr/local %s %s"):format(LUA, VERSION))
    local words = "for %s: /usr/local/share/lua/%s/posthog/llm, /usr/local/lib/lua/%s/posthog/llm"
      .. "/core.so\nthe command: /usr/local/bin/posthog-llm, on %s;"
      .. " it finds the library by itself\n"
    assert.equal(words:format(JIT and "LuaJIT" or _VERSION, ABI, ABI, LUA), said)
  end)

  it("puts everything below DESTDIR, and nothing outside", function()
    install(("LUA_VERSION=%s DESTDIR=%s"):format(VERSION, quote(root .. "/the stage")))
    local staged = ("./the stage" .. prefix):gsub("%p", "%%%0")
    assert.equal("", (files_in(root):gsub(staged .. "[^\n]*\n", "")), "outside of it")
    assert.is_string(folders.read(root .. "/the stage" .. prefix, "bin/posthog-llm"))
  end)

  it("is undone by make uninstall, which leaves other files alone", function()
    local share = ("a place/of mine/share/lua/%s/"):format(ABI)
    folders.write(root, share .. "other.lua", "return 1\n")
    folders.write(root, share .. "posthog/other.lua", "return 2\n")
    local before = files_in(prefix)
    install("LUA_VERSION=" .. VERSION)
    assert.not_equal(before, files_in(prefix))
    local said, status = make("uninstall PREFIX=" .. quote(prefix))
    assert.equal(0, status, said)
    assert.equal(before, files_in(prefix))
  end)

  it("refuses a PREFIX that is not an absolute path, before it writes anything", function()
    for _, wrong in ipairs({ "~/x", "x" }) do
      local said, status = make(("install PREFIX='%s'"):format(wrong))
      local words = 'PREFIX="%s" is no absolute path: write PREFIX="$HOME/..."\n'
      assert.truthy(said:find(words:format(wrong), 1, true), said)
      assert.equal(2, status)
    end
    assert.equal("", (run("ls -d '~' x 2>/dev/null || :")))
  end)

  it("names the folder that it may not write, before it builds anything", function()
    if run("id -u") == "0\n" then
      return -- who may write everywhere
    end
    local said, status = make("install BUILD=" .. quote(root .. "/build"))
    assert.truthy(said:find("you may not write to /usr/local", 1, true), said)
    assert.equal(2, status)
    assert.equal("", files_in(root))
  end)

  -- As Debian has it: both look for a core in the same folder.
  if JIT and select(2, make("has-headers LUA_VERSION=5.1 >/dev/null 2>&1")) == 0 then
    it("serves LuaJIT by a core that is built for Lua 5.1, too", function()
      install("LUA_VERSION=5.1")
      local share, lib = prefix .. "/share/lua/5.1", prefix .. "/lib/lua/5.1"
      local said = run(
        ("%s LUA_PATH='%s/?.lua;%s/?/init.lua' LUA_CPATH='%s/?.so' %s"):format(
          shell.WITHOUT_LUA_PATHS,
          share,
          share,
          lib,
          LUA
        ) .. " packaging/debian/tests/offline.lua"
      )
      assert.truthy(said:find("^posthog%-llm [%d.]+ works on LuaJIT [^\n]*\n$"), said)
      assert.truthy(folders.read(lib, "posthog/llm/core.so"):find("core %S+ for Lua 5%.1"))
    end)
  end

  if VERSION ~= "5.4" then
    return -- what follows installs for two, whatever runs this
  end

  it("prints for two Luas what makes each find its own library", function()
    local said = install()
    for lua, abi in pairs({ ["lua5.4"] = "5.4", luajit = "5.1" }) do
      assert.equal(
        ("network\t@%s/share/lua/%s/posthog/llm/init.lua\n"):format(prefix, abi),
        called(said, lua)
      )
    end
  end)
end)

describe("make nvim", function()
  local root

  -- A clone, as a plugin manager makes it, with what is built in this one.
  before_each(function()
    root = folders.new() .. "/a clone"
    run(
      (
        "mkdir -p '%s/build' && cp -Rp lua src tools Makefile '%s/' && cp -Rp build/luajit"
        .. " '%s/build/'"
      ):format(root, root, root)
    )
    os.remove(root .. "/lua/posthog/llm/core.so")
  end)
  after_each(function()
    folders.remove(root:match("^(.*)/"))
  end)

  if not JIT then
    return -- the Lua of Neovim
  end

  local function nvim(runtimepath)
    return (
      run(
        (
          "%s HOME='%s' XDG_DATA_HOME='%s/data' XDG_CONFIG_HOME='%s' timeout 30 nvim"
          .. [[ --headless -i NONE -n -u NORC %s -c 'lua print(require("posthog.llm")._VERSION)']]
          .. " -c qall"
        ):format(
          shell.WITHOUT_LUA_PATHS,
          root,
          root,
          root,
          runtimepath and "--cmd 'set rtp^=" .. runtimepath:gsub(" ", "\\ ") .. "'" or ""
        )
      )
    )
  end

  local function target(words)
    local said, status = run(
      ("export XDG_DATA_HOME='%s/data' HOME='%s'; %s -s -C '%s' nvim %s"):format(
        root,
        root,
        NEW_MAKE,
        root,
        words
      )
    )
    assert.equal(0, status, said)
    return said
  end

  it("makes a clone itself the plugin with NVIM_PLUGIN_DIR=.", function()
    assert.equal(("the library for Neovim is in %s\n"):format(root), target("NVIM_PLUGIN_DIR=."))
    assert.equal("posthog-llm " .. version, nvim(root))
  end)

  it("accepts a folder with blanks, and one below ~", function()
    assert.equal(
      ("the library for Neovim is in %s/my plugin\n"):format(root),
      target("NVIM_PLUGIN_DIR='~/my plugin'")
    )
    assert.equal("posthog-llm " .. version, nvim(root .. "/my plugin"))
  end)

  it("uses Neovim's own folder where none is given", function()
    target("")
    assert.equal("posthog-llm " .. version, nvim())
  end)
end)
