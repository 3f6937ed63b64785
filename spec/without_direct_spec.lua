-- Spec files of reads once more, by the pipeline from the start: elsewhere plain reads are direct.

local direct = require("posthog.llm.http.direct")

local FILES = {
  "api_version",
  "bad_responses",
  "client",
  "dataset_items",
  "datasets",
  "errors",
  "limits",
  "pages",
  "redact_cut",
  "reliability_responses",
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

direct.enabled = false -- in this process; each spec file has one of its own
for _, name in ipairs(FILES) do
  describe("without direct reads", load_spec(("spec/%s_spec.lua"):format(name)))
end
