--- Where records come from: a file of some format, or the caller's iterator.

local bytes = require("posthog.llm.dataset_file.bytes")
local check = require("posthog.llm.util.check")
local csv = require("posthog.llm.dataset_file.csv")
local json_array = require("posthog.llm.dataset_file.json_array")
local jsonl = require("posthog.llm.dataset_file.jsonl")
local mapping = require("posthog.llm.dataset_file.mapping")
local option_names = require("posthog.llm.util.option_names")
local failure = require("posthog.llm.dataset_file.failure")

local sources = {}

--- @class posthog.llm.dataset_file.Record
--- @field n integer its number, from 1
--- @field line? integer where it begins in the file
--- @field value? any
--- @field cells? table<string, string> of CSV
--- @field columns? string[] of CSV
--- @field reason? string why it cannot be used; with its place
--- @field text? string what stands in the file, where that is unusable
--- @field is_mapped? boolean its names are those of an item, whatever fields are mapped

local READERS = { jsonl = jsonl, json = json_array, csv = csv }
local ENDINGS = { jsonl = "jsonl", ndjson = "jsonl", json = "json", csv = "csv" }

--- The format of a file: the caller's, or what its name says.
--- @param path string
--- @param format? string
--- @return string? format
function sources.format(path, format)
  return format or ENDINGS[(path:match("%.(%w+)$") or ""):lower()]
end

--- @param path string
--- @param format any the option
--- @param level integer as for error()
function sources.check_format(path, format, level)
  if format ~= nil and not READERS[format] then
    check.fail(level + 1, 'format: "jsonl", "json" or "csv" expected, got %s', tostring(format))
  elseif not sources.format(path, format) then
    check.fail(level + 1, "format: unknown from the name %q: give jsonl, json or csv", path)
  end
end

local function numbered(step)
  local n = 0
  return function()
    local record, err = step()
    if record then
      n = n + 1
      record.n = n
    end
    return record, err
  end
end

--- @class posthog.llm.dataset_file.Source
--- @field next fun(): posthog.llm.dataset_file.Record?, posthog.llm.Error?
--- @field close fun()
--- @field can_return fun(): boolean whether the file can be read once more
--- @field size fun(): integer bytes read so far
--- @field sha256 fun(): string of the bytes read so far

--- @param path string
--- @param options { format?: string, separator?: string }
--- @param limit? integer bytes that are read at most
--- @return posthog.llm.dataset_file.Source?
--- @return posthog.llm.Error?
function sources.open(path, options, limit)
  local input, err = bytes.open(path, limit)
  if not input then
    return nil, err
  end
  return {
    next = numbered(READERS[sources.format(path, options.format)](input, options)),
    close = function()
      input:close()
    end,
    can_return = function()
      return input:can_return()
    end,
    size = function()
      return input.size
    end,
    sha256 = function()
      return input:sha256()
    end,
  }
end

--- @param iterator fun(): any nil at its end
--- @return posthog.llm.dataset_file.Source
function sources.iterate(iterator)
  return {
    next = numbered(function()
      local value = iterator()
      return value ~= nil and { value = value } or nil
    end),
    close = function() end,
  }
end

--- Reads a whole file and sends nothing: what is wrong with it as a whole shows
--- before the first row is made.
--- @return { records: integer, bytes: integer, sha256: string, unusable: integer }? survey
--- @return posthog.llm.Error?
function sources.survey(path, options)
  local source, err = sources.open(path, options)
  if not source then
    return nil, err
  elseif not source.can_return() then
    source.close()
    local words = "is a pipe, and has to be read twice; save it to a file"
      .. option_names.also(", or give an %s", "iterator")
    return nil, failure(path, words)
  end
  local survey = { records = 0 }
  while true do
    local record
    record, err = source.next()
    if not record then
      break
    end
    local columns = record.n == 1 and record.columns
    local bad, option
    if columns then
      bad, option = mapping.bad_column(columns, options.fields)
    end
    if bad then
      err = failure(path, "%s", bad)
      err.option = option
      break
    end
    survey.records = record.n
  end
  survey.bytes, survey.sha256 = source.size(), source.sha256()
  source.close()
  if err then
    return nil, err
  end
  return survey
end

return sources
