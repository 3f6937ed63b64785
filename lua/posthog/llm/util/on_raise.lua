--- Cleans up after a function that raises: one of the caller's, or a call of the library in a task
--- that was cancelled. Whoever waits for the end of the task can then begin anew at once.

local yields = require("posthog.llm.util.yields")

local function pass(clean, ok, ...)
  if not ok then
    clean()
    error((...), 0)
  end
  return ...
end

--- @generic Result
--- @param clean fun() called before the error is raised again
--- @param f fun(...): Result
--- @return Result
local function on_raise(clean, f, ...)
  if not yields.through_pcall and coroutine.running() then
    return f(...) -- what it has open is closed when it is collected
  end
  return pass(clean, pcall(f, ...))
end

return on_raise
