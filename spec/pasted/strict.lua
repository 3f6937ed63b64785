--- Loads the program of a page so that an undefined name is an error in it.

local rawget, rawset, error = rawget, rawset, error

--- @param path string of the program
--- @param page string what its messages are to name
--- @param names table what is there beside the globals
--- @return function
return function(path, page, names)
  -- A table of its own, so that modules may look for globals that are not there.
  setmetatable(names, {
    __index = function(_, name)
      local value = rawget(_G, name)
      if value == nil then
        error(("undefined name '%s'"):format(name), 2)
      end
      return value
    end,
    __newindex = function(_, name, value)
      rawset(_G, name, value)
    end,
  })
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  local setfenv = rawget(_G, "setfenv")
  if not setfenv then
    return assert(load(text, "=" .. page, "t", names))
  end
  local chunk = assert(loadstring(text, "=" .. page)) -- luacheck: ignore
  return setfenv(chunk, names)
end
