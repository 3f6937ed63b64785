--- How long whole jobs take, on a server that answers after 20 ms, and a tenth of the requests after
--- 100 ms, beside what their requests alone need, eight at a time:
---
---   make bench BENCHES=jobs
---   BENCH_JOBS="push of 20 folders" make bench BENCHES=jobs      those that are named there
---   TMPDIR=DIR make bench BENCHES=jobs     with the folders elsewhere, such as on a tmpfs: files are synced

local here = arg[0]:match("^(.*)/[^/]*$") or "."
package.path = here .. "/?.lua;" .. package.path

local measure = require("measure")

local TURNS = math.min(measure.TURNS, 3)
--- In the order of the table; bench/job.lua has them.
local ALL = {
  "pull of 50 files",
  "push of 20 folders",
  "status of 20 folders",
  "pull_all, 100 skills",
  "status_all, 100 skills",
  "push_all, 10 of 100",
  "export of 5,000",
  "diff of 5,000",
  "import of 2,000",
}

local JOBS, wanted = {}, os.getenv("BENCH_JOBS")
for _, name in ipairs(ALL) do
  if not wanted or wanted:find(name, 1, true) then
    JOBS[#JOBS + 1] = name
  end
end

--- @return table<string, { wall: number[], ideal: number[], ratio: number[], cpu: number[], requests: integer, rows: integer }>
local function take_turns()
  local seen = {}
  for turn = 1, TURNS do
    for _, name in ipairs(JOBS) do
      local command = ("%s/../tools/lua 5.4 %s/job.lua %s"):format(here, here, measure.quote(name))
      local wall, ideal, cpu, requests, rows = measure.numbers_of(command)
      local all = seen[name] or { wall = {}, ideal = {}, ratio = {}, cpu = {} }
      seen[name] = all
      all.wall[turn], all.ideal[turn], all.ratio[turn] = wall, ideal, wall / ideal
      all.cpu[turn], all.requests, all.rows = cpu, requests, rows
    end
  end
  return seen
end

local seen, rows = take_turns(), {}
for i, name in ipairs(JOBS) do
  local all = seen[name]
  local cpu = measure.median(all.cpu)
  rows[i] = {
    name,
    ("%d"):format(all.requests),
    ("%.0f"):format(measure.median(all.wall) * 1e3),
    ("%.0f"):format(measure.median(all.ideal) * 1e3),
    measure.ratio(all.ratio),
    ("%.0f"):format(cpu * 1e3),
    ("%.0f"):format(cpu * 1e6 / all.rows),
  }
end
print("\n## Jobs, 20 ms a request, a tenth of them 100 ms\n")
measure.table({
  "Lua 5.4, HTTP/1.1",
  "requests",
  "wall ms",
  "ideal ms",
  "times the ideal",
  "CPU ms",
  "CPU us a row",
}, rows)
