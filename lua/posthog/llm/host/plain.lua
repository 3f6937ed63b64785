--- How a plain Lua program waits: it blocks; inside llm.gather the other functions run meanwhile.
---
--- The functions of a gather run as coroutines of one scheduler. A call in one of them suspends it
--- until its transfer is done. A call made anywhere else (the main program, a coroutine of the
--- program's own) blocks.

local core = require("posthog.llm.util.core")
local errors = require("posthog.llm.util.errors")
local scheduler = require("posthog.llm.host.scheduler")
local yields = require("posthog.llm.util.yields")

local plain = {
  --- Whether a call blocks until its response is there, and does nothing else meanwhile.
  blocks = true,
}

local running = coroutine.running
local can_yield = yields.are_possible

--- @class posthog.llm.plain.Coroutine: posthog.llm.Waiter
--- @field co thread
--- @field done fun(ok: boolean, value: any, err: any)
--- @field waiting boolean suspended by the library, not by a yield of the function's own
--- @field driver table identifies the loop that resumes it
--- @field transfer userdata? the one that it waits for

local routines = setmetatable({}, { __mode = "kv" }) -- table<thread, Coroutine>
local sleepers = {} -- list of { at, routine }
local ready = {} -- queue of coroutines to resume, from index `first` to `last`
local first, last = 1, 0

local Coroutine = {}
Coroutine.__index = Coroutine

function Coroutine:wake()
  last = last + 1
  ready[last] = self
end

--- The Coroutine that is running, if it may yield here.
local function current()
  local co = running()
  local routine = co and routines[co]
  return routine and can_yield() and routine or nil
end

--- Returns once the coroutine is woken. The wake-up may be spurious: on Lua 5.1 a wait inside pcall
--- raises, and the wake-up that it expected comes later.
local function suspend(routine)
  routine.waiting = true
  coroutine.yield()
end

--- Whether a signal has asked the program to end; nil: signals are not watched.
--- @type fun(): any?
local interrupted

--- From now on Ctrl-C, and the signals that ask a process to end, cancel the calls in flight and
--- prevent new ones: every call returns an error of kind "cancelled", so that the program ends in
--- its own way. A second signal kills the process as usual. For programs that own their process.
function plain.stop_on_interrupt()
  core.catch_interrupts()
  plain.blocks = false
  interrupted = core.interrupted
end

--- A plain program may wait anywhere, unless a signal has asked it to end.
--- @return posthog.llm.Error?
function plain.unavailable()
  if interrupted and interrupted() then
    return errors.new({ kind = "cancelled", message = "interrupted" })
  end
end

--- Returns when the transfer is done.
--- @param transfer userdata
function plain.wait(transfer)
  local routine = current()
  if routine then
    if transfer:done() then -- one that was sent ahead: between two of them others get their turn
      scheduler.collect()
      routine:wake()
      return suspend(routine)
    end
    while not transfer:done() do
      scheduler.park(transfer, routine)
      routine.transfer = transfer
      suspend(routine)
    end
    routine.transfer = nil
    return
  end
  while not transfer:wait() do
    if interrupted and interrupted() then
      transfer:cancel()
    end
    scheduler.collect()
  end
end

--- @param seconds number
--- @return false? was_interrupted
function plain.sleep(seconds)
  local wake = core.now() + seconds
  local routine = current()
  local left = seconds
  while left > 0 do
    if interrupted and interrupted() then
      return false
    end
    if routine then
      sleepers[#sleepers + 1] = { at = wake, routine = routine }
      suspend(routine)
    else
      core.sleep(left)
    end
    left = wake - core.now()
  end
end

--- Requests usually go on only while Lua waits for one: that saves two changes of thread a call.
--- From now on they go on whatever Lua does, if a thread can be started.
function plain.background()
  local engine = core.engine()
  pcall(engine.run, engine)
end

--- Wakes the coroutines whose sleep is over. Returns the seconds until the next is due.
local function wake_sleepers()
  local now, least = core.now(), nil
  for i = #sleepers, 1, -1 do
    local left = sleepers[i].at - now
    if left <= 0 then
      table.remove(sleepers, i).routine:wake()
    elseif not least or left < least then
      least = left
    end
  end
  return least
end

local function spawn(f, done, driver)
  local co = coroutine.create(function() -- f may be a callable table
    return f()
  end)
  local routine = { co = co, done = done, waiting = false, driver = driver }
  setmetatable(routine, Coroutine)
  routines[co] = routine
  routine:wake()
end

local function resume(routine)
  if routines[routine.co] ~= routine or coroutine.status(routine.co) ~= "suspended" then
    return -- it has ended, or was abandoned
  end
  routine.waiting = false
  local ok, value, err = coroutine.resume(routine.co)
  if not ok or coroutine.status(routine.co) == "dead" then
    routines[routine.co] = nil
    routine.done(ok, value, err)
  elseif not routine.waiting then -- nothing would ever resume it
    routines[routine.co] = nil
    local words = "a function of llm.gather yielded, and nothing would resume it: only calls of "
      .. "the library may yield there"
    routine.done(false, words)
  end
end

--- Cancels all that the coroutines wait for. Each of them then finds out that the program is to
--- end.
local function cancel_all()
  for _, routine in pairs(routines) do
    if routine.transfer then
      routine.transfer:cancel()
    end
  end
  for i = #sleepers, 1, -1 do
    table.remove(sleepers, i).routine:wake()
  end
end

--- Resumes the coroutines that are ready, and waits while none is, until the group is done.
local function drive(group)
  while group.running > 0 do
    local least = wake_sleepers()
    if first <= last then
      local routine = ready[first]
      ready[first] = nil
      first = first + 1
      resume(routine)
    else
      first, last = 1, 0
      core.engine():poll(least)
      if interrupted and interrupted() then
        cancel_all()
      end
      scheduler.collect()
    end
  end
end

--- Removes the coroutines that an interrupted loop would have resumed, and cancels their transfers.
local function abandon(driver)
  for co, routine in pairs(routines) do
    if routine.driver == driver then
      routines[co] = nil
      if routine.transfer then
        scheduler.unpark(routine.transfer)
        routine.transfer:cancel()
      end
    end
  end
  for i = #sleepers, 1, -1 do
    if sleepers[i].routine.driver == driver then
      table.remove(sleepers, i)
    end
  end
end

--- @param functions function[]
--- @param concurrency integer
--- @param raised? fun(err: any) called when a function has raised, before another one is started
--- @return any[] values
--- @return any[]? errors
function plain.gather(functions, concurrency, raised)
  local waiter, waiting = current(), false
  local driver = waiter and waiter.driver or {}
  local group = scheduler.group(functions, concurrency, function(f, done)
    spawn(f, done, driver)
  end, function()
    if waiting then
      waiter:wake()
    end
  end, raised)
  if waiter then
    while group.running > 0 do
      waiting = true
      suspend(waiter)
    end
  elseif group.running > 0 then
    -- Errors of the functions end up in group.errors. What the loop itself raises is an
    -- interrupt from the keyboard, or an allocation failure.
    plain.blocks = false
    local ok, err = pcall(drive, group)
    plain.blocks = interrupted == nil
    if not ok then
      abandon(driver)
      error(err, 0)
    end
  end
  return group.values, group.errors
end

return plain
