--- A short play of spec/team on each version of the API, and that it notices a loss.
---
---   make team STEPS=1000 SEEDS=4        long ones; SEED= for a certain one

if os.getenv("SPEC_MODE") ~= "plain" then
  return
end -- the command takes what make has built

local busted = getfenv and getfenv(1) or _ENV -- the functions of busted

local command = require("spec.support.command")
local live = require("spec.support.live")

local SECONDS = 4

command.describe(busted, "two people and CI on one store", function()
  local merge = require("posthog.llm.skill_folder.merge")
  local play = require("spec.team.play")

  for _, profile in ipairs({ "reference", "current" }) do
    it("lose no line, and are equal in the end, on " .. live.api_name[profile], function()
      local seed = os.time() % 1000000
      local options = { seed = seed, steps = 150, seconds = SECONDS, profile = profile }
      local result = play.run(options)
      assert.is_true(result.steps > 0 and result.versions > 0, "seed " .. seed)
    end)
  end

  it("notice a merge that drops what was not published", function()
    local texts = merge.texts
    merge.texts = function(_, _, theirs)
      return theirs, 0
    end
    local ok, err = pcall(play.run, { seed = 1, steps = 300, profile = "reference", mild = true })
    merge.texts = texts
    assert.is_false(ok)
    assert.matches("^seed 1, reference, .*lost: %[%a+ %d+%]", err)
  end)
end)
