--- How a plain Lua program waits: it blocks, and inside llm.gather the other
--- functions run meanwhile.
---
--- The functions of a gather run as coroutines of one scheduler. A call made
--- in one of them parks it under the id of its transfer; a call made anywhere
--- else (the main program, a coroutine of the caller's own) blocks.

local core = require("posthog.llm.core")

local plain = {}

local running = coroutine.running

local tasks = setmetatable({}, { __mode = "k" }) -- coroutine -> its group
local parked = {} -- transfer id -> coroutine
local sleepers = {} -- list of { at, coroutine }
local ready = {} -- queue of coroutines, from ready_first to ready_last
local ready_first, ready_last = 1, 0
local ids = {} -- scratch for engine:collect

local function make_ready(co)
  ready_last = ready_last + 1
  ready[ready_last] = co
end

local function collect(engine)
  for i = 1, engine:collect(ids) do
    local co = parked[ids[i]]
    if co then
      parked[ids[i]] = nil
      make_ready(co)
    end
  end
end

--- The running coroutine when it is one that the scheduler can resume.
local function current_task()
  local co = running()
  return co and tasks[co] and co
end

--- A plain program may wait anywhere.
function plain.problem()
  return nil
end

--- Returns when the transfer is done.
--- @param transfer userdata
function plain.wait(transfer)
  if current_task() then
    if not transfer:done() then
      parked[transfer:id()] = running()
      coroutine.yield()
    end
    return
  end
  local engine = core.engine()
  while not transfer:done() do
    engine:poll()
    collect(engine)
  end
end

--- @param seconds number
function plain.sleep(seconds)
  local wake = core.now() + seconds
  if current_task() then
    sleepers[#sleepers + 1] = { at = wake, co = running() }
    coroutine.yield()
    return
  end
  local left = seconds
  while left > 0 do
    core.sleep(left)
    left = wake - core.now()
  end
end

--- Makes ready whoever has slept enough; returns the seconds until the next.
local function wake_sleepers()
  local now, least = core.now(), nil
  for i = #sleepers, 1, -1 do
    local left = sleepers[i].at - now
    if left <= 0 then
      make_ready(table.remove(sleepers, i).co)
    elseif not least or left < least then
      least = left
    end
  end
  return least
end

local function start_next(group)
  local i = group.next
  if i > #group.functions then
    return
  end
  group.next = i + 1
  group.running = group.running + 1
  local co = coroutine.create(group.functions[i])
  tasks[co] = { group = group, index = i }
  make_ready(co)
end

local function finish(co, ok, value, err)
  local task = tasks[co]
  local group = task.group
  tasks[co] = nil
  if not ok then
    group.errors = group.errors or {}
    group.errors[task.index] = value
  elseif value == nil and err ~= nil then
    group.errors = group.errors or {}
    group.errors[task.index] = err
  else
    group.values[task.index] = value
  end
  group.running = group.running - 1
  start_next(group)
  if group.running == 0 and group.waiter then
    make_ready(group.waiter)
  end
end

local function resume(co)
  local ok, value, err = coroutine.resume(co)
  if not ok or coroutine.status(co) == "dead" then
    finish(co, ok, value, err)
  end
end

--- Runs whatever is ready, waiting when nothing is, until the group is done.
local function drive(group)
  while group.running > 0 do
    local least = wake_sleepers()
    if ready_first <= ready_last then
      local co = ready[ready_first]
      ready[ready_first] = nil
      ready_first = ready_first + 1
      resume(co)
    else
      ready_first, ready_last = 1, 0
      local engine = core.engine()
      engine:poll(least)
      collect(engine)
    end
  end
end

--- @param functions function[]
--- @param concurrency integer
--- @return any[] values
--- @return any[]? errors
function plain.gather(functions, concurrency)
  local group = { functions = functions, next = 1, running = 0, values = {}, errors = nil }
  for _ = 1, math.min(concurrency, #functions) do
    start_next(group)
  end
  if group.running > 0 then
    group.waiter = current_task() or nil
    if group.waiter then
      coroutine.yield()
    else
      drive(group)
    end
  end
  return group.values, group.errors
end

return plain
