--- Exports of datasets, which only API v2 has (doc/api.md 2.2): started, made by the server in the
--- background, and read line by line.

local check = require("posthog.llm.util.check")
local clock = require("posthog.llm.host.clock")
local errors = require("posthog.llm.util.errors")
local field_names = require("posthog.llm.api.versions.field_names")
local json = require("posthog.llm.json")
local api_version = require("posthog.llm.api.versions.api_version")
local query = require("posthog.llm.http.query")
local shape = require("posthog.llm.http.shape")
local row_resource = require("posthog.llm.api.row_resource")

local exports = {}

--- @class posthog.llm.Export
--- @field id integer
--- @field status "pending"|"complete"|"failed"
--- @field dataset_revision integer the revision that is exported
--- @field filename string
--- @field created_at string ISO 8601, UTC
--- @field expires_after string when the server removes it
--- @field exception? string why it has failed

--- A row of an export. It has the export's names, and can be read by those of items too: `id`,
--- `dataset`, `output`, `created_at`, `updated_at`.
--- @class posthog.llm.ExportRow
--- @field item_id string
--- @field dataset_id string
--- @field dataset_revision integer that is exported
--- @field dataset_revision_id? string
--- @field client_item_id? string
--- @field version integer of the item
--- @field version_id string
--- @field version_dataset_revision? integer the revision of the dataset that this version made
--- @field version_dataset_revision_id? string
--- @field archived boolean
--- @field input any JSON
--- @field expected_output any JSON
--- @field source_output any JSON
--- @field metadata table
--- @field source_trace_id? string
--- @field source_event_id? string
--- @field source_timestamp? string
--- @field item_created_at string ends in "+00:00" here
--- @field version_created_at string
--- @field item_created_by_id? integer of a user
--- @field version_created_by_id? integer of a user

--- @class posthog.llm.ExportStartOptions: posthog.llm.CallOptions
--- @field revision? integer of the dataset; default: the latest

--- @class posthog.llm.ExportWaitOptions: posthog.llm.CallOptions
--- @field interval? number seconds between two looks; default: 1, growing to 15
--- @field on_progress? fun(export: posthog.llm.Export) called with each response
--- @field deadline? number seconds in all; default 2400

local NEW_EXPORT = { id = "number", status = "string" }
local ARRAY = getmetatable(json.array({}))
local NONE = query.spec({})
local START = query.spec({}, { "revision" })
local WAIT = query.spec({}, { "interval", "on_progress" })

local FIRST_INTERVAL, LONGEST_INTERVAL = 1, 15 -- seconds between two polls
exports.LONGEST_WAIT = 2400 -- seconds: after about 35 minutes the server gives up

local function export_path(self, id, export_id)
  local path = row_resource.path(self._kind, id) .. "exports/"
  return export_id and ("%s%d/"):format(path, export_id) or path
end

--- The id of an export, which callers pass as the id or as the export.
local function check_export(export, level)
  if type(export) == "table" then
    export = export.id
  end
  return (check.integer(export, "export", level + 1, 0))
end

local function read_export(self, id, export_id, call_options)
  return row_resource.send(self, {
    method = "GET",
    path = export_path(self, id, export_id),
    idempotent = true,
    shape = { id = shape.same(export_id), status = "string" },
    options = call_options,
  })
end

--- The options of one poll within a wait.
local function poll_options(call_options, left)
  return {
    timeout = call_options.timeout,
    deadline = math.max(left, 0.001),
    max_retries = call_options.max_retries,
    headers = call_options.headers,
  }
end

--- Adds to an error the last row that was read.
--- @param row integer 0: none
local function after_row(err, row)
  local words = row > 0 and "; row %d of the export was the last complete one"
    or "; no row of the export was complete"
  err.message = err.message .. words:format(row)
  err.row = row
  return err
end

--- An iterator over the rows of an export.
--- @param stream posthog.llm.Stream
--- @param id string of the dataset
--- @return fun(): table?, posthog.llm.Error? next_row
local function rows_of(stream, id)
  local next_line, of_dataset = stream:lines(), { dataset_id = shape.same(id, true) }
  local number, row = 0, 0
  return function()
    while true do
      local line, err = next_line()
      if not line then
        return nil, err and after_row(err, row)
      end
      number = number + 1
      if line:find("%S") then
        local value, invalid = json.decode(line)
        if not invalid then
          local is_object = type(value) == "table" and getmetatable(value) ~= ARRAY
          local message = is_object and shape.mismatch(value, of_dataset)
            or not is_object and "it is not a JSON object"
          invalid = message and errors.new({ kind = "decode", message = message })
        end
        if invalid then
          stream:close()
          next_line = function() end
          invalid.message = ("line %d of the export: %s"):format(number, invalid.message)
          invalid.line = number
          return nil, after_row(invalid, row)
        end
        row = row + 1
        return field_names.name_exported(value)
      end
    end
  end
end

--- Adds the methods for exports to the class of datasets.
--- @param class table
function exports.define(class)
  --- @class posthog.llm.Datasets
  local Datasets = class

  --- Asks the server for an export of a dataset, which it makes in the background. API v2 only. The
  --- server does so at most ten times a day.
  ---
  --- ```lua
  --- assert(client.dataset_items:create({ dataset = dataset.id, input = "What is 2 + 2?", output = 4 }))
  --- local export = assert(client.datasets:export_start(dataset.id))
  --- print(export.status, export.dataset_revision)
  --- ```
  --- @param id string
  --- @param options? posthog.llm.ExportStartOptions
  --- @return posthog.llm.Export? export
  --- @return posthog.llm.Error? err kind `conflict`: the dataset has no items yet; kind
  ---   `rate_limited`: there were ten today; `ambiguous`: it may have been started
  --- @return posthog.llm.Response? response
  function Datasets:export_start(id, options)
    check.segment(id, "id", 2)
    local revision
    if type(options) == "table" and options.revision ~= nil then
      revision = check.integer(options.revision, "revision", 2, 1)
    end
    local _, call_options = query.read(START, options, 2)
    return api_version.only_current(self._api_version, function()
      return row_resource.send(self, {
        method = "POST",
        path = export_path(self, id),
        json = { revision = revision },
        shape = NEW_EXPORT,
        options = call_options,
      })
    end)
  end

  --- Waits until an export is complete. API v2 only. One request for each look, at first after a
  --- second, then at growing distances up to 15 seconds.
  ---
  --- ```lua
  --- export = assert(client.datasets:export_wait(dataset.id, export, { deadline = 600 }))
  --- print(export.status) --> complete
  --- ```
  --- @param id string of the dataset
  --- @param export posthog.llm.Export|integer the export, or its id
  --- @param options? posthog.llm.ExportWaitOptions
  --- @return posthog.llm.Export? export with status "complete"
  --- @return posthog.llm.Error? err kind `server`: the export has failed; kind `timeout`: it was
  ---   not complete by the deadline; kind `not_found`: there is none, or another user has started
  ---   it
  --- @return posthog.llm.Response? response
  function Datasets:export_wait(id, export, options)
    check.segment(id, "id", 2)
    local export_id = check_export(export, 2)
    local _, call_options = query.read(WAIT, options, 2)
    options = options or {}
    local interval, on_progress = options.interval, options.on_progress
    if interval ~= nil then
      check.type(interval, "number", "interval", 2)
      if interval <= 0 or interval ~= interval then
        check.fail(2, "interval: a positive number of seconds expected, got %g", interval)
      end
    end
    if on_progress ~= nil and not check.callable(on_progress) then
      check.fail(2, "on_progress: function expected, got %s", check.type_name(on_progress))
    end
    local expires = clock.now() + (call_options.deadline or exports.LONGEST_WAIT)
    local pause = interval or FIRST_INTERVAL
    return api_version.only_current(self._api_version, function()
      while true do
        local own = poll_options(call_options, expires - clock.now())
        local found, err, response = read_export(self, id, export_id, own)
        if err then
          return errors.failure(err, response)
        elseif found == true then
          return errors.failure(errors.no_content("state of the export"), response)
        elseif on_progress then
          on_progress(found)
        end
        if found.status == "complete" then
          return found, nil, response
        elseif found.status == "failed" then
          local why = type(found.exception) == "string" and ": " .. found.exception or ""
          local message = "the export failed" .. why
          return errors.failure(
            errors.new({ kind = "server", message = message, body = found }),
            response
          )
        elseif clock.now() + pause >= expires then
          local message = ("the export is still %s after the deadline"):format(found.status)
          return errors.failure(errors.new({ kind = "timeout", message = message }), response)
        elseif clock.sleep(pause) == false then
          local message = "the wait for the export was cancelled"
          return errors.failure(errors.new({ kind = "cancelled", message = message }))
        end
        pause = interval or math.min(pause * 1.5, LONGEST_INTERVAL)
      end
    end)
  end

  --- The rows of a complete export, of any size: the response is read while it arrives, and a line
  --- is decoded when its turn comes. API v2 only. `deadline` limits the time until the first byte,
  --- from then on `timeout` each wait for more, and `max_response_bytes` each line. The iterator
  --- never ends before the export does; it cannot go on after an error, and has to be called anew.
  ---
  --- ```lua
  --- for row in client.datasets:export_read(dataset.id, export) do
  ---   print(row.id, row.input, row.expected_output)
  --- end
  --- ```
  --- @param id string of the dataset
  --- @param export posthog.llm.Export|integer the export, or its id
  --- @param options? posthog.llm.CallOptions
  --- @return fun(): posthog.llm.ExportRow? iterator for a generic `for`; raises the error of the
  ---   call or of a line: `err.row` is the last complete row, `err.line` the invalid line; kind
  ---   `conflict`: the export is not complete
  function Datasets:export_read(id, export, options)
    check.segment(id, "id", 2)
    local export_id = check_export(export, 2)
    local _, call_options = query.read(NONE, options, 2)
    local next_row
    return function()
      if not next_row then
        local stream, err = api_version.only_current(self._api_version, function()
          return self._run({
            method = "GET",
            under = "projects",
            path = export_path(self, id, export_id) .. "content/",
            idempotent = true,
            stream = true,
            options = query.accepting_all(call_options),
          })
        end)
        if err or stream == true then
          return nil, err or errors.no_content("rows")
        end
        next_row = rows_of(stream, id)
      end
      return next_row()
    end
  end
end

return exports
