-- The editor plugin in a real Neovim: the command, the settings, the help, the health.
if os.getenv("LUA") ~= "luajit" or os.getenv("SPEC_MODE") ~= "plain" then
  return
end

local editor = require("spec.support.editor")
local folders = require("spec.support.folders")
local run = require("spec.support.shell").run

if not editor.is_new and select(2, run("command -v nvim")) == 0 then
  describe("the editor plugin", function()
    it("says in one line that this Neovim is too old", function()
      local home = folders.new()
      local output = editor.run(home, "-c PostHog -c qall")
      folders.remove(home)
      assert.equal(
        "posthog: Neovim 0.10 or newer is needed (the library itself works from 0.7.2 on)",
        (output:gsub("%s+$", ""))
      )
    end)
  end)
  return
end

local busted = getfenv and getfenv(1) or _ENV -- the functions of busted
editor.describe(busted, "the editor plugin", "spec.nvim.plugin")
