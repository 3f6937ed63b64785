--- How Neovim and luv programs wait: a call made inside llm.go suspends its coroutine, which the
--- event loop resumes. One poll handle on the engine's descriptor serves all of them. It is active
--- only while one of them waits, so an idle editor never wakes up and a luv program ends when all
--- is done.
---
--- Every function of llm.go, or of a gather inside it, is a coroutine that is resumed here. A call
--- made anywhere else blocks, as in a plain program.

local core = require("posthog.llm.util.core")
local errors = require("posthog.llm.util.errors")
local plain = require("posthog.llm.host.plain")
local scheduler = require("posthog.llm.host.scheduler")
local unrun = require("posthog.llm.host.unrun")
local yields = require("posthog.llm.util.yields")

local vim = rawget(_G, "vim")
if type(vim) ~= "table" or not vim.schedule then
  vim = nil
end

-- Only if the program itself has loaded it: a program that has not runs no loop.
local luv = vim and (vim.uv or vim.loop) or package.loaded.luv or package.loaded.uv -- luvi's name
if not luv then
  error("posthog.llm.host.uv: luv is not available", 0)
end

local uv = {}

local running, status = coroutine.running, coroutine.status
local unpack = table.unpack or unpack -- luacheck: ignore
local can_yield = yields.are_possible

--- Seconds of resuming coroutines before the loop gets its turn, so that a hundred responses at
--- once delay neither typing nor other timers.
local SLICE = 0.001

--- A function that [llm.go](#llmgo) runs.
--- @class posthog.llm.Task
--- @field traceback? string where the error was raised; there when `on_done` is called
--- @field private on_done fun(err: any, ...)?
--- @field private routines table<posthog.llm.uv.Coroutine, true> those that have not ended
--- @field private cancelled posthog.llm.Error? set by cancel
--- @field private ended boolean
local Task = {}
Task.__index = Task

--- @class posthog.llm.uv.Coroutine: posthog.llm.Waiter
--- @field co thread
--- @field task posthog.llm.Task
--- @field done fun(ok: boolean, ...)
--- @field waiting boolean suspended by the library, not by a yield of the program's own
--- @field queued boolean in the queue, to be resumed
--- @field started boolean
--- @field ended boolean
--- @field traceback string?
--- @field transfer userdata? the one that it waits for
--- @field timer posthog.llm.uv.Timer? the one that ends its sleep
local Coroutine = {}
Coroutine.__index = Coroutine

local routines = setmetatable({}, { __mode = "kv" }) -- table<thread, Coroutine>
-- Coroutines to resume, functions to call, and messages of errors to raise.
local queue, first, last = {}, 1, 0

-- {==== The event loop ====

local engine -- the one whose descriptor `poll` is on
local poll -- active while parked > 0
local polling = false
local parked = 0 -- coroutines that wait for a transfer
local armed = false -- a run of the queue is scheduled
local pumping = false -- the queue is being run
local next_turn -- an idle handle, for a callback in the next turn of the loop
local idle_timers = {} -- for reuse: luv 1.44 may crash when one is closed in its own callback
local exiting = false -- Neovim is exiting

local pump

local function on_turn()
  next_turn:stop()
  if vim then
    vim.schedule(pump)
  else
    pump()
  end
end

--- Schedules a run of the queue after timers and descriptors have had their turn. (A timer of 0 ms
--- would run in the same turn: libuv compares with the time at which the turn began.)
local function arm_later()
  armed = true
  next_turn = next_turn or assert(luv.new_idle())
  next_turn:start(on_turn)
end

local function push(item)
  last = last + 1
  queue[last] = item
  if armed or exiting then
    return
  elseif vim and not pumping then
    armed = true
    vim.schedule(pump) -- there vim.api may be used
  else
    arm_later()
  end
end

local function on_readable()
  if not vim then
    armed = true -- the queue is run below, without waiting for another turn of the loop
  end
  scheduler.collect()
  if not vim then
    pump()
  end
end

--- Polls the present engine, which is a new one after a fork.
local function open_engine()
  local current = core.engine()
  if current == engine then
    return
  end
  local fd = current:run()
  if poll then
    poll:close()
  end
  poll, polling = assert(luv.new_poll(fd)), false
  engine = current
end

local function start_polling()
  open_engine()
  if not polling then
    polling = true
    poll:start("r", on_readable)
  end
end

local function stop_polling()
  polling = false
  scheduler.collect() -- also the cancelled transfers
  poll:stop()
end

-- }====

-- {==== Coroutines ====

--- Removes whatever would wake a coroutine: its transfer or its timer.
local function disarm(routine)
  local transfer, timer = routine.transfer, routine.timer
  if transfer then
    routine.transfer = nil
    scheduler.unpark(transfer)
    parked = parked - 1
  elseif timer then
    routine.timer, timer.routine = nil, nil -- a stopped timer of luv keeps its callback
    timer.handle:stop()
    idle_timers[#idle_timers + 1] = timer
  end
end

--- Queues the coroutine to be resumed from the loop.
function Coroutine:wake()
  disarm(self)
  if not self.queued then
    self.queued = true
    push(self)
  end
end

--- Returns once the coroutine is woken; if the program itself resumes it before, it yields again.
local function suspend(routine)
  routine.waiting = true
  repeat
    coroutine.yield()
  until not routine.waiting
end

--- The Coroutine that is running, if it may yield here.
local function current()
  local co = running()
  local routine = co and routines[co]
  return routine and can_yield() and routine or nil
end

local function finish(routine, ok, ...)
  if routine.ended then
    return
  end
  routine.ended = true
  routine.task.routines[routine] = nil
  disarm(routine) -- Lua 5.1 may have raised at the yield
  if not ok and (...) == nil then
    routine.done(false, "nil was raised")
  else
    routine.done(ok, ...)
  end
end

--- With an xpcall inside the coroutine an error is caught whoever has resumed it. On Lua 5.1 only
--- the one that resumes sees the error.
local function body(routine, f)
  if not yields.through_pcall then
    return finish(routine, true, f())
  end
  return finish(
    routine,
    xpcall(f, function(err)
      routine.traceback = debug.traceback("", 2):gsub("^\n", "")
      return err
    end)
  )
end

local function spawn(task, f, done)
  local routine = setmetatable({
    task = task,
    done = done,
    waiting = false,
    queued = false,
    started = false,
    ended = false,
  }, Coroutine)
  routine.co = coroutine.create(function()
    body(routine, f)
  end)
  routines[routine.co] = routine
  task.routines[routine] = true
  return routine
end

local function resume(routine)
  if routine.ended then
    return
  elseif routine.task.cancelled and not routine.started then
    return finish(routine, false, routine.task.cancelled)
  end
  routine.started, routine.waiting = true, false
  local ok, err = coroutine.resume(routine.co)
  if not ok then
    routine.traceback = debug.traceback(routine.co)
    finish(routine, false, err)
  end
end

local function run(routine)
  routine.queued = false
  resume(routine)
end

--- Ends the wait of a coroutine whose task was cancelled.
local function interrupt(routine)
  if routine.transfer then
    routine.transfer:cancel()
    routine:wake()
  elseif routine.timer then
    routine:wake()
  elseif routine.started and not routine.waiting and status(routine.co) == "suspended" then
    finish(routine, false, routine.task.cancelled) -- in a yield of its own, which may never end
  end
end

-- }====

-- {==== Tasks ====

--- Ends the function: its call in flight returns an error of kind `cancelled`, a later call raises
--- it, and `on_done` gets it. A task that has ended stays as it is.
---
--- <!-- pasted: in luv -->
---
--- ```lua
--- local uv = require("luv")
--- local llm = require("posthog.llm")
--- local client = llm.new()
---
--- local task = llm.go(function()
---   return assert(client.skills:get("pdf-forms"))
--- end, function(err)
---   print(err.kind) --> cancelled
--- end)
--- task:cancel()
--- uv.run()
--- ```
function Task:cancel()
  if self.ended or self.cancelled then
    return
  end
  local message = "the task was cancelled"
  self.cancelled = errors.new({ kind = "cancelled", call = "llm.go", message = message })
  local list = {}
  for routine in pairs(self.routines) do
    list[#list + 1] = routine
  end
  for _, routine in ipairs(list) do
    interrupt(routine)
  end
end

local function with_traceback(err, traceback)
  return tostring(err) .. (traceback and traceback ~= "" and "\n" .. traceback or "")
end

local function describe(err)
  return with_traceback(err, debug.traceback("", 2):gsub("^\n", ""))
end

--- @param traceback string? of the error, if the task failed
local function end_task(task, traceback, ok, ...)
  local on_done = task.on_done
  task.ended, task.on_done = true, nil
  if not on_done then
    if not ok and not task.cancelled then
      push(with_traceback(..., traceback))
    end
    return
  end
  local count, results = select("#", ...), { ... }
  push(function()
    if task.cancelled then
      on_done(task.cancelled)
    elseif ok then
      on_done(nil, unpack(results, 1, count))
    else
      task.traceback = traceback
      on_done(results[1])
    end
  end)
end

--- Runs the callbacks that wait in the queue, when the loop never ran (unrun.lua).
--- @return string? message of an error that no on_done takes
local function deliver()
  local message
  for at = first, last do
    local item = queue[at]
    if type(item) == "function" then
      pcall(item)
    elseif type(item) == "string" then
      message = message or item
    end
  end
  first, last = 1, 0
  return message
end

--- Runs the queue for at most SLICE seconds, and the rest in the next turn. An error that a
--- function raises goes to the host: Neovim shows it, a luv program ends.
function pump()
  armed, pumping = false, true
  local stop = core.now() + SLICE
  local ok, why = true, nil
  while ok and first <= last and core.now() < stop do
    local item = queue[first]
    queue[first] = nil
    first = first + 1
    if type(item) == "string" then
      ok, why = false, item
    elseif getmetatable(item) == Coroutine then
      run(item)
    else
      ok, why = xpcall(item, describe)
    end
  end
  pumping = false
  if first <= last then
    arm_later()
  else
    first, last = 1, 0
    if polling and parked == 0 then
      stop_polling()
    end
  end
  if not ok then
    error(why, 0)
  end
end

-- }====

-- {==== The exit of Neovim ====

--- No callback may run while Neovim shuts down, and the engine's thread has to end: Neovim never
--- closes its Lua state, and TLS at work while OpenSSL cleans up at exit() crashes.
function uv.leave()
  exiting = true
  if next_turn then
    next_turn:stop()
  end
  for _, routine in pairs(routines) do
    disarm(routine)
  end
  if polling then
    poll:stop()
    polling = false
  end
  local present = core.engine()
  debug.getmetatable(present).__gc(present) -- ends all transfers, joins the thread
end

local function watch_leave()
  vim.cmd(([[autocmd VimLeave * lua require(%q).leave()]]):format("posthog.llm.host.uv"))
end

if vim then
  if vim.in_fast_event() then
    vim.schedule(watch_leave)
  else
    watch_leave()
  end
end

-- }====

-- {==== The host ====

local function phase_error(what)
  return errors.new({
    kind = "phase",
    message = what
      .. " would block Neovim in the middle of an event; put it into llm.go or vim.schedule",
  })
end

--- @return posthog.llm.Error? why no call can be made here and now
function uv.unavailable()
  local routine = current()
  if not routine then
    return vim and vim.in_fast_event() and phase_error("a call here") or nil
  elseif routine.task.cancelled then
    error(routine.task.cancelled, 0) -- raised, so that a loop of retries ends too
  end
  local ok, why = pcall(open_engine)
  if not ok then
    return errors.new({ kind = "network", message = tostring(why) })
  end
end

--- Returns when the transfer is done.
--- @param transfer userdata
function uv.wait(transfer)
  local routine = current()
  if not routine then
    return plain.wait(transfer)
  elseif routine.task.cancelled then -- cancelled by a hook of this call
    return transfer:cancel()
  end
  disarm(routine)
  if transfer:done() then -- one that was sent ahead: between two of them the loop gets its turn
    routine:wake()
    return suspend(routine)
  end
  start_polling()
  scheduler.park(transfer, routine)
  routine.transfer = transfer
  parked = parked + 1
  suspend(routine)
end

--- @class posthog.llm.uv.Timer
--- @field handle userdata
--- @field routine? posthog.llm.uv.Coroutine the one that sleeps
--- @field fire fun() wakes it

--- @return posthog.llm.uv.Timer
local function new_timer()
  local timer = { handle = assert(luv.new_timer()) }
  function timer.fire()
    timer.routine:wake()
  end
  return timer
end

--- @param seconds number
--- @return false? was_cancelled
function uv.sleep(seconds)
  local routine = current()
  if not routine then
    if vim and vim.in_fast_event() then
      error(phase_error("to sleep here"), 0)
    end
    return plain.sleep(seconds)
  elseif routine.task.cancelled then
    error(routine.task.cancelled, 0)
  end
  disarm(routine)
  luv.update_time() -- the loop's clock stands still while Lua runs
  local ms = seconds > 0 and math.ceil(seconds * 1000) + 1 or 0 -- the loop's clock counts whole ms
  local timer = table.remove(idle_timers) or new_timer()
  routine.timer, timer.routine = timer, routine
  timer.handle:start(ms, 0, timer.fire)
  suspend(routine)
  if routine.task.cancelled then
    return false
  end
end

uv.background = plain.background -- which is so once a call was made in llm.go

--- @param functions function[]
--- @param concurrency integer
--- @param raised? fun(err: any) called when a function has raised, before another one is started
--- @return any[] values
--- @return any[]? errors
function uv.gather(functions, concurrency, raised)
  local routine = current()
  if not routine then
    return plain.gather(functions, concurrency, raised)
  end
  local task = routine.task
  if task.cancelled then
    error(task.cancelled, 0)
  end
  local function spawn_one(f, done)
    if task.cancelled then
      return done(false, task.cancelled)
    end
    spawn(task, f, done):wake()
  end
  local waiting = false
  local group = scheduler.group(functions, concurrency, spawn_one, function()
    if waiting then
      routine:wake()
    end
  end, raised)
  if group.running > 0 then
    waiting = true
    suspend(routine)
  end
  return group.values, group.errors
end

--- Runs a function as a coroutine of the event loop.
--- @param fn fun(): ... runs at once up to its first call of the library
--- @param on_done? fun(err: any, ...) called once, from the loop: the error, or nil and what fn
---   returned
--- @return posthog.llm.Task
function uv.go(fn, on_done)
  local task = setmetatable({ on_done = on_done, routines = {}, ended = false }, Task)
  if not vim then
    unrun.add(luv, task, deliver)
  end
  local routine
  routine = spawn(task, fn, function(ok, ...)
    end_task(task, routine.traceback, ok, ...)
  end)
  if vim and vim.in_fast_event() then
    routine:wake()
  else
    resume(routine)
  end
  return task
end

-- }====

return uv
