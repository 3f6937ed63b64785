--- What becomes of the tasks of a luv program that ends though its event loop never ran: they would
--- go without a word. At the end of the program each gets its error; where nobody takes one, it does
--- what an error does that is raised in the loop: it ends the program.

local core = require("posthog.llm.util.core")
local errors = require("posthog.llm.util.errors")

local unrun = {}

local tasks = {} -- that have begun; nil once the loop has run
local deliver -- calls what those that have ended would have called
local sentinel -- its finalizer is called when the Lua state is closed

local MESSAGE = "llm.go: the program ended and its event loop never ran, so the task was never "
  .. 'done: end the program by require("luv").run()'

--- The thread of the library is ended first: TLS at work while OpenSSL cleans up is a crash.
local function end_program(message)
  io.stdout:flush()
  io.stderr:write(message, "\n")
  local engine = core.engine()
  debug.getmetatable(engine).__gc(engine)
  os.exit(1)
end

local function at_end()
  local left = tasks or {}
  tasks = nil
  local message = deliver and left[1] and deliver()
  for _, task in ipairs(left) do
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

local function guard()
  if newproxy then -- luacheck: ignore
    local made = newproxy(true) -- luacheck: ignore
    getmetatable(made).__gc = at_end
    return made
  end
  return setmetatable({}, { __gc = at_end })
end

--- Has `forget` called in the first turn of the loop, which it does not keep running.
local function watch(luv)
  local check = assert(luv.new_check())
  check:start(function()
    check:stop() -- luv 1.44 may crash when a handle is closed in its own callback
    unrun.forget()
  end)
  check:unref()
end

--- A task has begun.
--- @param luv table
--- @param task posthog.llm.Task
--- @param how fun(): string? calls what those that have ended would have called from the loop;
---   the message of an error that nobody takes
function unrun.add(luv, task, how)
  if tasks then
    if not sentinel then
      sentinel, deliver = guard(), how
      watch(luv)
    end
    tasks[#tasks + 1] = task
  end
end

--- The loop has run.
function unrun.forget()
  tasks = nil
end

return unrun
