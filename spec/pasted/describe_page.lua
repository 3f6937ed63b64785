--- The tests of a page: one for each of its blocks. A page with blocks for API v2 alone is run on
--- both versions.

local assert = require("luassert")

local page = require("spec.pasted.page")
local runner = require("spec.pasted.runner")

local function is_for_both(blocks)
  for _, block in ipairs(blocks) do
    if block.version then
      return true
    end
  end
  return false
end

--- @param busted table describe, it, setup and pending of the spec
--- @param path string
--- @param name string of the tests
--- @param version? posthog.llm.ApiVersion
local function describe_run(busted, path, name, version)
  busted.describe(name, function()
    local unable = runner.unable()
    if unable then
      busted.pending(unable)
      return
    end
    local run
    busted.setup(function()
      run = runner.run(path, version)
    end)

    for n, block in ipairs(page.blocks(path)) do
      local runs = block.kind ~= "output" and block.kind ~= "text" and not block.by
      local is_there = not block.version or block.version == version
      if runs and is_there and not runner.is_elsewhere(block) then
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

--- @param busted table describe, it, setup and pending of the spec
--- @param path string
return function(busted, path)
  if is_for_both(page.blocks(path)) then
    describe_run(busted, path, path .. " on API v1", "reference")
    describe_run(busted, path, path .. " on API v2", "current")
  else
    describe_run(busted, path, path)
  end
end
