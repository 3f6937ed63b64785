--- The folder itself: what is in it, and reading it.

local lfs = require("lfs")

local errors = require("posthog.llm.util.errors")
local atomic_file = require("posthog.llm.util.atomic_file")
local paths = require("posthog.llm.skill_folder.paths")

local disk = {}

--- @return string? kind "file", "directory", "link" and so on; nil: nothing is there
function disk.kind(path)
  return (lfs.symlinkattributes(path, "mode"))
end

--- @return boolean whether its owner may run it
function disk.is_executable(path)
  return (lfs.attributes(path, "permissions") or ""):sub(3, 3) == "x"
end

--- @return string? text
--- @return posthog.llm.Error? err
function disk.read(path)
  local file, why = io.open(path, "rb")
  if not file then
    return atomic_file.failure(path, "cannot be read", why)
  end
  local text
  text, why = file:read("*a")
  file:close()
  if not text then
    return atomic_file.failure(path, "cannot be read", why)
  end
  return text
end

--- Version control's, and ours: never part of a skill.
local NEVER = { [".git"] = true, [".hg"] = true, [".svn"] = true }
local NEVER_ON_TOP = { [paths.LOCK] = true, [paths.STAGE] = true }

--- Bytes of a file that is looked at: a request has no more (doc/api.md 0.5).
local LARGEST = 20000000

--- What people seldom mean to publish: left out unless the skill has it already.
local function is_private(name)
  return name:sub(1, 1) == "." or name == "__pycache__" or name == "node_modules"
end

--- What is in a folder, in order.
--- @param path string
--- @return string[]? names
--- @return posthog.llm.Error? err
function disk.names(path)
  local names = {}
  local ok, iterator, state = pcall(lfs.dir, path)
  if not ok then
    local why = tostring(iterator):gsub("^cannot open ", "")
    return atomic_file.failure(path, "cannot be read", why)
  end
  for name in iterator, state do
    if name ~= "." and name ~= ".." then
      names[#names + 1] = name
    end
  end
  table.sort(names)
  return names
end

--- All paths, and the folders above them.
local function with_parents(known)
  local all = {}
  for path in pairs(known) do
    all[path] = true
    for _, parent in ipairs(paths.parents(path)) do
      all[parent] = true
    end
  end
  return all
end

local function size_of(path)
  return lfs.attributes(path, "size") or 0
end

--- @class posthog.llm.SkillFolderScan
--- @field files string[] regular files, by name
--- @field others { path: string, kind: string }[] neither a file nor a folder, or far too large
--- @field left_out string[] hidden files and folders that were not looked at

--- What is in a folder.
--- @param dir string
--- @param known table<string, any> paths that are taken whatever their names
--- @param hidden boolean? takes all
--- @return posthog.llm.SkillFolderScan? scan
--- @return posthog.llm.Error? err
function disk.scan(dir, known, hidden)
  local scan = { files = {}, others = {}, left_out = {} }
  known = with_parents(known)
  local function visit(folder)
    local names, err = disk.names((dir .. "/" .. folder):gsub("(.)/$", "%1"))
    if not names then
      return errors.failure(err)
    end
    for _, name in ipairs(names) do
      local path = folder .. name
      local is_none = NEVER[name] or NEVER_ON_TOP[path]
      local kind = not is_none and disk.kind(dir .. "/" .. path)
      if kind and not hidden and is_private(name) and not known[path] then
        scan.left_out[#scan.left_out + 1] = path
      elseif kind == "directory" then
        local ok
        ok, err = visit(path .. "/")
        if not ok then
          return errors.failure(err)
        end
      elseif kind == "file" and size_of(dir .. "/" .. path) > LARGEST then
        local words = ("file of %.0f bytes"):format(size_of(dir .. "/" .. path))
        scan.others[#scan.others + 1] = { path = path, kind = words }
      elseif kind == "file" then
        scan.files[#scan.files + 1] = path
      elseif kind then
        scan.others[#scan.others + 1] = { path = path, kind = kind }
      end
    end
    return true
  end
  local ok, err = visit("")
  if not ok then
    return errors.failure(err)
  end
  return scan
end

--- Makes a folder and those above it.
--- @return string[]? made those that were not there, from the top
--- @return posthog.llm.Error? err
function disk.make_folder(path)
  local missing, made = {}, {}
  local at = path
  while disk.kind(at) == nil do
    table.insert(missing, 1, at)
    local above = at:match("^(.*[^/])/+[^/]*$") or (at:find("^/") and "/" or ".")
    if above == at then
      break
    end
    at = above
  end
  for _, folder in ipairs(missing) do
    local ok, why = lfs.mkdir(folder)
    if not ok then
      for i = #made, 1, -1 do
        lfs.rmdir(made[i])
      end
      return atomic_file.failure(folder, "cannot be made", why)
    end
    made[#made + 1] = folder
  end
  return made
end

--- Whether a path is reached without a symbolic link below `dir`.
--- @return boolean
function disk.is_inside(dir, path)
  for _, parent in ipairs(paths.parents(path)) do
    local kind = disk.kind(dir .. "/" .. parent)
    if kind ~= nil and kind ~= "directory" then
      return false
    end
  end
  local kind = disk.kind(dir .. "/" .. path)
  return kind == nil or kind == "file" or kind == "directory"
end

--- Removes folders that are empty, from the inside; others stay.
function disk.remove_empty(folders)
  for i = #folders, 1, -1 do
    lfs.rmdir(folders[i])
  end
end

return disk
