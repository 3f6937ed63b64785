--- Spec files that run once more, within a block of another.

local again = {}

local function load_spec(path, environment)
  if setfenv then
    return setfenv(assert(loadfile(path)), environment)
  end
  return assert(loadfile(path, "t", environment))
end

--- @param what string the text of each block
--- @param names string[] of the files, without _spec.lua
--- @param environment table that of the calling file, which has the functions of busted
function again.describe(what, names, environment)
  for _, name in ipairs(names) do
    environment.describe(what, load_spec(("spec/%s_spec.lua"):format(name), environment))
  end
end

return again
