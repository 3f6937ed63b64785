-- The editor plugin in a real Neovim: skills as buffers and in lists.
local busted = getfenv and getfenv(1) or _ENV -- the functions of busted

require("spec.support.editor").describe(busted, "the editor plugin", "spec.nvim.buffers")
