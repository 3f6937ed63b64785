-- One pace for three real nginx with two workers each, by a real Redis.
local busted = getfenv and getfenv(1) or _ENV -- the functions of busted

local pipeline = require("spec.pipeline")
local pace_fleet = require("spec.ngx.pace_fleet")

local MINUTE, LIMIT = pace_fleet.MINUTE, pace_fleet.LIMIT
local TWO_THIRDS = pace_fleet.TWO_THIRDS
local sleep = pace_fleet.sleep

pace_fleet.describe(busted, "a pace in Redis", function(t)
  it("allows all machines together as many requests as the limit, and uses it", function()
    local statuses = t.fleet:crowd(LIMIT)
    assert.same({ ["200"] = 3 * LIMIT }, statuses)
    local list = t.fleet:times()
    assert.equal(3 * LIMIT, #list)
    local most = t.fleet:within(LIMIT)
    assert.is_true(most >= 0.95 * LIMIT, most .. " in a minute")
    local seconds = list[#list] - list[1]
    assert.is_true(seconds < 3 * (MINUTE * 61 / 60 + 1.25) + 10, seconds .. " s") -- it may be busy
    if os.getenv("POSTHOG_PACE_MINUTE") then
      print(("%d requests in %.1f s, at most %d in a minute"):format(#list, seconds, most))
    end
  end)

  it("agrees with a machine whose clock is off by an hour", function()
    assert.equal("went", (t.fleet.machines[1]:get(t.fleet:path())))
    assert.equal("went", (t.fleet.machines[2]:get(t.fleet:path({ ahead = 3600 }))))
    assert.equal("went", (t.fleet.machines[3]:get(t.fleet:path({ ahead = -3600 }))))
    local statuses = t.fleet:crowd(TWO_THIRDS)
    assert.same({ ["200"] = 3 * TWO_THIRDS }, statuses)
    assert.is_true(t.fleet:within(LIMIT) >= 0.95 * LIMIT)
    for _, machine in ipairs(t.fleet.machines) do
      machine:get(t.fleet:path({ ahead = 0 }))
    end
  end)

  it("makes a 429 that one machine got known to all", function()
    assert.equal("went", (t.fleet.machines[2]:get(t.fleet:path())))
    t.fleet.e:fault({ action = { status = 429, headers = { ["Retry-After"] = "9" }, times = 1 } })
    assert.matches("rate_limited", (t.fleet.machines[1]:get(t.fleet:path({ deadline = 1 }))))
    for _, machine in ipairs(t.fleet.machines) do
      local said = machine:get(t.fleet:path({ deadline = 1 }))
      assert.matches("since the server asked to wait (429)", said, 1, true)
    end
    assert.equal(2, #t.fleet.e:log())
    assert.equal(
      "went",
      (t.fleet.machines[3]:get(t.fleet:path({ key = "phx_emulator_li", deadline = 1 })))
    )
    sleep(9)
    assert.equal("went", (t.fleet.machines[3]:get(t.fleet:path({ deadline = 1 }))))
  end)

  it("counts each key separately, and tells Redis none", function()
    local thread = t.fleet:crowd(LIMIT, { deadline = 1 })
    assert.is_true(thread["200"] <= LIMIT)
    assert.equal(
      "went",
      (t.fleet.machines[1]:get(t.fleet:path({ key = "phx_emulator_li", deadline = 1 })))
    )
    local names = t.fleet.redis:command("--raw keys '*'")
    assert.matches("^posthog%-llm:pace:%x+\nposthog%-llm:pace:%x+\n$", names)
    for name in names:gmatch("%S+") do
      assert.is_nil(t.fleet.redis:command("--raw hgetall " .. name):find("phx_", 1, true))
    end
    assert.is_nil(names:find(pipeline.KEY, 1, true))
  end)

  it(
    "loses no more than a share with a worker that is killed, and goes on after a reload",
    function()
      local statuses = t.fleet:crowd(TWO_THIRDS, {}, function()
        sleep(1)
        t.fleet.machines[1]:signal("KILL", t.fleet.machines[1]:workers()[1])
        t.fleet.machines[2]:signal("HUP")
      end)
      assert.is_true(statuses["200"] >= 2 * TWO_THIRDS)
      t.fleet:within(LIMIT)
    end
  )
end)
