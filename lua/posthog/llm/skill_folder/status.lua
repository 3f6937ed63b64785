--- What is changed, and on which side.

local lazy = require("posthog.llm.util.lazy")
local errors = require("posthog.llm.util.errors")
local folders = require("posthog.llm.skill_folder.folder")
local is_absent = require("posthog.llm.api.skills.absent")
local lint = require("posthog.llm.skill_folder.lint")
local plan = require("posthog.llm.skill_folder.plan")
local reconcile = require("posthog.llm.skill_folder.reconcile")
local refuse = require("posthog.llm.skill_folder.refuse")
local remote = lazy("posthog.llm.skill_folder.remote")

local status = {}

local function states(base, ours, theirs)
  local list = {}
  for i, path in ipairs(reconcile.union(base, ours, theirs)) do
    list[i] = { path = path, state = plan.state(base[path], ours[path], theirs[path]) }
  end
  return list
end

--- The latest version's digests; none for a skill that is not there yet.
--- @param sent? posthog.llm.Ahead its request, if it is on its way
local function read_theirs(client, folder, name, progress, sent)
  local theirs, err = remote.read(client, name, nil, sent)
  if not theirs and not folder.lock and is_absent(err, name) then
    return { digests = {} }
  elseif not theirs then
    return errors.failure(err)
  elseif folder.lock and refuse.is_other(folder.lock, theirs) then
    return refuse.conflict(refuse.REPLACED .. ": nothing to compare with")
  end
  local ok
  ok, err = refuse.unfit(theirs)
  if not ok then
    return errors.failure(err)
  end
  ok, err = remote.complete_beside(client, folder, theirs, progress)
  if not ok then
    return errors.failure(err)
  end
  return theirs
end

--- Whether the server has a path that the folder was not asked for: it may be there under a name that
--- is left out of others.
local function has_new_path(folder, theirs)
  local base = folder:base()
  for path in pairs(theirs.digests) do
    if base[path] == nil then
      return true
    end
  end
  return false
end

--- The name of a folder that was not pulled, by its SKILL.md.
local function own_name(folder)
  local _, fields = lint.run(folder)
  return fields and fields.name
end

--- @param client? posthog.llm.Client nil: what has changed here alone
--- @param dir string
--- @param options { hidden?: boolean }
--- @param progress fun(step: string, path: string, done: integer, total: integer)
--- @param opened? posthog.llm.Folder of `dir`, whose files are not looked at yet
--- @return posthog.llm.SkillStatus[]? list
--- @return posthog.llm.Error? err
function status.run(client, dir, options, progress, opened)
  local folder, err = opened, nil
  if not folder then
    folder, err = folders.open(dir)
  end
  if not folder then
    return errors.failure(err)
  end
  folder.seen = nil
  local sent = client and folder.lock and remote.send(client, folder.lock.name)
  local looked
  looked, err = folder:look(options.hidden)
  if not looked then
    return errors.failure(err)
  end
  local name = folder.lock and folder.lock.name or own_name(folder)
  local unnamed = name == nil and "name is missing" or not folder.lock and lint.name_error(name)
  local theirs = { digests = folder:base(), version = folder.lock and folder.lock.version }
  if client and unnamed then
    local message = "SKILL.md has no valid name of a skill (%s), and there is no lock file: "
      .. "nothing to compare with"
    return errors.failure(errors.new({ kind = "invalid", message = message:format(unnamed) }))
  elseif client then
    theirs, err = read_theirs(client, folder, name, progress, sent or nil)
    if not theirs then
      return errors.failure(err)
    end
    local ok = true
    if has_new_path(folder, theirs) then
      ok, err = folder:read_all(theirs.digests, options.hidden)
    end
    if not ok then
      return errors.failure(err)
    end
  end
  local list = states(folder:base(), folder.digests, theirs.digests)
  list.name = name
  list.version = folder.lock and folder.lock.version or nil
  list.latest = theirs.version
  list.unresolved = folder:unresolved()
  list.not_stored = folder:findings_of_not_stored()
  list.spec_problems = theirs.spec_problems or folder.lock and folder.lock.spec_problems or {}
  return list
end

return status
