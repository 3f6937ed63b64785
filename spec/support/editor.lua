--- Runs scenarios of the editor plugin in a real Neovim, each in a process of its own, on both
--- versions of the API.

local emulator = require("spec.emulator")
local folders = require("spec.support.folders")
local run = require("spec.support.shell").run

local editor = {}

local HAS_NEOVIM = select(2, run("command -v nvim")) == 0

--- Whether the plugin works in this Neovim.
editor.is_new = HAS_NEOVIM
  and select(2, run([[nvim --headless -u NONE -c 'if has("nvim-0.10") | qa | endif' -c cquit]]))
    == 0

local root = run("pwd"):match("[^\n]+")

--- Starts Neovim with the plugin and a home of its own.
--- @param home string
--- @param arguments string
--- @param env? string assignments
--- @return string output
--- @return integer status
function editor.run(home, arguments, env)
  local command = "env %s HOME='%s' XDG_CONFIG_HOME='%s/config' XDG_DATA_HOME='%s/data'"
    .. " XDG_CACHE_HOME='%s/cache' XDG_STATE_HOME='%s/state' timeout -k 5 120"
    .. " nvim --headless -i NONE -n -u NONE --cmd 'set runtimepath^=%s'"
    .. " --cmd 'runtime plugin/posthog.lua' %s </dev/null"
  return run(
    command:format(env or "", home, home, home, home, home, root:gsub(" ", "\\ "), arguments)
  )
end

--- The specs of a file of scenarios, spec/nvim/*.lua.
--- @param busted table its functions, which only a spec file has
--- @param name string what is described
--- @param module string of the scenarios
function editor.describe(busted, name, module)
  if os.getenv("LUA") ~= "luajit" or os.getenv("SPEC_MODE") ~= "plain" then
    return
  elseif not editor.is_new then
    busted.describe(name, function()
      busted.pending(HAS_NEOVIM and "Neovim 0.10 or newer is needed" or "nvim is not installed")
    end)
    return
  end

  for _, profile in ipairs({ "reference", "current" }) do
    busted.describe(name .. " on API " .. (profile == "current" and "v2" or "v1"), function()
      local home, server

      busted.setup(function()
        server = emulator.start({ profile = profile })
      end)
      busted.teardown(function()
        server:stop()
      end)
      busted.before_each(function()
        home = folders.new()
        server:reset()
      end)
      busted.after_each(function()
        folders.remove(home)
      end)

      for _, scenario in ipairs(require(module)) do
        busted.it(scenario.name, function()
          local env = "SCENARIO='%s' SCENARIOS=%s EMULATOR_URL=%s POSTHOG_HOST=%s EMULATOR_PROFILE=%s"
            .. " POSTHOG_PERSONAL_API_KEY=phx_emulator_all POSTHOG_PROJECT_ID=112358"
          local output, status = editor.run(
            home,
            '-c "luafile spec/nvim/run.lua"',
            env:format(scenario.name:gsub("'", "'\\''"), module, server.url, server.url, profile)
          )
          assert(status == 0, output)
        end)
      end
    end)
  end
end

return editor
