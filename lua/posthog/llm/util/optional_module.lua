--- Modules of others that are used where they are installed.

--- Where Lua looks by default, LuaJIT and Neovim first of all. What is in the working directory
--- may be somebody else's: a pulled skill, a pull request.
local WORKING_DIRECTORY = {
  ["./?.lua"] = true,
  ["./?/init.lua"] = true,
  ["./?.so"] = true,
  ["./loadall.so"] = true,
}

local function outside(path)
  local kept = {}
  for template in path:gmatch("[^;]+") do
    if not WORKING_DIRECTORY[template] then
      kept[#kept + 1] = template
    end
  end
  return table.concat(kept, ";")
end

--- @param name string
--- @return any module nil: it is not installed
--- @return any why it cannot be loaded
return function(name)
  local path, cpath = package.path, package.cpath
  package.path, package.cpath = outside(path), outside(cpath)
  local found, module = pcall(require, name)
  package.path, package.cpath = path, cpath
  if found then
    return module
  end
  return nil, module
end
