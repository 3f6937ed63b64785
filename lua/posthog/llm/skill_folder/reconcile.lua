--- Brings a folder to what the server has, file by file: against the version
--- that it was pulled from, what changed on one side only is taken, and what
--- changed on both is merged. Writes nothing.

local lazy = require("posthog.llm.util.lazy")
local errors = require("posthog.llm.util.errors")
local merge = lazy("posthog.llm.skill_folder.merge")
local paths = require("posthog.llm.skill_folder.paths")
local plan = require("posthog.llm.skill_folder.plan")
local refuse = require("posthog.llm.skill_folder.refuse")
local remote = lazy("posthog.llm.skill_folder.remote")
local skill_md = require("posthog.llm.skill_folder.skill_md")
local stored = require("posthog.llm.skill_folder.stored")
local text = require("posthog.llm.skill_folder.text")

local reconcile = {}

local BACK = "was removed here and has changed on the server: it is back"
local STAYS = "has changed here and was removed on the server: it stays"
local BOTH = "has changed on both sides in the same place"

--- @class posthog.llm.SkillFolderOutcome
--- @field writes table<string, string> new texts by path
--- @field removes string[]
--- @field unchanged string[] paths of the server's files that stay as they are here
--- @field merged string[] paths in writes that have the changes of both sides
--- @field conflicts { path: string, line?: integer, message: string }[]

--- All paths, in order.
local function union(...)
  local seen, list = {}, {}
  for _, map in ipairs({ ... }) do
    for path in pairs(map) do
      if not seen[path] then
        seen[path] = true
        list[#list + 1] = path
      end
    end
  end
  table.sort(list)
  return list
end

--- What is to be done with each path.
--- @param force boolean? the server is right
--- @return table<string, posthog.llm.SkillFolderAction>
local function decide_all(folder, theirs, force)
  local actions, base = {}, folder:base()
  for _, path in ipairs(union(base, folder.digests, theirs.digests)) do
    local ours, other = folder.digests[path], theirs.digests[path]
    local action = plan.decide(base[path], ours, other)
    if force and action ~= "none" then
      action = (other or base[path]) and "take" or "keep" -- what it never had stays
    end
    actions[path] = action
  end
  return actions
end

--- The version that the folder was pulled from, with the texts of these files.
--- @return posthog.llm.SkillSnapshot? base
--- @return posthog.llm.Error? err
local function read_base(client, folder, wanted, progress)
  local base, err = remote.read(client, folder.lock.name, folder.lock.version)
  if not base then
    return errors.failure(err)
  end
  local there = {}
  for _, path in ipairs(wanted) do
    if base.types[path] then
      there[#there + 1] = path
    end
  end
  local ok
  ok, err = remote.load(client, base, there, progress)
  if not ok then
    return errors.failure(err)
  end
  return base
end

local function paths_with(actions, wanted)
  local list = {}
  for path, action in pairs(actions) do
    if wanted[action] then
      list[#list + 1] = path
    end
  end
  table.sort(list)
  return list
end

--- A version's fields as the folder's SKILL.md is to have them: what the server
--- does not keep stays in the file.
--- @param fields table normal, of the server
--- @param present? string
local function in_file(folder, fields, present)
  local ours = present and folder:parse(present)
  return ours and stored.to_file(folder.not_stored, fields, skill_md.normal(ours))
    or stored.to_new_file(fields)
end

--- Where a SKILL.md cannot take the fields of others without losing a line.
--- @param err posthog.llm.Error
local function unfit(err)
  local finding = { path = paths.SKILL, line = err.line, message = err.reason }
  return refuse.all("the folder was left as it was", { finding })
end

--- A SKILL.md with other fields.
--- @param force boolean? where not all of the file can be kept, it goes
--- @return string? updated
--- @return posthog.llm.Error? err
local function update_skill(folder, fields, present, force)
  local _, document
  if present then
    _, _, document = folder:parse(present)
  end
  local updated, err, read = skill_md.update(fields, present, document)
  if updated and read then
    folder:note_parsed(read)
  elseif not updated and force then
    return text.with_newline(skill_md.render(fields), (text.newline(present)))
  elseif not updated then
    return unfit(err)
  end
  return updated
end

--- @param force boolean? the file has what the server has, and nothing else
--- @return string? text
--- @return posthog.llm.Error? err
local function new_text(folder, path, theirs, present, force)
  if path == paths.SKILL then
    local fields = force and stored.to_new_file(theirs.fields)
      or in_file(folder, theirs.fields, present)
    return update_skill(folder, fields, present, force)
  end
  return text.replace(theirs.texts[path], present, folder:newline())
end

--- A file of the server as a pull would write it into the folder, where nothing else is in its way:
--- what the server does not keep, and how lines end, is as it is here.
--- @param folder posthog.llm.Folder
--- @param theirs posthog.llm.SkillSnapshot with the file's text
--- @param path string
--- @param present? string the file as it is here
--- @return string
function reconcile.as_here(folder, theirs, path, present)
  if path ~= paths.SKILL then
    return text.replace(theirs.texts[path], present, folder:newline())
  end
  local fields = in_file(folder, theirs.fields, present)
  return update_skill(folder, fields, present, true)
end

local function present_of(folder, path)
  if folder.digests[path] then
    return folder:read(path)
  end
end

local function take(outcome, folder, theirs, path, force)
  if not theirs.digests[path] then
    outcome.removes[#outcome.removes + 1] = path
    return true
  end
  local present, err = present_of(folder, path)
  if err then
    return errors.failure(err)
  end
  local new
  new, err = new_text(folder, path, theirs, present, force)
  if not new then
    return errors.failure(err)
  elseif new == present then
    outcome.unchanged[#outcome.unchanged + 1] = path
  else
    outcome.writes[path] = new
  end
  return true
end

--- @return string? merged
--- @return integer|posthog.llm.Error conflicts or err
local function merge_one(folder, path, present, base, theirs)
  local labels = { ours = "this folder", theirs = "version " .. theirs.version }
  if path == paths.SKILL then
    local before = base and in_file(folder, base.fields, present) or { body = "" }
    local _, _, document = folder:parse(present)
    local fields = in_file(folder, theirs.fields, present)
    local merged, conflicts, read = merge.skill_md(before, present, fields, labels, document)
    if read then
      folder:note_parsed(read)
    end
    if not merged then
      return unfit(conflicts)
    end
    return merged, conflicts
  end
  local ours = text.trim(present)
  local before = base and base.texts[path] or ""
  local merged, conflicts = merge.texts(before, ours, theirs.texts[path], labels)
  return text.replace(merged, present), conflicts
end

local function conflict(outcome, path, message, line)
  outcome.conflicts[#outcome.conflicts + 1] = { path = path, line = line, message = message }
end

local function settle_one(outcome, folder, theirs, base, path, action, force)
  if action == "take" then
    return take(outcome, folder, theirs, path, force)
  elseif action == "clash" then
    conflict(outcome, path, folder.digests[path] and STAYS or BACK)
    return folder.digests[path] and true or take(outcome, folder, theirs, path)
  elseif action == "merge" then
    local present, err = folder:read(path)
    if not present then
      return errors.failure(err)
    end
    local merged, conflicts = merge_one(folder, path, present, base, theirs)
    if not merged then
      return errors.failure(conflicts)
    end
    outcome.writes[path] = merged ~= present and merged or nil
    if conflicts > 0 then
      conflict(outcome, path, BOTH, text.marker(merged))
    elseif merged ~= present then
      outcome.merged[#outcome.merged + 1] = path
    end
  elseif theirs.digests[path] and folder.digests[path] then
    outcome.unchanged[#outcome.unchanged + 1] = path
  end
  return true
end

--- @return posthog.llm.SkillFolderOutcome
function reconcile.nothing()
  return { writes = {}, removes = {}, unchanged = {}, merged = {}, conflicts = {} }
end

--- @param client posthog.llm.Client
--- @param folder posthog.llm.Folder
--- @param theirs posthog.llm.SkillSnapshot all of its digests known
--- @param force boolean?
--- @param progress fun(step: string, path: string, done: integer, total: integer)
--- @return posthog.llm.SkillFolderOutcome? outcome
--- @return posthog.llm.Error? err
function reconcile.run(client, folder, theirs, force, progress)
  local actions = decide_all(folder, theirs, force)
  local needed, base = {}, nil
  for _, path in ipairs(paths_with(actions, { take = true, merge = true, clash = true })) do
    needed[#needed + 1] = theirs.types[path] and path or nil
  end
  local ok, err = remote.load(client, theirs, needed, progress)
  if not ok then
    return errors.failure(err)
  end
  local merges = paths_with(actions, { merge = true })
  if folder.lock and #merges > 0 then
    base, err = read_base(client, folder, merges, progress)
    if not base then
      return errors.failure(err)
    end
  end
  local outcome = reconcile.nothing()
  for _, path in ipairs(union(actions)) do
    ok, err = settle_one(outcome, folder, theirs, base, path, actions[path], force)
    if not ok then
      return errors.failure(err)
    end
  end
  return outcome
end

--- Files that both have, each its own, where no version says what
--- they have in common.
--- @return { path: string, message: string }[]
function reconcile.strangers(folder, theirs)
  local list = {}
  for _, path in ipairs(union(theirs.digests)) do
    local ours = folder.digests[path]
    if ours and ours ~= theirs.digests[path] then
      list[#list + 1] = { path = path, message = "is not the server's" }
    end
  end
  return list
end

reconcile.union = union

return reconcile
