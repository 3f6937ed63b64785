--- What posthog-llm skills does with folders.

local exits = require("posthog.llm.cli.exits")
local json = require("posthog.llm.json")
local needs = require("posthog.llm.cli.needs")

local folders = {}

--- Loaded when it is needed: it takes longer than all the rest.
local function skill_folder()
  needs.module("lfs")
  return require("posthog.llm.skill_folder")
end

--- The path of a skill's file from where the command runs.
local function inside(dir, path)
  return dir == "." and path or dir:gsub("/*$", "/") .. path
end

--- A list of errors as one of files that the user can open.
local function locate(list, dir)
  for _, finding in ipairs(list or {}) do
    finding.path = inside(dir, finding.path)
  end
end

--- What was not done when somebody stopped it.
local UNDONE = { pull = "Nothing was written.", push = "Nothing was published." }

--- Does it, and reports what fails.
--- @param name string of the command
--- @param act fun(): integer?, posthog.llm.Error?
--- @return integer code
--- @return posthog.llm.Error? err
local function attempt(context, name, dir, act)
  local code, err = act()
  if not err then
    return code or 0
  end
  locate(err.problems, dir)
  locate(err.conflicts, dir)
  context:report(err, err.kind ~= "file" and dir ~= "." and dir or nil) -- "file" names the path
  if err.ambiguous then
    context.err:line("Push again: it tells which, and nothing is published twice.")
  elseif err.kind == "cancelled" and UNDONE[name] then
    context.err:line(UNDONE[name])
  end
  return exits.of(err, context.given), err
end

--- What the other folders would meet too.
local HOPELESS = { auth = true, forbidden = true, cancelled = true, network = true, tls = true }

local AT_ONCE = 8 -- folders

local STEPS = { read = "reading", write = "writing", publish = "publishing" }

--- @return fun(event: table) on_progress a bar for each step
--- @return fun() finish
local function follow(context)
  local bars = {}
  return function(event)
    local bar = bars[event.step] or context:progress(STEPS[event.step], "files")
    bars[event.step] = bar
    if event.step == "publish" then
      bar:say(event.path)
    else
      bar:at(event.done, event.total, event.path)
    end
  end, function()
    for _, bar in pairs(bars) do
      bar:finish()
    end
  end
end

--- Calls the library with a bar, which is gone when it returns.
--- @param call fun(on_progress: fun(event: table)): any, posthog.llm.Error?
local function with_bar(context, call)
  local on_progress, finish = follow(context)
  local result, err = call(on_progress)
  finish()
  return result, err
end

--- Does it for each folder, several at the same time. The first goes alone: what would fail for all
--- is tried once.
--- @param dirs string[]
--- @param act fun(dir: string, on_progress?: function): any, posthog.llm.Error?
--- @return { value: any, err: posthog.llm.Error? }[] outcomes nil: not tried
local function try_all(context, dirs, act)
  local outcomes, jobs, done, hopeless = {}, {}, 0, false
  local bar = context:progress("working", "folders")
  for i, dir in ipairs(dirs) do
    jobs[i] = function()
      if not hopeless then
        local value, err = act(dir)
        outcomes[i] = { value = value, err = err }
        hopeless = hopeless or err ~= nil and HOPELESS[err.kind] or false
        done = done + 1
        bar:at(done, #dirs, dir)
      end
      return true
    end
  end
  table.remove(jobs, 1)()
  local _, failed = require("posthog.llm").gather(jobs, { concurrency = AT_ONCE })
  bar:finish()
  local _, raised = next(failed or {})
  if raised then
    error(raised, 0)
  end
  return outcomes
end

--- Does it for each folder that was named, and reports in their order.
--- @param name string of the command
--- @param act fun(context: posthog.llm.cli.Context, dir: string, args: table, on_progress?: function): any, posthog.llm.Error?
--- @param show fun(context: posthog.llm.cli.Context, dir: string, args: table, value: any, err?: posthog.llm.Error): integer?
--- @return integer code the highest of all
local function each(context, args, name, act, show)
  local dirs, highest = args.dir, 0
  if #dirs == 0 then
    dirs = { "." }
  end
  local outcomes
  if #dirs == 1 then
    local value, err = with_bar(context, function(on_progress)
      return act(context, dirs[1], args, on_progress)
    end)
    outcomes = { { value = value, err = err } }
  else
    outcomes = try_all(context, dirs, function(dir)
      return act(context, dir, args)
    end)
  end
  local not_tried = {}
  for i, dir in ipairs(dirs) do
    local outcome = outcomes[i]
    if outcome then
      local code = attempt(context, name, dir, function()
        return show(context, dir, args, outcome.value, outcome.err), outcome.err
      end)
      highest = math.max(highest, code)
    else
      not_tried[#not_tried + 1] = dir
    end
  end
  if #not_tried > 0 then
    context.err:line("posthog-llm: not tried: ", table.concat(not_tried, ", "))
  end
  return highest
end

local STYLES = { added = "green", removed = "red", merged = "yellow", skipped = "yellow" }

--- @param rows { path: string, what: string }[]
local function print_paths(context, rows)
  for _, row in ipairs(rows) do
    context.out:line("  ", { ("%-7s"):format(row.what), STYLES[row.what] }, "  ", row.path)
  end
end

--- What came into a folder from the server.
--- @param result { written: string[], removed: string[], merged: string[] }
--- @param except? { path: string }[] conflicts, which are listed separately
local function arrivals(result, except)
  local rows, listed = {}, {}
  local function add(list, what)
    for _, path in ipairs(list) do
      if not listed[path] then
        listed[path] = true
        rows[#rows + 1] = { path = path, what = what }
      end
    end
  end
  for _, conflict in ipairs(except or {}) do
    listed[conflict.path] = true
  end
  add(result.merged, "merged")
  add(result.written, "written")
  add(result.removed, "removed")
  table.sort(rows, function(a, b)
    return a.path < b.path
  end)
  return rows
end

--- A result as JSON: lists are lists, even empty ones.
local function print_json(context, dir, result)
  local copy = { dir = dir }
  for name, value in pairs(result) do
    copy[name] = type(value) == "table" and json.array(value) or value
  end
  context.out:json(copy)
end

local LEFT_OUT = "PostHog leaves the skill out of its bundle and marketplace: %s (%s)"

--- Says what the server does not keep of a folder, and what it has against the skill: each in a
--- line, as editors read it.
--- @param result { not_stored: table[], spec_problems: table[] }
local function tell_of_server(context, dir, result)
  for _, finding in ipairs(result.not_stored) do
    local place = finding.line and ("%s:%d"):format(finding.path, finding.line) or finding.path
    context:note(inside(dir, place), ": ", finding.message)
  end
  for _, problem in ipairs(result.spec_problems) do
    local place = inside(dir, problem.file_path or "SKILL.md")
    context:note(place, ": ", LEFT_OUT:format(problem.message, problem.code))
  end
end

local function print_arrivals(context, result, except)
  if result and not context.json then
    print_paths(context, arrivals(result, except))
  end
end

--- Options that say something of a whole root alone.
local function refuse_without_all(args, name)
  for _, option in ipairs({ "prune", "yes" }) do
    if args[option] then
      error(exits.usage(("--%s: only with --all"):format(option), "posthog-llm skills " .. name), 0)
    end
  end
end

local function pull_one(context, dir, args, name)
  local result, err = with_bar(context, function(on_progress)
    return skill_folder().pull(context:client(), name, dir, {
      version = args.version,
      force = args.force,
      on_progress = on_progress,
    })
  end)
  if not result then
    print_arrivals(context, err.result, err.conflicts)
    return nil, err
  elseif context.json then
    print_json(context, dir, result)
    return
  end
  local rows = arrivals(result)
  print_paths(context, rows)
  local words = #rows > 0 and "pulled %s version %d into %s" or "unchanged %s version %d in %s"
  context.out:line(words:format(result.name, result.version, dir))
  if #rows > 0 then
    tell_of_server(context, dir, result)
  end
end

--- @return integer code
function folders.pull(context, args)
  if args.all or args.into or #args.dir > 1 then
    return require("posthog.llm.cli.skills.roots").pull(context, args)
  end
  refuse_without_all(args, "pull")
  local name = args.name
  if not name then
    error(exits.usage("missing argument 'name', or --all", "posthog-llm skills pull"), 0)
  end
  local dir = args.dir[1] or name
  return (
    attempt(context, "pull", dir, function()
      return pull_one(context, dir, args, name)
    end)
  )
end

--- What a push has come to, in a line.
local function outcome(result, is_dry)
  if is_dry and result.action == "created" then
    return "would create " .. result.name
  elseif is_dry and result.action == "published" then
    return ("would publish %s after version %d"):format(result.name, result.version)
  end
  return ("%s %s version %d"):format(result.action, result.name, result.version)
end

local function print_push(context, result, is_dry)
  local taken = arrivals(result)
  print_paths(context, taken)
  if #taken > 0 then
    context.out:line(is_dry and "would take over" or "took over", " what others have published")
  end
  local rows = {}
  for i, change in ipairs(result.changes) do
    rows[i] = { path = change.path, what = change.change }
  end
  for _, path in ipairs(result.skipped) do
    rows[#rows + 1] = { path = path, what = "skipped" }
  end
  print_paths(context, rows)
  context.out:line(outcome(result, is_dry))
end

local function push_one(context, dir, args, on_progress)
  return skill_folder().push(context:client(), dir, {
    note = args.note,
    prune = args.prune,
    dry_run = args.dry_run,
    force = args.force,
    skip_binary = args.skip_binary,
    split_tools = args.split_tools,
    hidden = args.hidden,
    on_progress = on_progress,
  })
end

local function show_push(context, dir, args, result, err)
  if not result then
    print_arrivals(context, not args.dry_run and err.result or nil, err.conflicts)
    return
  elseif context.json then
    print_json(context, dir, result)
  else
    print_push(context, result, args.dry_run)
  end
  if result.action ~= "unchanged" then
    tell_of_server(context, dir, result)
  end
  if #result.left_out > 0 and result.action ~= "unchanged" then
    local paths = {}
    for i, path in ipairs(result.left_out) do
      paths[i] = inside(dir, path)
    end
    context:note("left out, as --hidden is not given: ", table.concat(paths, ", "))
  end
end

--- @return integer code
function folders.push(context, args)
  if args.all then
    return require("posthog.llm.cli.skills.roots").push(context, args)
  end
  return each(context, args, "push", push_one, show_push)
end

--- Where a folder stands, in a line.
local function standing(list, is_offline)
  local here = list.version and "version " .. list.version or "not pulled"
  if is_offline then
    return here
  elseif not list.latest then
    return "not on the server yet"
  elseif list.version == list.latest then
    return here .. ", the latest"
  end
  return ("%s here, version %d on the server"):format(here, list.latest)
end

local function print_status(context, dir, list, is_offline)
  local rows = {}
  for _, row in ipairs(list) do
    if row.state ~= "same" then
      rows[#rows + 1] = { path = row.path, what = row.state }
    end
  end
  local clean = #rows == 0 and "; nothing has changed" or ""
  context.out:line({ list.name or dir, "bold" }, ": ", standing(list, is_offline), clean)
  print_paths(context, rows)
  locate(list.unresolved, dir)
  for _, finding in ipairs(list.unresolved) do
    context.out:line(finding.path, ":", finding.line, ": ", finding.message)
  end
  tell_of_server(context, dir, list)
end

local function status_one(context, dir, args, on_progress)
  local client = not args.offline and context:client() or nil
  return skill_folder().status(client, dir, { hidden = args.hidden, on_progress = on_progress })
end

local function show_status(context, dir, args, list)
  if not list then
    return
  elseif not context.json then
    return print_status(context, dir, list, args.offline)
  end
  local files = {}
  for i, row in ipairs(list) do
    files[i] = row
  end
  print_json(context, dir, {
    name = list.name,
    version = list.version,
    latest = list.latest,
    unresolved = list.unresolved,
    not_stored = list.not_stored,
    spec_problems = list.spec_problems,
    files = files,
  })
end

--- @return integer code
function folders.status(context, args)
  if args.all then
    return require("posthog.llm.cli.skills.roots").status(context, args)
  end
  return each(context, args, "status", status_one, show_status)
end

local function lint_one(_, dir, args)
  return skill_folder().lint(dir, { hidden = args.hidden })
end

--- @return integer? code
local function show_findings(context, dir, findings)
  locate(findings, dir)
  local code = 0
  for _, finding in ipairs(findings or {}) do
    local is_error = finding.level == "error"
    code = is_error and exits.FAILURE or code
    if context.json then
      context.out:json(finding)
    else
      local place = finding.line and ("%s:%d"):format(finding.path, finding.line) or finding.path
      context.out:line(place, ": ", is_error and "" or "warning: ", finding.message)
    end
  end
  return code
end

--- @return integer code
function folders.lint(context, args)
  local count = 0
  local code = each(context, args, "lint", lint_one, function(_, dir, _, findings)
    count = count + #(findings or {})
    return show_findings(context, dir, findings)
  end)
  if code == 0 and count == 0 then
    context:note(#args.dir > 1 and #args.dir .. " folders" or args.dir[1] or ".", ": no problems")
  end
  return code
end

return folders
