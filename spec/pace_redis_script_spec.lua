-- The script by which Redis counts, at random times, beside a plain list of all that it granted.

local script = require("posthog.llm.http.rate_limit.redis_script")
local script_redis = require("spec.support.script_redis")

local MOST, SIZE, LENGTH = 40, 1021, 61250
local SHARE = 2
local HOUR = 3600 * 1000
local WINDOWS = ("%d:%d:%d"):format(MOST, SIZE, LENGTH)
local BEGAN = 1700000000000

local seed
local function random(most) -- the same on every Lua
  seed = seed * 16807 % 2147483647
  return seed % most
end

--- @param args? { wanted?: integer, epoch?: string, windows?: string, back?: string, hold?: integer, counts?: string, calls?: string, seen?: string }
local function run(redis, args)
  args = args or {}
  local reply = redis:run(
    script,
    { "key" },
    args.wanted or 1,
    args.epoch or "",
    args.windows or WINDOWS,
    args.back or "",
    args.hold or 0,
    args.counts or "",
    args.calls or "",
    args.seen or "0"
  )
  return {
    epoch = reply[1],
    granted = reply[2],
    wait = reply[3],
    why = reply[4],
    stamp = reply[5],
    lost = reply[6] == 1,
    left = reply[7],
    counts = reply[8],
  }
end

--- A process that asks as rate_limit/redis.lua does.
local function new_process()
  return { epoch = "", counts = "" }
end

local function ask(process, redis, args)
  args = args or {}
  args.epoch, args.seen = process.epoch, process.seen
  local answer = run(redis, args)
  if answer.lost then
    args.epoch, args.counts = answer.epoch, process.counts
    answer = run(redis, args)
  end
  process.epoch, process.counts, process.seen = answer.epoch, answer.counts, answer.stamp
  return answer
end

--- The largest sum of grants in any window.
local function largest(grants, length)
  local most, sum, first = 0, 0, 1
  for _, grant in ipairs(grants) do
    sum = sum + grant.count
    while grants[first].at <= grant.at - length do
      sum = sum - grants[first].count
      first = first + 1
    end
    most = math.max(most, sum)
  end
  return most
end

local function sum_since(grants, from)
  local sum = 0
  for i = #grants, 1, -1 do
    if grants[i].at <= from then
      break
    end
    sum = sum + grants[i].count
  end
  return sum
end

--- Asks at random times until 1,500 questions are answered; returns all grants.
local function load(redis, options)
  local processes, grants = {}, {}
  for i = 1, 4 do
    processes[i] = new_process()
  end
  for step = 1, 1500 do
    redis.now = redis.now + random(options.pause)
    if options.each then
      options.each(step)
    end
    local process = processes[random(4) + 1]
    local back = process.back
    process.back = nil
    local free = MOST - sum_since(grants, redis.now - LENGTH - SIZE)
    local wanted = 1 + random(6)
    local answer = ask(process, redis, { wanted = wanted, back = back })
    assert.is_true(answer.granted <= wanted)
    if answer.granted > 0 then
      local grant = { at = redis.now, count = answer.granted }
      grants[#grants + 1] = grant
      if options.gives_back and random(3) == 0 then -- what is not used does not count
        local unused = random(grant.count + 1)
        process.back = unused .. ":" .. answer.stamp
        grant.count = grant.count - unused
      end
    else
      assert.is_true(answer.wait > 0)
      if not options.loses then
        assert.is_true(free <= 0 or answer.why ~= "limit", "it could have granted one")
        assert.is_true(answer.wait <= LENGTH + SIZE)
      end
    end
  end
  return grants
end

describe("the script of pace in Redis", function()
  local redis

  before_each(function()
    seed = 11
    redis = script_redis.new(BEGAN)
  end)

  --- Past the first second of a count, in which there is a share for all.
  local function begin()
    run(redis, { wanted = 0 })
    redis.now = redis.now + 1000
  end

  for what, pause in pairs({ dense = 100, sparse = 2500, ["slow"] = 9000 }) do
    it("never grants more in any window than the limit, when questions are " .. what, function()
      for round = 1, 3 do
        seed = round * 7919
        redis:flush()
        local grants = load(redis, { pause = pause })
        local most = largest(grants, LENGTH)
        assert.is_true(most <= MOST, most .. " granted")
        if what == "dense" then
          assert.equal(MOST, most)
        end
      end
    end)
  end

  it("uses 95 % of the limit, in the long run", function()
    local grants = load(redis, { pause = 300 })
    local total = 0
    for _, grant in ipairs(grants) do
      total = total + grant.count
    end
    local minutes = (redis.now - BEGAN) / 60000
    assert.is_true(total / minutes >= 0.95 * MOST, total / minutes)
  end)

  it("grants again what is given back", function()
    for round = 1, 3 do
      seed = round * 104729
      redis:flush()
      -- Given back with the next question, so for some seconds both count.
      local grants = load(redis, { pause = 200, gives_back = true, loses = true })
      assert.is_true(largest(grants, LENGTH) <= MOST)
    end
    redis:flush()
    begin()
    local first = run(redis, { wanted = 2 })
    assert.equal(2, first.granted)
    assert.equal(tostring(MOST - 2), first.left)
    local second = run(redis, { wanted = 0, back = "2:" .. first.stamp, epoch = first.epoch })
    assert.equal(tostring(MOST), second.left)
  end)

  it("exceeds the limit by no more than one share when Redis forgets all of it", function()
    for round = 1, 8 do
      seed = round * 15485863
      redis:flush()
      local at = 500 + random(500)
      local grants = load(redis, {
        pause = 300,
        loses = true,
        each = function(step)
          if step % at == 0 then
            redis:flush()
          end
        end,
      })
      local most = largest(grants, LENGTH)
      assert.is_true(most <= MOST + SHARE, ("round %d: %d granted"):format(round, most))
    end
  end)

  it("is told of what it forgot by the next question", function()
    begin()
    local process = new_process()
    for _ = 1, MOST do
      ask(process, redis)
      redis.now = redis.now + 10
    end
    assert.equal(0, ask(process, redis).granted)
    redis:flush()
    local answer = ask(process, redis)
    assert.same({ 0, "0" }, { answer.granted, answer.left })
  end)

  it("exceeds the limit by no more than one share when Redis goes back to an old copy", function()
    for round = 1, 8 do
      seed = round * 32452843
      redis:flush()
      local copy
      local grants = load(redis, {
        pause = 300,
        loses = true,
        each = function(step)
          if step % 250 == 100 then
            copy = {}
            for field, value in pairs(redis.hashes.key) do
              copy[field] = value
            end
          elseif step % 250 == 150 then
            redis.hashes.key = copy
          end
        end,
      })
      local most = largest(grants, LENGTH)
      assert.is_true(most <= MOST + SHARE, ("round %d: %d granted"):format(round, most))
    end
  end)

  it("waits with all others for their reports after it has forgotten", function()
    begin()
    local process = new_process()
    ask(process, redis)
    redis:flush()
    local answer = ask(process, redis)
    assert.same({ 0, 2000, "settling" }, { answer.granted, answer.wait, answer.why })
    assert.same({ 0, "settling" }, { run(redis).granted, run(redis).why })
    redis.now = redis.now + 2000
    assert.equal(1, ask(process, redis).granted)
  end)

  it("grants a share in the first second of a new count, and then all", function()
    local total = 0
    for _ = 1, 10 do
      total = total + run(redis, { wanted = 9 }).granted
    end
    assert.equal(SHARE, total)
    assert.equal("settling", run(redis).why)
    redis.now = redis.now + 1000
    assert.equal(SHARE, run(redis, { wanted = 9 }).granted)
  end)

  it("counts what was sent without it, and waits for others that were alone too", function()
    begin()
    local answer = run(redis, { calls = "0:3 1000:4 70000:5" })
    assert.same({ 0, "settling", tostring(MOST - 7) }, { answer.granted, answer.why, answer.left })
    redis.now = redis.now + 1500
    answer = run(redis, { calls = "2000:8" }) -- the second one does not make them wait longer
    assert.same({ 500, tostring(MOST - 15) }, { answer.wait, answer.left })
    redis.now = redis.now + 500
    assert.equal(1, run(redis).granted)
  end)

  it("holds all back after a 429, and keeps the longest time", function()
    begin()
    run(redis, { wanted = 0, hold = 30000 })
    run(redis, { wanted = 0, hold = 10000 })
    local answer = run(redis)
    assert.same({ 0, 30000, "held" }, { answer.granted, answer.wait, answer.why })
    redis.now = redis.now + 30000
    assert.equal(1, run(redis).granted)
  end)

  it("counts several windows, and waits for the one that is free last", function()
    local windows = ("%d:%d:%d,%d:%d:%d"):format(4, SIZE, LENGTH, 6, HOUR / 60, HOUR)
    run(redis, { wanted = 0 })
    redis.now = redis.now + 1000
    for _ = 1, 4 do
      assert.equal(1, run(redis, { windows = windows, wanted = 5 }).granted)
    end
    local answer = run(redis, { windows = windows })
    assert.equal("0 2", answer.left)
    assert.is_true(answer.wait > 60000 and answer.wait < 63000)
    redis.now = redis.now + answer.wait
    assert.equal(1, run(redis, { windows = windows }).granted)
    assert.equal(1, run(redis, { windows = windows }).granted)
    answer = run(redis, { windows = windows })
    assert.is_true(answer.wait > HOUR - 63000 and answer.wait < HOUR + 60000)
  end)

  it("goes on when Redis's clock is set back, within the limit", function()
    begin()
    local grants = load(redis, { pause = 100, loses = true })
    redis.now = redis.now - HOUR
    assert.equal(0, run(redis).granted)
    redis.now = redis.now + LENGTH + SIZE
    assert.equal(1, run(redis).granted)
    assert.is_true(#grants > 0)
    run(redis, { wanted = 0, hold = 80000000 })
    redis.now = redis.now - 2 * 86400000
    assert.equal("limit", run(redis, { wanted = 0 }).why)
  end)

  it("keeps what it stores small, and for as long as it counts", function()
    load(redis, { pause = 500 })
    local fields = 0
    for _ in pairs(redis.hashes.key) do
      fields = fields + 1
    end
    assert.is_true(fields < 70, fields)
    redis.now = redis.now + LENGTH + 600001
    assert.equal("", run(redis, { wanted = 0 }).counts)
  end)
end)
