-- The editor plugin in a real Neovim: changes of somebody else.
local busted = getfenv and getfenv(1) or _ENV -- the functions of busted

require("spec.support.editor").describe(busted, "the editor plugin", "spec.nvim.conflicts")
