-- The editor plugin in a real Neovim: dataset items as buffers, imports and exports, the spend; on API v1.
local busted = {
  describe = describe,
  it = it,
  setup = setup,
  teardown = teardown,
  before_each = before_each,
  after_each = after_each,
  pending = pending,
}

require("spec.support.editor").describe(busted, "data in the editor", "spec.nvim.data", "reference")
