--- How an nginx worker waits: the caller's light thread waits on a semaphore of its own, and nginx
--- serves others meanwhile.
---
--- The engine's thread runs the transfers and writes into a unix socket when some are done. One
--- light thread per worker, the reader, reads that socket, collects the finished transfers and
--- posts their semaphores. A cosocket belongs to the light thread that made it, so the reader runs
--- in a timer. It starts with the first call and ends after TICK seconds without one: an idle
--- worker has no light thread, timer or socket of ours that could delay its exit, and a Lua state
--- of `lua_code_cache off` can be closed.
---
--- When nginx ends a light thread (its client disconnected, ngx.exit, another thread killed it), no
--- more Lua runs in it, and its semaphore has no waiter. The reader checks for such semaphores
--- every TICK seconds and cancels their transfers.

local core = require("posthog.llm.util.core")
local errors = require("posthog.llm.util.errors")
local semaphore = require("ngx.semaphore")

local host = {}

local SHORTEST = 0.001 -- seconds of a sleep: nginx takes less for zero, and logs that
local SLICE = 0.005 -- seconds of Lua without a wait
local TICK = 0.5 -- seconds between two checks for abandoned waiters
local LONGEST = 60 -- seconds on a semaphore before a check whether the transfer is done
local STARTUP = 0.1 -- seconds until a new reader must run: its timer is due before the waiter's own
local POLL = 0.01 -- seconds between two polls while there cannot be a reader
local AGAIN = 1 -- seconds until the next try to start one
local FOREVER = 0x7fffffff -- ms, the longest timeout that nginx takes for a socket
local CONNECT = 1000 -- ms; connecting is immediate unless nginx has no free connection
local PIECE = 4096 -- bytes to read at once; a wake-up is one to eight bytes

local CAN_WAIT = {
  rewrite = true,
  server_rewrite = true,
  access = true,
  content = true,
  timer = true,
  ssl_cert = true, -- only a patched nginx can wait in the other TLS phases
}

local ELSEWHERE = "nginx cannot wait in its %s phase; it can in rewrite, access, content and"
  .. " ssl_cert, and in a timer, which ngx.timer.at starts from init_worker on"

--- @class posthog.llm.ngx.Waiter
--- @field transfer userdata
--- @field semaphore table one light thread waits on it, unless nginx ended that thread

--- The waiters of one engine, that is, of one process.
--- @class posthog.llm.ngx.Worker
--- @field engine userdata
--- @field waiters table<integer, posthog.llm.ngx.Waiter> by the transfer's id
--- @field waiting integer the number of waiters
--- @field calls integer the number of waiters so far
--- @field reader? "starting" | "running"
--- @field retry_at? number on core.now's clock: not before this time is a reader started again
--- @field warned? boolean

--- @type posthog.llm.ngx.Worker?
local current
local ids = {} -- scratch for engine:collect
local turn_at = 0 -- on core.now's clock: when a light thread has waited here last

--- The worker of this process. After a fork there is a new engine, without waiters.
--- @return posthog.llm.ngx.Worker
local function worker_of_process()
  local engine = core.engine()
  if not current or current.engine ~= engine then
    engine:run()
    current = { engine = engine, waiters = {}, waiting = 0, calls = 0 }
  end
  return current
end

local function remove(worker, id)
  worker.waiters[id] = nil
  worker.waiting = worker.waiting - 1
end

--- Wakes the waiters whose transfers are done.
local function collect(worker)
  for i = 1, worker.engine:collect(ids) do
    local waiter = worker.waiters[ids[i]]
    if waiter then
      remove(worker, ids[i])
      waiter.semaphore:post(1)
    end
  end
end

--- Cancels the transfers of light threads that have ended. A woken thread is no longer among the
--- waiters, so when nothing waits on a waiter's semaphore, its thread has ended.
local function cancel_abandoned(worker)
  for id, waiter in pairs(worker.waiters) do
    if waiter.semaphore:count() >= 0 then
      remove(worker, id)
      waiter.transfer:cancel()
    end
  end
end

--- @return table? socket connected to the engine
--- @return string? message
local function connect(engine)
  local wakeup, message = core.wakeup_socket()
  if not wakeup then
    return nil, message
  end
  local socket = ngx.socket.tcp()
  socket:settimeouts(CONNECT, CONNECT, FOREVER)
  local ok
  ok, message = socket:connect("unix:" .. wakeup:path())
  if ok then
    ok, message = wakeup:accept(engine)
  end
  wakeup:close()
  if not ok then
    socket:close()
    return nil, message
  end
  return socket
end

--- Makes calls wait by polling for AGAIN seconds, and wakes those that rely on a reader.
local function fall_back_to_polling(worker, message)
  worker.reader = nil
  worker.retry_at = core.now() + AGAIN
  for _, waiter in pairs(worker.waiters) do
    waiter.semaphore:post(1)
  end
  if not worker.warned then
    worker.warned = true
    ngx.log(ngx.WARN, "posthog.llm: calls wait by polling: ", message)
  end
end

local function read(worker, socket, ended)
  local bytes, message
  repeat
    bytes, message = socket:receiveany(PIECE)
    collect(worker)
  until not bytes
  ended.message = message
end

--- Reads until there are no more waiters.
--- @return string? message what went wrong
local function serve(worker)
  local socket, message = connect(worker.engine)
  if not socket then
    return message
  end
  worker.reader = "running"
  local ended = {}
  local thread = ngx.thread.spawn(read, worker, socket, ended)
  local calls
  repeat
    calls = worker.calls
    ngx.sleep(TICK)
    cancel_abandoned(worker)
    local quiet = worker.waiting == 0 and (worker.calls == calls or ngx.worker.exiting())
  until quiet or ended.message
  worker.reader = nil
  ngx.thread.kill(thread)
  socket:close()
  collect(worker) -- the cancelled transfers
  return ended.message
end

--- The reader, as the handler of a timer.
local function in_timer(_, worker)
  if worker.reader == "running" then
    return -- nginx ran this timer late, and another reader was started meanwhile
  end
  local ok, message = pcall(serve, worker)
  if message or not ok then
    fall_back_to_polling(worker, tostring(message))
  end
end

--- @return number seconds to wait on a semaphore: POLL without a reader
local function longest_wait(worker)
  if worker.reader == "running" then
    return LONGEST
  elseif worker.reader == "starting" then
    return STARTUP
  elseif not worker.retry_at or core.now() >= worker.retry_at then
    local ok, message = ngx.timer.at(0, in_timer, worker)
    if ok then
      worker.reader = "starting"
      return STARTUP
    end
    fall_back_to_polling(worker, message)
  end
  return POLL
end

--- Lets nginx serve others, unless it has done so a moment ago: whoever only takes what has arrived
--- already would never wait.
local function give_turn()
  if core.now() - turn_at > SLICE then
    ngx.sleep(SHORTEST) -- nginx takes 0 too, but says in the log that it is slow
    turn_at = core.now()
  end
end

--- Why no call can be made here and now, nil when one can.
--- @return posthog.llm.Error?
function host.unavailable()
  local phase = ngx.get_phase()
  if CAN_WAIT[phase] then
    return nil
  end
  return errors.new({ kind = "phase", message = ELSEWHERE:format(phase) })
end

--- Returns when the transfer is done, at the latest at its own timeout or deadline.
--- @param transfer userdata
function host.wait(transfer)
  if transfer:done() then -- one that was sent ahead (http/ahead.lua)
    return give_turn()
  end
  local worker = worker_of_process()
  local waiter = { transfer = transfer, semaphore = semaphore.new() }
  local id = transfer:id()
  worker.waiters[id] = waiter
  worker.waiting = worker.waiting + 1
  worker.calls = worker.calls + 1
  repeat
    local longest = longest_wait(worker)
    if not waiter.semaphore:wait(longest) then
      if longest == STARTUP and worker.reader == "starting" then
        fall_back_to_polling(worker, "nginx starts no more timers, see lua_max_running_timers")
      end
      collect(worker)
    end
  until transfer:done()
  turn_at = core.now()
  if worker.waiters[id] then
    remove(worker, id)
  end
end

--- @param seconds number
function host.sleep(seconds)
  local err = host.unavailable()
  if err then
    error(err.message, 3)
  end
  ngx.sleep(seconds > 0 and math.max(seconds, SHORTEST) or 0)
end

--- Requests always go on while Lua does something else.
function host.background() end

--- Runs the functions in light threads. In a phase where nginx cannot wait they run one after
--- another, and each call in them returns the error of that phase.
--- @param functions function[]
--- @param concurrency integer
--- @param raised? fun(err: any) called when a function has raised, before another one is started
--- @return any[] values
--- @return any[]? errors
function host.gather(functions, concurrency, raised)
  local values, failures = {}, nil
  local last, total = 0, #functions
  local function run()
    while last < total do
      last = last + 1
      local index = last
      local ok, value, err = pcall(functions[index])
      if not ok then
        value, err = nil, value
        if raised then
          raised(err)
        end
      end
      values[index] = value
      if value == nil and err ~= nil then
        failures = failures or {}
        failures[index] = err
      end
    end
  end
  local threads = {}
  if not host.unavailable() then
    for i = 1, math.min(concurrency, total) - 1 do
      threads[i] = ngx.thread.spawn(run)
    end
  end
  run()
  for _, thread in ipairs(threads) do
    ngx.thread.wait(thread)
  end
  return values, failures
end

return host
