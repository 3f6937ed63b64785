-- The editor plugin in a real Neovim: lists of items, imports and exports.
local busted = getfenv and getfenv(1) or _ENV -- the functions of busted

require("spec.support.editor").describe(busted, "data in the editor", "spec.nvim.datasets")
