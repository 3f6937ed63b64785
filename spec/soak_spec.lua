-- A short soak; `make soak` is a long one. SOAK has options for it: see spec/soak/run.lua.

local faults = require("spec.soak.faults")
local judge = require("spec.soak.judge")

local LUA = os.getenv("LUA") or "lua5.4"
local OPTIONS = os.getenv("SOAK") or "--calls=800 --seed=1"

describe("a soak run", function()
  if _VERSION ~= "Lua 5.4" and not jit then
    pending("is made on Lua 5.4 and LuaJIT")
    return
  end

  it("leaves no call without its response, and no write lost or made twice", function()
    local pipe = io.popen(("%s spec/soak/run.lua %s 2>&1; echo status=$?"):format(LUA, OPTIONS))
    local output = pipe:read("*a")
    pipe:close()
    assert.is_truthy(output:find("\n%d+ passed, 0 failed\nstatus=0\n$"), output)
  end)
end)

describe("the judge of a soak", function()
  local APPLIED =
    { n = 1, method = "POST", target = "/", http = "2", connection = 1, applied = true }

  --- Calls that went well, and a server that agrees; each test spoils one thing.
  local function account()
    local case = { faults = faults, truth = {} }
    case.journal = {
      { call = "1", kind = "create item", mark = "a", id = "i", outcome = "done" },
      { call = "2", kind = "update item", mark = "b", on = "i", outcome = "done" },
      { call = "3", kind = "create item", mark = "c", outcome = "unknown" },
      { call = "4", kind = "find item", mark = "c", outcome = "done", found = 0 },
      { call = "5", kind = "create skill", mark = "d", on = "s", outcome = "done", version = 1 },
      { call = "6", kind = "publish", mark = "e", on = "s", outcome = "done", version = 2 },
      { call = "7", kind = "publish", mark = "f", on = "s", outcome = "failed" },
    }
    case.truth.log = {
      ["1"] = { APPLIED },
      ["2"] = { APPLIED },
      ["3"] = {},
      ["5"] = { APPLIED },
      ["6"] = { APPLIED },
    }
    case.truth.datasets = { deleted = {}, live = {} }
    case.truth.items = {
      deleted = { i = false },
      live = { i = { input = { mark = "b" }, metadata = { made = "a" } } },
    }
    case.truth.skills = {
      s = {
        { name = "s", version = 1, description = "d", files = {} },
        { name = "s", version = 2, description = "e", files = {} },
      },
    }
    return case
  end

  --- Names of the checks that found something.
  local function found(case)
    local names = {}
    for _, result in ipairs(judge.all(case)) do
      if #result.problems > 0 then
        names[#names + 1] = result.name
      end
    end
    return names
  end

  it("finds nothing where all agree", function()
    assert.same({}, found(account()))
  end)

  local EXACTLY = "what was told as done happened exactly once"
  local ITEMS = "the server's items are those of the callers"
  local SKILLS = "the server's skills are those of the callers"
  local VERSIONS = "each version of a skill is one caller's write, and each write one version"

  for what, case in pairs({
    ["a write that was reported and not made"] = {
      EXACTLY,
      function(c)
        c.truth.log["5"] = nil
      end,
    },
    ["a write that was made twice"] = {
      EXACTLY,
      function(c)
        c.truth.log["1"] = { APPLIED, APPLIED }
      end,
    },
    ["a write that was made and failed"] = {
      "what was told as failed did not happen",
      function(c)
        c.truth.log["7"] = { APPLIED }
      end,
    },
    ["a row that is not there"] = {
      ITEMS,
      function(c)
        c.truth.items = { deleted = {}, live = {} }
      end,
    },
    ["a row that is deleted"] = {
      ITEMS,
      function(c)
        c.truth.items = { deleted = { i = true }, live = {} }
      end,
    },
    ["a row that is there twice"] = {
      ITEMS,
      function(c)
        c.truth.items.deleted.j, c.truth.items.live.j = false, c.truth.items.live.i
      end,
    },
    ["a row with what was there before"] = {
      ITEMS,
      function(c)
        c.truth.items.live.i.input.mark = "a"
      end,
    },
    ["a create that find_created missed"] = {
      "find_created found what there was",
      function(c)
        c.truth.log["3"] = { APPLIED }
      end,
    },
    ["a skill that is there though archived"] = {
      SKILLS,
      function(c)
        table.insert(c.journal, { kind = "archive skill", call = "8", on = "s", outcome = "done" })
      end,
    },
    ["a version of a write that failed"] = {
      VERSIONS,
      function(c)
        c.truth.skills.s[2].description = "f"
      end,
    },
    ["a version that nobody made"] = {
      VERSIONS,
      function(c)
        c.truth.skills.s[3] = { description = "g", files = {} }
      end,
    },
    ["a version that somebody else received"] = {
      VERSIONS,
      function(c)
        c.journal[6].version = 3
      end,
    },
    ["a response to another call"] = {
      "every answer was the one to its call",
      function(c)
        c.journal[2].wrong = "another value"
      end,
    },
    ["a call that raised"] = {
      "no call raised",
      function(c)
        table.insert(c.journal, { kind = "raised", message = "x" })
      end,
    },
  }) do
    it("finds " .. what, function()
      local spoiled = account()
      case[2](spoiled)
      assert.same({ case[1] }, found(spoiled))
    end)
  end

  it("finds a write of unknown outcome that was made twice", function()
    local spoiled = account()
    spoiled.truth.log["3"] = { APPLIED, APPLIED }
    assert.equal("what was left open happened once at most", found(spoiled)[1])
  end)
end)
