--- From the folders of a root to the server: a version for each that has changed here.

local errors = require("posthog.llm.util.errors")
local listing = require("posthog.llm.skill_folder.listing")
local many = require("posthog.llm.skill_folder.many")
local push = require("posthog.llm.skill_folder.push")
local status_all = require("posthog.llm.skill_folder.status_all")

local push_all = {}

local function silent() end

local function has_changed(list)
  for _, row in ipairs(list) do
    if row.state ~= "same" then
      return true
    end
  end
  return #list.unresolved > 0
end

--- What there is to do with a folder that was pulled, by the list.
--- @param row? posthog.llm.SkillRow
--- @return table? result nil: it is to be pushed
--- @return posthog.llm.Error? err
local function settled(entry, row, options)
  local list, err = status_all.offline(entry, row, options.hidden)
  if not list then
    return errors.failure(err)
  elseif has_changed(list) or options.force then
    return nil
  end
  local action = "unchanged"
  if status_all.is_gone(entry, row) then
    action = "gone"
  elseif row.id ~= entry.lock.id then
    action = "behind"
  end
  return { name = entry.name, action = action, version = list.version, latest = list.latest }
end

--- @param row? posthog.llm.SkillRow
local function push_one(client, entry, row, options)
  if entry.err then
    return errors.failure(entry.err)
  end
  local result, err
  if entry.lock then
    result, err = settled(entry, row, options)
  end
  if not result and not err then
    result, err = push.run(client, entry.dir, options, silent)
  end
  return result, err
end

--- @return table result
local function told(entry, outcome)
  local err = outcome and outcome.err
  local result = outcome and outcome.value or { name = entry.name }
  result.action = result.action or err and "failed" or "not tried"
  result.dir, result.err = entry.dir, err
  return result
end

--- @return posthog.llm.SkillPushAll[]? results
--- @return posthog.llm.Error? err with `result` where something was done
function push_all.run(client, dir, options, report)
  local root, server = listing.beside_root(client, dir, function(opened)
    status_all.look_at_pulled(opened, options.hidden)
  end)
  if not root then
    return errors.failure(server)
  end
  local outcomes, stopped = many.run(client, root.entries, function(narrow, entry)
    return push_one(narrow, entry, server.by_name[entry.name], options)
  end, report)
  local results = {}
  for i, entry in ipairs(root.entries) do
    results[i] = told(entry, outcomes[i])
  end
  if stopped then
    stopped.result = results
    return errors.failure(stopped)
  end
  return results
end

return push_all
