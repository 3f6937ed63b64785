--- The tasks of a luv program that ends without ever having run its event loop. Without this module
--- they would vanish silently. When the Lua state is closed, each task's on_done gets an error; for
--- a task without on_done the program ends with a message and exit status 1, as it does after an
--- error raised in the loop.

local core = require("posthog.llm.util.core")
local errors = require("posthog.llm.util.errors")
local finalizer = require("posthog.llm.util.finalizer")

local unrun = {}

local tasks = {} -- those started; nil once the loop has run
local deliver -- runs the queued callbacks of ended tasks (uv.lua)
local sentinel -- its finalizer is called when the Lua state is closed

local MESSAGE = "llm.go: the program ended and its event loop never ran, so the task was never "
  .. 'done: end the program by require("luv").run()'

--- Ends the library's thread first: TLS at work while OpenSSL cleans up at exit() crashes.
local function end_program(message)
  io.stdout:flush()
  io.stderr:write(message, "\n")
  local engine = core.engine()
  debug.getmetatable(engine).__gc(engine)
  os.exit(1)
end

local function at_end()
  local remaining = tasks or {}
  tasks = nil
  local message = deliver and remaining[1] and deliver()
  for _, task in ipairs(remaining) do
    local on_done, was_open = task.on_done, not task.ended
    task.on_done, task.ended = nil, true
    if on_done then
      pcall(on_done, task.cancelled or errors.new({ kind = "cancelled", message = MESSAGE }))
    elseif was_open and not task.cancelled then
      message = message or MESSAGE
    end
  end
  if message then
    end_program(message)
  end
end

--- Calls `forget` in the first turn of the loop, without keeping the loop alive.
local function watch(luv)
  local check = assert(luv.new_check())
  check:start(function()
    check:stop() -- luv 1.44 may crash when a handle is closed in its own callback
    unrun.forget()
  end)
  check:unref()
end

--- Registers a task that has started.
--- @param luv table
--- @param task posthog.llm.Task
--- @param deliver_queued fun(): string? runs the callbacks of ended tasks that wait for the loop;
---   returns the message of an error that no on_done takes
function unrun.add(luv, task, deliver_queued)
  if tasks then
    if not sentinel then
      sentinel, deliver = finalizer(at_end), deliver_queued
      watch(luv)
    end
    tasks[#tasks + 1] = task
  end
end

--- To be called once the loop has run: from then on tasks need no care.
function unrun.forget()
  tasks = nil
end

return unrun
