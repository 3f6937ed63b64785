--- From the server into a root: a folder for each skill.

local change = require("posthog.llm.skill_folder.change")
local disk = require("posthog.llm.skill_folder.disk")
local errors = require("posthog.llm.util.errors")
local folders = require("posthog.llm.skill_folder.folder")
local is_absent = require("posthog.llm.api.skills.absent")
local lfs = require("lfs")
local listing = require("posthog.llm.skill_folder.listing")
local many = require("posthog.llm.skill_folder.many")
local option_names = require("posthog.llm.util.option_names")
local paths = require("posthog.llm.skill_folder.paths")
local pull = require("posthog.llm.skill_folder.pull")
local refuse = require("posthog.llm.skill_folder.refuse")
local root_lock = require("posthog.llm.skill_folder.root_lock")
local roots = require("posthog.llm.skill_folder.root")

local pull_all = {}

local function silent() end

local function by_name(a, b)
  return a.name < b.name
end

--- Whether a folder has the server's latest version, by the list.
local function is_latest(entry, row)
  local lock = entry and entry.lock
  return lock and row.id and lock.id == row.id and lock.version == row.version
end

--- The folders of skills that the server does not have.
--- @param root posthog.llm.SkillRoot
--- @param server posthog.llm.SkillListing
local function gone_of(root, server)
  local list = {}
  for _, entry in ipairs(root.entries) do
    if entry.lock and not entry.err and not server.by_name[entry.name] then
      list[#list + 1] = entry
    end
  end
  return list
end

--- Where each skill goes.
--- @param root posthog.llm.SkillRoot
--- @param rows posthog.llm.SkillRow[]
--- @param result posthog.llm.SkillPullAll
--- @return table[] work
local function plan(root, rows, result, force)
  local names, work = {}, {}
  for i, row in ipairs(rows) do
    names[i] = row.name
  end
  local folding = #names > 1 and change.folding(root.dir)
  local colliding = roots.collisions(names, folding)
  for _, row in ipairs(rows) do
    local entry = root.by_name[row.name]
    local dir, err = entry and entry.dir, colliding[row.name] or entry and entry.err
    if not entry and not err then
      dir, err = root:place_for(row.name)
    end
    if err then
      result.failed[#result.failed + 1] = { name = row.name, dir = dir, err = err }
    elseif is_latest(entry, row) and #entry.lock.conflicts == 0 and not force then
      result.unchanged = result.unchanged + 1
    else
      work[#work + 1] = { name = row.name, dir = dir, entry = entry }
    end
  end
  return work
end

local OTHER_PROJECT = "the folders of %s were pulled from %s, and this is %s; %s takes those away "
  .. "that are not there"
local NO_SKILLS = "the server has no skills at all, and %s would take every folder of %s away; %s "
  .. "means it"

--- Refuses to take away what may be there by mistake.
--- @return true? ok
--- @return posthog.llm.Error? err
local function check_prune(root, server, lock, yes)
  local url = lock and lock.url
  if yes or #gone_of(root, server) == 0 then
    return true
  elseif url and url ~= server.lock.url then
    local words = OTHER_PROJECT:format(root.dir, url, server.lock.url, option_names.code("yes"))
    return refuse.conflict(words, nil, "yes")
  elseif #server.rows == 0 then
    local prune, means_it = option_names.code("prune"), option_names.code("yes")
    return refuse.conflict(NO_SKILLS:format(prune, root.dir, means_it), nil, "yes")
  end
  return true
end

--- Files with what nobody has published.
--- @param folder posthog.llm.Folder whose files were looked at
local function unpublished(folder)
  local findings = {}
  for path, digest in pairs(folder.digests) do
    if folder.lock.files[path] ~= digest then
      findings[#findings + 1] = { path = path, message = "was never published" }
    end
  end
  table.sort(findings, function(a, b)
    return a.path < b.path
  end)
  return findings
end

local KEPT = "the skill is gone from the server, and the folder has what was never published"

--- Takes a folder away whose skill is gone, with what was pulled into it.
--- @return { name: string, dir: string, left: boolean }? removed left: other files keep the folder
--- @return posthog.llm.Error? err
local function remove(entry, force)
  local folder, err = folders.open(entry.dir)
  local ok = folder
  if folder then
    ok, err = folder:read_all({})
  end
  if not ok then
    return errors.failure(err)
  end
  local findings = unpublished(folder)
  if #findings > 0 and not force then
    return refuse.unless_forced(KEPT, "takes it away all the same", findings)
  end
  local removes = { paths.LOCK }
  for path in pairs(folder.digests) do
    removes[#removes + 1] = path
  end
  ok, err = change.apply(entry.dir, {}, removes, folder.seen)
  if not ok then
    return errors.failure(err)
  end
  lfs.rmdir(entry.dir)
  return { name = entry.name, dir = entry.dir, left = disk.kind(entry.dir) ~= nil }
end

--- Takes the folders away, or tells them.
local function settle_gone(list, options, result)
  for _, entry in ipairs(list) do
    local removed, err
    if options.prune then
      removed, err = remove(entry, options.force)
    end
    if removed then
      result.pruned[#result.pruned + 1] = removed
    elseif err then
      result.failed[#result.failed + 1] = { name = entry.name, dir = entry.dir, err = err }
    else
      result.gone[#result.gone + 1] = { name = entry.name, dir = entry.dir }
    end
  end
end

--- Whether a pull has found all as it was.
local function is_unchanged(entry, pulled)
  local lock = entry and entry.lock
  return lock
    and lock.version == pulled.version
    and #pulled.written + #pulled.removed + #pulled.merged == 0
end

--- @param work table[]
--- @param is_listed boolean whether the server has just named them
local function run_work(client, work, options, result, report, is_listed)
  local outcomes, stopped = many.run(client, work, function(narrow, entry)
    return pull.run(narrow, entry.name, entry.dir, { force = options.force }, silent)
  end, report, options.concurrency)
  for i, entry in ipairs(work) do
    local outcome = outcomes[i] or {}
    local pulled, err = outcome.value, outcome.err
    local place = { name = entry.name, dir = entry.dir }
    if pulled and is_unchanged(entry.entry, pulled) then
      result.unchanged = result.unchanged + 1
    elseif pulled then
      pulled.dir = entry.dir
      result.pulled[#result.pulled + 1] = pulled
    elseif err and is_listed and is_absent(err, entry.name) then
      result.gone[#result.gone + 1] = place -- archived meanwhile
    elseif err then
      place.err = err
      result.failed[#result.failed + 1] = place
    else
      result.not_tried[#result.not_tried + 1] = place
    end
  end
  return stopped
end

--- @return posthog.llm.SkillRow[]? rows
--- @return posthog.llm.Error? err
local function read_rows(client, root, options, result)
  local lock = root_lock.read(root.dir)
  local server, err = listing.read(client, lock)
  if not server then
    return errors.failure(err)
  end
  local ok = true
  if options.prune then
    ok, err = check_prune(root, server, lock, options.yes)
  end
  if ok then
    ok, err = disk.make_folder(root.dir)
  end
  if ok then
    ok, err = root_lock.write(root.dir, server.lock)
  end
  if not ok then
    return errors.failure(err)
  end
  settle_gone(gone_of(root, server), options, result)
  return server.rows
end

--- Tells the folders that cannot be used, and are not those of a row.
local function tell_unusable(root, rows, result)
  local is_told = {}
  for _, row in ipairs(rows) do
    local entry = root.by_name[row.name]
    if entry then
      is_told[entry] = true
    end
  end
  for _, entry in ipairs(root.entries) do
    if entry.err and not is_told[entry] then
      result.failed[#result.failed + 1] = { name = entry.name, dir = entry.dir, err = entry.err }
    end
  end
end

--- @param names string[]
local function rows_named(names)
  local rows, is_there = {}, {}
  for _, name in ipairs(names) do
    if not is_there[name] then
      is_there[name] = true
      rows[#rows + 1] = { name = name }
    end
  end
  return rows
end

--- @return posthog.llm.SkillPullAll? result
--- @return posthog.llm.Error? err with `result` where something was done
function pull_all.run(client, dir, options, report)
  local root, err = roots.open(dir)
  if not root then
    return errors.failure(err)
  end
  local result = { pulled = {}, unchanged = 0, failed = {}, gone = {}, pruned = {}, not_tried = {} }
  local rows = options.names and rows_named(options.names)
  if not rows then
    rows, err = read_rows(client, root, options, result)
  end
  if not rows then
    return errors.failure(err)
  end
  local is_listed = not options.names
  if is_listed then
    tell_unusable(root, rows, result)
  end
  local work = plan(root, rows, result, options.force)
  local stopped = run_work(client, work, options, result, report, is_listed)
  table.sort(result.failed, by_name)
  table.sort(result.gone, by_name)
  if stopped then
    stopped.result = result
    return errors.failure(stopped)
  end
  return result
end

return pull_all
