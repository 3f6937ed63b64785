--- The model check: the library against the emulator, in very many stories in which answers are lost,
--- requests are done late, gateways answer for the server, and others write to the same things. It
--- asserts the promise of doc/reliability.md and nothing else.
---
---   <lua> spec/model/run.lua [--seconds=30] [--stories=N] [--seed=1] [--story=N] [--kind=NAME]
---     [--worker=1] [--alone=1]
---
--- Workers play other stories of the same seed. With --alone=1 it also counts those in which nobody else
--- does anything and only the first request meets a fault.
--- With --story it plays that one story of the seed and tells it. The last line is
--- "N passed, N failed", stories.

local emulator = require("spec.emulator")
local judge = require("spec.model.judge")
local stage = require("spec.model.stage")
local story = require("spec.model.story")

local OUTCOMES = { "ok", "failed", "ambiguous", "beyond", "wrong" }
local MOST_WRONG = 3 -- stories that are told
local VERSION_BATCH = 100 -- stories in a row with one version of the API, as of the stage

local settings = {
  seconds = 30,
  stories = 1e9,
  seed = os.time() % 1000000,
  story = 0,
  kind = "",
  worker = 1,
  alone = 0,
}
for _, word in ipairs(arg) do
  local name, value = word:match("^%-%-(%l+)=(.*)$")
  if not name or settings[name] == nil then
    io.stderr:write("model: unknown option ", word, "\n")
    os.exit(2)
  end
  settings[name] = tonumber(value) or value
end
local only = settings.kind ~= "" and settings.kind or nil

local function version_of(number)
  return math.floor(number / VERSION_BATCH) % 2 == 0 and "current" or "reference"
end

local e = emulator.start()
local theatre = stage.new(e)

--- @return string outcome
--- @return string? why
--- @return table result
local function play(told)
  local result = theatre:play(told)
  local outcome, why = judge.decide(told, result)
  return outcome, why, result
end

--- The story without all that it needs not to go wrong.
local function shortest(told)
  local shortened = true
  while shortened do
    shortened = false
    for _, shorter in ipairs(story.shorter(told)) do
      if play(shorter) == "wrong" then
        told, shortened = shorter, true
        break
      end
    end
  end
  return told
end

local function tell(told, why, result)
  print(("seed %d, story %d: %s"):format(told.seed, told.number, why))
  print("  " .. story.text(told):gsub("\n", "\n  "))
  print("  it ended with " .. (result.err and tostring(result.err) or "a success"))
  for _, entry in ipairs(result.log) do
    local who = entry.raw_header:match("model%-(%S+)") or "?"
    print(
      ("    %s%s %s %s -> %s%s"):format(
        who,
        stage.is_tried(entry) and "*" or "",
        entry.method,
        entry.target,
        tostring(entry.status),
        entry.order and (", handled %d as write %d"):format(entry.handled, entry.order) or ""
      )
    )
  end
end

local function nothing()
  return { ok = 0, failed = 0, ambiguous = 0, beyond = 0, wrong = 0 }
end

local counts, by_fault, alone, total = {}, {}, {}, nothing()

local function count(map, key, outcome)
  map[key] = map[key] or nothing()
  map[key][outcome] = map[key][outcome] + 1
end

local function print_counts(title, map)
  local names = {}
  for name in pairs(map) do
    names[#names + 1] = name
  end
  table.sort(names)
  print(("%-58s %8s  %s"):format(title, "runs", "   ok   failed   ambiguous   beyond   wrong"))
  for _, name in ipairs(names) do
    local row, runs = map[name], 0
    for _, outcome in ipairs(OUTCOMES) do
      runs = runs + row[outcome]
    end
    local shares = ("%4.1f%%  %5.1f%%  %8.1f%%"):format(
      row.ok / runs * 100,
      row.failed / runs * 100,
      row.ambiguous / runs * 100
    )
    print(("%-58s %8d  %s  %7d  %6d"):format(name, runs, shares, row.beyond, row.wrong))
  end
end

local function run()
  stage.fake_time()
  if settings.story > 0 then
    local told = story.draw(settings.seed, settings.story, version_of(settings.story), only)
    local outcome, why, result = play(told)
    tell(told, why or outcome, result)
    return outcome == "wrong" and 0 or 1, outcome == "wrong" and 1 or 0
  end
  local started, number, played = os.time(), settings.worker * 1e7, 0
  while played < settings.stories and os.time() - started < settings.seconds do
    number = number + 1
    local told = story.draw(settings.seed, number, version_of(number), only)
    if told then
      played = played + 1
      local outcome, why, result = play(told)
      total[outcome] = total[outcome] + 1
      count(counts, told.kind, outcome)
      count(by_fault, story.first_fault(told), outcome)
      if story.is_quiet(told) then
        count(alone, ("%s | %s"):format(told.kind, story.first_fault(told)), outcome)
      end
      if outcome == "wrong" and total.wrong <= MOST_WRONG then
        tell(told, why, result)
        local short = shortest(told)
        local _, reason, again = play(short)
        print("the shortest that still goes wrong:")
        tell(short, reason or "it does no more", again)
      end
    end
  end
  print(("seed %d, %d stories in %d s"):format(settings.seed, played, os.time() - started))
  print_counts("kind of write", counts)
  print_counts("what befell its first request", by_fault)
  if settings.alone > 0 then
    print_counts("alone, and only that", alone)
  end
  return played - total.wrong, total.wrong
end

local ran, passed, failed = xpcall(run, debug.traceback)
theatre:close()
e:stop()
if not ran then
  print(passed)
  passed, failed = 0, 1
end
print(("%d passed, %d failed"):format(passed, failed))
os.exit(failed == 0 and 0 or 1)
