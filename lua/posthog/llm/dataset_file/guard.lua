--- Wraps a function of the caller's, so that open files are closed when it raises.
--- A pcall around the whole import would keep Lua 5.1 from yielding; and so it would here, while
--- requests are on their way, when the function may make calls in one of several coroutines. What it
--- raises then, the flow sees, and closes the files once nothing is on its way.

local unpack = table.unpack or unpack -- luacheck: ignore

--- @generic F
--- @param f F a function, or nil
--- @param close fun() called before the error is raised again
--- @param is_sending? fun(): boolean? requests are on their way
--- @return F
local function guard(f, close, is_sending)
  if f == nil then
    return nil
  end
  return function(...)
    if is_sending and is_sending() then
      return f(...)
    end
    local results = { pcall(f, ...) }
    if not results[1] then
      close()
      error(results[2], 0)
    end
    return unpack(results, 2, 3)
  end
end

return guard
