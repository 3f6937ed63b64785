-- A short proof; spec/dataset_file/sync_run.lua is the long one.

local live = require("spec.support.live")
local syncs = require("spec.dataset_file.syncs")

describe("a sync killed again and again", function()
  for _, profile in ipairs({ "reference", "current" }) do
    local t = live.session({ profile = profile })

    describe("while requests fail and others write on " .. live.api_name[profile], function()
      setup(t.start)
      teardown(t.stop)

      it("ends with the dataset equal to the file, without doubles", function()
        t.e:settings({ item_limit = 0, item_version_limit = 0, item_archive_limit = 0 })
        local result = syncs.run(t.e, {
          records = 30,
          versions = 2,
          kills = 2,
          seed = 11,
          settle = 0.2,
          after = 40000,
          profile = profile,
        })
        assert.same({}, result.differences, result.output)
        assert.truthy(result.killed > 0)
        assert.truthy(result.others > 0)
      end)
    end)
  end
end)
