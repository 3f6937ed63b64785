-- A short proof; spec/dataset_file/run.lua is the long one.

local kills = require("spec.dataset_file.kills")
local live = require("spec.support.live")

describe("an import killed again and again", function()
  for _, profile in ipairs({ "reference", "current" }) do
    local t = live.session({ profile = profile })

    describe("while requests fail on " .. live.api_name[profile], function()
      setup(t.start)
      teardown(t.stop)

      it("makes each record once", function()
        local records = 150
        local result = kills.run(t.e, {
          records = records,
          kills = 6,
          seed = 7,
          settle = 0.3,
          after = 60000,
        })
        assert.truthy(result.summary, result.output)
        assert.truthy(result.killed > 0)
        assert.same(result.wanted, result.held)
        assert.equal(records, result.summary.imported)
        assert.equal(1, result.summary.rejected)
        assert.equal(records + 1, result.summary.records)
      end)
    end)
  end
end)
