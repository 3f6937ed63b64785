-- The same as spec/nvim_plugin_spec.lua, on API v2.
local busted = getfenv and getfenv(1) or _ENV -- the functions of busted
require("spec.support.editor").describe(busted, "the editor plugin", "spec.nvim.plugin", "current")
