-- The editor plugin in a real Neovim: in a terminal, by keys.
local busted = getfenv and getfenv(1) or _ENV -- the functions of busted

if select(2, require("spec.support.shell").run("script -qec true /dev/null")) ~= 0 then
  describe("typing into the editor", function()
    pending("there are no pseudo-terminals here")
  end)
  return
end

require("spec.support.editor").describe(busted, "typing into the editor", "spec.nvim.typing")
