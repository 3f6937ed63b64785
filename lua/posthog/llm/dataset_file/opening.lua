--- Opens what an import or a sync needs: the source, and the dataset.

local find_dataset = require("posthog.llm.api.find_dataset")
local guard = require("posthog.llm.dataset_file.guard")
local check = require("posthog.llm.util.check")
local recognition = require("posthog.llm.dataset_file.recognition")
local sources = require("posthog.llm.dataset_file.sources")

local opening = {}

--- Opens a file, and recognises its format.
--- @return posthog.llm.dataset_file.Source?
--- @return posthog.llm.Error?
function opening.file(path, options)
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
--- @param source any path or iterator
--- @param is_file boolean
--- @param options table
--- @param held { journal?: posthog.llm.dataset_file.Journal, import?: posthog.llm.dataset_file.Import, close?: function }
---   the journal is closed then too, once the import has no request on its way; `close` is set
--- @return posthog.llm.dataset_file.Source?
--- @return posthog.llm.Error?
function opening.source(source, is_file, options, held)
  local input, err
  function held.close()
    if input then
      input.close()
    end
    if held.journal then
      held.journal:close()
    end
  end
  local function guarded(f)
    return guard(f, held.close, function()
      return held.import and held.import.flow.is_open
    end)
  end
  options.on_progress = guarded(options.on_progress)
  options.on_start = guarded(options.on_start)
  if check.callable(options.fields) then
    options.fields = guarded(options.fields)
  end
  if is_file then
    input, err = opening.file(source, options)
  else
    input = sources.iterate(guarded(source))
  end
  return input, err
end

--- Finds the dataset to write to, or creates it if that is allowed.
--- @return table? row without an id in a dry run that would create it
--- @return posthog.llm.Error? err
--- @return posthog.llm.Response? response
--- @return boolean? is_new
function opening.target(client, dataset, options)
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

return opening
