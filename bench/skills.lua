--- How long whole roots of skills take: 100 skills of 5 files, on a server that answers after
--- 20 ms. Beside each figure stands what the requests need, eight at a time, when nothing else does:
--- all of them as one heap, and in the order in which they depend on each other.
---
---   make bench-skills
---   BENCH_ROOT=DIR make bench-skills        on another file system, such as a tmpfs: every file is synced

package.path = "./?.lua;./?/init.lua;" .. package.path

local core = require("posthog.llm.util.core")
local emulator = require("spec.emulator")
local folders = require("spec.support.folders")
local llm = require("posthog.llm")
local skill_folder = require("posthog.llm.skill_folder")

local SKILLS, FILES, CHANGED = 100, 5, 10
local LATENCY, AT_ONCE = 0.02, 8

local function fill(client)
  for i = 1, SKILLS do
    local files = {}
    for k = 1, FILES do
      files[k] = { path = k .. ".md", content = ("Text %d of skill %d.\n"):format(k, i):rep(20) }
    end
    local fields = { name = ("skill-%03d"):format(i), description = "A skill.", files = files }
    fields.body = ("Step %d.\n"):format(i):rep(50)
    assert(client.skills:create(fields))
  end
end

--- Runs it, and prints its row.
--- @param chain integer requests of each skill, one after the other
--- @param width integer skills
local function report(e, what, chain, width, f)
  local since, began, cpu = #e:log(), core.now(), os.clock()
  local value = f()
  local took, used = core.now() - began, os.clock() - cpu
  local requests = #e:log(since)
  local heap = requests * LATENCY / AT_ONCE
  local ordered = (1 + math.ceil(width / AT_ONCE) * chain) * LATENCY
  local row = "%-28s %8d %7.0f ms %7.0f ms %6.2f %7.0f ms %6.2f %7.0f ms"
  print(
    row:format(
      what,
      requests,
      took * 1e3,
      heap * 1e3,
      took / heap,
      ordered * 1e3,
      took / ordered,
      used * 1e3
    )
  )
  return value
end

local HEAD = "%-28s %8s %10s %10s %6s %10s %6s %10s"

local function measure(profile, root)
  local e = emulator.start({ profile = profile })
  local client = llm.new({
    personal_api_key = "phx_emulator_all",
    project_id = 112358,
    host = e.url,
    pace = false,
  })
  fill(client)
  e:fault({ match = { path = "llm_skills" }, action = { delay = LATENCY } })
  print(profile == "reference" and "API v1" or "API v2")
  print(HEAD:format("", "requests", "took", "one heap", "ratio", "in order", "ratio", "our CPU"))
  report(e, "pull_all", 1 + FILES, SKILLS, function()
    return assert(skill_folder.pull_all(client, root))
  end)
  report(e, "status_all, unchanged", 0, 0, function()
    return assert(skill_folder.status_all(client, root))
  end)
  report(e, "pull_all, unchanged", 0, 0, function()
    return assert(skill_folder.pull_all(client, root))
  end)
  for i = 1, CHANGED do
    folders.write(root, ("skill-%03d/1.md"):format(i * 9), "Changed.\n")
  end
  report(e, "push_all, 10 changed", 2, CHANGED, function()
    return assert(skill_folder.push_all(client, root))
  end)
  e:stop()
end

for _, profile in ipairs({ "reference", "current" }) do
  local root = (os.getenv("BENCH_ROOT") or "/tmp") .. ("/bench-skills-%.6f"):format(core.now())
  local ok, err = pcall(measure, profile, root)
  folders.remove(root)
  if not ok then
    error(err, 0)
  end
end
