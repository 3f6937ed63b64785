--- From a folder to the server: one push is one version.

local errors = require("posthog.llm.util.errors")
local is_absent = require("posthog.llm.api.skills.absent")
local option_names = require("posthog.llm.util.option_names")
local folders = require("posthog.llm.skill_folder.folder")
local lint = require("posthog.llm.skill_folder.lint")
local paths = require("posthog.llm.skill_folder.paths")
local pull = require("posthog.llm.skill_folder.pull")
local reconcile = require("posthog.llm.skill_folder.reconcile")
local refuse = require("posthog.llm.skill_folder.refuse")
local rules = require("posthog.llm.skill_folder.rules")
local remote = require("posthog.llm.skill_folder.remote")
local skill_md = require("posthog.llm.skill_folder.skill_md")
local stored = require("posthog.llm.skill_folder.stored")
local text = require("posthog.llm.skill_folder.text")

local push = {}

--- What newer servers and people's tools go by; the API's default is text/plain.
local TYPES = {
  md = "text/markdown",
  markdown = "text/markdown",
  html = "text/html",
  css = "text/css",
  csv = "text/csv",
  xml = "application/xml",
  json = "application/json",
  yaml = "application/yaml",
  yml = "application/yaml",
  toml = "application/toml",
  js = "text/javascript",
  py = "text/x-python",
  lua = "text/x-lua",
  sh = "text/x-shellscript",
}

local function type_of(path, theirs)
  local extension = path:match("%.(%w+)$")
  return theirs and theirs.types[path] or TYPES[(extension or ""):lower()] or "text/plain"
end

--- Refuses for an error; with `skip_binary` takes out what the API cannot hold.
--- @return string[]? skipped
--- @return posthog.llm.Error? err
local function weed(folder, findings, skip_binary)
  local wrong, skipped, taken = {}, {}, {}
  for _, finding in ipairs(findings) do
    if finding.skippable and skip_binary then
      skipped[#skipped + 1] = finding.path
      taken[finding.path] = true
    elseif finding.level == "error" then
      wrong[#wrong + 1] = finding
    end
  end
  if #wrong > 0 then
    return refuse.all("the folder cannot be pushed", wrong)
  end
  for path in pairs(taken) do
    folder.digests[path] = nil
  end
  return skipped
end

--- @class posthog.llm.SkillTree what a version is to hold
--- @field fields table as they are sent
--- @field own table as SKILL.md has them
--- @field source string of SKILL.md
--- @field about posthog.llm.SkillDocument
--- @field texts table<string, string> without white space at their ends
--- @field digests table<string, string> as the server has them
--- @field sent table<string, string> digests of the texts

--- The folder as it will be once the outcome is written.
--- @return posthog.llm.SkillTree? tree
--- @return posthog.llm.Error? err
local function tree_of(folder, outcome)
  local tree, gone = { texts = {}, digests = {}, sent = {} }, {}
  for _, path in ipairs(outcome.removes) do
    gone[path] = true
  end
  for _, path in ipairs(reconcile.union(folder.digests, outcome.writes)) do
    if not gone[path] then
      local source, err = outcome.writes[path], nil
      if not source then
        source, err = folder:read(path)
      end
      if not source then
        return errors.failure(err)
      end
      tree.digests[path] = folder:digest_of(path, source)
      if path == paths.SKILL then
        local fields, about
        fields, err, about = folder:parse(source)
        if not fields then
          return errors.failure(err)
        end
        tree.own = skill_md.normal(fields)
        tree.fields, tree.source, tree.about = folder:to_server(tree.own), source, about
      else
        tree.texts[path], tree.sent[path] = text.server(source), text.digest(source)
      end
    end
  end
  return tree
end

--- @return { path: string, change: "added"|"changed"|"removed" }[]
local function changes_of(tree, theirs)
  local changes, before = {}, theirs and theirs.digests or {}
  for _, path in ipairs(reconcile.union(tree.digests, before)) do
    local old, new = before[path], tree.digests[path]
    if old ~= new then
      local what = old == nil and "added" or new == nil and "removed" or "changed"
      changes[#changes + 1] = { path = path, change = what }
    end
  end
  return changes
end

local function payload(tree, theirs)
  local fields = {}
  for name, value in pairs(tree.fields) do
    fields[name] = value
  end
  fields.files = {}
  for i, path in ipairs(reconcile.union(tree.texts)) do
    fields.files[i] =
      { path = path, content = tree.texts[path], content_type = type_of(path, theirs) }
  end
  return fields
end

--- The one write.
--- @return posthog.llm.Skill? skill
--- @return posthog.llm.Error? err
local function publish(client, tree, theirs, note)
  local fields = payload(tree, theirs)
  if not theirs then
    return client.skills:create(fields)
  end
  local name = fields.name
  fields.name = nil
  fields.base_version = theirs.version
  fields.version_description = note
  return client.skills:publish(name, fields)
end

--- What the server has; false: no skill of this name.
--- @return posthog.llm.SkillSnapshot|false|nil theirs
--- @return posthog.llm.Error? err
local function read_theirs(client, folder, name, options, progress)
  local theirs, err = remote.read(client, name)
  if not theirs and not is_absent(err, name) then
    return errors.failure(err)
  elseif not theirs and folder.lock and not options.force then
    local words = "the skill that the folder was pulled from is not there; %s creates it (%s)"
    err.message = words:format(option_names.code("force"), err.message)
    err.option = "force"
    return errors.failure(err)
  elseif not theirs then
    return false
  end
  local ok
  ok, err = refuse.unfit(theirs)
  if not ok then
    return errors.failure(err)
  end
  local lock = folder.lock
  if lock and not options.force and refuse.is_other(lock, theirs) then
    return refuse.unless_forced(refuse.REPLACED, "publishes the folder over it")
  end
  ok, err = remote.complete_beside(client, folder, theirs, progress)
  if not ok then
    return errors.failure(err)
  end
  return theirs
end

--- What others have published since comes into the folder first.
--- @return posthog.llm.SkillFolderOutcome? outcome
--- @return posthog.llm.Error? err
local function take_in(client, folder, theirs, options, progress)
  if not theirs or options.force then
    return reconcile.nothing()
  end
  local strangers = folder.lock and {} or reconcile.strangers(folder, theirs)
  if #strangers > 0 then
    local message = "the folder was not pulled from the skill of its name, and these differ; "
      .. "pull it elsewhere to compare"
    return refuse.unless_forced(message, "publishes the folder as it is", strangers)
  end
  local outcome, err = reconcile.run(client, folder, theirs, false, progress)
  if not outcome then
    return errors.failure(err)
  end
  if options.prune then
    for path in pairs(outcome.writes) do
      if folder.digests[path] == nil and folder:base()[path] == nil then
        outcome.writes[path] = nil
      end
    end
  end
  return outcome
end

--- The fields of a response; what it does not have is taken for what was sent.
local function fields_of(skill, sent)
  local all = {}
  for name, value in pairs(sent) do
    all[name] = value
  end
  for _, name in ipairs({ "description", "body", "license", "compatibility" }) do
    all[name] = type(skill[name]) == "string" and skill[name] or all[name]
  end
  for _, name in ipairs({ "allowed_tools", "metadata" }) do
    all[name] = type(skill[name]) == "table" and skill[name] or all[name]
  end
  return all
end

--- The version that a write has made, by what the response says is stored: that is what the
--- folder counts as pulled from, whatever was sent.
--- @param tree posthog.llm.SkillTree
--- @param skill posthog.llm.Skill
--- @return posthog.llm.SkillSnapshot made
local function made_of(folder, tree, skill)
  local answer = {}
  for name, value in pairs(skill) do
    answer[name] = value
  end
  for name, value in pairs(fields_of(skill, tree.fields)) do
    answer[name] = value
  end
  answer.name = tree.own.name
  local made = remote.snapshot(answer)
  local kept = {}
  if type(skill.files) ~= "table" then -- it does not say
    kept = tree.sent
  end
  for _, path in ipairs(made.paths) do
    kept[path] = made.sums[path] or false
  end
  made.not_stored = stored.after_write(tree.own, made.fields, tree.sent, kept, folder.not_stored)
  for path, sent in pairs(tree.sent) do
    made.digests[path] = stored.digest(made.not_stored, path, sent)
  end
  return made
end

local function send(client, folder, tree, theirs, outcome, result, options, progress)
  local ok, err = true, nil
  if theirs and (next(outcome.writes) ~= nil or #outcome.removes > 0) then
    ok, err = pull.write(folder, theirs, outcome)
  end
  if not ok then
    return errors.failure(err)
  end
  progress("publish", result.name, 0, 1)
  local skill, failed, response = publish(client, tree, theirs, options.note)
  if skill == true or skill and type(skill.version) ~= "number" then
    skill, failed = nil, errors.no_content("skill")
    failed.ambiguous = true -- published or not, which the next push sees
  end
  if not skill then
    if failed.current_version then
      failed.message = "somebody has published meanwhile: push again (" .. failed.message .. ")"
    end
    return errors.failure(failed, response)
  end
  progress("publish", result.name, 1, 1)
  result.version = skill.version
  local made = made_of(folder, tree, skill)
  result.not_stored = stored.findings(made.not_stored, tree.source, tree.about.lines)
  result.spec_problems = made.spec_problems
  ok, err = pull.write(folder, made, reconcile.nothing())
  if not ok then
    err.message = ("version %d is published, but the lock file is not written: %s"):format(
      skill.version,
      err.message
    )
    err.result = result
    return errors.failure(err)
  end
  return result
end

local TOGETHER = "with what others have published since, the folder cannot be pushed; pull, which "
  .. "brings it here, mend it, and push"

--- Refuses what the server would not take, whoever has written it.
--- @return true? ok
--- @return posthog.llm.Error? err
local function check_tree(client, tree, theirs, outcome, result)
  local versions = result.action == "published" and theirs.version or 0
  if versions >= rules.LIMITS.versions then
    local words = rules.message("too_many_versions", versions, option_names.code("force"))
    return refuse.all("the folder cannot be pushed", { { path = paths.SKILL, message = words } })
  elseif result.action ~= "unchanged" and next(outcome.writes) then
    local wrong = lint.tree(tree, client:profile())
    if #wrong > 0 then
      return refuse.all(TOGETHER, wrong)
    end
  end
  return true
end

--- Decides, and sends.
local function complete(client, folder, theirs, outcome, options, result, progress)
  local tree, err = tree_of(folder, outcome)
  if not tree then
    return errors.failure(err)
  end
  result.changes = changes_of(tree, theirs)
  result.version = theirs and theirs.version or nil
  result.not_stored = stored.findings(folder.not_stored, tree.source, tree.about.lines)
  result.spec_problems = theirs and theirs.spec_problems or {}
  if not theirs then
    result.action = "created"
  else
    result.action = #result.changes > 0 and "published" or "unchanged"
  end
  local ok
  ok, err = check_tree(client, tree, theirs, outcome, result)
  if not ok then
    return errors.failure(err)
  elseif options.dry_run then
    return result
  elseif result.action == "unchanged" then
    ok, err = pull.write(folder, theirs, outcome)
    if not ok then
      return errors.failure(err)
    end
    return result
  end
  return send(client, folder, tree, theirs, outcome, result, options, progress)
end

--- Notes that names of tools are sent divided at their blanks.
local function split_tools(folder)
  local fields = folder:fields()
  local sent = fields and folder:to_server(fields).allowed_tools or {}
  local split = stored.split_tools(sent)
  if #split ~= #sent then
    local key = { "allowed_tools" }
    folder:note_not_stored({
      { path = paths.SKILL, key = key, sent = fields.allowed_tools, stored = split, why = "split" },
    })
  end
end

--- @return posthog.llm.SkillPush? result
--- @return posthog.llm.Error? err
function push.run(client, dir, options, progress)
  local folder, err = folders.look_at(dir, options.hidden)
  if not folder then
    return errors.failure(err)
  end
  if options.split_tools then
    split_tools(folder)
  end
  local findings, fields = lint.run(folder, client:profile())
  local skipped
  skipped, err = weed(folder, findings, options.skip_binary)
  if not skipped then
    return errors.failure(err)
  end
  local theirs
  theirs, err = read_theirs(client, folder, fields.name, options, progress)
  if theirs == nil then
    return errors.failure(err)
  end
  local outcome
  outcome, err = take_in(client, folder, theirs, options, progress)
  if not outcome then
    return errors.failure(err)
  end
  local result = {
    name = fields.name,
    written = reconcile.union(outcome.writes),
    removed = outcome.removes,
    merged = outcome.merged,
    skipped = skipped,
    left_out = folder.scan.left_out,
  }
  if #outcome.conflicts > 0 then
    local ok = true
    if not options.dry_run then
      ok, err = pull.write(folder, theirs, outcome)
    end
    if not ok then
      return errors.failure(err)
    end
    return refuse.unmerged(outcome.conflicts, result, options.dry_run)
  end
  return complete(client, folder, theirs, outcome, options, result, progress)
end

return push
