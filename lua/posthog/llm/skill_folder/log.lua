--- The history of a skill with what each version has changed.

local errors = require("posthog.llm.util.errors")
local hosts = require("posthog.llm.host")
local paths = require("posthog.llm.skill_folder.paths")
local reconcile = require("posthog.llm.skill_folder.reconcile")
local remote = require("posthog.llm.skill_folder.remote")

local log = {}

local AT_ONCE = 8 -- versions that are read at the same time

local NOTHING = { digests = {}, types = {}, sums = {}, fields = {} }

--- @return "added"|"changed"|"removed"|nil change
--- @return boolean is_known false: the texts would have to be compared
local function change_of(path, old, new)
  local before, after = old.types[path], new.types[path]
  if not before or not after then
    return before and "removed" or "added", true
  end
  local sum, other = old.sums[path], new.sums[path]
  local is_known = sum ~= nil and other ~= nil
  if before ~= after or is_known and sum ~= other then
    return "changed", true
  end
  return nil, is_known
end

--- @return { path: string, change: string }[] changes
--- @return boolean compared whether these are all
local function changes_of(old, new)
  local changes, compared = {}, true
  local before, after = old.digests[paths.SKILL], new.digests[paths.SKILL]
  if before ~= after then
    changes[1] = { path = paths.SKILL, change = before and "changed" or "added" }
  end
  for _, path in ipairs(reconcile.union(old.types, new.types)) do
    local change, is_known = change_of(path, old, new)
    compared = compared and is_known
    changes[#changes + 1] = change and { path = path, change = change } or nil
  end
  return changes, compared
end

local OTHER = "the skill was archived meanwhile, and another one has its name"

--- Reads versions that are not known yet, at the same time.
--- @param known table<integer, { snapshot: posthog.llm.SkillSnapshot, note?: string }>
--- @param wanted integer[]
local function read_versions(client, name, known, wanted)
  local jobs = {}
  for _, version in ipairs(wanted) do
    jobs[#jobs + 1] = not known[version]
        and function()
          local snapshot, err, skill = remote.read(client, name, version)
          if not snapshot then
            error(err, 0)
          end
          local note = skill.version_description
          known[version] = { snapshot = snapshot, note = type(note) == "string" and note or nil }
          return true
        end
      or nil
  end
  local _, failed = hosts.current().gather(jobs, AT_ONCE)
  for i = 1, #jobs do
    if failed and failed[i] ~= nil then
      error(failed[i], 0)
    end
  end
  local first = known[wanted[1]].snapshot.created
  for _, version in ipairs(wanted) do
    if known[version].snapshot.created ~= first then
      error(errors.new({ kind = "conflict", message = OTHER }), 0)
    end
  end
end

local function entry_of(row, known)
  local this, before = known[row.version], known[row.version - 1]
  local changes, compared = changes_of(before and before.snapshot or NOTHING, this.snapshot)
  return {
    version = row.version,
    created_at = row.created_at,
    created_by = row.created_by,
    is_latest = row.is_latest,
    note = this.note ~= "" and this.note or nil,
    changes = changes,
    compared = compared,
  }
end

--- @param client posthog.llm.Client
--- @param name string
--- @param options { limit?: integer }
--- @return fun(): posthog.llm.SkillLogEntry?
function log.each(client, name, options)
  local versions = client.skills:versions(name, { limit = options.limit })
  local known, queue = {}, {}
  --- Takes the next few versions, and the one before them.
  local function fill()
    local rows, wanted = {}, {}
    while #rows < AT_ONCE do
      local row = versions()
      if row == nil then
        break
      elseif type(row) ~= "table" or type(row.version) ~= "number" then
        error(
          errors.new({ kind = "decode", message = "the history has a row without a version" }),
          0
        )
      end
      rows[#rows + 1], wanted[#wanted + 1] = row, row.version
    end
    local last = wanted[#wanted]
    if not last then
      return
    elseif last > 1 then
      wanted[#wanted + 1] = last - 1
    end
    read_versions(client, name, known, wanted)
    for i, row in ipairs(rows) do
      queue[i] = entry_of(row, known)
    end
    known = { [last - 1] = known[last - 1] }
  end
  return function()
    if #queue == 0 then
      fill()
    end
    return table.remove(queue, 1)
  end
end

return log
