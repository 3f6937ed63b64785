--- A folder that follows when its skill gets another name: its lock, the name in its SKILL.md and,
--- where that was the skill's, its own name.

local change = require("posthog.llm.skill_folder.change")
local disk = require("posthog.llm.skill_folder.disk")
local errors = require("posthog.llm.util.errors")
local folders = require("posthog.llm.skill_folder.folder")
local paths = require("posthog.llm.skill_folder.paths")
local refuse = require("posthog.llm.skill_folder.refuse")
local remote = require("posthog.llm.skill_folder.remote")
local root_lock = require("posthog.llm.skill_folder.root_lock")
local skill_md = require("posthog.llm.skill_folder.skill_md")
local stored = require("posthog.llm.skill_folder.stored")

--- @class posthog.llm.RenamedFolder
--- @field folder posthog.llm.Folder
--- @field name string
--- @field new_name string
--- @field source? string the SKILL.md with the new name; nil: it stays as it is
local RenamedFolder = {}
RenamedFolder.__index = RenamedFolder

local folder_name = {}

--- The SKILL.md with the new name, where it has the old one.
--- @return string|false|nil source false: it stays as it is
--- @return posthog.llm.Error? err it cannot be changed
local function renamed_source(folder, name, new_name)
  local fields, source, document = folder:fields()
  if not fields or fields.name ~= name then
    return false
  end
  fields.name = new_name
  local updated, err = skill_md.update(fields, source, document)
  if not updated then
    return errors.failure(err)
  end
  return updated
end

local NOT_ITS = "%s was pulled from %s, and not from %s: its lock file cannot follow"
local NO_LOCK = "%s has no lock file: it was not pulled from %s, and nothing in it has to follow"

--- @param dir string
--- @param name string
--- @param new_name string
--- @return posthog.llm.RenamedFolder? opened
--- @return posthog.llm.Error? err
function folder_name.open(dir, name, new_name)
  local folder, err = folders.look_at(dir)
  if not folder then
    return errors.failure(err)
  end
  local lock, words = folder.lock, nil
  if not lock then
    words = NO_LOCK:format(dir, name)
  elseif lock.name ~= name and lock.name ~= new_name then
    words = NOT_ITS:format(dir, lock.name, name)
  end
  if words then
    return errors.failure(errors.new({ kind = "invalid", option = "dir", message = words }))
  end
  local self = { folder = folder, name = name, new_name = new_name }
  self.source, err = renamed_source(folder, name, new_name)
  if self.source == nil then
    return errors.failure(err)
  end
  return setmetatable(self, RenamedFolder)
end

--- Whether the lock has the new name already.
function RenamedFolder:has_followed()
  return self.folder.lock.name == self.new_name
end

--- Whether the folder was pulled from this skill, whatever its name.
--- @param snapshot posthog.llm.SkillSnapshot
function RenamedFolder:is_of(snapshot)
  return self.folder.lock.created ~= "" and self.folder.lock.created == snapshot.created
end

--- Refuses a folder that was pulled from another skill which had the name.
--- @param source posthog.llm.SkillSnapshot the latest version by the old name
--- @return true? ok
--- @return posthog.llm.Error? err
function RenamedFolder:check(source)
  if not self:has_followed() and refuse.is_other(self.folder.lock, source) then
    local message = "%s was pulled from another skill that had the name %s, and is gone"
    return refuse.conflict(message:format(self.folder.dir, self.name))
  end
  return true
end

--- A copy has one version: the folder has to be at what it is made of, or the next push would take
--- back what others have published since.
--- @param source posthog.llm.SkillSnapshot the latest version by the old name
--- @return true? ok
--- @return posthog.llm.Error? err
function RenamedFolder:check_copy(source)
  local lock = self.folder.lock
  if not self:has_followed() and lock.version ~= source.version then
    local message = "%s is at version %d of %s, and version %d is the latest: pull first; nothing "
      .. "was done"
    return refuse.conflict(message:format(self.folder.dir, lock.version, self.name, source.version))
  end
  return true
end

--- The version that the folder is at, by its new name.
--- @return posthog.llm.SkillSnapshot? snapshot
--- @return posthog.llm.Error? err
function RenamedFolder:renamed_version(client)
  return remote.read(client, self.new_name, self.folder.lock.version)
end

--- Notes the new name in the lock and in the SKILL.md.
--- @param snapshot posthog.llm.SkillSnapshot what the folder is at from now on
--- @return true? done
--- @return posthog.llm.Error? err
function RenamedFolder:follow(snapshot)
  local folder = self.folder
  if self:has_followed() then
    return true
  end
  local digests = {}
  for path, digest in pairs(folder.lock.files) do
    digests[path] = path == paths.SKILL and snapshot.digests[path] or digest
  end
  local fields
  if self.source then
    fields = folder:parse(self.source)
  end
  local ours = fields and skill_md.normal(fields) or folder:fields()
  local carried = stored.carry(folder.not_stored, ours, {
    digests = digests,
    fields = snapshot.fields,
  })
  local lock = folders.lock_of({
    name = self.new_name,
    version = snapshot.version,
    id = snapshot.id,
    created = snapshot.created,
    digests = digests,
    spec_problems = snapshot.spec_problems,
  }, folder.lock.conflicts, carried)
  local writes = { [paths.LOCK] = lock, [paths.SKILL] = self.source or nil }
  local done, err = change.apply(folder.dir, writes, {}, folder.seen)
  if not done then
    return errors.failure(err)
  end
  folder:note(writes, {})
  -- The list that the root remembers has the old name, and a renaming need not change its ETag.
  os.remove(folder.dir .. "/../" .. root_lock.NAME)
  return true
end

local STAYS = "its name stays: %s is there"

--- Gives the folder itself the new name, where it had the old one.
--- @return string dir where it is now
--- @return string? why it has not the new name
function RenamedFolder:move()
  local dir = self.folder.dir
  local above, own = dir:match("^(.*/)([^/]+)$")
  above, own = above or "", own or dir
  if own ~= self.name or disk.kind(dir) ~= "directory" then
    return dir
  end
  local target = above .. self.new_name
  if disk.kind(target) then
    return dir, STAYS:format(target)
  end
  local ok, why = os.rename(dir, target)
  if not ok then
    return dir, ("its name stays: %s"):format(why)
  end
  return target
end

return folder_name
