--- One job of bench/jobs.lua, in a process of its own, with an emulator of its own:
---
---   tools/lua 5.4 bench/job.lua NAME
---
--- Prints what the job took, the ideal by the delays that the server gave, and the CPU seconds of
--- this process, its thread included; then the numbers of requests and of rows.

local lfs = require("lfs")

local core = require("posthog.llm.util.core")
local dataset_file = require("posthog.llm.dataset_file")
local emulator = require("spec.emulator")
local folders = require("spec.support.folders")
local llm = require("posthog.llm")
local skill_folder = require("posthog.llm.skill_folder")

local AT_ONCE = 8 -- requests, for the ideal
--- Seconds that the server takes to answer: the first fault that applies. Which tenth of the requests
--- is slow hangs on what is asked, so that it is the same in each run.
local DELAYS = { 0.1, 0.02 }
local FAULTS = {
  { match = { path = "^/api/", share = 0.1 }, action = { delay = DELAYS[1] } },
  { match = { path = "^/api/" }, action = { delay = DELAYS[2] } },
}

--- @class bench.Job
--- @field rows integer what the CPU time is divided by
--- @field chain integer requests at the start, each of which needs the response of the one before
--- @field prepare? fun(world: table) without delays
--- @field run fun(world: table)

local function skill_of(name, files)
  local fields = { name = name, description = "A skill.", files = {} }
  for k = 1, files do
    local content = ("Text %d of %s.\n"):format(k, name):rep(20)
    fields.files[k] = { path = ("%d.md"):format(k), content = content }
  end
  fields.body = ("A step of %s.\n"):format(name):rep(50)
  return fields
end

--- Makes skills on the server.
--- @return string[] names
local function make_skills(world, count, files)
  local names = {}
  for i = 1, count do
    names[i] = ("skill-%03d"):format(i)
    assert(world.client.skills:create(skill_of(names[i], files)))
  end
  return names
end

--- Makes skills, each in its folder.
local function make_folders(world, count, files)
  world.names = make_skills(world, count, files)
  assert(skill_folder.pull_all(world.client, world.root))
end

local function change(world, names)
  for _, name in ipairs(names) do
    folders.write(world.root, name .. "/1.md", "Changed.\n")
  end
end

--- Does it for each folder, as the command does for those that it is given.
local function each_folder(world, act)
  local functions = {}
  for i, name in ipairs(world.names) do
    functions[i] = function()
      return act(world.client, world.root .. "/" .. name)
    end
  end
  local _, errors = llm.gather(functions, { concurrency = AT_ONCE })
  local _, err = next(errors or {})
  assert(not err, err)
end

local function make_items(world, count)
  world.dataset = world.server:seed({ datasets = 1 }).datasets[1]
  world.server:seed({ items = count, dataset = world.dataset })
  world.file = world.root .. "/items.jsonl"
end

local function write_rows(world, count)
  world.server:settings({ item_limit = 0 })
  world.dataset = world.server:seed({ datasets = 1 }).datasets[1]
  local lines = {}
  for i = 1, count do
    local words = '{"input":{"question":"What is %d + %d?"},"output":{"answer":%d}}\n'
    lines[i] = words:format(i, i, 2 * i)
  end
  folders.write(world.root, "rows.jsonl", table.concat(lines))
end

--- @type table<string, bench.Job>
local JOBS = {
  ["pull of 50 files"] = {
    rows = 50,
    chain = 1,
    prepare = function(world)
      make_skills(world, 1, 50)
    end,
    run = function(world)
      assert(skill_folder.pull(world.client, "skill-001", world.root .. "/skill-001"))
    end,
  },
  ["push of 20 folders"] = {
    rows = 20,
    chain = 0,
    prepare = function(world)
      make_folders(world, 20, 5)
      change(world, world.names)
    end,
    run = function(world)
      each_folder(world, skill_folder.push)
    end,
  },
  ["status of 20 folders"] = {
    rows = 20,
    chain = 0,
    prepare = function(world)
      make_folders(world, 20, 5)
    end,
    run = function(world)
      each_folder(world, skill_folder.status)
    end,
  },
  ["pull_all, 100 skills"] = {
    rows = 600,
    chain = 1,
    prepare = function(world)
      make_skills(world, 100, 5)
    end,
    run = function(world)
      assert(skill_folder.pull_all(world.client, world.root))
    end,
  },
  ["status_all, 100 skills"] = {
    rows = 600,
    chain = 1,
    prepare = function(world)
      make_folders(world, 100, 5)
    end,
    run = function(world)
      assert(skill_folder.status_all(world.client, world.root))
    end,
  },
  ["push_all, 10 of 100"] = {
    rows = 10,
    chain = 1,
    prepare = function(world)
      make_folders(world, 100, 5)
      local changed = {}
      for i = 1, 10 do
        changed[i] = world.names[i * 9]
      end
      change(world, changed)
    end,
    run = function(world)
      assert(skill_folder.push_all(world.client, world.root))
    end,
  },
  ["export of 5,000"] = {
    rows = 5000,
    chain = 2,
    prepare = function(world)
      make_items(world, 5000)
    end,
    run = function(world)
      local result = assert(dataset_file.export(world.client, world.dataset, world.file))
      assert(result.rows == 5000)
    end,
  },
  ["diff of 5,000"] = {
    rows = 5000,
    chain = 2,
    prepare = function(world)
      make_items(world, 5000)
      assert(dataset_file.export(world.client, world.dataset, world.file))
    end,
    run = function(world)
      local result = assert(dataset_file.diff(world.client, world.dataset, world.file))
      assert(result.same == 5000)
    end,
  },
  ["import of 2,000"] = {
    rows = 2000,
    chain = 1,
    prepare = function(world)
      write_rows(world, 2000)
    end,
    run = function(world)
      local path = world.root .. "/rows.jsonl"
      local summary = assert(dataset_file.import(world.client, world.dataset, path))
      assert(summary.imported == 2000)
    end,
  },
}

--- When the last response would be there if nothing but the server's delays took time: those of the
--- requests at the start one after another, then eight at a time, in the order of their arrival, each
--- as soon as a place is free.
local function ideal_of(log, chain)
  local free = {}
  for place = 1, AT_ONCE do
    free[place] = 0
  end
  for i, entry in ipairs(log) do
    local delay = assert(DELAYS[entry.fault], "a request had no delay")
    if i <= chain then
      for place = 1, AT_ONCE do
        free[place] = free[place] + delay
      end
    else
      table.sort(free)
      free[1] = free[1] + delay
    end
  end
  table.sort(free)
  return free[AT_ONCE]
end

local function measure(job, world)
  local server = world.server
  if job.prepare then
    job.prepare(world)
  end
  server:faults(FAULTS)
  collectgarbage()
  local since = #server:log()
  local began, cpu = core.now(), os.clock()
  job.run(world)
  local wall, used = core.now() - began, os.clock() - cpu
  local log = server:log(since)
  print(("%.6f %.6f %.6f %d %d"):format(wall, ideal_of(log, job.chain), used, #log, job.rows))
end

local world = {
  server = emulator.start({ profile = "current" }),
  root = ("%s/posthog-job-%.6f"):format(os.getenv("TMPDIR") or "/tmp", core.now()),
}
assert(lfs.mkdir(world.root))
world.client = llm.new({
  personal_api_key = "phx_emulator_all",
  project_id = 112358,
  host = world.server.url,
  pace = false,
})
local ok, err = pcall(measure, assert(JOBS[arg[1]], "no such job"), world)
world.server:stop()
folders.remove(world.root)
if not ok then
  error(err, 0)
end
