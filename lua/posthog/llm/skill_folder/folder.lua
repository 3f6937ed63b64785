--- A folder that holds a skill: its files, what they were pulled from, and
--- what they are now.

local change = require("posthog.llm.skill_folder.change")
local digest = require("posthog.llm.util.digest")
local disk = require("posthog.llm.skill_folder.disk")
local errors = require("posthog.llm.util.errors")
local exported = require("posthog.llm.skill_folder.exported")
local lock = require("posthog.llm.skill_folder.lock")
local name_key = require("posthog.llm.util.name_key")
local paths = require("posthog.llm.skill_folder.paths")
local rules = require("posthog.llm.skill_folder.rules")
local skill_md = require("posthog.llm.skill_folder.skill_md")
local stored = require("posthog.llm.skill_folder.stored")
local text = require("posthog.llm.skill_folder.text")

--- @class posthog.llm.Folder
--- @field dir string
--- @field lock posthog.llm.SkillLock|false
--- @field scan posthog.llm.SkillFolderScan
--- @field digests table<string, string> of the files as the server has them: without white space at
---   their ends, and without what it does not keep
--- @field not_stored posthog.llm.SkillNotStored[] what that is (stored.lua)
--- @field parsed? table the SKILL.md that was taken apart last
--- @field texts? table<string, string> of the files as they were looked at, so that all that is done
---   with them is done with the same; nil: a file is read each time
--- @field seen? table<string, string> SHA-256 of the files, and of the lock, as they were read; nil:
---   nothing is going to be written
local Folder = {}
Folder.__index = Folder

local folder = {}

local MOST_KEPT = rules.LIMITS.total -- bytes of texts: a folder with more cannot be pushed

--- Leads back what was left half-way, and reads the lock.
--- @param dir string
--- @return posthog.llm.Folder? opened its files are not looked at yet
--- @return posthog.llm.Error? err kind "file"
function folder.open(dir)
  dir = dir:gsub("(.)/+$", "%1")
  local done, err = change.recover(dir)
  if not done then
    return errors.failure(err)
  end
  local found, source
  found, err, source = lock.read(dir)
  if err then
    return errors.failure(err)
  end
  local seen = { [paths.LOCK] = source and digest.sha256(source) }
  local self = { dir = dir, lock = found, digests = {}, seen = seen }
  self.not_stored = found and found.not_stored or {}
  return setmetatable(self, Folder)
end

--- Looks at the files.
--- @param known table<string, any> further paths that are the skill's
--- @param hidden boolean?
--- @return true? done
--- @return posthog.llm.Error? err kind "file"
function Folder:read_all(known, hidden)
  local all = {}
  for path in pairs(self:base()) do
    all[path] = true
  end
  for path in pairs(known) do
    all[path] = true
  end
  local err
  self.scan, err = disk.scan(self.dir, all, hidden)
  if not self.scan then
    return errors.failure(err)
  end
  self:name_as_known(all)
  self:forget_removed()
  local kept = 0
  for _, path in ipairs(self.scan.files) do
    local source
    source, err = disk.read(self.dir .. "/" .. path)
    if not source then
      return errors.failure(err)
    end
    kept = kept + #source
    if self.texts then
      self.texts[path] = kept <= MOST_KEPT and source or nil
    end
    self.digests[path] = self:digest_of(path, source)
    if self.seen then
      self.seen[path] = digest.sha256(source)
    end
  end
  self:leave_out_exported(all)
  return true
end

--- Takes the spelling that the skill has for a file which the file system lists otherwise, by case or
--- by how accents are written, and finds by either name.
--- @param known table<string, any> paths that are the skill's own
function Folder:name_as_known(known)
  local is_listed, unlisted = {}, {}
  for _, path in ipairs(self.scan.files) do
    is_listed[path] = true
  end
  for path in pairs(known) do
    if not is_listed[path] and disk.kind(self.dir .. "/" .. path) == "file" then
      unlisted[name_key.of(path)] = path
    end
  end
  if next(unlisted) == nil then
    return
  end
  for i, path in ipairs(self.scan.files) do
    if not known[path] then
      self.scan.files[i] = unlisted[name_key.of(path)] or path
    end
  end
  table.sort(self.scan.files)
end

--- Forgets what the server does not keep of files that are no longer here.
function Folder:forget_removed()
  local is_here, entries = {}, {}
  for _, path in ipairs(self.scan.files) do
    is_here[path] = true
  end
  for _, entry in ipairs(self.not_stored) do
    entries[#entries + 1] = is_here[entry.path] and entry or nil
  end
  self.not_stored = entries
end

--- Leaves out what an export of PostHog has added.
--- @param known table<string, any> paths that are the skill's own
function Folder:leave_out_exported(known)
  local path = exported.PATH
  local source = self.digests[path] and not known[path] and self:read(path)
  local fields = source and self:fields()
  if fields and exported.is_generated(source, fields) then
    self:note_not_stored(exported.entries(fields, self.digests[path]))
  end
end

--- Takes in again what the server's version has itself.
--- @param theirs posthog.llm.SkillSnapshot
function Folder:take_in_exported(theirs)
  local entries, is_less = {}, false
  for _, entry in ipairs(self.not_stored) do
    local there = theirs.types[entry.path]
    if entry.key then
      there = theirs.fields.metadata.version
    end
    local is_kept = entry.why ~= "export" or there == nil
    entries[#entries + 1] = is_kept and entry or nil
    is_less = is_less or not is_kept
  end
  if is_less then
    self.not_stored = entries
    self:digest_again()
  end
end

--- Keeps keys that the server has for itself where the lock is of a time when a push noted what
--- it had sent, and not what was stored: nobody has taken them away.
--- @param theirs posthog.llm.SkillSnapshot
function Folder:keep_own_keys(theirs)
  local is_as_locked = self.lock and self.digests[paths.SKILL] == self.lock.files[paths.SKILL]
  local fields = is_as_locked and self:fields()
  local entries = fields and stored.own_keys(self:to_server(fields), theirs.fields) or {}
  if #entries > 0 then
    self:note_not_stored(entries)
  end
end

--- Looks at the folder again, now that it is known what the server has.
--- @param theirs posthog.llm.SkillSnapshot
function Folder:compare_with(theirs)
  self:take_in_exported(theirs)
  self:keep_own_keys(theirs)
  local fields = self:fields()
  local entries = fields and stored.divided_tools(self:to_server(fields), theirs.fields) or {}
  if #entries > 0 then
    self:note_not_stored(entries)
  end
end

--- The fields of SKILL.md.
--- @return table? normal, as the file has them; nil: it cannot be read
--- @return string? source
--- @return table? about as skill_md.read gives it
function Folder:fields()
  local source = self.scan and self.digests[paths.SKILL] and self:read(paths.SKILL)
  local fields, _, about
  if source then
    fields, _, about = self:parse(source)
  end
  if fields then
    return skill_md.normal(fields), source, about
  end
end

--- The same as the server has them.
--- @param fields table normal, of the file
--- @return table
function Folder:to_server(fields)
  return stored.to_server(self.not_stored, fields)
end

--- Notes what of the folder the server does not keep.
--- @param entries posthog.llm.SkillNotStored[] further ones
function Folder:note_not_stored(entries)
  local all = {}
  for _, list in ipairs({ self.not_stored, entries }) do
    for _, entry in ipairs(list) do
      all[#all + 1] = entry
    end
  end
  self.not_stored = all
  self:digest_again()
end

--- The same for people.
--- @return posthog.llm.SkillNotStoredFinding[]
function Folder:findings_of_not_stored()
  if #self.not_stored == 0 then
    return {}
  end
  local _, source, about = self:fields()
  return stored.findings(self.not_stored, source, about and about.lines)
end

--- Takes the digests again of the files that the entries are about.
function Folder:digest_again()
  local again = { [exported.PATH] = true, [paths.SKILL] = true }
  for _, path in ipairs(self.scan.files) do
    local source = again[path] and self:read(path)
    if source then
      self.digests[path] = self:digest_of(path, source)
    end
  end
end

--- Scans the files of a folder that was opened; not those of one that holds no
--- skill, which may be all that somebody has.
--- @param hidden boolean?
--- @return true? done
--- @return posthog.llm.Error? err kind "file"
function Folder:look(hidden)
  if self:exists() and not self:holds_skill() then
    self.scan = { files = {}, others = {}, left_out = {} }
    return true
  end
  return self:read_all({}, hidden)
end

--- Opens a folder and scans its files, whose texts it keeps.
--- @param dir string
--- @param hidden boolean?
--- @return posthog.llm.Folder? looked_at
--- @return posthog.llm.Error? err kind "file"
function folder.look_at(dir, hidden)
  local opened, err = folder.open(dir)
  local ok
  if opened then
    opened.texts = {}
    ok, err = opened:look(hidden)
  end
  if not ok then
    return errors.failure(err)
  end
  return opened
end

--- Is there such a folder?
function Folder:exists()
  return disk.kind(self.dir .. "/.") == "directory"
end

--- Is it a skill's, now or when it was pulled?
function Folder:holds_skill()
  return self.lock and true or disk.kind(self.dir .. "/" .. paths.SKILL) ~= nil
end

--- Is this file part of the skill?
function Folder:has(path)
  return self.digests[path] ~= nil
end

--- @return table<string, string> digests of what it was pulled from
function Folder:base()
  return self.lock and self.lock.files or {}
end

--- @return string? text
--- @return posthog.llm.Error? err
function Folder:read(path)
  local kept = self.texts and self.texts[path]
  if kept then
    return kept
  end
  return disk.read(self.dir .. "/" .. path)
end

--- Takes a SKILL.md apart. A push asks for that of the folder several times, and
--- reading the front matter is the costly part of it.
--- @param source string
--- @return posthog.llm.SkillMd? fields
--- @return posthog.llm.Error? err
--- @return posthog.llm.SkillDocument? about
function Folder:parse(source)
  local last = self.parsed
  if not last or last.source ~= source then
    last = { source = source }
    last.fields, last.err, last.about = skill_md.read(source)
    self.parsed = last
  end
  return last.fields, last.err, last.about
end

--- Takes note of a SKILL.md that has just been read.
--- @param document posthog.llm.SkillDocument
function Folder:note_parsed(document)
  self.parsed = { source = document.source, fields = document.fields, about = document }
end

--- How lines end in what is new in the folder: as in its SKILL.md.
--- @return "\n"|"\r\n"
function Folder:newline()
  if not self.line_end then
    local source = disk.kind(self.dir .. "/" .. paths.SKILL) == "file" and self:read(paths.SKILL)
    self.line_end = source and text.newline(source) or "\n"
  end
  return self.line_end
end

--- The digest by which a file is distinguished from another.
--- @param path string
--- @param source string
--- @return string? digest nil: the server does not keep such a file
function Folder:digest_of(path, source)
  if path ~= paths.SKILL then
    return stored.digest(self.not_stored, path, text.digest(source))
  end
  local fields = self:parse(source)
  if not fields then
    return text.digest(source)
  end
  return stored.digest_of_skill(self.not_stored, skill_md.normal(fields))
end

--- Takes note of what was written, which is what the next write has to find.
--- @param writes table<string, string> texts by path
--- @param removes string[]
function Folder:note(writes, removes)
  local texts = self.texts or {}
  for path, source in pairs(writes) do
    self.seen[path], texts[path] = digest.sha256(source), nil
  end
  for _, path in ipairs(removes) do
    self.seen[path], texts[path] = nil, nil
  end
end

--- Files that still have the markers of a conflict.
--- @return { path: string, line: integer, message: string }[]
function Folder:unresolved()
  local findings = {}
  for _, path in ipairs(self.lock and self.lock.conflicts or {}) do
    local source = self.digests[path] and self:read(path)
    local line = source and text.marker(source)
    if line then
      local message = "a conflict is not resolved yet"
      findings[#findings + 1] = { path = path, line = line, message = message }
    end
  end
  return findings
end

--- What stands where a file is to be written, and is none that was compared: a
--- link, one that was left out, or one whose name is written otherwise.
--- @param writes table<string, any> by path
--- @param force boolean? files may go
--- @return { path: string, message: string }[]
function Folder:blocked(writes, force)
  local findings = {}
  for path in pairs(writes) do
    if not disk.is_inside(self.dir, path) and not self:gives_way(path, writes) then
      findings[#findings + 1] = { path = path, message = "is, or lies below, a symbolic link" }
    elseif not force and not self.digests[path] and path ~= paths.LOCK then
      if disk.kind(self.dir .. "/" .. path) == "file" then
        local message = "another file, which is not part of the skill here, is in its place"
        findings[#findings + 1] = { path = path, message = message }
      end
    end
  end
  table.sort(findings, function(a, b)
    return a.path < b.path
  end)
  return findings
end

--- Whether a file in the way of a folder is one that goes.
function Folder:gives_way(path, writes)
  for _, parent in ipairs(paths.parents(path)) do
    local kind = disk.kind(self.dir .. "/" .. parent)
    if kind == "file" then
      return self.lock and self.lock.files[parent] and not writes[parent]
    elseif kind ~= nil and kind ~= "directory" then
      return false
    end
  end
  return false
end

--- The lock of a folder that has just been brought to this version.
--- @param snapshot posthog.llm.SkillSnapshot all of its digests known
--- @param conflicts string[]
--- @param not_stored posthog.llm.SkillNotStored[]
--- @return string
function folder.lock_of(snapshot, conflicts, not_stored)
  return lock.render({
    name = snapshot.name,
    version = snapshot.version,
    id = snapshot.id,
    created = snapshot.created,
    files = snapshot.digests,
    conflicts = conflicts,
    not_stored = not_stored,
    spec_problems = snapshot.spec_problems,
  })
end

return folder
