--- The long proof that an import makes each record once: 5,000 of them, a fault every tenth
--- request, a hundred kills, on both API versions.
---
---   tools/lua 5.4 spec/dataset_file/run.lua [--records=5000] [--kills=100] [--seed=1] [--slow=1] [--power=1]
---
--- --slow=1: responses come late and in another order. --power=1: each kill is a power failure, which leaves of
--- the journal what was synced and a random part of the rest.
---
--- The last line is "N passed, N failed".

local emulator = require("spec.emulator")
local kills = require("spec.dataset_file.kills")

local settings = { records = 5000, kills = 100, seed = os.time() % 100000, slow = 0, power = 0 }
for _, word in ipairs(arg) do
  local name, value = word:match("^%-%-(%l+)=(%d+)$")
  if not name or not settings[name] then
    io.stderr:write("unknown option ", word, "\n")
    os.exit(2)
  end
  settings[name] = tonumber(value)
end

local passed, failed = 0, 0
for _, profile in ipairs({ "reference", "current" }) do
  local e = emulator.start({ profile = profile })
  e:settings({ log = false, item_limit = 0 })
  local result = kills.run(e, {
    records = settings.records,
    kills = settings.kills,
    seed = settings.seed,
    slow = settings.slow == 1,
    power = settings.power == 1,
    settle = 0.3,
    after = math.ceil(settings.records / settings.kills * 2400),
    tell = function(runs, killed)
      io.stderr:write(("\r%s: %d runs, %d killed"):format(profile, runs, killed))
    end,
  })
  e:stop()
  io.stderr:write("\n")
  local missing, doubled, rows = 0, 0, 0
  for input, count in pairs(result.wanted) do
    local there = result.held[input] or 0
    rows = rows + there
    missing = missing + math.max(0, count - there)
    doubled = doubled + math.max(0, there - count)
  end
  local s = result.summary
  print(
    ("%s, seed %d: %d runs, %d killed; %d rows, %d missing, %d too many"):format(
      profile,
      settings.seed,
      result.runs,
      result.killed,
      rows,
      missing,
      doubled
    )
  )
  if s then
    print(
      ("  %d records: %d created, %d found, %d rejected"):format(
        s.records,
        s.created,
        s.found,
        s.rejected
      )
    )
  else
    print(result.output)
  end
  local good = s
    and missing == 0
    and doubled == 0
    and s.imported == settings.records
    and s.rejected == 1
    and s.uncertain == nil -- a single import is sure of its rows
    and s.records == settings.records + 1
  passed, failed = passed + (good and 1 or 0), failed + (good and 0 or 1)
end
print(("%d passed, %d failed"):format(passed, failed))
os.exit(failed == 0 and 0 or 1)
