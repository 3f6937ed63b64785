--- posthog-llm datasets import, export and diff.

local calls = require("posthog.llm.cli.datasets.calls")
local exits = require("posthog.llm.cli.exits")
local json = require("posthog.llm.json")

local files = {}

local LISTING = { "revision", "prefetch" }
local WRITING = {
  "concurrency",
  "journal",
  "rejects",
  "settle",
  "give_up",
  "reject_all",
  "create",
  "dry_run",
}

--- @param text string "input=question"
--- @return { [1]: string, [2]: string }?
function files.pair(text)
  local name, column = text:match("^([^=]+)=(.+)$")
  if not name then
    return nil, ("invalid mapping '%s': NAME=COLUMN, such as input=question"):format(text)
  end
  return { name, column }
end

--- @param text string one character, or what shells make it hard to give
--- @return string?
function files.separator(text)
  if text == "tab" or text == "\\t" then
    return "\t"
  elseif text:find('^[^"\r\n]$') then
    return text
  end
  return nil, ("invalid separator '%s': one character or tab"):format(text)
end

--- The counts of an import in one line.
local function outcome(summary)
  local special = {}
  for _, part in ipairs({
    { summary.found, "found after a lost response" },
    { summary.existing, "there before" },
  }) do
    if part[1] > 0 then
      special[#special + 1] = ("%d %s"):format(part[1], part[2])
    end
  end
  local words = calls.count(summary.imported, "row") .. " imported"
  if #special > 0 then
    words = ("%s (%s)"):format(words, table.concat(special, ", "))
  end
  if summary.rejected > 0 then
    local place = summary.rejects and (" (%s)"):format(summary.rejects) or ""
    words = ("%s, %d rejected%s"):format(words, summary.rejected, place)
  end
  if summary.skipped > 0 then
    words = ("%s, %d left out as archived or deleted"):format(words, summary.skipped)
  end
  return words
end

--- Prints the findings of a dry run.
local function print_findings(context, summary, args)
  for _, finding in ipairs(summary.problems) do
    local at = finding.line and "line" or "record"
    local place = ("%s %d: "):format(at, finding.line or finding.record)
    context.out:line(finding.reason:find("^line") and "" or place, finding.reason)
  end
  local more = summary.rejected - #summary.problems
  if more > 0 then
    context.out:line(("and %d more"):format(more))
  end
  local usable = calls.count(summary.usable, "record")
  local skipped = summary.skipped > 0 and (", %d are archived or deleted"):format(summary.skipped)
  context.out:line(
    usable,
    (" can be imported, %d cannot%s"):format(summary.rejected, skipped or "")
  )
  if summary.limit then
    local words =
      "warning: %.0f of at most %.0f items are in the dataset: %d of these records will not fit"
    local limit = summary.limit
    context.err:line(words:format(limit.current_count, limit.limit, limit.beyond))
  end
  if summary.is_new then
    context:note("dataset ", args.dataset, " would be created")
  end
end

local UNCERTAIN = "warning: %s found after a lost response may be somebody else's, who imports the"
  .. " same at the same time: as many may be missing. Compare, once all is done: posthog-llm"
  .. " datasets diff %s %s"

--- Prints how far a stopped import came. At a limit the error says so.
local function print_rest(context, summary)
  if summary.limit then
    return
  end
  local words = "%d of %s are known to be in the dataset; the same command goes on there (%s)"
  local rows = summary.records and calls.count(summary.records, "row") or "the rows"
  rows = (summary.estimated and "about " or "") .. rows
  context.err:line(words:format(summary.imported, rows, summary.journal))
end

--- Prints the result of an import, complete or not.
--- @param summary table
--- @param is_whole boolean
local function print_import(context, summary, args, is_whole)
  if context.json then
    context.out:json(summary)
  elseif is_whole and args.dry_run then
    print_findings(context, summary, args)
  elseif is_whole then
    context.out:line(outcome(summary))
    if summary.already then
      local words = "nothing was left to do; to import all of the file once more, remove "
      context:note(words, summary.journal)
    end
    if summary.keys_left_out then
      local words = "%s left out: API v1 has no client_item_id, so the file can be imported twice"
      context:note(words:format(calls.count(summary.keys_left_out, "key")))
    end
    if summary.rejects then
      local words = "to import the rejected ones, mend them in that file, and give it to import"
      context:note(words)
    end
  end
  if not is_whole then
    print_rest(context, summary)
  end
  if summary.uncertain then
    local rows = calls.count(summary.uncertain, "row")
    context.err:line(UNCERTAIN:format(rows, args.dataset, args.file))
  end
end

function files.import(context, args)
  local bar = context:progress("importing", "rows")
  local options = calls.options(args, bar, calls.READING, WRITING)
  options.on_start = calls.tell_found(context, bar, args.dry_run)
  local client = context:client()
  bar:say("reads " .. args.file)
  local import = require("posthog.llm.dataset_file").import
  local summary, err, partly = import(client, args.dataset, args.file, options)
  bar:finish()
  partly = summary or partly
  if partly then
    print_import(context, partly, args, summary ~= nil)
  end
  if not summary then
    return nil, calls.interruption(err)
  end
  local has_findings = summary.rejected > 0 or summary.limit or summary.uncertain
  return has_findings and exits.FINDINGS or 0
end

--- @return fun(text: string): boolean?, string? sink standard output
local function standard_output(context, format)
  local out = context.out
  return function(text)
    if format ~= "csv" then
      out:json_text(text)
    elseif text ~= "" then
      out:text(out.columns and text:gsub("\r\n", "\n") or text)
    end
    return not out.failed or nil, out.failed
  end
end

function files.export(context, args)
  local to_output = args.file == "-"
  if to_output and context.json and args.format == "csv" then
    error(exits.usage("--json and --format csv exclude each other on standard output"), 0)
  end
  local bar = context:progress("exporting", "rows")
  bar.off = bar.off or (to_output and context.out.columns ~= nil)
  local options = calls.options(args, bar, { "format" }, LISTING)
  local export = require("posthog.llm.dataset_file").export
  local place = to_output and standard_output(context, args.format) or args.file
  local result, err = export(context:client(), args.dataset, place, options)
  bar:finish()
  if not result then
    return nil, calls.interruption(err)
  elseif to_output then
    context:note(calls.count(result.rows, "row"))
  elseif context.json then
    result.file = args.file
    context.out:json(result)
  else
    context.out:line(
      calls.count(result.rows, "row"),
      (", %d bytes in "):format(result.bytes),
      args.file
    )
  end
end

local STYLES = { ["+"] = "green", ["-"] = "red", ["~"] = "yellow" }

function files.diff(context, args)
  local bar = context:progress("comparing", "rows")
  local options = calls.options(args, bar, calls.READING, LISTING, { "key" })
  options.on_start = calls.tell_found(context, bar)
  local client = context:client()
  bar:say("reads " .. args.file)
  local diff = require("posthog.llm.dataset_file").diff
  local result, err = diff(client, args.dataset, args.file, options)
  bar:finish()
  if not result then
    return nil, calls.interruption(err)
  end
  local differs = #result.added + #result.removed + #result.changed > 0
  if context.json then
    context.out:json({
      added = json.array(result.added),
      removed = json.array(result.removed),
      changed = json.array(result.changed),
      same = result.same,
    })
  else
    for line in result.text:gmatch("[^\n]+") do
      context.out:line({ line, STYLES[line:sub(1, 1)] })
    end
  end
  return differs and exits.FINDINGS or 0
end

return files
