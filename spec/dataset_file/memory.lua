--- How much memory the command takes for a dataset of many rows: an import, an export, a
--- comparison and syncs, each a process of its own, whose peak (VmHWM) is read from Linux's /proc.
---
---   tools/lua 5.4 spec/dataset_file/memory.lua [--rows=100000] [--most=60]
---
--- --most: MiB; a comparison, which keeps a digest of each record, may take half as much again, and a sync
--- more, see SHARES. The last line is "N passed, N failed"; the first column is the peak.

local memory = require("spec.dataset_file.peaks")

local settings = { rows = 100000, most = 60 }
for _, word in ipairs(arg) do
  local name, value = word:match("^%-%-(%l+)=(%d+)$")
  if not name or not settings[name] then
    io.stderr:write("unknown option ", word, "\n")
    os.exit(2)
  end
  settings[name] = tonumber(value)
end

--- How much more these may take: digests, and for each row that is to be changed its id and digest.
local SHARES = { comparison = 1.5, sync = 2, ["dry run"] = 2.5 }

local passed, failed = 0, 0
for _, profile in ipairs({ "reference", "current" }) do
  for _, run in ipairs(memory.runs(profile, settings.rows)) do
    local most = settings.most * (SHARES[run.what] or 1)
    local good = run.code == 0 and run.peak <= most
    passed, failed = passed + (good and 1 or 0), failed + (good and 0 or 1)
    local words = "%6.1f MiB  %6.1f s  %s of %d rows, %s: %s"
    print(words:format(run.peak, run.seconds, run.what, settings.rows, profile, run.said))
  end
end
print(("%d passed, %d failed"):format(passed, failed))
os.exit(failed == 0 and 0 or 1)
