-- Folders as people make them, a few of those that spec/skill_folder/generated.lua can make.
local generated = require("spec.skill_folder.generated")
local live = require("spec.support.live")

for _, profile in ipairs({ "reference", "current" }) do
  local t = live.session({ profile = profile })

  describe("made-up skill folders on API " .. (profile == "current" and "v2" or "v1"), function()
    setup(t.start)
    teardown(t.stop)

    it(
      "keep all that their user wrote through a push, a change of others, a pull and a push",
      function()
        local seed = tonumber(os.getenv("SPEC_SEED")) or 20261130
        assert.same({}, generated.run(t.client(), 12, seed))
      end
    )
  end)
end
