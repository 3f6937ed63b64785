--- The program that makes the calls of the soak, in a process of its own. It keeps nothing of what
--- it has done but a journal in a file: one entry a call.
---
---   <lua> spec/soak/caller.lua settings.json

local cjson = require("cjson").new()

local clock = require("posthog.llm.clock")
local core = require("posthog.llm.core")
local llm = require("posthog.llm")
local process = require("spec.support.process")
local Worker = require("spec.soak.worker")

local WORKERS = 16
local ROUND = 100 -- calls of each worker between two looks at memory, at most
local WARM = 1000 -- calls before memory is compared
local FASTER = 50 -- times that the waits between attempts are shortened

local CALLS = {}
for _, list in ipairs({ "spec.soak.row_calls", "spec.soak.skill_calls" }) do
  for _, one in ipairs(require(list)) do
    CALLS[#CALLS + 1] = one
  end
end

local function read(name)
  local file = assert(io.open(name, "rb"))
  local text = file:read("*a")
  file:close()
  return cjson.decode(text)
end

local settings = read(arg[1])
local journal = assert(io.open(settings.journal, "wb"))
local round = math.min(ROUND, math.ceil(settings.calls / WORKERS))
local counts = { calls = 0, unknown = 0, failed = 0 }

local function tell(entry)
  counts.calls = counts.calls + 1
  counts[entry.outcome] = (counts[entry.outcome] or 0) + 1
  journal:write(cjson.encode(entry), "\n")
end

--- Options of the clients; half of the workers speak HTTP/1.1, half HTTP/2 over TLS.
local function client(tls)
  return llm.new({
    personal_api_key = "phx_emulator_all",
    project_id = 112358,
    host = tls and settings.tls_url or settings.url,
    ca_file = settings.ca_file,
    timeout = 1.5,
    deadline = 60,
    max_response_bytes = 128 * 1024,
  })
end

local function collect()
  if jit then
    jit.flush()
  end -- compiled code counts as memory, and holds on to functions
  for _ = 1, 4 do
    collectgarbage()
  end
end

local function measured()
  collect()
  return {
    calls = counts.calls,
    heap = math.floor(collectgarbage("count")),
    memory = process.memory(),
    descriptors = process.descriptors(),
    threads = process.threads(),
  }
end

--- So many calls of one worker.
local function turn(worker)
  return function()
    local last = worker.calls + round
    while worker.calls < last do
      local possible = {}
      for _, one in ipairs(CALLS) do
        if one.may(worker) then
          possible[#possible + 1] = one
        end
      end
      worker.chance:weighted(possible).run(worker)
    end
  end
end

local function raised(errors)
  for i, err in pairs(errors or {}) do
    counts.raised = (counts.raised or 0) + 1
    journal:write(cjson.encode({ kind = "raised", worker = i, message = tostring(err) }), "\n")
  end
end

local function show(began, sample)
  if not settings.terminal then
    return
  end
  io.stderr:write(
    ("\r%4d s %7d calls, %d failed, %d unknown; %d KiB, %d descriptors   "):format(
      os.time() - began,
      sample.calls,
      counts.failed,
      counts.unknown,
      sample.memory or 0,
      sample.descriptors or 0
    )
  )
end

local function run()
  local clients = { client(false), client(true) }
  for _, one in ipairs(clients) do -- the engine stays, whatever is closed
    one.datasets:list({ limit = 1 })
    one:close()
  end
  core.engine():run() -- so does its thread, in a plain program from the first page that is read ahead
  local start = measured()
  clients = { client(false), client(true) }
  local workers, turns, common = {}, {}, {}
  for i = 1, WORKERS do
    workers[i] = Worker.new(i, clients[1 + i % 2], settings.seed, common, tell)
    turns[i] = turn(workers[i])
  end
  local began = os.time()
  local warm, most, sample
  repeat
    local _, errors = llm.gather(turns, { concurrency = WORKERS })
    raised(errors)
    sample = measured()
    if not warm and sample.calls >= WARM then
      warm = sample
    end
    most = math.max(most or 0, sample.descriptors or 0)
    journal:write(cjson.encode({ kind = "sample", sample = sample }), "\n")
    show(began, sample)
  until os.time() - began >= settings.minutes * 60
    or sample.calls >= settings.calls
    or counts.raised
  for _, one in ipairs(clients) do
    one:close()
  end
  journal:write(
    cjson.encode({
      kind = "end",
      start = start,
      warm = warm,
      last = sample,
      closed = measured(),
      most_descriptors = most,
    }),
    "\n"
  )
  journal:close()
  if settings.terminal then
    io.stderr:write("\n")
  end
end

local sleep = clock.sleep
function clock.sleep(seconds)
  return sleep(seconds / FASTER)
end

if settings.host == "uv" then
  local uv = require("luv")
  local problem
  llm.go(run, function(err)
    problem = err
    uv.stop()
  end)
  uv.run()
  if problem then
    error(problem, 0)
  end
else
  run()
end
