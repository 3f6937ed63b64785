-- The editor plugin in a real Neovim: two changes of a skill put together.
local busted = {
  describe = describe,
  it = it,
  setup = setup,
  teardown = teardown,
  before_each = before_each,
  after_each = after_each,
  pending = pending,
}

require("spec.support.editor").describe(busted, "a merge in the editor", "spec.nvim.merge")
