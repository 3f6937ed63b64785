-- A short run of the model check, and that it notices a library that does not keep its promise.

local emulator = require("spec.emulator")
local judge = require("spec.model.judge")
local rules = require("posthog.llm.api.ambiguous.rules")
local stage = require("spec.model.stage")
local story = require("spec.model.story")

local SEED = 20261130
local SECONDS = 20
local STORIES = tonumber(os.getenv("MODEL_STORIES"))
  or ({ plain = 2000, valgrind = 20 })[os.getenv("SPEC_MODE") or "plain"]
  or 200

describe("the model check", function()
  local e, theatre

  setup(function()
    e = emulator.start()
    theatre = stage.new(e)
    stage.fake_time()
  end)
  teardown(function()
    stage.stop_time()
    theatre:close()
    e:stop()
  end)

  local function play(told)
    local result = theatre:play(told)
    local outcome, why = judge.decide(told, result)
    return outcome, why and why .. "\n" .. story.text(told), result
  end

  for _, version in ipairs({ "current", "reference" }) do
    it("finds the guarantee kept in stories of " .. version, function()
      local seen, deadline = {}, os.time() + SECONDS
      for number = 1, STORIES do
        if os.time() > deadline then
          break
        end
        local told = story.draw(SEED, number, version)
        local outcome, why = play(told)
        assert.not_equal("wrong", outcome, why)
        seen[outcome] = (seen[outcome] or 0) + 1
      end
      assert.is_true(seen.ok > 0 and seen.failed > 0 and seen.ambiguous > 0)
    end)
  end

  --- A story of little else than these.
  local function tell(fields)
    local told = {
      seed = 1,
      number = 1,
      version = "current",
      creator = "A",
      variant = 1,
      base = 1,
      cold = false,
      old = false,
      faults = {},
      events = {},
    }
    for name, value in pairs(fields) do
      told[name] = value
    end
    return told
  end

  --- Plays with other rules.
  local function with_rule(list, rule, f)
    table.insert(list, 1, rule)
    local ran, err = pcall(f)
    table.remove(list, 1)
    if not ran then
      error(err, 0)
    end
  end

  it("notices a write that is reported but did not happen", function()
    local told = tell({
      kind = "skills:create",
      faults = {
        { on = "write", nth = 1, name = "not done, 502" },
      },
      events = {
        { at = 2, who = "B", act = "create other" },
      },
    })
    assert.equal("ambiguous", play(told))
    with_rule(rules.MADE, { "yes", author = "other" }, function()
      assert.equal("wrong", play(told))
    end)
  end)

  it("notices a write that happens after it is reported as failed", function()
    local told = tell({
      kind = "skills:archive",
      faults = {
        { on = "write", nth = 1, name = "done later, connection lost" },
      },
    })
    assert.equal("ambiguous", play(told))
    with_rule(rules.ARCHIVE, { rules.REFUSED }, function()
      local outcome, why = play(told)
      assert.equal("wrong", outcome)
      assert.is_truthy(why:find("it is said not to have happened, and did", 1, true))
    end)
  end)

  it("notices a write that happened twice", function()
    local told = tell({
      kind = "skills:publish",
      variant = 6,
      faults = {
        { on = "write", nth = 1, name = "done, answer lost" },
      },
      events = {
        { at = 2, who = "B", act = "replace" },
      },
    })
    assert.equal("ambiguous", play(told))
    with_rule(rules.NEXT_VERSION, { rules.FREE, made = "none" }, function()
      local outcome, why = play(told)
      assert.equal("wrong", outcome)
      assert.is_truthy(why:find("it is said to have happened, and did 2 times", 1, true))
    end)
  end)

  it("distinguishes what the guarantee does not cover", function()
    local told = tell({
      kind = "skills:create",
      variant = 0,
      faults = {
        { on = "write", nth = 1, name = "done later, 504" },
      },
      events = {
        { at = "after", who = "B", act = "archive" },
      },
    })
    assert.equal("beyond", play(told))
    told.events = {}
    assert.equal("failed", play(told))
  end)
end)
