-- The editor plugin in a real Neovim: wrong arguments.
local busted = getfenv and getfenv(1) or _ENV -- the functions of busted

require("spec.support.editor").describe(busted, "mistakes in the editor", "spec.nvim.mistakes")
