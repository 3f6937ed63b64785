-- What LuaRocks installs, seen by a program that has nothing else of ours on
-- its path. Once is enough: it builds without the Makefile, for one Lua.
if _VERSION ~= "Lua 5.4" or os.getenv("SPEC_MODE") ~= "plain" then
  return
end

local command = require("spec.support.command")
local release = require("spec.support.release")

local run = release.run

-- From a checkout, and from a release: `luarocks make`, and what it packs of `make dist`.
for _, kind in ipairs({ "the rock of a checkout", "the released rock" }) do
  describe(kind, function()
    local scratch = os.getenv("PWD") .. "/build/" .. kind:gsub(" ", "-")
    local tree = scratch .. "/tree"
    local installed

    local function output_of(shell)
      local pipe = io.popen(shell .. " 2>&1")
      local text = pipe:read("a")
      return text, pipe:close()
    end

    setup(function()
      run("rm -rf " .. scratch)
      release.repository(scratch)
      local luarocks = "unset MAKEFLAGS MAKELEVEL LUA_VERSION; luarocks --lua-version 5.4 "
      local into = " --deps-mode none --tree " .. tree .. " CFLAGS=-O0"
      if kind == "the released rock" then
        local rockspec = ("posthog-llm-%s-1"):format(release.version())
        run(
          ("cd %s && %s dist && cd build && %s pack dist/%s.rockspec && %s install %s %s.src.rock"):format(
            scratch,
            release.NEW_MAKE,
            luarocks,
            rockspec,
            luarocks,
            into,
            rockspec
          )
        )
      else
        run(("cd %s && %s make %s"):format(scratch, luarocks, into))
      end
      installed = "cd / && unset LUA_PATH LUA_CPATH && tree="
        .. tree
        .. " && export"
        .. ' LUA_PATH="$tree/share/lua/5.4/?.lua;$tree/share/lua/5.4/?/init.lua;;"'
        .. ' LUA_CPATH="$tree/lib/lua/5.4/?.so;;" && lua5.4 '
    end)
    teardown(function()
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
          .. 'for name in ("'
          .. table.concat(names, " ")
          .. '"):gmatch("%S+") do'
          .. " if not package.searchpath(name, package.path) then print(name) end end'"
      )
      assert.equal("", missing)
      assert.equal("llm\n", output_of("ls " .. tree .. "/share/lua/5.4/posthog"))
    end)

    it("exports luaopen_posthog_llm_core and nothing else", function()
      local said = output_of("nm -D --defined-only " .. tree .. "/lib/lua/5.4/posthog/llm/core.so")
      local exported = {}
      for name in said:gmatch("(%S+)\n") do
        exported[#exported + 1] = name
      end
      assert.same({ "luaopen_posthog_llm_core" }, exported)
    end)
  end)
end
