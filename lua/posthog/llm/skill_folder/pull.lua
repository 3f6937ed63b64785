--- From the server into a folder.

local change = require("posthog.llm.skill_folder.change")
local errors = require("posthog.llm.util.errors")
local folders = require("posthog.llm.skill_folder.folder")
local paths = require("posthog.llm.skill_folder.paths")
local reconcile = require("posthog.llm.skill_folder.reconcile")
local refuse = require("posthog.llm.skill_folder.refuse")
local remote = require("posthog.llm.skill_folder.remote")
local skill_md = require("posthog.llm.skill_folder.skill_md")
local stored = require("posthog.llm.skill_folder.stored")
local text = require("posthog.llm.skill_folder.text")

local pull = {}

local UNRESOLVED = "conflicts of an earlier pull or push are not resolved"

--- Whether the folder and the skill go together.
--- @return true? ok
--- @return posthog.llm.Error? err
local function check_lock(folder, theirs)
  local lock = folder.lock
  if lock and lock.name ~= theirs.name then
    local message = "the folder holds the skill %q"
    return refuse.unless_forced(message:format(lock.name), "overwrites it")
  elseif lock and refuse.is_other(lock, theirs) then
    return refuse.unless_forced(refuse.REPLACED, "overwrites the folder")
  end
  return true
end

local function check_folder(folder, theirs)
  local unresolved = folder:unresolved()
  if #unresolved > 0 then
    return refuse.unless_forced(UNRESOLVED, "gives them up", unresolved)
  end
  local strangers = folder.lock and {} or reconcile.strangers(folder, theirs)
  if #strangers > 0 then
    local message = "these files are there already and differ"
    return refuse.unless_forced(message, "overwrites them", strangers)
  end
  return true
end

--- A version with all of its digests, for a folder that may take its files.
--- @return posthog.llm.SkillSnapshot? theirs
--- @return posthog.llm.Error? err
local function read_theirs(client, folder, name, options, progress)
  local theirs, err = remote.read(client, name, options.version)
  if not theirs then
    return errors.failure(err)
  end
  local has_twins = #paths.collisions(theirs.paths, "both") > 0
  local ok
  ok, err = refuse.unfit(theirs, has_twins and change.folding(folder.dir))
  if ok and not options.force then
    ok, err = check_lock(folder, theirs)
  end
  if not ok then
    return errors.failure(err)
  end
  local lock = folder.lock
  local is_same = lock and lock.id == theirs.id
  if lock then
    remote.learn(theirs, lock.files, is_same)
  end
  ok, err = remote.complete(client, theirs, progress)
  if not ok then
    return errors.failure(err)
  end
  return theirs
end

local function conflict_paths(conflicts)
  local list = {}
  for i, conflict in ipairs(conflicts) do
    list[i] = conflict.path
  end
  return list
end

--- What of the folder the server will not have, once the outcome is written.
--- @return posthog.llm.SkillNotStored[]
local function not_stored_after(folder, theirs, outcome)
  local source = outcome.writes[paths.SKILL]
  local ours
  if source then
    local fields = folder:parse(source)
    ours = fields and skill_md.normal(fields)
  else
    ours = folder:fields()
  end
  return stored.carry(folder.not_stored, ours, theirs)
end

--- Writes what was found, with the lock, or nothing.
--- @param folder posthog.llm.Folder
--- @param theirs posthog.llm.SkillSnapshot
--- @param outcome posthog.llm.SkillFolderOutcome
--- @param force boolean? also over files that were not looked at
--- @return true? done
--- @return posthog.llm.Error? err
function pull.write(folder, theirs, outcome, force)
  local entries = theirs.not_stored or not_stored_after(folder, theirs, outcome)
  local lock = folders.lock_of(theirs, conflict_paths(outcome.conflicts), entries)
  local writes = {}
  for path, source in pairs(outcome.writes) do
    writes[path] = source
  end
  if not folder.lock or text.unix(folder:read(paths.LOCK) or "") ~= lock then
    writes[paths.LOCK] = lock
  elseif next(writes) == nil and #outcome.removes == 0 then
    return true
  end
  local blocked = folder:blocked(writes, force)
  if #blocked > 0 then
    return refuse.all("the folder was left as it was", blocked)
  end
  local done, err = change.apply(folder.dir, writes, outcome.removes, not force and folder.seen)
  if not done then
    return errors.failure(err)
  end
  folder:note(writes, outcome.removes)
  folder.not_stored = entries
  return true
end

--- @return posthog.llm.SkillPull? result
--- @return posthog.llm.Error? err
function pull.run(client, name, dir, options, progress)
  local folder, err = folders.open(dir)
  if not folder then
    return errors.failure(err)
  end
  local theirs
  theirs, err = read_theirs(client, folder, name, options, progress)
  if not theirs then
    return errors.failure(err)
  end
  local ok = true
  if folder:exists() then
    ok, err = folder:read_all(theirs.digests)
    if ok then
      folder:compare_with(theirs)
    end
  else
    folder.scan = { files = {}, others = {}, left_out = {} }
  end
  if ok and not options.force then
    ok, err = check_folder(folder, theirs)
  end
  local outcome
  if ok then
    outcome, err = reconcile.run(client, folder, theirs, options.force, progress)
  end
  if not outcome then
    return errors.failure(err)
  end
  ok, err = pull.write(folder, theirs, outcome, options.force)
  if not ok then
    return errors.failure(err)
  end
  local result = {
    name = theirs.name,
    version = theirs.version,
    written = reconcile.union(outcome.writes),
    removed = outcome.removes,
    merged = outcome.merged,
    unchanged = outcome.unchanged,
    not_stored = folder:findings_of_not_stored(),
    spec_problems = theirs.spec_problems,
  }
  for i, path in ipairs(result.written) do
    progress("write", path, i, #result.written)
  end
  if #outcome.conflicts > 0 then
    return refuse.unmerged(outcome.conflicts, result)
  end
  return result
end

return pull
