-- The editor plugin in a real Neovim, each test in a process of its own.
if os.getenv("LUA") ~= "luajit" or os.getenv("SPEC_MODE") ~= "plain" then
  return
end

local emulator = require("spec.emulator")
local folders = require("spec.support.folders")
local scenarios = require("spec.nvim.plugin")
local shell = require("spec.support.shell")

local run = shell.run

if select(2, run("command -v nvim")) ~= 0 then
  describe("the editor plugin", function()
    pending("nvim is not installed")
  end)
  return
end

local _, is_old = run([[nvim --headless -u NONE -c 'if has("nvim-0.10") | qa | endif' -c cquit]])

describe("the editor plugin", function()
  local home, server
  local root = run("pwd"):match("[^\n]+")

  before_each(function()
    home = folders.new()
  end)
  after_each(function()
    folders.remove(home)
  end)

  --- @return string output
  --- @return integer status
  local function nvim(arguments, env)
    local command = "env %s HOME='%s' XDG_CONFIG_HOME='%s/config' XDG_DATA_HOME='%s/data'"
      .. " XDG_CACHE_HOME='%s/cache' XDG_STATE_HOME='%s/state' timeout 60"
      .. " nvim --headless -i NONE -n -u NONE --cmd 'set runtimepath^=%s'"
      .. " --cmd 'runtime plugin/posthog.lua' %s </dev/null"
    return run(
      command:format(env or "", home, home, home, home, home, root:gsub(" ", "\\ "), arguments)
    )
  end

  if is_old ~= 0 then
    it("says in one line that this Neovim is too old", function()
      local output = nvim("-c PostHog -c qall")
      assert.equal(
        "posthog: Neovim 0.10 or newer is needed (the library itself works from 0.7.2 on)",
        (output:gsub("%s+$", ""))
      )
    end)
    return
  end

  for _, profile in ipairs({ "reference", "current" }) do
    describe("on API " .. (profile == "current" and "v2" or "v1"), function()
      setup(function()
        server = emulator.start({ profile = profile })
      end)
      teardown(function()
        server:stop()
      end)
      before_each(function()
        server:reset()
      end)

      for i, scenario in ipairs(scenarios) do
        it(scenario.name, function()
          local output, status = nvim(
            '-c "luafile spec/nvim/run.lua"',
            ("SCENARIO=%d SCENARIOS=spec.nvim.plugin EMULATOR_URL=%s POSTHOG_HOST=%s"):format(
              i,
              server.url,
              server.url
            )
              .. (" EMULATOR_PROFILE=" .. profile)
              .. " POSTHOG_PERSONAL_API_KEY=phx_emulator_all POSTHOG_PROJECT_ID=112358"
          )
          assert.equal(0, status, output)
        end)
      end
    end)
  end
end)
