--- Three nginx with posthog.llm.cache and a Redis serve skills for minutes, while the server, Redis
--- and the workers fail in turns, skills change and are purged. Every answer is compared with what
--- the server had; memory and descriptors have to stay flat.
---
---   tools/lua luajit spec/soak/cache.lua [--minutes=10] [--rate=500] [--seed=N]
---
--- The last line is "N passed, N failed", one for each check.

local emulator = require("spec.emulator")
local fleet = require("spec.ngx.fleet")
local llm = require("posthog.llm")
local redis = require("spec.ngx.redis")
local server = require("spec.ngx.server")

local TTL, WAIT = 2, 4
local OPTIONS = ("ttl = %d, stale = 600, negative_ttl = 1, wait = %d"):format(TTL, WAIT)
local SKILLS = 50
local TICK = 0.1 -- seconds
local TURN = 4 -- seconds between two faults, which last for half of it
local SLACK = 3 -- seconds: a copy that is not called old is no older than ttl and this
local RECOVERY = WAIT + 2 -- seconds after a fault in which a request may fail
local WARM_UP = 0.25 -- of the time: before it, memory may grow

local given = { minutes = 10, rate = 500, seed = os.time() }
for _, word in ipairs(arg) do
  local name, value = word:match("^%-%-(%l+)=([%d.]+)$")
  assert(given[name or 1], "unknown option " .. word)
  given[name] = tonumber(value)
end
math.randomseed(given.seed)

local missing = fleet.missing()
if missing then
  print("left out: " .. missing)
  os.exit(2)
end

local e = emulator.start({ profile = "current" })
local r = redis.start()
local machines = fleet.machines(e, 3, r, OPTIONS)
local names = e:seed({ skills = SKILLS }).skills

local writer = llm.new({ host = e.url, personal_api_key = "phx_emulator_all", project_id = 112358 })
local readers = {}
for i, machine in ipairs(machines) do
  readers[i] = llm.new({
    host = machine.url,
    personal_api_key = "phx_none",
    max_retries = 0,
    max_connections = 64,
    timeout = WAIT + 4,
  })
end

local now = llm.json and require("posthog.llm.clock").now
local started = now()
local ends = started + given.minutes * 60
local published = {} -- by name: when each version came
for _, name in ipairs(names) do
  published[name] = { started - 60 }
end
local failing_until = 0 -- until then the server, Redis or a worker may be away
local counts = { requests = 0, failed = 0, stale = 0, faults = 0, published = 0 }
local wrong = {}

local function complain(...)
  if #wrong < 20 then
    wrong[#wrong + 1] = ("%.1f s: "):format(now() - started) .. string.format(...)
  end
  counts.wrong = (counts.wrong or 0) + 1
end

--- The oldest version that a copy may have which is said to be new.
local function oldest_allowed(name, asked_at)
  local oldest = 1
  for version, at in ipairs(published[name]) do
    if at < asked_at - TTL - SLACK then
      oldest = version
    end
  end
  return oldest
end

local function judge(name, asked_at, skill, err, response)
  counts.requests = counts.requests + 1
  local from = response and response.headers["X-From"]
  if not skill then
    counts.failed = counts.failed + 1
    if now() > failing_until then
      complain("%s failed without a reason: %s", name, tostring(err))
    end
    return
  elseif from == "stale" then
    counts.stale = counts.stale + 1
  end
  if skill.name ~= name or type(skill.version) ~= "number" then
    return complain("%s is answered by %s", name, tostring(skill.name))
  elseif skill.body ~= "version " .. skill.version and skill.version > 1 then
    return complain("%s version %d has another body", name, skill.version)
  elseif skill.created_by or skill.owners then
    return complain("%s names people", name)
  end
  local oldest = from == "stale" and 1 or oldest_allowed(name, asked_at)
  if skill.version < oldest or skill.version > #published[name] + 1 then
    complain("%s from %s is version %d, not %d or later", name, from, skill.version, oldest)
  end
end

local function ask()
  local name = names[math.random(#names)]
  local reader, asked_at = readers[math.random(#readers)], now()
  local skill, err, response = reader:request("GET", "/skill/" .. name)
  judge(name, asked_at, skill, err, response)
end

local function publish()
  local name = names[math.random(#names)]
  local version = #published[name]
  local skill, err =
    writer.skills:publish(name, { base_version = version, body = "version " .. version + 1 })
  if skill then
    published[name][skill.version] = now()
    counts.published = counts.published + 1
  else
    complain("publish: %s", tostring(err))
  end
end

local function server_does(action)
  return {
    start = function()
      e:fault({ match = { path = "/llm_skills/" }, action = action })
    end,
    stop = function()
      e:faults({})
    end,
  }
end

--- Workers of the second and third machine only: the first shows whether memory grows.
local function other_machine()
  return machines[math.random(2, 3)]
end

local FAULTS = {
  server_does({ status = 503, body = "<html>" }),
  server_does({ close = true }),
  server_does({ status = 429, body = "{}", headers = { ["Retry-After"] = "1" } }),
  server_does({ status = 200, body = "<html>" }),
  server_does({ delay = 1 }),
  {
    start = function()
      r:signal("STOP")
    end,
    stop = function()
      r:signal("CONT")
    end,
  },
  {
    start = function()
      r:kill()
    end,
    stop = function()
      assert(r:run(), "Redis does not start again")
    end,
  },
  {
    start = function()
      r:command("flushall")
    end,
  },
  {
    start = function()
      r:command("config set maxmemory 1")
    end,
    stop = function()
      r:command("config set maxmemory 0")
    end,
  },
  {
    start = function()
      local machine = other_machine()
      local workers = machine:workers()
      if #workers > 0 then
        machine:signal("KILL", workers[1])
      end
    end,
  },
  {
    start = function()
      other_machine():signal("HUP")
    end,
  },
  {
    start = function()
      machines[math.random(3)]:get("/purge")
    end,
  },
  {
    start = function()
      machines[math.random(3)]:get("/purge?name=" .. names[math.random(#names)])
    end,
  },
}

local samples = {}

local function sample()
  local kib, descriptors = 0, 0
  for _, pid in ipairs(machines[1]:workers()) do
    local status = server.output_of(("cat /proc/%s/status 2>/dev/null"):format(pid))
    kib = kib + (tonumber(status:match("VmRSS:%s*(%d+)")) or 0)
    descriptors = descriptors + (server.descriptors(pid) or 0)
  end
  samples[#samples + 1] = { at = now(), kib = kib, descriptors = descriptors }
end

--- One tick's share of the requests, at the same time.
local function burst(count)
  local calls = {}
  for i = 1, count do
    calls[i] = ask
  end
  local _, errors = llm.gather(calls, { concurrency = count })
  for _, err in pairs(errors or {}) do
    complain("%s", tostring(err))
  end
end

local function median(list, field, from, to)
  local values = {}
  for i = from, to do
    values[#values + 1] = list[i][field]
  end
  table.sort(values)
  return values[math.ceil(#values / 2)]
end

local function run()
  local next_tick, next_turn, next_sample, fault = now(), now() + TURN, now(), nil
  while now() < ends do
    burst(math.floor(given.rate * TICK))
    if fault and now() > fault.ends then
      if fault.stop then
        fault.stop()
      end
      fault, failing_until = nil, now() + RECOVERY
    end
    if now() > next_turn then
      fault = FAULTS[math.random(#FAULTS)]
      fault.ends, failing_until = now() + TURN / 2, now() + TURN + RECOVERY
      fault.start()
      counts.faults = counts.faults + 1
      next_turn = now() + TURN
    elseif not fault and math.random() < 0.1 then
      publish()
    end
    if now() > next_sample then
      sample()
      next_sample = now() + math.max(given.minutes, 0.5)
    end
    next_tick = math.max(next_tick + TICK, now() - 5 * TICK)
    llm.sleep(math.max(next_tick - now(), 0.001))
  end
  if fault and fault.stop then
    fault.stop()
  end
end

local ok, message = pcall(run)
local seconds = now() - started
local lines = 0
for _, machine in ipairs(machines) do
  lines = lines + select(2, machine:complaints():gsub("[^\n]+", ""))
end
local stats = machines[1]:get("/stats")
for _, machine in ipairs(machines) do
  machine:stop()
end
r:kill()
e:stop()

local passed, failed = 0, 0
local function check(good, ...)
  passed, failed = passed + (good and 1 or 0), failed + (good and 0 or 1)
  print((good and "ok      " or "FAILED  ") .. string.format(...))
end

print(
  ("seed %d, %d s, %.0f requests a second"):format(given.seed, seconds, counts.requests / seconds)
)
print("one machine: " .. stats)
check(ok, "the run came to its end%s", ok and "" or ": " .. tostring(message))
check(
  #wrong == 0,
  "%d answers, %d old ones, %d failures, %d faults, %d new versions: %d wrong",
  counts.requests,
  counts.stale,
  counts.failed,
  counts.faults,
  counts.published,
  counts.wrong or 0
)
for _, line in ipairs(wrong) do
  print("        " .. line)
end
check(counts.failed < counts.requests / 20, "few requests fail: %d", counts.failed)
-- A machine that is busy makes fewer, and all have to be right.
check(counts.requests > given.rate * seconds / 10, "the load was %d requests", counts.requests)
check(
  lines <= 30 + counts.faults * 6,
  "the error logs have %d lines, for %d requests",
  lines,
  counts.requests
)
local first = math.max(1, math.floor(#samples * WARM_UP))
local third = math.max(1, math.floor((#samples - first) / 3))
local before = median(samples, "kib", first, math.min(first + third, #samples))
local after = median(samples, "kib", math.max(#samples - third, 1), #samples)
check(after <= before * 1.1 + 2048, "memory of two workers: %d KiB, then %d KiB", before, after)
before = median(samples, "descriptors", first, math.min(first + third, #samples))
after = median(samples, "descriptors", math.max(#samples - third, 1), #samples)
check(after <= before + 40, "descriptors of two workers: %d, then %d", before, after)
print(("%d passed, %d failed"):format(passed, failed))
os.exit(failed == 0 and 0 or 1)
