--- Where records come from: a file of some format, standard input, or the caller's iterator.

local bytes = require("posthog.llm.dataset_file.bytes")
local check = require("posthog.llm.util.check")
local csv = require("posthog.llm.dataset_file.csv")
local digest = require("posthog.llm.util.digest")
local failure = require("posthog.llm.dataset_file.failure")
local formats = require("posthog.llm.dataset_file.formats")
local json_lists = require("posthog.llm.dataset_file.json_lists")
local json_records = require("posthog.llm.dataset_file.json_records")
local jsonl = require("posthog.llm.dataset_file.jsonl")
local option_names = require("posthog.llm.util.option_names")
local separators = require("posthog.llm.dataset_file.separators")
local tally = require("posthog.llm.dataset_file.tally")

local sources = {}

local PEEKED = 100 -- records that are read before the first is handed out
local PEEKED_BYTES = 1024 * 1024 -- of text, after which no more are

--- @class posthog.llm.dataset_file.Record
--- @field n integer its number, from 1
--- @field line? integer where it begins in the file
--- @field value? any
--- @field cells? table<string, string> of CSV
--- @field columns? string[] of CSV, those that have a name
--- @field unnamed? integer how many have none
--- @field reason? string why it cannot be used; with its place
--- @field text? string what stands in the file, where that is unusable
--- @field is_mapped? boolean its names are those of an item, whatever fields are mapped

--- @class posthog.llm.dataset_file.Form how a file is to be read
--- @field format "jsonl"|"json"|"csv"
--- @field compression? "gzip"
--- @field separator? string of CSV
--- @field records? string the path of the list, in JSON with objects around it

local READERS = { jsonl = jsonl, json = json_records, csv = csv }

--- The format of a file that is to be written: the caller's, or what its name says.
--- @param path string
--- @param format? string
--- @return string? format
function sources.format(path, format)
  return format or formats.of_name(path)
end

--- @param path? string of a file that is to be written; nil: it is read, and will tell
--- @param format any the option
--- @param level integer as for error()
function sources.check_format(path, format, level)
  if format ~= nil and not formats.NAMES[format] then
    check.fail(level + 1, 'format: "jsonl", "json" or "csv" expected, got %s', tostring(format))
  elseif path and not sources.format(path, format) then
    check.fail(level + 1, "format: unknown from the name %q: give jsonl, json or csv", path)
  end
end

--- @param path string for the message
--- @return posthog.llm.Error
function sources.empty(path)
  return failure(
    path,
    "is empty, there is nothing to import; has what should have written it failed?"
  )
end

--- The path of the list that is in one JSON object.
--- @return string? path
--- @return posthog.llm.Error? err
local function find_list(path, input, limit)
  if not input:can_return() then
    local err = failure(
      input.path,
      "it is one JSON object; say where the records are in it: %s",
      option_names.set("records", "data")
    )
    err.option = "records"
    return nil, err
  end
  local again, err = bytes.open(path, limit)
  if not again then
    return nil, err
  end
  local found
  found, err = json_lists.find(again)
  again:close()
  return found, err
end

--- @param path string
--- @param input posthog.llm.dataset_file.Bytes at its beginning
--- @param options { format?: string, separator?: string, records?: string }
--- @param limit? integer
--- @return posthog.llm.dataset_file.Form?
--- @return posthog.llm.Error? err
local function recognise(path, input, options, limit)
  local head = input:ahead()
  local format = options.records and "json" or formats.find(path, head, options.format)
  if not format then
    local words =
      "what it holds is unknown: JSONL, a JSON list, CSV or TSV is expected; say which: %s"
    local err = failure(input.path, words, option_names.set("format", "csv"))
    err.option = "format"
    return nil, err
  end
  local form = { format = format, compression = input.compression, records = options.records }
  if format == "csv" then
    form.separator = options.separator or separators.find(head) or formats.separator(path) or ","
  elseif format == "json" and not form.records and head:find("^%s*{") then
    local err
    form.records, err = find_list(path, input, limit)
    return form.records and form, err
  end
  return form
end

--- @class posthog.llm.dataset_file.Source
--- @field path? string for messages
--- @field form? posthog.llm.dataset_file.Form
--- @field next fun(is_skipped?: boolean): posthog.llm.dataset_file.Record?, posthog.llm.Error? a record that is
---   skipped is passed by without decoding it
--- @field peek fun(): posthog.llm.dataset_file.Record[], posthog.llm.Error? the first records, which `next`
---   returns nevertheless, and what came instead of one of them
--- @field count fun(): integer?, boolean? how many records there are, where that is known or can be estimated
--- @field close fun()
--- @field position fun(): integer bytes of text that were read, unpacked
--- @field sha256 fun(): string of the bytes read so far
--- @field is_foreign? boolean an iterator of the caller's, which may take any time
--- @field on_wait? fun() set by who reads: called before a wait for more of standard input
--- @field beginning? string of standard input, the digest of its beginning

--- Numbers records, counts them and lets them be looked at ahead.
--- @param step fun(is_skipped?: boolean): posthog.llm.dataset_file.Record?, posthog.llm.Error?
--- @param position fun(): integer
--- @param survey { text?: integer, records?: integer }
--- @return table source with `next`, `peek` and `count`
local function reader(step, position, survey)
  local n, given, ended = 0, 0, nil
  local first = {} -- the records that were looked at; false: handed out
  local source = {}

  local function read(is_skipped)
    if ended then
      return nil, ended.err
    end
    local record, err = step(is_skipped)
    if not record then
      ended = { err = err }
      return nil, err
    end
    n = n + 1
    record.n = n
    return record
  end

  function source.next(is_skipped)
    given = given + 1
    local record = first[given]
    if record then
      first[given] = false
      return record
    end
    return read(is_skipped)
  end

  function source.peek()
    while #first < PEEKED and position() < PEEKED_BYTES and not ended do
      first[#first + 1] = read()
    end
    return first, ended and ended.err
  end

  --- @return integer? records
  --- @return boolean? estimated by the bytes of those that were read
  function source.count()
    if ended and not ended.err then
      return n
    elseif survey.records or not survey.text or n == 0 then
      return survey.records
    end
    local estimate = n * survey.text / math.max(1, position())
    return math.max(n, math.floor(estimate + 0.5)), true
  end
  return source
end

--- @param path string "-": standard input
--- @param options { format?: string, separator?: string, records?: string, fields?: any }
--- @param survey? posthog.llm.dataset_file.Survey what was found before: no more than that is read
--- @return posthog.llm.dataset_file.Source?
--- @return posthog.llm.Error?
function sources.open(path, options, survey)
  survey = survey or {}
  local input, err = bytes.open(path, survey.bytes)
  if not input then
    return nil, err
  elseif input.is_stdin and input:ahead() == "" then
    return nil, sources.empty(input.path)
  end
  local form
  form, err = recognise(path, input, options, survey.bytes)
  if not form then
    input:close()
    return nil, err
  end
  local beginning = input.is_stdin and input:ahead()
  local reading = { separator = form.separator, records = form.records, fields = options.fields }
  local step, unread = READERS[form.format](input, reading)
  local function position()
    return input:position() - (unread and unread() or 0)
  end
  local source = reader(step, position, survey)
  source.path, source.form, source.position = input.path, form, position
  function input.on_wait()
    if source.on_wait then
      source.on_wait()
    end
  end
  function source.close()
    input:close()
  end
  function source.sha256()
    return input:sha256()
  end
  if beginning then
    source.beginning = digest.sha256(beginning)
  end
  return source
end

--- @param iterator fun(): any nil at its end
--- @return posthog.llm.dataset_file.Source
function sources.iterate(iterator)
  local n = 0
  return {
    next = function()
      local value = iterator()
      if value ~= nil then
        n = n + 1
        return { n = n, value = value }
      end
    end,
    close = function() end,
    count = function() end,
    is_foreign = true,
  }
end

--- The error of a file in which something is wrong: it is read to there.
--- @return posthog.llm.Error? err
local function find_error(path, options)
  local source, err = sources.open(path, options)
  while source do
    local record
    record, err = source.next()
    if not record then
      source.close()
      break
    end
  end
  return err
end

--- @class posthog.llm.dataset_file.Survey
--- @field bytes? integer of the file
--- @field sha256 string
--- @field text? integer bytes, unpacked
--- @field records? integer where they can be counted without reading them

--- Goes through the bytes of a file, and decodes nothing: its digest, whether gzip is whole, how
--- many records it has, and whether it is cut short, before the first row is made.
--- @param path string
--- @param options table
--- @return posthog.llm.dataset_file.Survey?
--- @return posthog.llm.Error?
function sources.survey(path, options)
  local input, err = bytes.open(path)
  if not input then
    return nil, err
  elseif not input:can_return() then
    input:close()
    local words = "is a pipe, and is read twice: give it as standard input (-) or save it to a file"
      .. option_names.also(", or give an %s", "iterator")
    return nil, failure(path, "%s", words)
  elseif input:ahead() == "" then
    input:close()
    return nil, sources.empty(path)
  end
  local form
  form, err = recognise(path, input, options)
  local count = form and tally.new(form.format, form.separator)
  while form do
    local piece
    piece, err = input:piece()
    if not piece then
      break
    end
    count.add(piece)
  end
  local survey = { bytes = input.size, sha256 = input:sha256(), text = input:position() }
  input:close()
  local is_wrong
  if not err then
    survey.records, is_wrong = count.finish()
    err = is_wrong and find_error(path, options)
  end
  if err then
    return nil, err
  end
  return survey
end

return sources
