--- An import or a sync in a process of its own, which may kill itself on the way.
---
---   <lua> spec/dataset_file/importer.lua settings.json
---
--- settings: url, dataset, source, settle, concurrency, journal, sync = options of a sync instead of an import,
--- kill = { after, from }: SIGKILL after so many instructions of Lua, counted from "start" or from the
--- first "create" on, which is any write; or { seconds, from }; power = true: how much of the journal is on
--- the disk is kept in a file beside it. The last line of the output is the summary as JSON, or an error.

local cjson = require("cjson").new()

local dataset_file = require("posthog.llm.dataset_file")
local file_system = require("posthog.llm.util.file_system")
local llm = require("posthog.llm")

local file = assert(io.open(arg[1], "rb"))
local settings = cjson.decode(file:read("*a"))
file:close()

local function pid()
  local stat = assert(io.open("/proc/self/stat"))
  local number = stat:read("*n")
  stat:close()
  return math.floor(number)
end

local STEP = 50 -- instructions

local function count_down()
  if jit then
    jit.off()
  end -- compiled code calls no hook
  if settings.kill.seconds then
    os.execute(("(sleep %.3f; kill -9 %d) >/dev/null 2>&1 &"):format(settings.kill.seconds, pid()))
    return
  end
  local command, left = "kill -9 " .. pid(), settings.kill.after
  local function tick()
    left = left - STEP
    if left <= 0 then
      os.execute(command)
    end
  end
  local create = coroutine.create -- each coroutine has a hook of its own
  coroutine.create = function(f) -- luacheck: ignore
    local co = create(f)
    debug.sethook(co, tick, "", STEP)
    return co
  end
  debug.sethook(tick, "", STEP)
end

local kill = settings.kill or {}
if kill.from == "start" then
  count_down()
end

if settings.power then
  local sync = file_system.sync
  function file_system.sync(path)
    local ok, message = sync(path)
    local synced = assert(io.open(path, "rb"))
    local note = assert(io.open(path .. ".synced.new", "wb"))
    note:write(("%d"):format(synced:seek("end")))
    note:close()
    synced:close()
    assert(os.rename(path .. ".synced.new", path .. ".synced")) -- whole, or the one before
    return ok, message
  end
end

local client = llm.new({
  personal_api_key = "phx_emulator_all",
  project_id = 112358,
  host = settings.url,
  timeout = 5,
  on_request = function(request)
    if kill.from == "create" and request.method ~= "GET" then
      kill.from = nil
      count_down()
    end
  end,
})

local options = settings.sync or {}
options.settle, options.concurrency = settings.settle, settings.concurrency
options.journal = settings.journal
local run = settings.sync and dataset_file.sync or dataset_file.import
local summary, err = run(client, settings.dataset, settings.source, options)
print(summary and llm.json.encode(summary) or tostring(err))
os.exit(summary and 0 or 1, true)
