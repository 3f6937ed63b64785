--- The errors with which a folder is left alone.

local errors = require("posthog.llm.util.errors")
local option_names = require("posthog.llm.util.option_names")
local lint = require("posthog.llm.skill_folder.lint")
local paths = require("posthog.llm.skill_folder.paths")

local refuse = {}

--- One that names everything.
--- @param what string
--- @param findings { path: string, line?: integer, message: string }[]
--- @param kind? posthog.llm.ErrorKind "invalid"
function refuse.all(what, findings, kind)
  local lines = {}
  for i, finding in ipairs(findings) do
    lines[i] = lint.line(finding)
  end
  return errors.failure(errors.new({
    kind = kind or "invalid",
    summary = what,
    message = what .. ": " .. table.concat(lines, "; "),
    problems = findings,
  }))
end

--- Refuses a version that no folder can hold.
--- @param theirs posthog.llm.SkillSnapshot
--- @param folding? posthog.llm.NameFolding|false what the folder sees no difference in
--- @return true? ok
--- @return posthog.llm.Error? err
function refuse.unfit(theirs, folding)
  local findings = paths.check_all(theirs.paths, folding)
  if #findings > 0 then
    return refuse.all("the skill has files that cannot be in a folder", findings)
  end
  return true
end

--- One after which nothing was done.
--- @param message string
--- @param findings? { path: string, line?: integer, message: string }[] files in the way
--- @param option? string that would have it done
function refuse.conflict(message, findings, option)
  local places = {}
  for i, finding in ipairs(findings or {}) do
    places[i] = lint.place(finding)
  end
  return errors.failure(errors.new({
    kind = "conflict",
    option = option,
    summary = findings and message,
    message = findings and ("%s: %s"):format(message, table.concat(places, ", ")) or message,
    problems = findings,
  }))
end

--- The same, where `force` is the way out.
--- @param message string what is in the way
--- @param outcome string what `force` does about it
--- @param findings? table[] files in the way
function refuse.unless_forced(message, outcome, findings)
  message = ("%s; %s %s"):format(message, option_names.code("force"), outcome)
  return refuse.conflict(message, findings, "force")
end

local RESOLVE = "both sides have changed the same; nothing was published. Edit these files, "
  .. "take the markers away, and push"
local WOULD = "both sides have changed the same; nothing would be published"

--- What is left to be done by a person.
--- @param conflicts { path: string, line?: integer, message: string }[]
--- @param result? table what was done all the same
--- @param is_dry boolean? nothing was
function refuse.unmerged(conflicts, result, is_dry)
  local lines, summary = {}, is_dry and WOULD or RESOLVE
  for i, conflict in ipairs(conflicts) do
    lines[i] = conflict.path .. " " .. conflict.message
  end
  return errors.failure(errors.new({
    kind = "conflict",
    summary = summary,
    message = summary .. ": " .. table.concat(lines, "; "),
    conflicts = conflicts,
    result = result,
  }))
end

--- Whether the folder was pulled from another skill than this, though it has
--- the name: after an archive the name is free, and versions count from 1.
--- @param lock posthog.llm.SkillLock
--- @param theirs posthog.llm.SkillSnapshot
function refuse.is_other(lock, theirs)
  if lock.version == theirs.version then
    return lock.id ~= theirs.id
  end
  return lock.created ~= theirs.created
end

--- What is said of a folder for which `is_other` is true.
refuse.REPLACED = "the skill that the folder was pulled from is gone, and another one has its name"

return refuse
