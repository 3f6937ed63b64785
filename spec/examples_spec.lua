local emulator = require("spec.emulator")

local LUA = os.getenv("LUA") or "lua5.4"

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
    local pipe = io.popen(
      ("POSTHOG_HOST=%s POSTHOG_PERSONAL_API_KEY=phx_emulator_all POSTHOG_PROJECT_ID=112358 "
        .. "%s examples/gather.lua 2>&1; echo status=$?"):format(server.url, LUA)
    )
    local output, status = pipe:read("*a"):match("^(.*)status=(%d+)\n$")
    pipe:close()
    return output, tonumber(status)
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
    assert.matches(made.skills[2] .. ": forbidden: Not this one.", output, 1, true)
    assert.equal(1, status)
  end)
end)
