--- Exports of datasets: the content of one revision as lines of JSON.
---
--- The real server makes them in the background. Here the setting `export_polls` says how often an
--- export is seen pending before it has the end that `export_outcome` names.

local responses = require("server.responses")
local datasets = require("server.current.datasets")
local json = require("server.json")
local rows = require("server.current.item_rows")
local settings = require("server.settings").values
local store = require("server.store")
local times = require("server.times")
local validate = require("server.validate")

local exports = {}

local CREATE = { { "revision", "integer", min = 1 } }

local SHAPE =
  { "id", "status", "dataset_revision", "filename", "created_at", "expires_after", "exception" }
local LINES = { -- the members of a line
  short = { "input", "expected_output" },
  full = {
    "dataset_id",
    "dataset_revision",
    "dataset_revision_id",
    "item_id",
    "client_item_id",
    "version",
    "version_id",
    "version_dataset_revision",
    "version_dataset_revision_id",
    "archived",
    "input",
    "expected_output",
    "source_output",
    "metadata",
    "source_trace_id",
    "source_event_id",
    "source_timestamp",
    "item_created_at",
    "version_created_at",
    "item_created_by_id",
    "version_created_by_id",
  },
}
local ZONE = "+00:00" -- of its times

local ID_BASE = 55119 -- ids go on from here; the list of exports has them from 1
local KEPT_DAYS = 7

--- The midnight on which it is removed.
local function expiry(created_at)
  local moment = created_at + KEPT_DAYS * times.DAY
  return moment - moment % times.DAY
end

local function write(export)
  return json.object(SHAPE, {
    id = export.id,
    status = export.status,
    dataset_revision = export.revision,
    filename = export.filename,
    created_at = times.format(export.created_at),
    expires_after = times.format(expiry(export.created_at)),
    exception = export.status == "failed" and "The export could not be made." or nil,
  })
end

--- The export of that dataset; to everybody but who made it, it is a 404.
local function find(ctx, id, number)
  local dataset = datasets.find(ctx, id)
  local place = number:find("^%d+$") and tonumber(number) - ID_BASE
  local export = place and store.rows(ctx.project).exports[place]
  if not export or export.dataset ~= dataset or export.user ~= ctx.user then
    error(responses.not_found())
  end
  return export
end

function exports.create(ctx, id)
  local values = validate.strict_body(ctx, CREATE)
  local dataset = datasets.find(ctx, id)
  local revision = values.revision or dataset.current_revision
  if not revision then
    error(responses.plain(409, "The dataset has no revision yet."))
  end
  datasets.check_revision(dataset, revision)
  local kept = store.rows(ctx.project).exports
  local export = {
    id = ID_BASE + #kept + 1,
    dataset = dataset,
    user = ctx.user,
    revision = revision,
    status = "pending",
    polls = 0,
    filename = ("%s-r%d.jsonl"):format(dataset.name, revision),
    created_at = store.now(),
  }
  kept[export.id - ID_BASE] = export
  return responses.ok(write(export), 201)
end

function exports.get(ctx, id, number)
  local export = find(ctx, id, number)
  if export.status == "pending" then
    if export.polls >= settings.export_polls then
      export.status = settings.export_outcome
    end
    export.polls = export.polls + 1
  end
  return responses.ok(write(export))
end

--- Quotes a file name for Content-Disposition.
local function quoted(name)
  return '"' .. name:gsub('[%c"\\]', "_") .. '"'
end

--- The versions of items that are in an export, in the order of the items' creation.
local function versions_of(export)
  local list = {}
  for _, item in ipairs(export.dataset.items) do
    local version = rows.at(item, export.revision)
    if version and (settings.export_archived or not version.archived) then
      list[#list + 1] = version
    end
  end
  return list
end

local function line_of(export, version)
  local item = version.item
  local moment = item.source_timestamp
  return json.object(LINES[settings.export_lines], {
    dataset_id = item.dataset,
    dataset_revision = export.revision,
    dataset_revision_id = export.dataset.revisions[export.revision].id,
    item_id = item.id,
    client_item_id = item.client_item_id,
    version = version.version,
    version_id = version.id,
    version_dataset_revision = version.revision.revision,
    version_dataset_revision_id = version.revision.id,
    archived = version.archived,
    input = version.input,
    expected_output = version.expected_output,
    source_output = item.source_output,
    metadata = version.metadata,
    source_trace_id = item.source_trace_id,
    source_event_id = item.source_event_id,
    source_timestamp = type(moment) == "number" and times.format(moment, ZONE) or nil,
    item_created_at = times.format(item.created_at, ZONE),
    version_created_at = times.format(version.created_at, ZONE),
    item_created_by_id = item.created_by_id,
    version_created_by_id = version.created_by_id,
  }) .. "\n"
end

--- An iterator over the lines, each made when it is asked for: an export may have 250 MB.
local function lines_of(export, versions)
  local copies = settings.export_copies
  local n, line = 0, nil
  return function()
    n = n + 1
    local place = math.floor((n - 1) / copies) + 1
    if (n - 1) % copies == 0 then
      line = versions[place] and line_of(export, versions[place])
    end
    return line
  end
end

function exports.content(ctx, id, number)
  local export = find(ctx, id, number)
  if export.status ~= "complete" then
    error(responses.plain(409, ("The export is %s."):format(export.status)))
  end
  local versions = versions_of(export)
  local response = responses.ok()
  function response.pieces()
    return lines_of(export, versions)
  end
  local length = 0 -- always computed: an invalid line is reported before the first one is sent
  for line in response.pieces() do
    length = length + #line
  end
  response.length = settings.export_transfer == "length" and length or nil
  response.headers["Content-Type"] = "application/x-ndjson"
  response.headers["Content-Disposition"] = "attachment; filename=" .. quoted(export.filename)
  return response
end

return exports
