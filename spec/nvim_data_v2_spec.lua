-- The same as spec/nvim_data_spec.lua, on API v2.
local busted = {
  describe = describe,
  it = it,
  setup = setup,
  teardown = teardown,
  before_each = before_each,
  after_each = after_each,
  pending = pending,
}

require("spec.support.editor").describe(busted, "data in the editor", "spec.nvim.data", "current")
