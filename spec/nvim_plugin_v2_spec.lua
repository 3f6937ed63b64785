-- The same as spec/nvim_plugin_spec.lua, on API v2.
local busted = {
  describe = describe,
  it = it,
  setup = setup,
  teardown = teardown,
  before_each = before_each,
  after_each = after_each,
  pending = pending,
}
require("spec.support.editor").describe(busted, "the editor plugin", "spec.nvim.plugin", "current")
