-- The editor plugin in a real Neovim: wrong arguments.
local busted = {
  describe = describe,
  it = it,
  setup = setup,
  teardown = teardown,
  before_each = before_each,
  after_each = after_each,
  pending = pending,
}

require("spec.support.editor").describe(busted, "mistakes in the editor", "spec.nvim.mistakes")
