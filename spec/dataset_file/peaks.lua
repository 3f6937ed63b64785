--- Runs the command on a dataset of many rows, and tells how much memory each process took.

local command = require("spec.support.command")
local emulator = require("spec.emulator")

local peaks = {}

--- @class spec.Peak
--- @field what string
--- @field code integer exit code of the command
--- @field peak number MiB, as Linux counts it
--- @field seconds number
--- @field said string the last line of its output

--- @param path string
--- @param rows integer
--- @param word string in each output
local function write_source(path, rows, word)
  local file = assert(io.open(path, "wb"))
  for i = 1, rows do
    local text = '{"input":{"question":"What is %d + %d?","n":%d},"output":"It is %d, %s."}\n'
    file:write(text:format(i, i, i, 2 * i, word))
  end
  file:close()
end

--- @param e posthog.Emulator
--- @return spec.Peak
local function measure(e, what, args)
  local kept = os.tmpname()
  local watch = 'while h=$(grep -s VmHWM /proc/$pid/status); do echo "$h" >%s; sleep 0.005; done'
  local began = os.time()
  local result = command.run(args, {
    env = {
      POSTHOG_HOST = e.url,
      POSTHOG_PROJECT_ID = "112358",
      POSTHOG_PERSONAL_API_KEY = command.KEY,
    },
    while_running = watch:format(kept),
  })
  local file = assert(io.open(kept))
  local kilobytes = tonumber(file:read("*a"):match("(%d+) kB")) or 0
  file:close()
  os.remove(kept)
  local lines = result.out ~= "" and result.out or result.err
  return {
    what = what,
    code = result.code,
    peak = kilobytes / 1024,
    seconds = os.difftime(os.time(), began),
    said = lines:match("([^\n]*)\n*$"),
  }
end

--- An import, an export, a comparison, a sync of what is equal, a dry run of one that would change
--- every row, and a list.
--- @param profile "reference"|"current"
--- @param rows integer
--- @return spec.Peak[]
function peaks.runs(profile, rows)
  local e = emulator.start({ profile = profile })
  e:settings({ log = false, item_limit = 0 })
  local source, copy = os.tmpname(), os.tmpname()
  write_source(source, rows, "of course")
  local jsonl = { "--format", "jsonl" }
  local runs = {
    measure(e, "import", { "datasets", "import", "big", source, "--create", jsonl[1], jsonl[2] }),
    measure(e, "export", { "datasets", "export", "big", copy, jsonl[1], jsonl[2] }),
    measure(
      e,
      "comparison",
      { "datasets", "diff", "big", copy, "--key", "id", jsonl[1], jsonl[2] }
    ),
  }
  local sync = { "datasets", "sync", "big", source, "--key", "input", jsonl[1], jsonl[2] }
  runs[4] = measure(e, "sync", sync)
  write_source(source, rows, "I think")
  sync[#sync + 1] = "--dry-run"
  runs[5] = measure(e, "dry run", sync)
  runs[6] = measure(e, "list", { "items", "list", "--dataset", "big" })
  e:stop()
  os.remove(source)
  os.remove(source .. ".journal")
  os.remove(copy)
  return runs
end

return peaks
