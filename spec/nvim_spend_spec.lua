-- The editor plugin in a real Neovim: the spend, and its cache.
local busted = getfenv and getfenv(1) or _ENV -- the functions of busted

require("spec.support.editor").describe(busted, "data in the editor", "spec.nvim.spend")
