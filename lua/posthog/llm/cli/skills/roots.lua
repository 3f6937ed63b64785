--- What posthog-llm skills does with all skills of a root.

local exits = require("posthog.llm.cli.exits")
local json = require("posthog.llm.json")
local needs = require("posthog.llm.cli.needs")

local roots = {}

--- Loaded when it is needed: it takes longer than all the rest.
local function skill_folder()
  needs.module("lfs")
  return require("posthog.llm.skill_folder")
end

local function usage(name, words)
  error(exits.usage(words, "posthog-llm skills " .. name), 0)
end

--- The one root of a command.
--- @param list string[]
local function root_of(name, list)
  if #list > 1 then
    usage(name, "--all takes one root, not " .. #list)
  end
  return list[1] or "."
end

--- Calls the library with a bar over the skills.
--- @param call fun(on_progress: fun(event: table)): any, posthog.llm.Error?
local function with_bar(context, what, call)
  local bar = context:progress(what, "skills")
  local result, err = call(function(event)
    bar:at(event.done, event.total, event.name)
  end)
  bar:finish()
  return result, err
end

--- Paths of findings as one opens them.
local function locate(list, dir)
  for _, finding in ipairs(list or {}) do
    finding.path = dir:gsub("/*$", "/") .. finding.path
  end
end

--- Reports what has failed of one skill.
--- @param place { name: string, dir?: string, err: posthog.llm.Error }
--- @return integer code
local function report(context, place)
  local err = place.err
  if place.dir then
    locate(err.problems, place.dir)
    locate(err.conflicts, place.dir)
  end
  local names_it = err.path or err.kind == "file"
  context:report(err, not names_it and (place.dir or place.name) or nil)
  return exits.of(err, context.given)
end

--- The end: what there was of each, in a line; nothing of what there was none.
--- @param counts { [1]: integer, [2]: string }[]
local function summarize(context, counts)
  local words = {}
  for _, count in ipairs(counts) do
    words[#words + 1] = count[1] > 0 and ("%d %s"):format(count[1], count[2]) or nil
  end
  if not context.json then
    context.out:line(#words > 0 and table.concat(words, ", ") or "no skills")
  end
end

--- A row for a program.
local function print_json(context, row)
  local copy = {}
  for name, value in pairs(row) do
    if name == "err" then
      copy.error = { kind = value.kind, message = value.message }
    else
      copy[name] = type(value) == "table" and json.array(value) or value
    end
  end
  context.out:json(copy)
end

local MOST_NAMES = 8 -- of those that were not tried

--- What ended the call before its end.
--- @return integer code
local function report_end(context, err, not_tried)
  context:report(err)
  if not_tried and #not_tried > 0 then
    local names = {}
    for i = 1, math.min(#not_tried, MOST_NAMES) do
      names[i] = not_tried[i].name
    end
    local more = #not_tried > MOST_NAMES and (" and %d more"):format(#not_tried - MOST_NAMES) or ""
    context.err:line("posthog-llm: not tried: ", table.concat(names, ", "), more)
  end
  return exits.of(err, context.given)
end

local GONE = "gone     %s: no longer on the server; --prune takes the folder away"

--- @param result posthog.llm.SkillPullAll
--- @return integer code
local function show_pull(context, result)
  local function row(action, place, line)
    if context.json then
      place.action = action
      print_json(context, place)
    elseif line then
      context.out:line(line)
    end
  end
  for _, pulled in ipairs(result.pulled) do
    local words = "pulled   %s version %d"
    row("pulled", pulled, words:format(pulled.dir, pulled.version))
  end
  for _, place in ipairs(result.pruned) do
    local words = place.left and "removed  %s, but for files that were never the skill's"
      or "removed  %s"
    row("removed", place, words:format(place.dir))
  end
  for _, place in ipairs(result.gone) do
    row("gone", place, GONE:format(place.dir))
  end
  local code = 0
  for _, place in ipairs(result.failed) do
    code = math.max(code, report(context, place))
    if context.json then
      row("failed", place)
    end
  end
  summarize(context, {
    { #result.pulled, "pulled" },
    { result.unchanged, "unchanged" },
    { #result.pruned, "removed" },
    { #result.gone, "gone" },
    { #result.failed, "failed" },
    { #result.not_tried, "not tried" },
  })
  return code
end

local function check_pull(args)
  if args.version then
    usage("pull", "--version is of one skill, not of several")
  elseif args.all and args.into then
    usage("pull", "--all and --into exclude each other")
  elseif args.yes and not args.prune then
    usage("pull", "--yes: only with --prune")
  elseif args.prune and not args.all then
    usage("pull", "--prune: only with --all")
  elseif not args.all and not args.name then
    usage("pull", "missing argument 'name', or --all")
  end
end

--- @return integer code
function roots.pull(context, args)
  check_pull(args)
  local names = { args.name }
  for _, name in ipairs(args.dir) do
    names[#names + 1] = name
  end
  local root = args.all and root_of("pull", names) or args.into or "."
  local result, err = with_bar(context, "pulling", function(on_progress)
    return skill_folder().pull_all(context:client(), root, {
      names = not args.all and names or nil,
      force = args.force,
      prune = args.prune,
      yes = args.yes,
      on_progress = on_progress,
    })
  end)
  local code = 0
  local done = result or err.result
  if done then
    code = show_pull(context, done)
  end
  return err and math.max(code, report_end(context, err, done and done.not_tried)) or code
end

local STATES = {
  { "same", "as pulled" },
  { "local", "changed here" },
  { "remote", "changed on the server" },
  { "both", "changed on both sides" },
  { "conflict", "in conflict" },
  { "new", "only here" },
  { "absent", "only on the server" },
  { "archived", "gone from the server" },
  { "failed", "failed" },
}

--- @param row posthog.llm.SkillRootStatus
local function print_status(context, row)
  local words
  for _, state in ipairs(STATES) do
    words = state[1] == row.state and state[2] or words
  end
  context.out:line({ row.name, "bold" }, ": ", words)
  for _, file in ipairs(row.files) do
    if file.state ~= "same" and row.state ~= "new" then
      context.out:line("  ", ("%-7s"):format(file.state), "  ", file.path)
    end
  end
  locate(row.unresolved, row.dir)
  for _, finding in ipairs(row.unresolved or {}) do
    context.out:line(finding.path, ":", finding.line, ": ", finding.message)
  end
end

--- @return integer code
function roots.status(context, args)
  if args.offline then
    usage("status", "--offline and --all exclude each other; name the folders: ROOT/*")
  end
  local root = root_of("status", args.dir)
  local list, err = with_bar(context, "looking at", function(on_progress)
    local options = { hidden = args.hidden, on_progress = on_progress }
    return skill_folder().status_all(context:client(), root, options)
  end)
  if not list then
    return report_end(context, err)
  end
  local code, numbers, counts = 0, {}, {}
  for _, row in ipairs(list) do
    numbers[row.state] = (numbers[row.state] or 0) + 1
    if row.err then
      code = math.max(code, report(context, row))
    end
    if context.json then
      print_json(context, row)
    elseif row.state ~= "same" and not row.err then
      print_status(context, row)
    end
  end
  for i, state in ipairs(STATES) do
    counts[i] = { numbers[state[1]] or 0, state[2] }
  end
  summarize(context, counts)
  return code
end

local PUSHED = {
  created = "created  %s version %d",
  published = "published %s version %d",
  behind = "behind   %s: the server has version %d; a pull brings it",
  gone = "gone     %s: no longer on the server; pull --all --prune takes the folder away",
}
local DRY = {
  created = "would create %s",
  published = "would publish %s after version %d",
  behind = PUSHED.behind,
  gone = PUSHED.gone,
}
local ACTIONS = { "created", "published", "unchanged", "behind", "gone", "failed", "not tried" }

--- @param row posthog.llm.SkillPushAll
local function print_push(context, row, is_dry)
  local words = (is_dry and DRY or PUSHED)[row.action]
  if words then
    context.out:line(words:format(row.dir, row.latest or row.version))
  end
  for _, change in ipairs(row.changes or {}) do
    context.out:line("  ", ("%-7s"):format(change.change), "  ", change.path)
  end
end

--- @param results posthog.llm.SkillPushAll[]
--- @return integer code
local function show_push(context, results, is_dry)
  local code, numbers, counts = 0, {}, {}
  for _, row in ipairs(results) do
    numbers[row.action] = (numbers[row.action] or 0) + 1
    if row.err then
      code = math.max(code, report(context, row))
    end
    if context.json then
      print_json(context, row)
    else
      print_push(context, row, is_dry)
    end
  end
  for i, action in ipairs(ACTIONS) do
    local is_undone = is_dry and (action == "created" or action == "published")
    counts[i] = { numbers[action] or 0, is_undone and "would be " .. action or action }
  end
  summarize(context, counts)
  return code
end

--- @return integer code
function roots.push(context, args)
  local root = root_of("push", args.dir)
  local results, err = with_bar(context, "pushing", function(on_progress)
    return skill_folder().push_all(context:client(), root, {
      note = args.note,
      prune = args.prune,
      dry_run = args.dry_run,
      force = args.force,
      skip_binary = args.skip_binary,
      split_tools = args.split_tools,
      hidden = args.hidden,
      on_progress = on_progress,
    })
  end)
  local code = 0
  if results or err.result then
    code = show_push(context, results or err.result, args.dry_run)
  end
  return err and math.max(code, report_end(context, err)) or code
end

return roots
