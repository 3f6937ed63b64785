--- Datasets as files: imports of JSONL, JSON and CSV, each record exactly once; exports; what a
--- file and a dataset differ in; and a sync, which makes a dataset equal to a file. See
--- doc/dataset_file.md.
---
--- Files are read and written by the calls of the system, which hold up a loop.

local Import = require("posthog.llm.dataset_file.import")
local calls = require("posthog.llm.util.calls")
local call_options = require("posthog.llm.dataset_file.call_options")
local check = require("posthog.llm.util.check")
local clock = require("posthog.llm.host.clock")
local diff = require("posthog.llm.dataset_file.diff")
local digest = require("posthog.llm.util.digest")
local errors = require("posthog.llm.util.errors")
local export = require("posthog.llm.dataset_file.export")
local json = require("posthog.llm.json")
local lookup = require("posthog.llm.dataset_file.lookup")
local journals = require("posthog.llm.dataset_file.journal")
local mapping = require("posthog.llm.dataset_file.mapping")
local failure = require("posthog.llm.dataset_file.failure")
local recognition = require("posthog.llm.dataset_file.recognition")
local on_raise = require("posthog.llm.util.on_raise")
local opening = require("posthog.llm.dataset_file.opening")
local places = require("posthog.llm.dataset_file.places")
local rejects = require("posthog.llm.dataset_file.rejects")
local sources = require("posthog.llm.dataset_file.sources")
local sync = require("posthog.llm.dataset_file.sync")
local find_dataset = require("posthog.llm.api.find_dataset")
local display = require("posthog.llm.util.display")

--- Datasets as files, JSONL, JSON and CSV: `require("posthog.llm.dataset_file")`. [Dataset
--- files](../dataset_file.md) explains what can be read, which field is which, and what is
--- guaranteed after a crash. A dataset is named by its id or its exact name. Files are read and
--- written by calls of the system, which block an event loop. Of an error of kind `invalid` or
--- `file`, `err.file` is the file.
--- @class posthog.llm.dataset_file
local dataset_file = {}

local DEFAULTS = call_options.DEFAULTS

local REHEARSED = 1000 -- records of a dry run between two calls of on_progress

--- A random prefix for the keys of the rows.
local function random_key()
  local file = io.open("/dev/urandom", "rb")
  local bytes = file and file:read(16) or ""
  if file then
    file:close()
  end
  local place = tostring({}) .. tostring(clock.now())
  return "import-" .. digest.sha256(bytes .. place .. os.time()):sub(1, 20)
end

--- The journal of a dry run.
local function no_journal()
  local none = { header = {}, last = 0, open = {}, refused = {}, uncertain = 0 }
  none.counts = { created = 0, found = 0, existing = 0, rejected = 0, skipped = 0 }
  --- There is nothing to close.
  function none.close() end
  return none
end

--- The limit that an import would reach, if an earlier run has learnt one: only the
--- server knows how many items a dataset may have.
--- @param import posthog.llm.dataset_file.Import of a dry run
--- @return { resource?: string, limit: integer, current_count: integer, beyond: integer }? limit
---   beyond: records that will not fit
--- @return posthog.llm.Error? err
local function known_limit(import)
  local path = import.options.journal
  local earlier = path and journals.peek(path)
  local limit = earlier and earlier.limit
  if not limit or not limit.limit or earlier.header.dataset ~= import.dataset then
    return nil
  end
  local items = import.client.dataset_items
  local page, err = items:list({ dataset = import.dataset, limit = 1 })
  if err then
    return nil, err
  end
  local there = math.max(type(page) == "table" and page.count or 0, limit.current_count or 0)
  local counts = earlier.counts
  local left = import.usable - counts.created - counts.found - counts.existing
  local beyond = left - math.max(0, limit.limit - there)
  if beyond > 0 then
    local of = limit.resource
    return { resource = of, limit = limit.limit, current_count = there, beyond = beyond }
  end
end

--- Reads and maps the records as an import does, and sends nothing.
--- @return table? summary
--- @return posthog.llm.Error? err
local function rehearse(import)
  local counts = import.journal.counts
  local findings = json.array({})
  import.usable = 0
  while true do
    local record, err = import.source.next()
    if record and record.n % REHEARSED == 0 then
      err = import:report()
    end
    if err then
      import.source.close()
      return errors.failure(err)
    elseif not record then
      break
    end
    local job, entry = import:prepare(record)
    if job then
      import.usable = import.usable + 1
    elseif entry.skipped then
      counts.skipped = counts.skipped + 1
    else
      counts.rejected = counts.rejected + 1
      if #findings < 100 then
        findings[#findings + 1] = { record = entry.n, line = entry.line, reason = entry.rejected }
      end
    end
  end
  import.source.close()
  local summary = import:summary()
  summary.problems = findings
  local err
  summary.limit, err = known_limit(import)
  if err then
    return errors.failure(err)
  end
  return summary
end

--- Opens the journal of an import, and checks that it belongs to it.
--- @param held table where it is put as soon as it is open
--- @param header table the dataset and the source
--- @param now fun(): integer the server's clock
--- @param rejects_path? string for advice
--- @return posthog.llm.dataset_file.Journal?
--- @return posthog.llm.Error?
local function open_journal(client, held, path, header, now, rejects_path)
  local journal, err = journals.open(path)
  if not journal then
    return nil, err
  end
  held.journal = journal
  local begun
  begun, err = journal:begin(header, now(), function()
    if header.key then -- no row of others can be taken for one of the import's
      return {}
    end
    return lookup.there_before(client, header.dataset, now())
  end, rejects_path)
  if not begun then
    journal:close()
    return nil, err
  end
  return journal
end

--- Checks the options of an import, and adds the defaults.
--- @return table options
--- @return boolean is_file
local function import_options(client, dataset, source, options, level)
  options = call_options.check("import", client, dataset, options, level + 1)
  mapping.check(options.fields, level + 1)
  local defaults = { concurrency = DEFAULTS.concurrency, settle = DEFAULTS.settle }
  local is_file = type(source) == "string"
  if is_file then
    sources.check_format(nil, options.format, level + 1)
    local name = source == "-" and "stdin" or source
    defaults.journal, defaults.rejects = name .. ".journal", name .. ".rejects.jsonl"
    local own = { is_temporary = source == "-" and not options.journal }
    options = call_options.with_defaults(own, options)
  elseif not check.callable(source) then
    local got = check.type_name(source)
    check.fail(level + 1, "source: path or iterator expected, got %s", got)
  elseif not options.journal and not options.dry_run then
    check.fail(level + 1, "journal: an import from an iterator needs one")
  end
  return call_options.with_defaults(options, defaults), is_file
end

--- Makes the header of a journal: the dataset and the source.
--- @param input posthog.llm.dataset_file.Source
local function header_of(client, dataset, source, input)
  local survey = input.survey or {}
  local name = type(source) == "string" and display.clean(source) -- names need not be UTF-8
  return {
    journal = 1,
    dataset = dataset,
    source = name and (name == "-" and "standard input" or name) or "an iterator",
    format = input.form and input.form.format,
    bytes = survey.bytes,
    sha256 = survey.sha256 or input.beginning,
    key = client:profile() == "current" and random_key() or nil,
  }
end

--- Ends an import, complete or not.
--- @return table? summary
--- @return posthog.llm.Error? err
--- @return table? summary
local function finish(import, err, path)
  local journal = import.journal
  if not err then
    local _, failed = journal:write_through({ { finished = true } })
    err = failed
  end
  local summary = import:summary()
  summary.journal = path
  if journal.counts.rejected > 0 and import.options.rejects then
    local failed = rejects.write(import.options.rejects, journal)
    summary.rejects = not failed and import.options.rejects or nil
    err = err or failed
  end
  import.source.close()
  journal:close()
  if err then
    return errors.failure(err, summary)
  elseif import.options.is_temporary then -- it would stand in the way of the next standard input
    os.remove(path)
    summary.journal = nil
  end
  return summary
end

--- Imports from a source that is open.
--- @param input posthog.llm.dataset_file.Source
--- @param held table as for `opening.source`
--- @return posthog.llm.DatasetImport? summary
--- @return posthog.llm.Error? err
--- @return posthog.llm.DatasetImport? so_far
local function import_from(client, dataset, source, input, options, held)
  local row, err, response, is_new = opening.target(client, dataset, options)
  if row and input.found then
    err = recognition.tell(input.found, client, options.on_start, "the import")
  end
  local now = Import.server_clock(response)
  local journal
  if not err and options.dry_run then
    journal = no_journal()
  elseif not err then
    journal, err = open_journal(
      client,
      held,
      options.journal,
      header_of(client, row.id, source, input),
      now,
      options.rejects
    )
  end
  if err then
    input.close()
    return errors.failure(err)
  end
  local import = Import.new({
    client = client,
    dataset = row.id,
    is_new = is_new,
    source = input,
    journal = journal,
    options = options,
    now = now,
    close_files = held.close,
  })
  held.import = import
  if options.dry_run then
    return rehearse(import)
  elseif not journal.finished then
    err = options.rejects and rejects.check(options.rejects, journal) or import:run()
    if not err and input.survey and input.sha256() ~= input.survey.sha256 then
      local words = "the file was changed while it was imported; put it back, and import again"
      err = failure(source, words)
    end
  else
    import.already = true
  end
  return finish(import, err, options.journal)
end

--- Imports records into a dataset, each exactly once: called again with the same journal, an import
--- that was stopped or killed goes on where it was, and one that is finished does nothing. One
--- request for each record.
---
--- ```lua
--- -- golden.csv has the columns question and answer
--- local summary, err = dataset_file.import(client, "golden", "golden.csv", {
---   create = true,
---   fields = { ["input.question"] = "question", output = "answer" },
--- })
--- print(summary and summary.imported or err) --> 2
--- ```
--- @param client posthog.llm.Client
--- @param dataset string id, or name
--- @param source string|fun(): any path of a file, "-" for standard input, or an iterator over
---   records, nil at the end
--- @param options? posthog.llm.DatasetImportOptions
--- @return posthog.llm.DatasetImport? summary
--- @return posthog.llm.Error? err kind `invalid` or `file`, with `file`: the file cannot be used;
---   kind `conflict`: two datasets have the name; kind `conflict`, code `limit_reached`: the
---   dataset is full; kind `cancelled`: `on_progress` or `on_start` has returned false
--- @return posthog.llm.DatasetImport? so_far with an error: what was done before it
function dataset_file.import(client, dataset, source, options)
  local is_file
  options, is_file = import_options(client, dataset, source, options, 2)
  local held, input = {}, nil
  local err = places.check(source, options)
  if not err then
    input, err = opening.source(source, is_file, options, held)
  end
  if not input then
    return errors.failure(err)
  end
  return on_raise(held.close, import_from, client, dataset, source, input, options, held)
end

--- Writes the rows of a dataset to a file, newest first. The file is there as a whole or not at
--- all. One request for each page: of 100 rows, on API v2 of 25.
---
--- ```lua
--- local result = assert(dataset_file.export(client, "golden", "copy.jsonl"))
--- print(result.rows, result.bytes)
--- ```
--- @param client posthog.llm.Client
--- @param dataset string id, or name
--- @param path string|fun(text: string): boolean?, string? of the file; or a function that is given
---   the text in pieces, and returns nil and a message when it cannot take one
--- @param options? posthog.llm.DatasetExportOptions
--- @return posthog.llm.DatasetExport? result
--- @return posthog.llm.Error? err kind `not_found`: there is no such dataset; kind `file`; kind
---   `cancelled`
function dataset_file.export(client, dataset, path, options)
  options = call_options.check("export", client, dataset, options, 2)
  options = call_options.with_defaults(options, { prefetch = DEFAULTS.prefetch })
  if check.callable(path) then
    sources.check_format("", options.format or "jsonl", 2)
  else
    check.type(path, "string", "path", 2)
    sources.check_format(path, options.format, 2)
  end
  if options.fields ~= nil then
    check.list(options.fields, "fields", 2)
    for i, name in ipairs(options.fields) do
      check.type(name, "string", ("fields[%d]"):format(i), 2)
    end
  end
  local row, err = find_dataset.find(client, dataset)
  if not row then
    return errors.failure(err)
  end
  local format = check.callable(path) and (options.format or "jsonl")
    or sources.format(path, options.format)
  local result
  result, err = export(client, row, path, format, options)
  if not result then
    return errors.failure(err)
  end
  return result
end

--- Tells in which rows a file and a dataset differ. Values are compared as the server stores them.
--- The requests of an export.
---
--- ```lua
--- local found = assert(dataset_file.diff(client, "golden", "copy.jsonl", { key = "id" }))
--- print(#found.added, #found.removed, #found.changed, found.same) --> 0  0  0  2
--- ```
--- @param client posthog.llm.Client
--- @param dataset string id, or name
--- @param path string of the file
--- @param options? posthog.llm.DatasetDiffOptions
--- @return posthog.llm.DatasetDiff? result
--- @return posthog.llm.Error? err kind `invalid`, with `problems` or `file`: the file cannot be
---   used; kind `not_found`; kind `file`; kind `cancelled`
function dataset_file.diff(client, dataset, path, options)
  options = call_options.check("diff", client, dataset, options, 2)
  options = call_options.with_defaults(options, { prefetch = DEFAULTS.prefetch })
  check.type(path, "string", "path", 2)
  sources.check_format(nil, options.format, 2)
  mapping.check(options.fields, 2)
  if options.key ~= nil and type(options.key) ~= "string" and not check.callable(options.key) then
    check.fail(2, "key: name or function expected, got %s", check.type_name(options.key))
  end
  local row, err = find_dataset.find(client, dataset)
  if not row then
    return errors.failure(err)
  end
  local result
  result, err = diff(client, row, path, options)
  if not result then
    return errors.failure(err)
  end
  return result
end

--- Makes a dataset equal to a file: creates what is missing, changes what differs, and with `prune`
--- deletes what the file lacks. What others have changed meanwhile is not overwritten. A run that
--- was stopped is followed by another, which does what is left. The requests of an export, and one
--- or two for each change.
---
--- ```lua
--- local plan = assert(dataset_file.sync(client, "golden", "copy.jsonl", {
---   key = "input.question",
---   prune = true,
---   dry_run = true,
--- }))
--- print(plan.created, plan.updated, plan.deleted, plan.unchanged) --> 0  0  0  2
--- ```
--- @param client posthog.llm.Client
--- @param dataset string id, or name
--- @param path string of the file; "-": standard input
--- @param options posthog.llm.DatasetSyncOptions
--- @return posthog.llm.DatasetSync? result
--- @return posthog.llm.Error? err kind `invalid`, with `problems`: lines of the file without a
---   usable key, or two items with one; kind `file`; kind `conflict` and `cancelled` as of `import`
--- @return posthog.llm.DatasetSync? so_far with an error: what was done before it
function dataset_file.sync(client, dataset, path, options)
  options = call_options.check("sync", client, dataset, options, 2)
  check.type(path, "string", "path", 2)
  check.type(options.key, "string", "key", 2)
  if options.key == "" then
    check.fail(2, "key is empty")
  end
  sources.check_format(nil, options.format, 2)
  mapping.check(options.fields, 2)
  options = call_options.with_defaults(options, {
    prefetch = DEFAULTS.prefetch,
    concurrency = DEFAULTS.concurrency,
    settle = DEFAULTS.settle,
    journal = (path == "-" and "stdin" or path) .. ".sync.journal",
  })
  local result, err, partly = sync(client, dataset, path, options)
  if not result then
    return errors.failure(err, partly)
  end
  return result
end

calls.tool(dataset_file, "dataset_file")

return dataset_file
