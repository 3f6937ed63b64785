--- Cleans up after a function that raises: one of the caller's, or a call of the library in a task
--- that was cancelled. Whoever waits for the end of the task can then begin anew at once.

-- There a coroutine that waits inside pcall cannot be resumed; what it has open is closed when it is
-- collected.
local IS_PUC_5_1 = _VERSION == "Lua 5.1" and not rawget(_G, "jit")

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
  if IS_PUC_5_1 and coroutine.running() then
    return f(...)
  end
  return pass(clean, pcall(f, ...))
end

return on_raise
