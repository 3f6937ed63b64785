-- The editor plugin in a real Neovim: two changes of a skill put together.
local busted = getfenv and getfenv(1) or _ENV -- the functions of busted

require("spec.support.editor").describe(busted, "a merge in the editor", "spec.nvim.merge")
