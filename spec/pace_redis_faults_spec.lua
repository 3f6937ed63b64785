-- One pace for three real nginx, and a Redis that dies, hangs, forgets and is full.
local busted = getfenv and getfenv(1) or _ENV -- the functions of busted

local pace_fleet = require("spec.ngx.pace_fleet")

local MINUTE, LIMIT, SHARE = pace_fleet.MINUTE, pace_fleet.LIMIT, pace_fleet.SHARE
local TWO_THIRDS = pace_fleet.TWO_THIRDS
local sleep = pace_fleet.sleep

pace_fleet.describe(busted, "a pace in a Redis that fails", function(t)
  for what, fault in pairs({
    ["killed, with all it knew,"] = {
      begin = function()
        t.fleet.redis:kill()
      end,
      finish = function()
        assert.is_true(t.fleet.redis:run())
      end,
    },
    ["stopped"] = {
      begin = function()
        t.fleet.redis:signal("STOP")
      end,
      finish = function()
        t.fleet.redis:signal("CONT")
      end,
    },
  }) do
    it("exceeds the limit by no more than one share while Redis is " .. what, function()
      local statuses = t.fleet:crowd(TWO_THIRDS, {}, function()
        sleep(0.5)
        fault.begin()
        sleep(MINUTE)
        fault.finish()
      end)
      assert.same({ ["200"] = 3 * TWO_THIRDS }, statuses)
      assert.is_true(t.fleet:within(LIMIT + SHARE) > LIMIT / 2)
      for _, machine in ipairs(t.fleet.machines) do
        assert.equal("", machine:complaints({ "without it until it answers", "answers again" }))
      end
    end)
  end

  it("goes on within the limit when Redis is flushed, its scripts too", function()
    local statuses = t.fleet:crowd(TWO_THIRDS, {}, function()
      for _ = 1, 2 do
        sleep(1.5)
        t.fleet.redis:command("script flush")
        t.fleet.redis:command("flushall")
      end
    end)
    assert.same({ ["200"] = 3 * TWO_THIRDS }, statuses)
    t.fleet:within(LIMIT + SHARE)
  end)

  it("goes on with a share of the limit when Redis is full", function()
    t.fleet.redis:command("config set maxmemory 1")
    local statuses = t.fleet:crowd(LIMIT, { deadline = 2 })
    assert.is_true((statuses["200"] or 0) >= 3)
    t.fleet:within(LIMIT)
    t.fleet.redis:command("config set maxmemory 0")
    sleep(2)
    assert.equal("went", (t.fleet.machines[1]:get(t.fleet:path())))
    assert.matches(
      "^1?pace:%x+\n$",
      t.fleet.redis:command("--raw keys '*'"):gsub("posthog%-llm:", ""),
      nil
    )
  end)

  it("stays within the limit when Redis goes back to an old copy of its data", function()
    local statuses = t.fleet:crowd(TWO_THIRDS, {}, function()
      sleep(1.2)
      local name = t.fleet.redis:command("--raw keys '*'"):match("%S+")
      t.fleet.redis:command(("copy %s old"):format(name))
      sleep(0.5)
      t.fleet.redis:command(("rename old %s"):format(name))
    end)
    assert.same({ ["200"] = 3 * TWO_THIRDS }, statuses)
    t.fleet:within(LIMIT + SHARE)
  end)
end)
