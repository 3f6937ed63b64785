--- Dataset items of the reference profile.

local answers = require("server.answers")
local json = require("server.json")
local pages = require("server.pages")
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

local SHAPE = { "id", "dataset", "input", "output", "metadata", "ref_trace_id", "ref_timestamp",
  "ref_source_id", "deleted", "created_at", "updated_at", "created_by", "team" }

local function write(row)
  if row.text then return row.text end
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

--- The row that the path names; throws the same 404 for a bad id and an unknown one.
local function find(ctx, id)
  local uuid = validate.uuid(id)
  local row = uuid and ctx.project.item_by_id[uuid]
  if not row then error(answers.not_found()) end
  return row
end

--- The values of the body; the dataset has to exist.
local function read(ctx, partial)
  local values = validate.body(ctx, FIELDS, partial)
  if values.dataset and not ctx.project.dataset_by_id[values.dataset] then
    error(answers.invalid("dataset", "does_not_exist",
      ('Invalid pk "%s" - object does not exist.'):format(values.dataset)))
  end
  return values
end

--- Makes a row. Used by the endpoint and to seed many.
function dataset_items.insert(project, user, values)
  local row = {
    id = store.new_id(),
    team = project.id,
    created_by = user.text,
    created_at = store.now(),
    updated_at = store.now(),
    deleted = false,
  }
  for name, value in pairs(values) do
    row[name] = value
  end
  project.items[#project.items + 1] = row
  project.item_by_id[row.id] = row
  return row
end

--- The dataset to filter by, or nil; throws on an unknown one.
local function wanted_dataset(ctx)
  local id = ctx.query.dataset
  if not id or id == "" then return nil end
  local uuid = validate.uuid(id)
  if not uuid then
    error(answers.invalid("dataset", "invalid_input", "“" .. id .. "” is not a valid UUID."))
  end
  if not ctx.project.dataset_by_id[uuid] then
    error(answers.invalid("dataset", "invalid_choice",
      "Select a valid choice. That choice is not one of the available choices."))
  end
  return uuid
end

function dataset_items.list(ctx)
  local dataset = wanted_dataset(ctx)
  local items, rows = ctx.project.items, {}
  for i = #items, 1, -1 do
    local row = items[i]
    if row.deleted ~= true and (not dataset or row.dataset == dataset) then
      rows[#rows + 1] = row
    end
  end
  return pages.answer(ctx, rows, write, { default = 100 })
end

function dataset_items.create(ctx)
  local row = dataset_items.insert(ctx.project, ctx.user, read(ctx))
  return answers.ok(write(row), 201)
end

function dataset_items.get(ctx, id)
  local row = find(ctx, id)
  if row.deleted == true then error(answers.not_found()) end
  return answers.ok(write(row))
end

local function change(ctx, id, partial)
  local values = read(ctx, partial)
  local row = find(ctx, id)
  for name, value in pairs(values) do
    row[name] = value
  end
  row.updated_at = store.now()
  row.text = nil
  return answers.ok(write(row))
end

function dataset_items.update(ctx, id)
  return change(ctx, id, true)
end

function dataset_items.replace(ctx, id)
  return change(ctx, id, false)
end

--- Never deletes anything, whatever the id.
function dataset_items.refuse_delete(ctx)
  return answers.empty(405, { ["Allow"] = ctx.allow })
end

return dataset_items
