-- The same as spec/nvim_data_spec.lua, on API v2.
local busted = getfenv and getfenv(1) or _ENV -- the functions of busted

require("spec.support.editor").describe(busted, "data in the editor", "spec.nvim.data", "current")
