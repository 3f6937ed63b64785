--- How an nginx worker waits: the light thread of the caller waits on a
--- semaphore of its own, and nginx serves others meanwhile.
---
--- The engine's thread works on the transfers and writes into a unix socket
--- when some are done. One light thread a worker, the reader, reads there,
--- collects them and posts their semaphores. A cosocket belongs to the light
--- thread that made it, so the reader runs in a timer. It starts with the first call, and
--- ends when there was none for TICK seconds: an idle worker has no thread, no
--- timer and no socket of ours that could delay its end, and a Lua
--- state of `lua_code_cache off` can be closed.
---
--- When nginx gives up a light thread (its client has gone, ngx.exit, another
--- one killed it) no Lua runs in it any more. Its semaphore has no waiter then;
--- the reader checks for that every TICK seconds, and cancels their transfers.

local core = require("posthog.llm.util.core")
local errors = require("posthog.llm.util.errors")
local semaphore = require("ngx.semaphore")

local host = {}

local SHORTEST = 0.001 -- seconds of a sleep: nginx takes less for none, and says so in its log
local TICK = 0.5 -- seconds between two checks of who waits
local LONGEST = 60 -- seconds on a semaphore before a check whether the transfer is done
local STARTUP = 0.1 -- seconds; its timer comes before that of who waits for it
local POLL = 0.01 -- seconds between two polls while there cannot be a reader
local AGAIN = 1 -- seconds until the next try to start one
local FOREVER = 0x7fffffff -- ms, as long as nginx can wait for a socket
local CONNECT = 1000 -- ms; it is immediate, unless nginx has no connection left
local PIECE = 4096 -- bytes; each wake-up is one to eight

local CAN_WAIT = {
  rewrite = true,
  server_rewrite = true,
  access = true,
  content = true,
  timer = true,
  ssl_cert = true, -- in the other phases of TLS only a patched nginx can
}

local ELSEWHERE = "nginx cannot wait in its %s phase; it can in rewrite, access, content and"
  .. " ssl_cert, and in a timer, which ngx.timer.at starts from init_worker on"

--- @class posthog.llm.ngx.Waiter
--- @field transfer userdata
--- @field semaphore table one light thread waits on it, or it was given up

--- All that waits for one engine, that is of one process.
--- @class posthog.llm.ngx.Worker
--- @field engine userdata
--- @field waiters table<integer, posthog.llm.ngx.Waiter> by the transfer's id
--- @field waiting integer how many there are
--- @field calls integer how many there ever were
--- @field reader? "starting" | "running"
--- @field retry_at? number on core.now's clock: no reader can be started before
--- @field warned? boolean

--- @type posthog.llm.ngx.Worker?
local current
local ids = {} -- scratch for engine:collect

--- After a fork there is a new engine, and nobody waits for it yet.
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

--- Wakes whose transfers are done.
local function collect(worker)
  for i = 1, worker.engine:collect(ids) do
    local waiter = worker.waiters[ids[i]]
    if waiter then
      remove(worker, ids[i])
      waiter.semaphore:post(1)
    end
  end
end

--- Cancels the transfers of light threads that have ended. A woken thread is no longer
--- among the waiters, so one whose semaphore nobody waits on is gone for good.
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

--- Calls wait by polling for a while. Those that rely on a reader are woken.
local function no_reader(worker, message)
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

--- Reads until there is nobody to read for.
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
  collect(worker) -- what was cancelled
  return ended.message
end

--- The reader, as the handler of a timer.
local function in_timer(_, worker)
  if worker.reader == "running" then
    return -- nginx was late, and another one was started meanwhile
  end
  local ok, message = pcall(serve, worker)
  if message or not ok then
    no_reader(worker, tostring(message))
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
    no_reader(worker, message)
  end
  return POLL
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

--- Returns when the transfer is done, which it is at the latest at the end of
--- its own timeout or deadline.
--- @param transfer userdata
function host.wait(transfer)
  if transfer:done() then
    return
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
        no_reader(worker, "nginx runs no more timers, see lua_max_running_timers")
      end
      collect(worker)
    end
  until transfer:done()
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

--- Runs the functions in light threads. Where nginx cannot wait they run one
--- after another, and each call in them returns why it failed.
--- @param functions function[]
--- @param concurrency integer
--- @return any[] values
--- @return any[]? errors
function host.gather(functions, concurrency)
  local values, failures = {}, nil
  local last, total = 0, #functions
  local function run()
    while last < total do
      last = last + 1
      local place = last
      local ok, value, err = pcall(functions[place])
      if not ok then
        value, err = nil, value
      end
      values[place] = value
      if value == nil and err ~= nil then
        failures = failures or {}
        failures[place] = err
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
