--- Exports of datasets: the content of one revision as lines of JSON.
---
--- The real server makes them in the background. Here the setting `export_polls` says how often an
--- export is seen pending before it has the end that `export_outcome` names.

local answers = require("server.answers")
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
local LINE = { "input", "expected_output" }

local ID_BASE = 55119 -- ids go on from here; the list of exports has them from 1
local KEPT_DAYS = 7

local function write(export)
  return json.object(SHAPE, {
    id = export.id,
    status = export.status,
    dataset_revision = export.revision,
    filename = export.filename,
    created_at = times.format(export.created_at),
    expires_after = times.format(export.created_at + KEPT_DAYS * times.DAY),
    exception = export.status == "failed" and "The export could not be made." or nil,
  })
end

--- The export of that dataset; to everybody but who made it, it is a 404.
local function find(ctx, id, number)
  local dataset = datasets.find(ctx, id)
  local place = number:find("^%d+$") and tonumber(number) - ID_BASE
  local export = place and store.rows(ctx.project).exports[place]
  if not export or export.dataset ~= dataset or export.user ~= ctx.user then
    error(answers.not_found())
  end
  return export
end

function exports.create(ctx, id)
  local values = validate.strict_body(ctx, CREATE)
  local dataset = datasets.find(ctx, id)
  local revision = values.revision or dataset.current_revision
  if not revision then
    error(answers.plain(409, "The dataset has no revision yet."))
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
  return answers.ok(write(export), 201)
end

function exports.get(ctx, id, number)
  local export = find(ctx, id, number)
  if export.status == "pending" then
    if export.polls >= settings.export_polls then
      export.status = settings.export_outcome
    end
    export.polls = export.polls + 1
  end
  return answers.ok(write(export))
end

--- Quotes a file name for Content-Disposition.
local function quoted(name)
  return '"' .. name:gsub('[%c"\\]', "_") .. '"'
end

function exports.content(ctx, id, number)
  local export = find(ctx, id, number)
  if export.status ~= "complete" then
    error(answers.plain(409, ("The export is %s."):format(export.status)))
  end
  local lines = {}
  for _, item in ipairs(export.dataset.items) do
    local version = rows.at(item, export.revision)
    if version and not version.archived then
      lines[#lines + 1] = json.object(LINE, version) .. "\n"
    end
  end
  local answer = answers.ok(table.concat(lines))
  answer.headers["Content-Type"] = "application/x-ndjson"
  answer.headers["Content-Disposition"] = "attachment; filename=" .. quoted(export.filename)
  return answer
end

return exports
