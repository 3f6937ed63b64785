--- Where each folder of a root stands, and what the server has beside.

local errors = require("posthog.llm.util.errors")
local listing = require("posthog.llm.skill_folder.listing")
local many = require("posthog.llm.skill_folder.many")
local refuse = require("posthog.llm.skill_folder.refuse")
local status = require("posthog.llm.skill_folder.status")

local status_all = {}

local function silent() end

--- On which side a file's state says that it has changed.
local SIDES = {
  ["local"] = { "here" },
  new = { "here" },
  gone = { "here" },
  remote = { "there" },
  both = { "here", "there" },
}

--- @param list posthog.llm.SkillStatus[]
--- @return posthog.llm.SkillRootState
local function state_of(list)
  if #list.unresolved > 0 then
    return "conflict"
  end
  local changed = {}
  for _, row in ipairs(list) do
    for _, side in ipairs(SIDES[row.state] or {}) do
      changed[side] = true
    end
  end
  return changed.here and changed.there and "both"
    or changed.here and "local"
    or changed.there and "remote"
    or "same"
end

--- What has changed here, without the network.
--- @param entry posthog.llm.SkillRootEntry
--- @param row? posthog.llm.SkillRow
--- @param hidden boolean?
--- @return posthog.llm.SkillStatus[]? list
--- @return posthog.llm.Error? err
function status_all.offline(entry, row, hidden)
  local list, err = entry.here, entry.here_err
  if not list and not err then
    list, err = status.run(nil, entry.dir, { hidden = hidden }, silent, entry.folder)
  end
  if list then
    list.latest = row and row.version or nil
  end
  return list, err
end

--- Looks at the folders that were pulled: of nearly all of them that is all there is to know.
--- @param root posthog.llm.SkillRoot
--- @param hidden boolean?
function status_all.look_at_pulled(root, hidden)
  for _, entry in ipairs(root.entries) do
    if entry.lock and not entry.err then
      entry.here, entry.here_err = status_all.offline(entry, nil, hidden)
    end
  end
end

--- Whether the folder's skill is gone, or another has its name.
--- @param entry posthog.llm.SkillRootEntry that was pulled
--- @param row? posthog.llm.SkillRow
function status_all.is_gone(entry, row)
  return not row or row.id and refuse.is_other(entry.lock, row)
end

--- @param row? posthog.llm.SkillRow
--- @return posthog.llm.SkillStatus[]? list
--- @return posthog.llm.Error? err
--- @return posthog.llm.SkillRootState? state where the files do not tell it
local function look(client, entry, row, hidden)
  local lock = entry.lock
  if entry.err then
    return errors.failure(entry.err)
  elseif not row and not lock then
    local list, err = status_all.offline(entry, nil, hidden)
    return list, err, "new"
  elseif lock and status_all.is_gone(entry, row) then
    local list, err = status_all.offline(entry, row, hidden)
    return list, err, "archived"
  elseif lock and row.id == lock.id then
    return status_all.offline(entry, row, hidden)
  end
  return status.run(client, entry.dir, { hidden = hidden }, silent)
end

--- @return posthog.llm.SkillRootStatus
local function told(entry, list, err, state)
  local one = { name = entry.name, dir = entry.dir, files = {}, unresolved = {}, err = err }
  if not list then
    one.state = "failed"
    return one
  end
  for i, row in ipairs(list) do
    one.files[i] = row
  end
  one.version, one.latest, one.unresolved = list.version, list.latest, list.unresolved
  one.state = state or state_of(list)
  return one
end

--- The folders, and the skills that have none.
local function work_of(root, server)
  local work = {}
  for _, entry in ipairs(root.entries) do
    work[#work + 1] = entry
  end
  for _, row in ipairs(server.rows) do
    if not root.by_name[row.name] then
      work[#work + 1] = { name = row.name, row = row }
    end
  end
  table.sort(work, function(a, b)
    return a.name < b.name or a.name == b.name and (a.dir or "") < (b.dir or "")
  end)
  return work
end

--- @return posthog.llm.SkillRootStatus[]? list
--- @return posthog.llm.Error? err
function status_all.run(client, dir, options, report)
  local root, server = listing.beside_root(client, dir, function(opened)
    status_all.look_at_pulled(opened, options.hidden)
  end)
  if not root then
    return errors.failure(server)
  end
  local work = work_of(root, server)
  local outcomes, stopped = many.run(client, work, function(narrow, entry)
    if entry.row then
      return { name = entry.name, state = "absent", latest = entry.row.version, files = {} }
    end
    local list, why, state = look(narrow, entry, server.by_name[entry.name], options.hidden)
    return told(entry, list, why, state), why
  end, report)
  if stopped then
    return errors.failure(stopped)
  end
  local list = {}
  for i, outcome in ipairs(outcomes) do
    list[i] = outcome.value or told(work[i], nil, outcome.err)
  end
  return list
end

return status_all
