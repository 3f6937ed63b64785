-- A short proof; spec/dataset_file/sync_run.lua is the long one.

local live = require("spec.support.live")
local syncs = require("spec.dataset_file.syncs")

describe("a sync killed again and again", function()
  for _, profile in ipairs({ "reference", "current" }) do
    local t = live.session({ profile = profile })

    describe("while requests fail and others write on " .. live.api_name[profile], function()
      setup(t.start)
      teardown(t.stop)

      local function is_exact(options)
        t.reset()
        t.e:settings({ item_limit = 0, item_version_limit = 0, item_archive_limit = 0 })
        options.records, options.settle, options.after = 30, 1, 40000
        options.profile = profile
        local result = syncs.run(t.e, options)
        assert.same({}, result.differences, "seed " .. options.seed .. ": " .. result.output)
        assert.truthy(result.killed > 0)
        assert.truthy(result.others > 0)
      end

      it("ends with the dataset equal to the file, without doubles", function()
        is_exact({ versions = 2, kills = 2, seed = 11 })
      end)

      it("ends so though responses come late, and in another order", function()
        is_exact({ versions = 2, kills = 3, seed = 4, slow = true })
      end)
    end)
  end
end)
