-- Spec files whose tests hold on both API versions, once more on the newer one.

local live = require("spec.support.live")

local FILES = {
  "mistakes",
  "pages",
  "prefetch",
  "lost_response",
  "lost_response_create",
  "skill_bodies",
  "skill_files",
  "skill_folder",
  "skills",
  "skills_misuse",
  "spend",
  "values",
}

--- The functions of busted, which a file that is loaded by hand does not have.
local names = {
  describe = describe,
  it = it,
  setup = setup,
  teardown = teardown,
  before_each = before_each,
  after_each = after_each,
  assert = assert,
  pending = pending,
}
local environment = setmetatable(names, { __index = _G })

local function load_spec(path)
  if setfenv then
    return setfenv(assert(loadfile(path)), environment)
  end
  return assert(loadfile(path, "t", environment))
end

live.profile = "current" -- of this process; each spec file has one of its own
for _, name in ipairs(FILES) do
  describe("on API v2", load_spec(("spec/%s_spec.lua"):format(name)))
end
