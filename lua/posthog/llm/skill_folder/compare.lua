--- What differs between a folder and a version on the server, or between two versions.

local errors = require("posthog.llm.util.errors")
local disk = require("posthog.llm.skill_folder.disk")
local folders = require("posthog.llm.skill_folder.folder")
local is_absent = require("posthog.llm.api.skills.absent")
local lint = require("posthog.llm.skill_folder.lint")
local paths = require("posthog.llm.skill_folder.paths")
local reconcile = require("posthog.llm.skill_folder.reconcile")
local refuse = require("posthog.llm.skill_folder.refuse")
local remote = require("posthog.llm.skill_folder.remote")
local skill_md = require("posthog.llm.skill_folder.skill_md")
local stored = require("posthog.llm.skill_folder.stored")
local text = require("posthog.llm.skill_folder.text")
local unified_diff = require("posthog.llm.util.unified_diff")

local compare = {}

local FOLDER = "folder" -- the label of its files

local function is_binary(source)
  return source ~= nil and text.check(source) ~= nil
end

--- @param file posthog.llm.FileTexts
--- @return posthog.llm.SkillFileDifference
local function difference(file)
  file.is_binary = is_binary(file.old) or is_binary(file.new)
  local diff, added, removed = unified_diff.file(file)
  return {
    path = file.path,
    change = not file.old and "added" or not file.new and "removed" or "changed",
    binary = file.is_binary,
    added = added,
    removed = removed,
    diff = diff,
  }
end

--- Paths whose digests differ.
local function differing(old, new)
  local list = {}
  for _, path in ipairs(reconcile.union(old, new)) do
    list[#list + 1] = old[path] ~= new[path] and path or nil
  end
  return list
end

--- Those of the paths that a version has.
local function there(snapshot, list)
  local wanted = {}
  for _, path in ipairs(list) do
    wanted[#wanted + 1] = snapshot.types[path] and path or nil
  end
  return wanted
end

local function no_skill(dir, why)
  local message = "%s holds no skill that can be compared: %s"
  return errors.failure(errors.new({ kind = "invalid", message = message:format(dir, why) }))
end

--- The folder, and the name of its skill.
--- @return posthog.llm.Folder? folder
--- @return string|posthog.llm.Error name or err
local function look_at(dir, hidden)
  local folder, err = folders.look_at(dir, hidden)
  if not folder then
    return errors.failure(err)
  elseif not folder:holds_skill() then
    return no_skill(dir, "there is no SKILL.md and no lock file")
  elseif folder.lock then
    return folder, folder.lock.name
  end
  local fields = folder:fields()
  local wrong = not fields and "its SKILL.md cannot be read, and there is no lock file"
    or lint.name_error(fields.name)
  if wrong then
    return no_skill(dir, wrong)
  end
  return folder, fields.name
end

--- @return posthog.llm.SkillSnapshot? theirs
--- @return posthog.llm.Error? err
local function read_theirs(client, folder, name, version, progress)
  local theirs, err = remote.read(client, name, version)
  if not theirs and not folder.lock and not version and is_absent(err, name) then
    return { digests = {}, types = {} } -- a new skill: all of it is new
  elseif not theirs then
    return errors.failure(err)
  end
  local ok
  ok, err = refuse.unfit(theirs)
  if ok then
    ok, err = remote.complete_beside(client, folder, theirs, progress)
  end
  if not ok then
    return errors.failure(err)
  end
  return theirs
end

--- @return posthog.llm.SkillFileDifference? row
--- @return posthog.llm.Error? err
local function difference_here(folder, theirs, path)
  local file = { path = path, new_label = FOLDER }
  if folder.digests[path] then
    local err
    file.new, err = folder:read(path)
    if not file.new then
      return errors.failure(err)
    end
    file.is_executable = disk.is_executable(folder.dir .. "/" .. path)
  end
  if theirs.digests[path] then
    file.old = reconcile.as_here(folder, theirs, path, file.new)
    file.old_label = "version " .. theirs.version
  end
  return difference(file)
end

--- A version on the server, before, and a folder, after.
--- @param client posthog.llm.Client
--- @param dir string
--- @param options { version?: integer, hidden?: boolean }
--- @param progress fun(step: string, path: string, done: integer, total: integer)
--- @return posthog.llm.SkillComparison? comparison
--- @return posthog.llm.Error? err
function compare.folder(client, dir, options, progress)
  local folder, name = look_at(dir, options.hidden)
  if not folder then
    return errors.failure(name)
  end
  local theirs, err = read_theirs(client, folder, name, options.version, progress)
  if not theirs then
    return errors.failure(err)
  end
  local ok
  ok, err = folder:read_all(theirs.digests, options.hidden)
  if not ok then
    return errors.failure(err)
  end
  local list = differing(theirs.digests, folder.digests)
  ok, err = remote.load(client, theirs, there(theirs, list), progress)
  if not ok then
    return errors.failure(err)
  end
  local files = {}
  for _, path in ipairs(list) do
    local row
    row, err = difference_here(folder, theirs, path)
    if not row then
      return errors.failure(err)
    end
    files[#files + 1] = row.diff ~= "" and row or nil
  end
  local pulled = folder.lock and folder.lock.version or nil
  return { name = name, from = theirs.version, pulled = pulled, files = files }
end

local OTHERS = "version %d and version %d are not of one skill: it was archived meanwhile, and "
  .. "another one has its name"

--- Two versions of one skill; before the first one there is nothing.
--- @return posthog.llm.SkillSnapshot? old
--- @return posthog.llm.SkillSnapshot|posthog.llm.Error new or err
local function read_pair(client, name, from, to)
  local new, err = remote.read(client, name, to)
  if not new then
    return errors.failure(err)
  end
  from = from or new.version - 1
  if from == 0 then
    return { digests = {}, types = {}, sums = {}, paths = {} }, new
  end
  local old
  old, err = remote.read(client, name, from)
  if not old then
    return errors.failure(err)
  elseif old.created ~= new.created then
    local message = OTHERS:format(from, new.version)
    return errors.failure(errors.new({ kind = "conflict", message = message }))
  end
  return old, new
end

--- Files that cannot be told to be the same without their texts.
local function unknown(old, new)
  local list = {}
  for _, path in ipairs(reconcile.union(old.types, new.types)) do
    local sum = old.sums[path]
    if not sum or sum ~= new.sums[path] then
      list[#list + 1] = path
    end
  end
  return list
end

local function difference_between(old, new, path)
  local file = { path = path }
  local function take(side, snapshot)
    if path == paths.SKILL and snapshot.fields then
      file[side] = skill_md.render(stored.to_new_file(snapshot.fields))
    elseif snapshot.texts and snapshot.texts[path] then
      file[side] = text.file(snapshot.texts[path])
    end
    file[side .. "_label"] = snapshot.version and "version " .. snapshot.version
  end
  take("old", old)
  take("new", new)
  return difference(file)
end

--- Two versions.
--- @param client posthog.llm.Client
--- @param name string
--- @param from? integer the one before `to`
--- @param to? integer the latest
--- @param progress fun(step: string, path: string, done: integer, total: integer)
--- @return posthog.llm.SkillComparison? comparison
--- @return posthog.llm.Error? err
function compare.versions(client, name, from, to, progress)
  local old, new = read_pair(client, name, from, to)
  if not old then
    return errors.failure(new)
  end
  local comparison = { name = name, from = old.version, to = new.version, files = {} }
  if old.version == new.version then
    return comparison
  end
  local list = unknown(old, new)
  for _, snapshot in ipairs({ old, new }) do
    local ok, err = refuse.unfit(snapshot)
    if ok then
      ok, err = remote.load(client, snapshot, there(snapshot, list), progress)
    end
    if not ok then
      return errors.failure(err)
    end
  end
  if old.digests[paths.SKILL] ~= new.digests[paths.SKILL] then
    table.insert(list, 1, paths.SKILL)
  end
  for _, path in ipairs(list) do
    local row = difference_between(old, new, path)
    comparison.files[#comparison.files + 1] = row.diff ~= "" and row or nil
  end
  return comparison
end

--- All of it as one text.
--- @param comparison posthog.llm.SkillComparison
--- @return string
function compare.text(comparison)
  local parts = {}
  for i, file in ipairs(comparison.files) do
    parts[i] = file.diff
  end
  return table.concat(parts)
end

return compare
