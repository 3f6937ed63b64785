-- The rock of a checkout. On LuaJIT the one of Lua 5.1 is used, see install_spec.lua.
local TESTED = { ["Lua 5.1"] = true, ["Lua 5.3"] = true, ["Lua 5.4"] = true }
if not TESTED[_VERSION] or rawget(_G, "jit") or os.getenv("SPEC_MODE") ~= "plain" then
  return
end

local busted = { describe = describe, it = it, setup = setup, teardown = teardown }
require("spec.rock.behaves")(busted, "the rock of a checkout", "LUAROCKS make INTO")
