--- Work that waits for the server: it runs as a coroutine of the event loop.

local core = require("posthog.nvim.core")

local task = {}

--- Everything that runs, so that it can be cancelled.
--- @type table<posthog.llm.Task, string>
local running = {}

local function pack(...)
  return { n = select("#", ...), ... }
end

--- Starts a function and waits for its end, at most so long. What it returns, or raises, goes to
--- `done`, in time or later.
--- @param words string what is done, for messages
--- @param fn fun(): ...
--- @param milliseconds integer
--- @param done fun(is_late: boolean, err: any, ...)
--- @return boolean in_time
function task.run(words, fn, milliseconds, done)
  local llm = core.load()
  local result, is_late = nil, false
  local started
  started = llm.go(fn, function(...)
    running[started or 0] = nil
    result = pack(...)
    if is_late then
      done(true, unpack(result, 1, result.n))
    end
  end)
  if not result then
    running[started] = words
    vim.wait(milliseconds, function()
      return result ~= nil
    end, 1)
  end
  if result then
    running[started] = nil
    done(false, unpack(result, 1, result.n))
    return true
  end
  is_late = true
  return false
end

--- @return string[] words of what runs
function task.list()
  local list = vim.tbl_values(running)
  table.sort(list)
  return list
end

--- Gives all of it up.
--- @return integer count
function task.cancel_all()
  local count = 0
  for one in pairs(running) do
    one:cancel()
    count = count + 1
  end
  return count
end

--- Lets the editor react in the midst of long work of a task.
function task.rest()
  require("posthog.llm").sleep(0)
end

--- The value of a call; a failure ends the task with it.
function task.must(value, err, ...)
  if value == nil then
    error(err, 0)
  end
  return value, err, ...
end

return task
