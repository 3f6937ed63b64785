--- Datasets as files: imports of JSONL, JSON and CSV, each record exactly once;
--- exports; and what a file and a dataset differ in. See doc/dataset_file.md.
---
--- Files are read and written by the calls of the system, which hold up a loop.

local Import = require("posthog.llm.dataset_file.import")
local calls = require("posthog.llm.util.calls")
local check = require("posthog.llm.util.check")
local clock = require("posthog.llm.host.clock")
local diff = require("posthog.llm.dataset_file.diff")
local digest = require("posthog.llm.util.digest")
local errors = require("posthog.llm.util.errors")
local export = require("posthog.llm.dataset_file.export")
local guard = require("posthog.llm.dataset_file.guard")
local json = require("posthog.llm.json")
local lookup = require("posthog.llm.dataset_file.lookup")
local journals = require("posthog.llm.dataset_file.journal")
local mapping = require("posthog.llm.dataset_file.mapping")
local failure = require("posthog.llm.dataset_file.failure")
local recognition = require("posthog.llm.dataset_file.recognition")
local rejects = require("posthog.llm.dataset_file.rejects")
local sources = require("posthog.llm.dataset_file.sources")
local find_dataset = require("posthog.llm.api.find_dataset")
local display = require("posthog.llm.util.display")

--- @class posthog.llm.dataset_file
local dataset_file = {}

local CONCURRENCY = 8

--- Pages to read ahead: with responses that take 0.3 s, three at a time are as many
--- as the cloud's limit of 480 a minute lets through.
local PREFETCH = 2

local REHEARSED = 1000 -- records of a dry run between two calls of on_progress

--- Seconds after which a request that was cut off is taken as lost: what a
--- server has taken in, it has done by then or will not do.
local SETTLE = 10

local OPTIONS = {
  import = {
    format = "string",
    fields = "any",
    values = "string",
    separator = "string",
    records = "string",
    on_start = "function",
    concurrency = "integer",
    create = "boolean",
    dry_run = "boolean",
    give_up = "boolean",
    reject_all = "boolean",
    journal = "string",
    rejects = "string",
    settle = "number",
    on_progress = "function",
  },
  export = {
    format = "string",
    fields = "any",
    revision = "integer",
    prefetch = "integer",
    on_progress = "function",
  },
  diff = {
    key = "any",
    format = "string",
    fields = "any",
    values = "string",
    separator = "string",
    records = "string",
    on_start = "function",
    revision = "integer",
    prefetch = "integer",
    on_progress = "function",
  },
}

--- How an option is checked, by what is expected.
local CHECKS = {}
for _, name in ipairs({ "string", "number", "boolean" }) do
  CHECKS[name] = function(value, what, level)
    check.type(value, name, what, level + 1)
  end
end

function CHECKS.integer(value, what, level)
  check.integer(value, what, level + 1, what == "prefetch" and 0 or 1)
end

CHECKS["function"] = function(value, what, level)
  if not check.callable(value) then
    check.fail(level + 1, "%s: function expected, got %s", what, check.type_name(value))
  end
end

--- Checks what all three take.
--- @return table options
local function check_call(kind, client, dataset, options, level)
  if type(client) ~= "table" or type(client.dataset_items) ~= "table" then
    check.fail(level + 1, "client: a client expected, got %s", check.type_name(client))
  end
  check.type(dataset, "string", "dataset", level + 1)
  if dataset == "" then
    check.fail(level + 1, "dataset is empty")
  end
  options = options or {}
  check.type(options, "table", "options", level + 1)
  check.known(options, OPTIONS[kind], "options", level + 1)
  for name, expected in pairs(OPTIONS[kind]) do
    local value = options[name]
    if value ~= nil and expected ~= "any" then
      CHECKS[expected](value, name, level + 1)
    end
  end
  if options.values ~= nil and options.values ~= "json" and options.values ~= "text" then
    check.fail(level + 1, 'values: "json" or "text" expected, got %q', options.values)
  elseif options.separator ~= nil and not options.separator:find('^[^"\r\n]$') then
    check.fail(level + 1, "separator: one character expected")
  elseif options.settle ~= nil and not (options.settle >= 0 and options.settle < 1e6) then
    check.fail(level + 1, "settle: seconds expected, got %s", tostring(options.settle))
  end
  return options
end

--- Fills in what was not given.
local function with_defaults(options, defaults)
  local all = {}
  for name, value in pairs(defaults) do
    all[name] = value
  end
  for name, value in pairs(options) do
    all[name] = value
  end
  return all
end

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
  local none = { header = {}, last = 0, open = {}, refused = {} }
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
--- @param header table the dataset and the source
--- @param now fun(): integer the server's clock
--- @param rejects_path? string for advice
--- @return posthog.llm.dataset_file.Journal?
--- @return posthog.llm.Error?
local function open_journal(client, path, header, now, rejects_path)
  local journal, err = journals.open(path)
  if not journal then
    return nil, err
  end
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

--- A path without redundant parts.
local function plain_path(path)
  path = path:gsub("/%.?/", "/"):gsub("//+", "/")
  return (path:gsub("^%./", ""))
end

--- Checks that no file would be written over another one.
--- @return posthog.llm.Error? err
local function same_places(source, options)
  local places = { source = source, journal = options.journal, rejects = options.rejects }
  local seen = {}
  for _, name in ipairs({ "source", "journal", "rejects" }) do
    local path = type(places[name]) == "string" and plain_path(places[name])
    if path and seen[path] then
      return failure(places[name], "cannot be the %s and the %s at once", seen[path], name)
    elseif path then
      seen[path] = name
    end
  end
end

--- Checks the options of an import, and adds the defaults.
--- @return table options
--- @return boolean is_file
local function import_options(client, dataset, source, options, level)
  options = check_call("import", client, dataset, options, level + 1)
  mapping.check(options.fields, level + 1)
  local defaults = { concurrency = CONCURRENCY, settle = SETTLE }
  local is_file = type(source) == "string"
  if is_file then
    sources.check_format(nil, options.format, level + 1)
    local name = source == "-" and "stdin" or source
    defaults.journal, defaults.rejects = name .. ".journal", name .. ".rejects.jsonl"
    options = with_defaults({ is_temporary = source == "-" and not options.journal }, options)
  elseif not check.callable(source) then
    local got = check.type_name(source)
    check.fail(level + 1, "source: path or iterator expected, got %s", got)
  elseif not options.journal and not options.dry_run then
    check.fail(level + 1, "journal: an import from an iterator needs one")
  end
  return with_defaults(options, defaults), is_file
end

--- Opens the file of an import, and recognises its format.
--- @return posthog.llm.dataset_file.Source?
--- @return posthog.llm.Error?
local function open_file(path, options)
  local survey, err
  if path ~= "-" then
    survey, err = sources.survey(path, options)
    if not survey then
      return nil, err
    end
  end
  local input
  input, err = sources.open(path, options, survey)
  if not input then
    return nil, err
  end
  local found, fields = recognition.find(path, input, options)
  if not found then
    input.close()
    return nil, fields
  end
  input.found, input.survey, options.fields = found, survey, fields
  return input
end

--- Opens the source of an import. When a function of the caller's raises, all files are closed.
--- @param held { journal?: posthog.llm.dataset_file.Journal } closed then too
--- @return posthog.llm.dataset_file.Source?
--- @return posthog.llm.Error?
local function open_source(source, is_file, options, held)
  local input, err
  local function close()
    if input then
      input.close()
    end
    if held.journal then
      held.journal:close()
    end
  end
  options.on_progress = guard(options.on_progress, close)
  options.on_start = guard(options.on_start, close)
  if check.callable(options.fields) then
    options.fields = guard(options.fields, close)
  end
  if is_file then
    input, err = open_file(source, options)
  else
    input = sources.iterate(guard(source, close))
  end
  return input, err
end

--- Finds the dataset of an import, or creates it if that is allowed.
--- @return table? row without an id in a dry run that would create it
--- @return posthog.llm.Error? err
--- @return posthog.llm.Response? response
--- @return boolean? is_new
local function import_target(client, dataset, options)
  local row, err, response = find_dataset.find(client, dataset)
  local missing = err and err.kind == "not_found" and not find_dataset.is_id(dataset)
  if not (missing and options.create) then
    return row, err, response
  elseif not options.dry_run then
    row, err, response = find_dataset.create(client, { name = dataset })
    return row, err, response, row ~= nil
  end
  return {}, nil, response, true
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

--- Imports records into a dataset, each exactly once: with the same journal an
--- import that was stopped or killed goes on where it was, and one that is
--- finished does nothing.
--- @param client posthog.llm.Client
--- @param dataset string id, or name
--- @param source string|fun(): any path of a file, "-" for standard input, or an iterator over records,
---   nil at the end
--- @param options? table
---   format? "jsonl"|"json"|"csv": default: what the content is found to be
---   fields? table<string, string|fun(record): any>|fun(record, n): table?, string?: of the item, or parts of
---     them ("metadata.source"), each by the name or the path in the record or a function; or a function
---     that returns all, or nil and a reason to reject the record, or nil alone to leave it out. Default:
---     by their own names, or by those of other tools
---   values? "json"|"text": whether cells of CSV that are JSON are read as such; "json"
---   separator? string: of CSV; default: found out
---   records? string: path of the list within a JSON object; default: found out
---   on_start? fun(found: posthog.llm.dataset_file.Found): boolean?: called once, before anything is sent,
---     with what the file was found to be; false stops
---   concurrency? integer: requests at the same time; 8
---   journal? string: path; default: that of the source with ".journal". An iterator needs one
---   rejects? string: path of a file for what was rejected; default: that of the source with ".rejects.jsonl"
---   settle? number: seconds to wait before lost requests are looked up; 10
---   reject_all? boolean: goes on where the first ten records are refused for the same reason
---   give_up? boolean: rejects what fails ten times, also where nothing else is left that succeeds
---   create? boolean: makes the dataset where none has the name
---   dry_run? boolean: reads, maps and checks all, and makes nothing
---   on_progress? fun(summary: table): boolean?: false stops; `waiting` is in seconds
--- @return table? summary records, imported (= created + found + existing), rejected, skipped, journal, rejects
--- @return posthog.llm.Error? err what stopped it; `invalid` with `file` for files
--- @return table? summary as far as it came
function dataset_file.import(client, dataset, source, options)
  local is_file
  options, is_file = import_options(client, dataset, source, options, 2)
  local held, input = {}, nil
  local err = same_places(source, options)
  if not err then
    input, err = open_source(source, is_file, options, held)
  end
  if not input then
    return errors.failure(err)
  end
  local row, failed, response, is_new = import_target(client, dataset, options)
  err = failed
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
  held.journal = journal
  local import = Import.new({
    client = client,
    dataset = row.id,
    is_new = is_new,
    source = input,
    journal = journal,
    options = options,
    now = now,
  })
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

--- Writes the rows of a dataset to a file, newest first. The file is there as a
--- whole or not at all.
--- @param client posthog.llm.Client
--- @param dataset string id, or name
--- @param path string|fun(text: string): boolean?, string? or a function that is given the text in
---   pieces, and returns nil and a message when it cannot take one; what it got before a failure stays
--- @param options? table
---   format? "jsonl"|"json"|"csv": default: by the name of the file
---   fields? string[]: default: the id, and all that can be set
---   revision? integer: API v2; default: the latest at the start
---   prefetch? integer: pages to read at the same time as the one that is needed; 2
---   on_progress? fun(progress: { rows: integer, total?: integer }): boolean?: every hundred rows and
---     at the end; false stops
--- @return { dataset: string, rows: integer, bytes: integer, sha256: string, revision?: integer }? result
--- @return posthog.llm.Error? err
function dataset_file.export(client, dataset, path, options)
  options = check_call("export", client, dataset, options, 2)
  options = with_defaults(options, { prefetch = PREFETCH })
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

--- Compares a file with a dataset.
--- @param client posthog.llm.Client
--- @param dataset string id, or name
--- @param path string
--- @param options? table
---   key? string|fun(fields: table): any: what tells rows apart; default: all of their content, and
---     then nothing is `changed`
---   format?, fields?, values?, separator?, records?, on_start?: as for import
---   revision? integer: API v2
---   prefetch?, on_progress?: as for export; while the file is read with `read`, records so far, too
--- @return { added: table[], removed: table[], changed: table[], same: integer, text: string }? result
---   added: { line, n, key } in the file alone; removed: { id, key } in the dataset alone;
---   changed: { line, n, id, key, fields }, names of API v2; text: for people
--- @return posthog.llm.Error? err
function dataset_file.diff(client, dataset, path, options)
  options = check_call("diff", client, dataset, options, 2)
  options = with_defaults(options, { prefetch = PREFETCH })
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

calls.tool(dataset_file, "dataset_file")

return dataset_file
