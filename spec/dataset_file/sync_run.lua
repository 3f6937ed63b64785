--- The long proof that a sync makes the dataset equal to the file: versions of a file at random, a fault
--- every tenth request, others who write meanwhile, kills, on both versions of the API.
---
---   tools/lua 5.4 spec/dataset_file/sync_run.lua [--records=300] [--versions=20] [--kills=4] [--seed=1] [--slow=1]
---
--- --slow=1: responses come late and in another order.
--- The last line is "N passed, N failed".

local emulator = require("spec.emulator")
local syncs = require("spec.dataset_file.syncs")

local settings = { records = 300, versions = 20, kills = 4, seed = os.time() % 100000, slow = 0 }
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
  e:settings({ log = false, item_limit = 0, item_version_limit = 0, item_archive_limit = 0 })
  local result = syncs.run(e, {
    records = settings.records,
    versions = settings.versions,
    kills = settings.kills,
    seed = settings.seed,
    slow = settings.slow == 1,
    settle = 0.3,
    after = settings.records * 3000,
    profile = profile,
    tell = function(version, killed)
      io.stderr:write(("\r%s: %d versions, %d killed"):format(profile, version, killed))
    end,
  })
  e:stop()
  io.stderr:write("\n")
  local words = "%s, seed %d: %d versions, %d runs, %d killed, %d writes of others, %d conflicts;"
    .. " %d differences"
  print(
    words:format(
      profile,
      settings.seed,
      settings.versions,
      result.runs,
      result.killed,
      result.others,
      result.conflicts,
      #result.differences
    )
  )
  for i = 1, math.min(10, #result.differences) do
    print("  " .. result.differences[i])
  end
  local good = #result.differences == 0
  passed, failed = passed + (good and 1 or 0), failed + (good and 0 or 1)
end
print(("%d passed, %d failed"):format(passed, failed))
os.exit(failed == 0 and 0 or 1)
