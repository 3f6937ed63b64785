--- An object that calls a function when it is collected, at the latest when the Lua state is closed.

--- @param f fun() may not raise
--- @return any object
local function finalizer(f)
  if newproxy then -- luacheck: ignore
    local proxy = newproxy(true) -- luacheck: ignore
    getmetatable(proxy).__gc = f
    return proxy
  end
  return setmetatable({}, { __gc = f })
end

return finalizer
