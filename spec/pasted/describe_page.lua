--- The tests of a page: one for each of its blocks.

local assert = require("luassert")

local page = require("spec.pasted.page")
local runner = require("spec.pasted.runner")

--- @param busted table describe, it, setup and pending of the spec
--- @param path string
return function(busted, path)
  busted.describe(path, function()
    local unable = runner.unable()
    if unable then
      busted.pending(unable)
      return
    end
    local run
    busted.setup(function()
      run = runner.run(path)
    end)

    for n, block in ipairs(page.blocks(path)) do
      local runs = block.kind ~= "output" and block.kind ~= "text" and not block.by
      if runs and not runner.is_elsewhere(block) then
        busted.it(("runs as pasted, and shows what came, at line %d"):format(block.line), function()
          if run.skipped[n] then
            busted.pending(run.skipped[n])
          elseif run.problems[n] then
            error(run.problems[n], 0)
          end
        end)
      end
    end

    busted.it("asks for nothing that the server refuses, and leaves no word behind", function()
      assert.is_nil(run.refused)
      assert.is_nil(run.complaints)
      assert.equal("", run.said)
    end)
  end)
end
