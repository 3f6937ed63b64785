-- The library in a real Neovim, which brings its own Lua: LuaJIT.
if (os.getenv("LUA") or "luajit") ~= "luajit" then
  return
end

local emulator = require("spec.emulator")
local scenarios = require("spec.nvim.scenarios")

local MODE = os.getenv("SPEC_MODE") or "plain"

local function run(command)
  local pipe = io.popen(command .. " 2>&1; echo status=$?")
  local output, status = pipe:read("*a"):match("^(.*)status=(%d+)\n$")
  pipe:close()
  return output, tonumber(status)
end

-- The thread sanitizer has to be there from the start.
local preload = ""
if MODE == "tsan" then
  preload = "LD_PRELOAD=" .. run("gcc -print-file-name=libtsan.so"):match("[^\n]+")
end

local _, missing = run("command -v nvim")
if missing ~= 0 then
  describe("the library in Neovim", function()
    pending("nvim is not installed")
  end)
  return
end

describe("the library in Neovim", function()
  local server, folder

  setup(function()
    server = emulator.start({ tls = true })
    folder = run("mktemp -d"):match("[^\n]+")
  end)
  teardown(function()
    server:stop()
    run("rm -rf '" .. folder .. "'")
  end)
  before_each(function()
    server:reset()
  end)

  --- Starts Neovim with a home of its own and waits for its end.
  --- @return string output
  --- @return integer status
  --- @return number seconds
  local function nvim(arguments, env)
    local words = {
      "env",
      env or "",
      "HOME=" .. folder,
      "XDG_CONFIG_HOME=" .. folder .. "/config",
      "XDG_DATA_HOME=" .. folder .. "/data",
      "XDG_CACHE_HOME=" .. folder .. "/cache",
      "EMULATOR_URL=" .. server.url,
      "POSTHOG_HOST=" .. server.url,
      "POSTHOG_PERSONAL_API_KEY=phx_emulator_all POSTHOG_PROJECT_ID=112358",
      "EMULATOR_TLS_URL=" .. server.tls_url,
      "EMULATOR_CA=" .. server.ca_file,
      'ASAN_OPTIONS="$ASAN_OPTIONS:detect_leaks=0"', -- its own; it never closes its Lua
      preload,
      "timeout 120 nvim --headless -i NONE -n",
      arguments,
    }
    local core = require("posthog.llm.core")
    local from = core.now()
    local output, status = run(table.concat(words, " ") .. " </dev/null")
    return output, status, core.now() - from
  end

  for i, scenario in ipairs(scenarios) do
    it(scenario.name, function()
      local output, status, seconds =
        nvim('-u NONE -c "luafile spec/nvim/run.lua"', "SCENARIO=" .. i)
      assert.equal(0, status, output)
      if scenario.name:find("^leaves") and MODE == "plain" then
        assert.equal("", output)
        assert.is_true(seconds < 12, ("leaving took %g s"):format(seconds)) -- the calls take 20
      end
    end)
  end

  it("is found with its core in the folder of a plugin", function()
    local make = "env -u BUILD XDG_DATA_HOME='%s/data' make --no-print-directory -s nvim"
    local built, status = run(make:format(folder))
    assert.equal(0, status, built)
    local print_core = "lua local m = require([[posthog.llm]]) print(m._VERSION,"
      .. " vim.api.nvim_get_runtime_file([[lua/posthog/llm/core.so]], false)[1])"
    local output
    output, status =
      nvim(('-u NORC -c "%s" -c qall'):format(print_core), "-u LUA_PATH -u LUA_CPATH")
    assert.equal(0, status)
    assert.matches("^posthog%-llm %S+ " .. folder:gsub("%p", "%%%0") .. "/data/nvim/site", output)
  end)
end)
