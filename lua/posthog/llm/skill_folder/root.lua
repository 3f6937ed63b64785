--- A root: a folder of folders, each with a skill.

local disk = require("posthog.llm.skill_folder.disk")
local atomic_file = require("posthog.llm.util.atomic_file")
local errors = require("posthog.llm.util.errors")
local file_system = require("posthog.llm.util.file_system")
local folders = require("posthog.llm.skill_folder.folder")
local lfs = require("lfs")
local name_key = require("posthog.llm.util.name_key")
local paths = require("posthog.llm.skill_folder.paths")

local SKILL = paths.SKILL

--- @class posthog.llm.SkillRootEntry a folder of a root
--- @field name string of its skill: as it was pulled, else as the folder is called
--- @field dir string
--- @field base string what the folder is called
--- @field lock? posthog.llm.SkillLock|false
--- @field folder? posthog.llm.Folder whose files are not looked at yet
--- @field here? posthog.llm.SkillStatus[] what has changed in it, once it was looked at
--- @field here_err? posthog.llm.Error or why it could not be
--- @field err? posthog.llm.Error it cannot be used

--- @class posthog.llm.SkillRoot
--- @field dir string
--- @field names string[] of all that is in it
--- @field entries posthog.llm.SkillRootEntry[] in order of names, once it was looked at
--- @field by_name table<string, posthog.llm.SkillRootEntry>
--- @field by_key table<string, string> what folders are called, by what a file system compares
local Root = {}
Root.__index = Root

local root = {}

--- @return posthog.llm.Error
local function unusable(kind, path, message, ...)
  return errors.new({ kind = kind, message = path .. ": " .. message:format(...), path = path })
end

--- Where a folder of the root is.
local function dir_of(dir, base)
  return dir == "." and base or dir:gsub("/*$", "/") .. base
end

--- Whether something is, or was about to be, a skill's folder.
local function holds_skill(dir)
  for _, name in ipairs({ paths.LOCK, SKILL, paths.STAGE }) do
    if disk.kind(dir .. "/" .. name) ~= nil then
      return true
    end
  end
  return false
end

local LINK = "is a symbolic link that leads out of %s, where nothing is read or written; move the "
  .. "folder here, or name it by itself"

--- Where a link leads to: nil: to nothing that matters.
local function look_at_link(dir, path)
  if lfs.attributes(path, "mode") ~= "directory" or not holds_skill(path) then
    return nil
  end
  local top, target = file_system.real_path(dir), file_system.real_path(path)
  if top and target and (target .. "/"):sub(1, #top + 1) == top:gsub("/*$", "/") then
    return nil -- another name of what is here
  end
  return unusable("invalid", path, LINK, dir)
end

local OTHER_NAME = "%s says name: %s, the folder is %s; make them one"

--- A folder that was not pulled goes by its name, and its SKILL.md has to agree.
--- @param folder posthog.llm.Folder
local function check_name(folder, base)
  local source = disk.kind(folder.dir .. "/" .. SKILL) == "file" and folder:read(SKILL)
  local fields = source and folder:parse(source)
  local name = fields and fields.name
  if type(name) == "string" and name ~= "" and name ~= base then
    return unusable("invalid", folder.dir, OTHER_NAME, SKILL, name, base)
  end
end

--- @return posthog.llm.SkillRootEntry? entry nil: no skill's
local function entry_of(dir, base)
  local path = dir_of(dir, base)
  local kind = disk.kind(path)
  if kind == "link" then
    local err = look_at_link(dir, path)
    return err and { name = base, base = base, dir = path, err = err }
  elseif kind ~= "directory" or not holds_skill(path) then
    return nil
  end
  local folder, err = folders.open(path)
  if not folder then
    return { name = base, base = base, dir = path, err = err }
  elseif not folder:holds_skill() then
    return nil -- of a pull that was ended
  end
  local lock = folder.lock
  local name = lock and lock.name or base
  err = not lock and check_name(folder, base) or nil
  return { name = name, base = base, dir = path, lock = lock, folder = folder, err = err }
end

local BOTH = "%s holds the skill %s too; remove one of the two"

--- Two folders of one skill: neither is right.
local function blame_both(first, second)
  for _, pair in ipairs({ { first, second }, { second, first } }) do
    local entry, other = pair[1], pair[2]
    entry.err = entry.err or unusable("conflict", entry.dir, BOTH, other.dir, entry.name)
  end
end

local function add(self, entry)
  local other = self.by_name[entry.name]
  if other then
    blame_both(other, entry)
  else
    self.by_name[entry.name] = entry
  end
  self.entries[#self.entries + 1] = entry
end

--- Finds a root, without a look at what its folders hold.
--- @param dir string which need not be there
--- @return posthog.llm.SkillRoot? found
--- @return posthog.llm.Error? err kind "file"
function root.find(dir)
  dir = dir:gsub("(.)/+$", "%1")
  local self = { dir = dir, names = {}, entries = {}, by_name = {}, by_key = {} }
  local kind = lfs.attributes(dir, "mode")
  if kind == nil and disk.kind(dir) == nil then
    return setmetatable(self, Root)
  elseif kind ~= "directory" then
    local what = kind and "it is a " .. kind .. ", not a folder" or "it is a link to nothing"
    return atomic_file.failure(dir, "cannot be used as the root of skills", what)
  end
  local names, err = disk.names(dir)
  if not names then
    return errors.failure(err)
  end
  self.names = names
  return setmetatable(self, Root)
end

--- Looks at the folders of a root, and leads back what was left half-way in them.
function Root:look()
  for _, base in ipairs(self.names) do
    if base:sub(1, 1) ~= "." then
      self.by_key[name_key.of(base)] = base
      local entry = entry_of(self.dir, base)
      if entry then
        add(self, entry)
      end
    end
  end
  table.sort(self.entries, function(a, b)
    return a.name < b.name or a.name == b.name and a.dir < b.dir
  end)
end

--- Both.
--- @param dir string
--- @return posthog.llm.SkillRoot? opened
--- @return posthog.llm.Error? err kind "file"
function root.open(dir)
  local self, err = root.find(dir)
  if not self then
    return errors.failure(err)
  end
  self:look()
  return self
end

local SPELLED = "is called %s on the server; the two differ in case, or in how an accent is "
  .. "written, alone, which some systems do not see: rename the folder"

--- Where a skill that has no folder here goes.
--- @param name string
--- @return string? dir
--- @return posthog.llm.Error? err
function Root:place_for(name)
  local path = dir_of(self.dir, name)
  local reason = name:find("/", 1, true) and "has a slash"
    or name:sub(1, 1) == "." and "begins with a dot"
    or paths.check(name)
  if reason then
    local words = "%q cannot be the name of a folder: it %s"
    local message = words:format(name, reason)
    return errors.failure(errors.new({ kind = "invalid", message = message }))
  end
  local other = self.by_key[name_key.of(name)]
  if other and other ~= name then
    return errors.failure(unusable("conflict", dir_of(self.dir, other), SPELLED, name))
  end
  local kind = disk.kind(path)
  if kind ~= nil and kind ~= "directory" then
    return atomic_file.failure(path, "cannot be the folder of a skill", "it is a " .. kind)
  end
  return path
end

local FOLDED = "its name differs from that of the skill %s in case, or in how an accent is "
  .. "written, alone, and this file system takes them for one"

--- Of skills whose names this file system takes for one, each has an error.
--- @param names string[]
--- @param folding posthog.llm.NameFolding|false what the root sees no difference in
--- @return table<string, posthog.llm.Error> errors by name
function root.collisions(names, folding)
  local seen, found = {}, {}
  for _, name in ipairs(folding and names or {}) do
    local key = name_key.of(name, folding)
    local other = seen[key]
    if other then
      for _, pair in ipairs({ { name, other }, { other, name } }) do
        found[pair[1]] =
          errors.new({ kind = "conflict", message = pair[1] .. ": " .. FOLDED:format(pair[2]) })
      end
    end
    seen[key] = other or name
  end
  return found
end

return root
