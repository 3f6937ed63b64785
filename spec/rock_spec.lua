-- What LuaRocks installs, seen by a program that has nothing else of ours on
-- its path. Once is enough: it builds without the Makefile, for one Lua.
if _VERSION ~= "Lua 5.4" or os.getenv("SPEC_MODE") ~= "plain" then
  return
end

local command = require("spec.support.command")

describe("the rock", function()
  local scratch = "build/rock"
  local installed

  local function output_of(shell)
    local pipe = io.popen(shell .. " 2>&1")
    local text = pipe:read("a")
    return text, pipe:close()
  end

  -- In a copy, since LuaRocks leaves its objects where it compiles.
  setup(function()
    local said, ok = output_of(
      "rm -rf "
        .. scratch
        .. " && mkdir -p "
        .. scratch
        .. "/spec && cp -R src lua bin posthog-llm-scm-2.rockspec "
        .. scratch
        .. " && cp -R spec/emulator "
        .. scratch
        .. "/spec"
        .. " && cd "
        .. scratch
        .. " && luarocks --lua-version 5.4 make --deps-mode none --tree tree"
        .. " posthog-llm-scm-2.rockspec"
    )
    assert(ok, said)
    installed = "cd / && unset LUA_PATH LUA_CPATH && tree="
      .. os.getenv("PWD")
      .. "/"
      .. scratch
      .. "/tree && export"
      .. ' LUA_PATH="$tree/share/lua/5.4/?.lua;$tree/share/lua/5.4/?/init.lua;;"'
      .. ' LUA_CPATH="$tree/lib/lua/5.4/?.so;;" && lua5.4 '
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
      "cd / && unset LUA_PATH LUA_CPATH && cd "
        .. os.getenv("PWD")
        .. "/"
        .. scratch
        .. "/tree && { bin/posthog-llm emulator -q >environment & "
        .. command.until_in("environment", "API_KEY")
        .. ". ./environment; "
        .. "bin/posthog-llm spend --format line; kill $!; wait $! || :; }"
    )
    assert.equal("$1,843.21 in 30 days · claude-opus-4-8 83.9%\n", said)
  end)

  it("installs every module of the library", function()
    local names = {}
    for file in io.popen("cd lua && find posthog -name '*.lua'"):lines() do
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
  end)

  it("exports luaopen_posthog_llm_core and nothing else", function()
    local said =
      output_of("nm -D --defined-only " .. scratch .. "/tree/lib/lua/5.4/posthog/llm/core.so")
    local exported = {}
    for name in said:gmatch("(%S+)\n") do
      exported[#exported + 1] = name
    end
    assert.same({ "luaopen_posthog_llm_core" }, exported)
  end)
end)
