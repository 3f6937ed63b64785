--- Dataset items of the reference profile.

local responses = require("server.responses")
local json = require("server.json")
local pages = require("server.pages")
local resource = require("server.resource")
local store = require("server.store")
local times = require("server.times")
local validate = require("server.validate")

local dataset_items = {}

local FIELDS = {
  { "dataset", "uuid", required = true },
  { "input", "json", null = true },
  { "output", "json", null = true },
  { "metadata", "json", null = true },
  { "ref_trace_id", "string", null = true, blank = true, max = 255 },
  { "ref_timestamp", "timestamp", null = true },
  { "ref_source_id", "string", null = true, blank = true, max = 255 },
  { "deleted", "boolean", null = true },
}

local SHAPE = {
  "id",
  "dataset",
  "input",
  "output",
  "metadata",
  "ref_trace_id",
  "ref_timestamp",
  "ref_source_id",
  "deleted",
  "created_at",
  "updated_at",
  "created_by",
  "team",
}

local function write(row)
  if row.text then
    return row.text
  end
  local moment = row.ref_timestamp
  row.text = json.object(SHAPE, {
    id = row.id,
    dataset = row.dataset,
    input = row.input,
    output = row.output,
    metadata = row.metadata,
    ref_trace_id = row.ref_trace_id,
    ref_timestamp = type(moment) == "number" and times.format(moment) or nil,
    ref_source_id = row.ref_source_id,
    deleted = row.deleted,
    created_at = times.format(row.created_at),
    updated_at = times.format(row.updated_at),
    created_by = row.created_by,
    team = row.team,
  })
  return row.text
end

--- The values of the body; the dataset has to exist.
local function read(ctx, partial)
  local values = validate.body(ctx, FIELDS, partial)
  if values.dataset and not store.rows(ctx.project).dataset_by_id[values.dataset] then
    error(
      responses.invalid(
        "dataset",
        "does_not_exist",
        ('Invalid pk "%s" - object does not exist.'):format(values.dataset)
      )
    )
  end
  return values
end

--- Makes a row. Used by the endpoint and to seed many.
function dataset_items.insert(project, user, values)
  local rows = store.rows(project)
  return resource.insert(project, user, rows.items, rows.item_by_id, values)
end

--- The dataset to filter by, or nil; throws on an unknown one.
local function wanted_dataset(ctx)
  local id = ctx.query.dataset
  if not id or id == "" then
    return nil
  end
  local uuid = validate.uuid(id)
  if not uuid then
    error(responses.invalid("dataset", "invalid_input", "“" .. id .. "” is not a valid UUID."))
  end
  if not store.rows(ctx.project).dataset_by_id[uuid] then
    error(
      responses.invalid(
        "dataset",
        "invalid_choice",
        "Select a valid choice. That choice is not one of the available choices."
      )
    )
  end
  return uuid
end

function dataset_items.list(ctx)
  local dataset = wanted_dataset(ctx)
  local items, rows = store.rows(ctx.project).items, {}
  for i = #items, 1, -1 do
    local row = items[i]
    if row.deleted ~= true and (not dataset or row.dataset == dataset) then
      rows[#rows + 1] = row
    end
  end
  return pages.response(ctx, rows, write, { default = 100 })
end

function dataset_items.create(ctx)
  local row = dataset_items.insert(ctx.project, ctx.user, read(ctx))
  return responses.ok(write(row), 201)
end

function dataset_items.get(ctx, id)
  return responses.ok(write(resource.find_alive(store.rows(ctx.project).item_by_id, id)))
end

local function change(ctx, id, partial)
  local values = read(ctx, partial)
  local row = resource.find(store.rows(ctx.project).item_by_id, id)
  return responses.ok(write(resource.change(row, values)))
end

function dataset_items.update(ctx, id)
  return change(ctx, id, true)
end

function dataset_items.replace(ctx, id)
  return change(ctx, id, false)
end

return dataset_items
