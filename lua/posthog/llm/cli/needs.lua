--- Modules that the command needs and the rest of the library does not.

local errors = require("posthog.llm.util.errors")

local needs = {}

--- Under which names Debian and LuaRocks have them.
local PACKAGES = {
  argparse = { "lua-argparse", "argparse" },
  lfs = { "lua-filesystem", "luafilesystem" },
  lyaml = { "lua-yaml", "lyaml" },
}

--- Raises an error that says how to get it where it is not there.
--- @param name string of the module
--- @return any
function needs.module(name)
  local found, module = pcall(require, name)
  if not found then
    local words = "%s is missing: apt-get install %s, or luarocks install %s"
    local debian, rock = PACKAGES[name][1], PACKAGES[name][2]
    error(errors.new({ kind = "file", message = words:format(rock, debian, rock) }), 0)
  end
  return module
end

return needs
