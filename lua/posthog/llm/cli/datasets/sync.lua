--- posthog-llm datasets sync.

local calls = require("posthog.llm.cli.datasets.calls")
local exits = require("posthog.llm.cli.exits")
local terminal = require("posthog.llm.util.terminal")

local WRITING = {
  "prune",
  "create",
  "dry_run",
  "journal",
  "settle",
}

--- What was done, or would be, in the order in which people ask.
local DONE = {
  { "created", "created", "to create" },
  { "restored", "undeleted", "to undelete" },
  { "updated", "changed", "to change" },
  { "deleted", "deleted", "to delete" },
  { "rejected", "rejected", "cannot be made" },
  { "conflicts", "changed by others meanwhile", "" },
}

--- The counts in one line.
--- @param result table
--- @param is_partly? boolean it was stopped
--- @return string
local function outcome(result, is_partly)
  local parts = {}
  for _, names in ipairs(DONE) do
    local count = result[names[1]]
    if count > 0 then
      parts[#parts + 1] = ("%d %s"):format(count, result.dry_run and names[3] or names[2])
    end
  end
  local same = calls.count(result.unchanged, "item")
  if #parts == 0 and is_partly then
    return "no change"
  elseif #parts == 0 then
    return ("nothing to do: %s as in the file"):format(
      same .. (result.unchanged == 1 and " is" or " are")
    )
  end
  parts[#parts + 1] = ("%d unchanged"):format(result.unchanged)
  return table.concat(parts, ", ")
end

--- What the server refused, and what others have changed.
local function print_problems(context, file, result)
  if context.json then -- the result has them
    return
  end
  for _, problem in ipairs(result.problems) do
    local place = problem.line and ("%s:%d"):format(file, problem.line) or "item " .. problem.id
    local item = problem.line and problem.id and ("item %s: "):format(problem.id) or ""
    context.err:line(place, ": ", item, problem.message)
  end
  local more = result.rejected + result.conflicts - #result.problems
  if more > 0 and not result.dry_run then
    context.err:line(("and %d more"):format(more))
  end
end

local STYLES = { ["+"] = "green", ["-"] = "red", ["~"] = "yellow", ["!"] = "red" }

local function print_result(context, args, result)
  if context.json then
    result.text = nil
    context.out:json(result)
  else
    for line in (result.text or ""):gmatch("[^\n]+") do
      context.out:line({ line, STYLES[line:match("%S")] or "dim" })
    end
    context.out:line(outcome(result))
  end
  if result.others and result.others > 0 then
    local are = result.others == 1 and "is" or "are"
    local words = "%s of the dataset %s not in the file; --prune deletes them"
    context:note(words:format(calls.count(result.others, "item"), are))
  end
  if result.skipped and result.skipped > 0 then
    local are = calls.count(result.skipped, "record") .. (result.skipped == 1 and " is" or " are")
    context:note(are, " left out as archived or deleted")
  end
  if result.is_new and result.dry_run then
    context:note("dataset ", args.dataset, " would be created")
  end
end

--- @return integer
local function exit_code(result)
  if result.conflicts > 0 then
    return 3
  elseif result.limit_reached then
    return exits.LIMIT
  end
  return result.rejected > 0 and exits.FINDINGS or 0
end

--- @return table? result
--- @return posthog.llm.Error? err
--- @return table? partly
local function run(context, args, allow_empty)
  local bar = context:progress("syncing", "changes")
  local options = calls.options(args, bar, calls.READING, WRITING)
  local on_progress = options.on_progress
  function options.on_progress(now)
    now.records = now.changes or now.records
    if now.rows and not now.read then
      local of = now.total and (" of %d"):format(now.total) or ""
      bar:say(("compares item %d%s"):format(now.rows, of))
      return not terminal.interrupted()
    end
    return on_progress(now)
  end
  options.key, options.allow_empty = args.key, allow_empty or args.yes
  options.reject_all = true -- each is named by its line
  options.on_start = calls.tell_found(context, bar, args.dry_run)
  local client = context:client()
  bar:say("reads " .. args.file)
  local sync = require("posthog.llm.dataset_file").sync
  local result, err, partly = sync(client, args.dataset, args.file, options)
  bar:finish()
  return result, err, partly
end

--- @param context posthog.llm.cli.Context
--- @param args table
--- @return integer? code
--- @return posthog.llm.Error? err
return function(context, args)
  if not args.key or args.key == "" then
    error(exits.usage("--key is required: the field by which a record and an item are the same"), 0)
  end
  context.given.key = args.key
  local result, err, partly = run(context, args)
  if err and err.option == "allow_empty" and context:can_ask() and args.file ~= "-" then
    local question = "%s has no records. Delete all items of %s?"
    if context:confirm(question:format(args.file, args.dataset)) then
      result, err, partly = run(context, args, true)
    end
  end
  if result then
    print_problems(context, args.file, result)
    print_result(context, args, result)
    return exit_code(result)
  end
  if partly then
    print_problems(context, args.file, partly)
    if context.json then
      partly.text = nil
      context.out:json(partly)
    end
    local words = "stopped after: %s; the same command does what is left"
    context.err:line(words:format(outcome(partly, true)))
  end
  return nil, calls.interruption(err)
end
