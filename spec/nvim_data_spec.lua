-- The editor plugin in a real Neovim: dataset items as buffers, imports and exports, the spend; on API v1.
local busted = getfenv and getfenv(1) or _ENV -- the functions of busted

require("spec.support.editor").describe(busted, "data in the editor", "spec.nvim.data", "reference")
