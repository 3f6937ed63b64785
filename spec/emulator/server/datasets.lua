--- Datasets of the reference profile.

local responses = require("server.responses")
local json = require("server.json")
local pages = require("server.pages")
local resource = require("server.resource")
local store = require("server.store")
local text = require("server.text")
local times = require("server.times")
local validate = require("server.validate")

local datasets = {}

local FIELDS = {
  { "name", "string", required = true, max = 400 },
  { "description", "string", null = true, blank = true },
  { "metadata", "json", null = true },
  { "deleted", "boolean", null = true },
}

local SHAPE = {
  "id",
  "name",
  "description",
  "metadata",
  "created_at",
  "updated_at",
  "deleted",
  "created_by",
  "team",
}

local function write(row)
  row.text = row.text
    or json.object(SHAPE, {
      id = row.id,
      name = row.name,
      description = row.description,
      metadata = row.metadata,
      created_at = times.format(row.created_at),
      updated_at = times.format(row.updated_at),
      deleted = row.deleted,
      created_by = row.created_by,
      team = row.team,
    })
  return row.text
end

--- Makes a row. Used by the endpoint and to seed many.
function datasets.insert(project, user, values)
  local rows = store.rows(project)
  return resource.insert(project, user, rows.datasets, rows.dataset_by_id, values)
end

local ORDERS = { created_at = true, updated_at = true }

--- The columns to sort by; throws on unknown ones.
local function order(ctx)
  local keys = {}
  for name in (ctx.query.order_by or ""):gmatch("[^,]+") do
    local sign, column = name:match("^(%-?)(.*)$")
    if not ORDERS[column] then
      error(
        responses.invalid(
          "order_by",
          "invalid_choice",
          ("Select a valid choice. %s is not one of the available choices."):format(name)
        )
      )
    end
    keys[#keys + 1] = { column, sign == "-" }
  end
  return #keys > 0 and keys or { { "created_at", true }, { "id", false } }
end

--- The set of ids to show, or nil for all; throws on a bad one.
local function wanted_ids(ctx)
  local list = ctx.query.id__in
  if not list or list == "" then
    return nil
  end
  local wanted = {}
  for id in list:gmatch("[^,]+") do
    local uuid = validate.uuid(id)
    if not uuid then
      error(responses.invalid("id__in", "invalid_input", "Enter a valid UUID."))
    end
    wanted[uuid] = true
  end
  return wanted
end

local function matches(row, search)
  if text.contains(row.name, search) then
    return true
  end
  if type(row.description) == "string" and text.contains(row.description, search) then
    return true
  end
  return row.metadata ~= nil and text.contains(json.encode(row.metadata), search)
end

function datasets.list(ctx)
  local keys, wanted, search = order(ctx), wanted_ids(ctx), text.trim(ctx.query.search or "")
  local rows = {}
  for _, row in ipairs(store.rows(ctx.project).datasets) do
    if
      row.deleted ~= true
      and (not wanted or wanted[row.id])
      and (search == "" or matches(row, search))
    then
      rows[#rows + 1] = row
    end
  end
  return pages.response(ctx, pages.sorted(rows, keys), write, { default = 100 })
end

function datasets.create(ctx)
  local values = validate.body(ctx, FIELDS)
  return responses.ok(write(datasets.insert(ctx.project, ctx.user, values)), 201)
end

function datasets.get(ctx, id)
  return responses.ok(write(resource.find_alive(store.rows(ctx.project).dataset_by_id, id)))
end

--- Finds deleted rows too: this is how they come back.
local function change(ctx, id, partial)
  local values = validate.body(ctx, FIELDS, partial)
  local row = resource.find(store.rows(ctx.project).dataset_by_id, id)
  return responses.ok(write(resource.change(row, values)))
end

function datasets.update(ctx, id)
  return change(ctx, id, true)
end

function datasets.replace(ctx, id)
  return change(ctx, id, false)
end

return datasets
