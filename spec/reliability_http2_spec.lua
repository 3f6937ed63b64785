-- The faults of spec/reliability_spec.lua that HTTP/2 can have too, over TLS.

local cells = require("spec.support.cells")
local reliability = require("spec.support.reliability")

describe("a call over HTTP/2 ends as documented when", function()
  setup(cells.start)
  teardown(cells.stop)
  before_each(cells.hurry)
  after_each(cells.restore)

  for i = 1, 3 do
    local group = reliability.GROUPS[i]
    for _, row in ipairs(group.rows) do
      if not cells.is_http1(row) then
        it(group.title:lower() .. ": " .. row[1], function()
          cells.check(row, true)
        end)
      end
    end
  end
end)
