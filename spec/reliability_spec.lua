-- Each way in which a connection or an answer can fail, for each kind of call: what the library
-- does, what the caller is told, and that a write happened exactly as he is told. The cases are the
-- rows of spec/support/reliability.lua. The odder responses are in
-- spec/reliability_responses_spec.lua.

local cells = require("spec.support.cells")
local reliability = require("spec.support.reliability")

describe("a call ends as documented when", function()
  setup(cells.start)
  teardown(cells.stop)
  before_each(cells.hurry)
  after_each(cells.restore)

  for i = 1, 2 do
    local group = reliability.GROUPS[i]
    for _, row in ipairs(group.rows) do
      it(group.title:lower() .. ": " .. row[1], function()
        cells.check(row)
      end)
    end
  end
end)

it("doc/reliability.md has the table that is proved here", function()
  local file = assert(io.open("doc/reliability.md"))
  local text = file:read("*a")
  file:close()
  local shown = text:match("\n(| %*%*The connection ends%*%* .-|\n)\n")
  if shown ~= reliability.markdown() then -- its difference would fill pages
    error("the table has to be:\n\n" .. reliability.markdown(), 0)
  end
end)
