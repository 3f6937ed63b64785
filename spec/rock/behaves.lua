--- What a rock is: installed by LuaRocks, and seen by a program that has nothing else of ours on its
--- path.

local assert = require("luassert")

local command = require("spec.support.command")
local release = require("spec.support.release")

local run = release.run
local VERSION = _VERSION:match("%d%.%d")

--- @param busted table describe, it, setup and teardown of the spec
--- @param kind string what the tests are named by
--- @param steps string shell text, run in a checkout: LUAROCKS is called for the Lua under test,
---     INTO says where it installs
return function(busted, kind, steps)
  local it = busted.it

  busted.describe(kind, function()
    local scratch = os.getenv("PWD") .. "/build/" .. kind:gsub(" ", "-") .. "-" .. VERSION
    local tree = scratch .. "/tree"
    local installed

    local function output_of(shell)
      local pipe = io.popen(shell .. " 2>&1")
      local text = pipe:read("*a")
      return text, pipe:close()
    end

    busted.setup(function()
      run("rm -rf " .. scratch)
      release.repository(scratch)
      run(
        ("cd %s && unset MAKEFLAGS MAKELEVEL LUA_VERSION && "):format(scratch)
          .. steps
            :gsub("LUAROCKS", "luarocks --lua-version " .. VERSION)
            :gsub("INTO", "--deps-mode none --tree " .. tree .. " CFLAGS=-O0")
      )
      local share, lib = tree .. "/share/lua/" .. VERSION, tree .. "/lib/lua/" .. VERSION
      installed = ("cd / && export LUA_PATH='%s/?.lua;%s/?/init.lua;;' LUA_CPATH='%s/?.so;;' && lua%s "):format(
        share,
        share,
        lib,
        VERSION
      )
    end)
    busted.teardown(function()
      run("rm -rf " .. scratch)
    end)

    it("is enough to make a call", function()
      local said = output_of(installed .. [[-e '
      local llm = require("posthog.llm")
      local client = llm.new({
        host = "http://127.0.0.1:1", personal_api_key = "phx_x", project_id = 1, max_retries = 0,
      })
      local page, err = client.datasets:list({})
      print(page, err.kind)']])
      assert.equal("nil\tnetwork\n", said)
    end)

    it("installs the command and its emulator", function()
      local said = output_of(
        "unset LUA_PATH LUA_CPATH && cd "
          .. tree
          .. " && { bin/posthog-llm emulator -q >environment & "
          .. command.until_in("environment", "API_KEY")
          .. ". ./environment; "
          .. "bin/posthog-llm spend --format line; kill $!; wait $! || :; }"
      )
      assert.equal("$1,843.21 in 30 days · claude-opus-4-8 83.9%\n", said)
    end)

    it("installs every module of the library, and not the editor plugin", function()
      local names = {}
      for file in io.popen("cd lua && find posthog/llm -name '*.lua'"):lines() do
        names[#names + 1] = file:gsub("/init%.lua$", ""):gsub("%.lua$", ""):gsub("/", ".")
      end
      assert.is_true(#names > 0)
      local missing = output_of(
        installed
          .. "-e '"
          .. "local search = package.searchpath or function(name, path)"
          .. ' for at in path:gmatch("[^;]+") do'
          .. ' local file = io.open((at:gsub("?", (name:gsub("%.", "/")))))'
          .. " if file then return file:close() end end end "
          .. 'for name in ("'
          .. table.concat(names, " ")
          .. '"):gmatch("%S+") do'
          .. " if not search(name, package.path) then print(name) end end'"
      )
      assert.equal("", missing)
      assert.equal("llm\n", output_of("ls " .. tree .. "/share/lua/" .. VERSION .. "/posthog"))
    end)

    it("exports luaopen_posthog_llm_core and nothing else", function()
      local said = output_of(
        "nm -D --defined-only " .. tree .. "/lib/lua/" .. VERSION .. "/posthog/llm/core.so"
      )
      local exported = {}
      for name in said:gmatch("(%S+)\n") do
        exported[#exported + 1] = name
      end
      assert.same({ "luaopen_posthog_llm_core" }, exported)
    end)
  end)
end
