local emulator = require("spec.emulator")
local live = require("spec.support.live")

local LUA = os.getenv("LUA") or "lua5.4"

--- Runs an example against a server.
--- @return string output
--- @return integer status
local function run_example(name, server)
  local pipe = io.popen(
    (
      "POSTHOG_HOST=%s POSTHOG_PERSONAL_API_KEY=phx_emulator_all POSTHOG_PROJECT_ID=112358 "
      .. "%s examples/%s.lua 2>&1; echo status=$?"
    ):format(server.url, LUA, name)
  )
  local output, status = pipe:read("*a"):match("^(.*)status=(%d+)\n$")
  pipe:close()
  return output, tonumber(status)
end

describe("examples/tour.lua", function()
  local marks = { reference = "datasets:get: not_found: ", current = "marked as deleted" }
  for profile, mark in pairs(marks) do
    it("runs unchanged on " .. live.api_name[profile], function()
      local server = emulator.start({ profile = profile })
      local output, status = run_example("tour", server)
      server:stop()
      assert.equal(0, status, output)
      for _, words in ipairs({
        "created pdf-forms, version 1",
        "deleted on top of it, version 4: references/fields.md",
        "created 230 items in golden answers",
        "read 230 items page by page; the answers add up to 4082155",
        "after the soft delete: " .. mark,
        "after undelete: golden answers",
        "in 48211 events",
      }) do
        assert.matches(words, output, 1, true)
      end
    end)
  end
end)

describe("examples/gather.lua", function()
  local server

  setup(function()
    server = emulator.start()
  end)
  teardown(function()
    server:stop()
  end)
  before_each(function()
    server:reset()
  end)

  local function run()
    return run_example("gather", server)
  end

  it("fetches every skill, some at the same time", function()
    server:seed({ skills = 30 })
    server:fault({ match = { path = "/llm_skills/name/" }, action = { delay = 0.05 } })
    local output, status = run()
    assert.matches("^30 of 30 skills, %d+ bytes\n$", output)
    assert.equal(0, status)
    local connections = {}
    for _, entry in ipairs(server:log()) do
      connections[entry.connection] = true
    end
    local count = 0
    for _ in pairs(connections) do
      count = count + 1
    end
    assert.is_true(count > 1 and count <= 8, count .. " connections")
  end)

  it("names the skill that it could not fetch", function()
    local made = server:seed({ skills = 3 })
    server:fault({
      match = { path = "/llm_skills/name/" .. made.skills[2]:gsub("%p", "%%%0") .. "/" },
      action = { status = 403, body = '{"detail": "Not this one."}' },
    })
    local output, status = run()
    assert.matches("\n2 of 3 skills", "\n" .. output)
    assert.matches(made.skills[2] .. ": skills:get: forbidden: Not this one.", output, 1, true)
    assert.equal(1, status)
  end)
end)

describe("examples/command.sh", function()
  local work = "build/" .. (os.getenv("LUA") or "lua"):gsub("%W", "") .. "-command"

  --- @return string
  local function read(name)
    local file = assert(io.open(work .. "/" .. name))
    local text = file:read("*a")
    file:close()
    return text
  end

  for _, profile in ipairs({ "reference", "current" }) do
    it("shows what the command does, on " .. live.api_name[profile], function()
      local server = emulator.start({ profile = profile })
      local pipe = io.popen(
        (
          "POSTHOG_HOST=%s POSTHOG_PERSONAL_API_KEY=phx_emulator_all POSTHOG_PROJECT_ID=112358 "
          -- of the core under test, from other folders too: that of `make` may not be there
          .. 'LUA_CPATH="$PWD/$LUA_CPATH" '
          .. "LUA=%s examples/command.sh %s 2>&1; echo status=$?"
        ):format(server.url, LUA, work)
      )
      local output, status = pipe:read("*a"):match("^(.*)status=(%d+)\n$")
      pipe:close()
      server:stop()
      assert.equal("0", status, output)
      for _, words in ipairs({
        "unchanged web-forms version 1",
        "published web-forms version 3\n# Forms on the web",
        "3. Check the result twice.",
        "<<<<<<< this folder",
        "published web-forms version 5",
        "4 rows imported, 1 rejected",
        '"reason":"line 4, column 47: invalid JSON',
        '"output":18446744073709551616}',
        "0 added, 0 removed, 1 changed, 3 the same",
        "of $4,000.00",
      }) do
        assert.matches(words, output, 1, true)
      end
      assert.matches("and their types", read("alice/web-forms/SKILL.md"), 1, true)
      assert.matches("^<!DOCTYPE html>", read("carol/spend.html"))
    end)
  end
end)
