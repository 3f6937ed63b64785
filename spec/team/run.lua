--- Long plays: run.lua [steps=1000] [seeds=1] [first seed] [reference|current]

local play = require("spec.team.play")

local steps, seeds = tonumber(arg[1] or 1000), tonumber(arg[2] or 1)
local first = tonumber(arg[3] or os.time() % 1000000)
local profiles = arg[4] and { arg[4] } or { "reference", "current" }

local failed = 0
for seed = first, first + seeds - 1 do
  for _, profile in ipairs(profiles) do
    local began = os.time()
    local ok, result = pcall(play.run, { seed = seed, steps = steps, profile = profile })
    if ok then
      local words = "seed %d, %s: %d steps, %d lines written, %d versions, %d refusals told, "
        .. "%d pulls and pushes killed, equal after %d rounds, %d s"
      local kills = (result.done.kill_pull or 0) + (result.done.kill_push or 0)
      print(
        words:format(
          seed,
          profile,
          result.steps,
          result.lines,
          result.versions,
          result.told,
          kills,
          result.rounds,
          os.time() - began
        )
      )
    else
      failed = failed + 1
      print(result)
    end
    io.stdout:flush()
  end
end
os.exit(failed == 0 and 0 or 1)
