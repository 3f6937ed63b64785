--- Wraps a function of the caller's, so that open files are closed when it raises.
--- A pcall around the whole import would keep Lua 5.1 from yielding.

local unpack = table.unpack or unpack -- luacheck: ignore

--- @generic F
--- @param f F a function, or nil
--- @param close fun() called before the error is raised again
--- @return F
local function guard(f, close)
  if f == nil then
    return nil
  end
  return function(...)
    local results = { pcall(f, ...) }
    if not results[1] then
      close()
      error(results[2], 0)
    end
    return unpack(results, 2, 3)
  end
end

return guard
