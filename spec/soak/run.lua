--- The soak: very many calls of the library while a fifth of the requests go wrong, and then the
--- account of them, compared with the server's.
---
---   <lua> spec/soak/run.lua [--minutes=2] [--calls=1000] [--seed=1] [--host=plain|uv]
---
--- It ends after the minutes or the calls, whichever is first.
---
--- LUA is the command of the Lua that makes the calls; without it, the one that runs this.
--- The last line is "N passed, N failed".

local cjson = require("cjson").new()

local emulator = require("spec.emulator")
local faults = require("spec.soak.faults")
local judge = require("spec.soak.judge")
local memory = require("spec.soak.memory")
local truth = require("spec.soak.truth")

-- KiB that may be held more than after the warm-up. What malloc has once had for the bodies that
-- were in memory at the same time, 16 of 128 KiB at most, as bytes and as values, it does not give
-- back.
local GROWTH = 4096
local HEAP_GROWTH = 256 -- the same of Lua's own memory, of which little is in use at any time
local CONNECTIONS = 16 -- of both clients together, as many as they may keep
local FEWEST = 3 -- times the calls of the warm-up, before memory says anything
local HANG = 120 -- seconds behind its time after which the program hangs
local SHOWN = 3 -- problems of a check
local KEPT = "build/soak" -- for what is to be looked at after a failure

local unpack = table.unpack or unpack -- luacheck: ignore

local ENDLESS = 1e9 -- calls

local settings = { minutes = 2, calls = ENDLESS, seed = os.time() % 1000000, host = "plain" }
for _, word in ipairs(arg) do
  local name, value = word:match("^%-%-(%l+)=(.+)$")
  if not name or settings[name] == nil then
    io.stderr:write("soak: unknown option ", word, "\n")
    os.exit(2)
  end
  settings[name] = tonumber(value) or value
end
local LUA = os.getenv("LUA") or arg[-1]
local MODE = os.getenv("SPEC_MODE") or "plain"
local PROGRAM = LUA .. " spec/soak/caller.lua"

--- os.execute of every Lua.
local function succeeds(command)
  local status = os.execute(command)
  return status == true or status == 0
end

--- Makes the calls in a process of its own.
--- @return table[] journal
--- @return boolean ended in order
local function make_calls(e)
  local name = e.prefix .. "/soak.json"
  settings.journal = e.prefix .. "/journal"
  settings.url, settings.tls_url, settings.ca_file = e.url, e.tls_url, e.ca_file
  settings.terminal = succeeds("test -t 2")
  local file = assert(io.open(name, "wb"))
  file:write(cjson.encode(settings))
  file:close()
  local patience = settings.minutes * 60 + HANG
  local limit = succeeds("command -v timeout >/dev/null")
      and ("timeout --foreground -k 10 %d "):format(patience)
    or ""
  local in_order = succeeds(("%s%s '%s'"):format(limit, PROGRAM, name))
  local journal = {}
  for line in io.lines(settings.journal) do
    journal[#journal + 1] = cjson.decode(line)
  end
  return journal, in_order
end

local function set_faults(e)
  local list = {}
  for i, fault in ipairs(faults) do
    list[i] = {
      match = { method = fault.method, path = fault.path, http = fault.http, share = fault.share },
      action = fault.action,
    }
  end
  e:settings({ chance = settings.seed })
  e:faults(list)
end

--- Lines of a table, of a first column and numbers, sorted by the first.
local function print_table(head, rows)
  local names = {}
  for name in pairs(rows) do
    names[#names + 1] = name
  end
  table.sort(names)
  local form = "%-22s" .. ("%10s"):rep(#head - 1)
  print("\n" .. form:format(unpack(head)))
  for _, name in ipairs(names) do
    local cells = { name }
    for i = 2, #head do
      cells[i] = tostring(rows[name][head[i]] or 0)
    end
    print(form:format(unpack(cells)))
  end
end

local function count(rows, name, column)
  rows[name] = rows[name] or {}
  rows[name][column] = (rows[name][column] or 0) + 1
end

--- @return integer calls
local function print_calls(journal)
  local rows, calls = {}, 0
  for _, entry in ipairs(journal) do
    if entry.outcome then
      calls = calls + 1
      for _, name in ipairs({ entry.kind, "total" }) do
        count(rows, name, "calls")
        count(rows, name, entry.outcome)
        if entry.outcome == "done" and (entry.attempts or 1) > 1 and not entry.settled then
          count(rows, name, "repeated")
        end
        if entry.settled then
          count(rows, name, "settled")
        end
        if entry.found then
          count(rows, name, entry.found > 0 and "found" or "not found")
        end
      end
    end
  end
  print_table(
    { "calls", "calls", "done", "repeated", "settled", "failed", "unknown", "found", "not found" },
    rows
  )
  return calls
end

--- @return integer requests that got a fault
local function print_faults(found)
  local rows, sum = {}, 0
  for i, fault in ipairs(faults) do
    local n = found.faulted[i] or 0
    sum = sum + n
    rows[fault.kind] = rows[fault.kind] or { requests = 0 }
    rows[fault.kind].requests = rows[fault.kind].requests + n
  end
  print_table({ "faults", "requests" }, rows)
  print(("%d of %d requests: %.1f %%\n"):format(sum, found.requests, 100 * sum / found.requests))
  return sum
end

local passed, failed = 0, 0

local function report(ok, name, ...)
  print((ok and "ok      " or "FAILED  ") .. name:format(...))
  passed, failed = passed + (ok and 1 or 0), failed + (ok and 0 or 1)
end

--- What the process of the calls held, at its begin, after the warm-up, at its end.
local function report_resources(last)
  local start, warm, ending, closed = last.start, last.warm, last.last, last.closed
  if not start.memory then
    print("left out: memory, descriptors and threads, which this system does not show")
    return
  end
  if warm and ending.calls >= FEWEST * warm.calls then
    if MODE == "plain" then -- a sanitizer keeps what is freed, and tells of what is lost itself
      report(
        ending.memory <= warm.memory + GROWTH,
        "memory: %d KiB after %d calls, %d after %d",
        warm.memory,
        warm.calls,
        ending.memory,
        ending.calls
      )
    end
    report(
      ending.heap <= warm.heap + HEAP_GROWTH,
      "Lua's memory: %d KiB, then %d",
      warm.heap,
      ending.heap
    )
  else
    print("left out: memory, of which so few calls tell nothing")
  end
  report(
    last.most_descriptors <= start.descriptors + CONNECTIONS,
    "descriptors: %d at the start, %d at most",
    start.descriptors,
    last.most_descriptors
  )
  report(
    closed.descriptors == start.descriptors,
    "descriptors after close(): %d",
    closed.descriptors
  )
  report(
    closed.threads == start.threads,
    "threads after close(): %d, as at the start %d",
    closed.threads,
    start.threads
  )
end

local function soak(e)
  print(("soak: %s, %s host, seed %d"):format(LUA, settings.host, settings.seed))
  set_faults(e)
  local journal, in_order = make_calls(e)
  local found = truth.read(e)
  local calls = print_calls(journal)
  local faulted = print_faults(found)
  local last = journal[#journal] or {}
  report(in_order and last.kind == "end", "the program ended in order")
  report(
    faulted > found.requests / 10 and found.requests > calls,
    "a tenth of the requests, at least, got a fault"
  )
  for _, result in ipairs(judge.all({ journal = journal, truth = found, faults = faults })) do
    report(#result.problems == 0, "%s", result.name)
    for i = 1, math.min(#result.problems, SHOWN) do
      print("        " .. result.problems[i]:gsub("\n", "\n        "))
    end
    if #result.problems > SHOWN then
      print(("        and %d more"):format(#result.problems - SHOWN))
    end
  end
  if last.kind == "end" then
    report_resources(last)
  end
  if settings.calls >= ENDLESS and MODE == "plain" and memory.can() then
    report(memory.measure(LUA, settings.host))
  end
end

local e = emulator.start({ tls = true })
local ok, problem = xpcall(soak, debug.traceback, e)
if failed > 0 or not ok then
  os.execute(("mkdir -p %s && cp '%s' '%s/journal' %s/"):format(KEPT, e.log_file, e.prefix, KEPT))
  print(("%s has the journal of the calls and the server's log"):format(KEPT))
end
e:stop()
if not ok then
  report(false, "%s", problem)
end
print(("%d passed, %d failed"):format(passed, failed))
os.exit(failed == 0 and 0 or 1, true) -- closes the state, so that nothing counts as leaked
