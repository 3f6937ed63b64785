--- Temporary folders for specs, made and read without the library.

local lfs = require("lfs")

local folders = {}

--- A new empty folder.
--- @return string path
function folders.new()
  local path = os.tmpname()
  os.remove(path)
  assert(lfs.mkdir(path))
  return path
end

function folders.remove(path)
  os.execute(("chmod -R u+rwX '%s' && rm -rf '%s'"):format(path, path))
end

function folders.write(dir, path, text)
  path = dir .. "/" .. path
  for at in path:gmatch("[^/]()/") do
    lfs.mkdir(path:sub(1, at - 1))
  end
  local file = assert(io.open(path, "wb"))
  assert(file:write(text))
  assert(file:close())
end

--- @return string? text nil: there is no such file
function folders.read(dir, path)
  local file = io.open(dir .. "/" .. path, "rb")
  local text = file and file:read("*a")
  if file then
    file:close()
  end
  return text
end

--- Runs a check of tools/ on a tree of files.
--- @param tool string "tools/check_layers.lua"
--- @param files table<string, string> texts by path
--- @return string output, which ends in "failed\n" where it has failed
function folders.checked_by(tool, files)
  local root = folders.new()
  for path, text in pairs(files) do
    folders.write(root, path, text)
  end
  local process = io.popen(("lua5.4 %s '%s' 2>&1 || echo failed"):format(tool, root))
  local output = process:read("*a")
  process:close()
  folders.remove(root)
  return output
end

--- All files with their texts by path; links as "-> target". Empty folders end in "/".
--- @param without? string a path that is left out
function folders.tree(dir, without)
  local tree = {}
  local function visit(folder)
    local count = 0
    for name in lfs.dir(dir .. "/" .. folder) do
      local path = folder .. name
      if name ~= "." and name ~= ".." then
        count = count + 1
        local mode = lfs.symlinkattributes(dir .. "/" .. path, "mode")
        if mode == "directory" then
          visit(path .. "/")
        elseif mode == "link" then
          tree[path] = "-> " .. tostring(lfs.symlinkattributes(dir .. "/" .. path, "target"))
        elseif path ~= without then
          tree[path] = folders.read(dir, path)
        end
      end
    end
    if count == 0 and folder ~= "" then
      tree[folder] = ""
    end
  end
  visit("")
  return tree
end

return folders
