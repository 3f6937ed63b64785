-- A short proof; spec/dataset_file/run.lua is the long one.

local kills = require("spec.dataset_file.kills")
local live = require("spec.support.live")

describe("an import killed again and again", function()
  for _, profile in ipairs({ "reference", "current" }) do
    local t = live.session({ profile = profile })

    describe("while requests fail on " .. live.api_name[profile], function()
      setup(t.start)
      teardown(t.stop)

      local function is_exact(options)
        t.reset()
        local records = 150
        options.records, options.settle, options.after = records, 1, 60000
        local result = kills.run(t.e, options)
        local of = "seed " .. options.seed .. ": " .. result.output
        assert.truthy(result.summary, of)
        assert.truthy(result.killed > 0 or options.pairs, of) -- the other may do it all
        assert.same(result.wanted, result.held, of)
        assert.equal(records, result.summary.imported, of)
        assert.equal(1, result.summary.rejected, of)
        assert.equal(records + 1, result.summary.records, of)
      end

      it("makes each record once", function()
        is_exact({ kills = 6, seed = 7 })
      end)

      it("makes each record once though responses come late, and in another order", function()
        is_exact({ kills = 5, seed = 3, slow = true })
        is_exact({ kills = 3, seed = os.time() % 100000, slow = true })
      end)

      it("makes each record once though the power fails", function()
        is_exact({ kills = 6, seed = 5, slow = true, power = true })
      end)

      it("makes each record once though two processes import the file", function()
        is_exact({ kills = 3, seed = 9, slow = true, pairs = true })
      end)
    end)
  end
end)
