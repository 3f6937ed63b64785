--- Datasets of the current profile: unique names, archived instead of deleted, revisions.
---
--- A dataset is a row { id, name, ..., revisions, items, item_by_client_id }; revisions[n] is the
--- revision n, and each write to one of its items makes another.

local responses = require("server.responses")
local json = require("server.json")
local pages = require("server.pages")
local resource = require("server.resource")
local settings = require("server.settings").values
local store = require("server.store")
local text = require("server.text")
local times = require("server.times")
local validate = require("server.validate")

local datasets = {}

local FIELDS = {
  { "name", "string", required = true, max = 400 },
  { "description", "string", blank = true, max = 10000 },
  { "metadata", "object" },
}

local ORDERS = {}
for _, column in ipairs({ "created_at", "updated_at" }) do
  ORDERS[column] = { { column, false }, { "id", false } }
  ORDERS["-" .. column] = { { column, true }, { "id", false } }
end

local function known_order(value, attr)
  if not ORDERS[value] then
    error(responses.invalid(attr, "invalid_choice", ('"%s" is not a valid choice.'):format(value)))
  end
end

local LIST_QUERY = {
  { "archived", "boolean" },
  { "search", "string" },
  { "order_by", "string", blank = true, check = known_order },
}

local MAX_IDS = 100
local PAGE = { default = 50, max = 100 }

local SHAPE = {
  "id",
  "name",
  "description",
  "metadata",
  "archived",
  "current_revision",
  "current_revision_id",
  "created_at",
  "updated_at",
  "created_by",
  "team_id",
  "user_access_level",
}
local REVISION = { "id", "dataset_id", "revision", "created_at", "created_by", "team_id" }

local function write(row)
  return json.object(SHAPE, {
    id = row.id,
    name = row.name,
    description = row.description,
    metadata = row.metadata,
    archived = row.archived,
    current_revision = row.current_revision,
    current_revision_id = row.current_revision_id,
    created_at = times.format(row.created_at),
    updated_at = times.format(row.updated_at),
    created_by = row.created_by,
    team_id = row.team,
    user_access_level = "editor",
  })
end

local function write_revision(revision)
  return json.object(REVISION, {
    id = revision.id,
    dataset_id = revision.dataset.id,
    revision = revision.revision,
    created_at = times.format(revision.created_at),
    created_by = revision.created_by,
    team_id = revision.dataset.team,
  })
end

--- Makes a row. Used by the endpoint and to seed many.
function datasets.insert(project, user, values)
  local rows = store.rows(project)
  return resource.insert(project, user, rows.datasets, rows.dataset_by_id, {
    name = values.name,
    description = values.description or "",
    metadata = values.metadata or json.raw("{}"),
    archived = false,
    revisions = {},
    items = {}, -- in order of creation
    item_by_client_id = {},
  })
end

--- Makes the next revision of a dataset. To be called by each write to one of its items.
function datasets.revise(row, user)
  local revision = {
    id = store.new_id(),
    dataset = row,
    revision = #row.revisions + 1,
    created_at = store.now(),
    created_by = user.text,
  }
  row.revisions[revision.revision] = revision
  row.current_revision, row.current_revision_id = revision.revision, revision.id
  return revision
end

--- The row that the path names, archived or not; throws a 404.
function datasets.find(ctx, id)
  return resource.find(store.rows(ctx.project).dataset_by_id, id)
end

--- Throws the 409 of a dataset that is not to be changed.
function datasets.check_active(row)
  if row.archived then
    error(responses.conflict("dataset_archived", "The dataset is archived."))
  end
end

--- Throws the 404 of a revision that the dataset does not have; nil stands for the latest.
function datasets.check_revision(row, revision)
  if revision and not row.revisions[revision] then
    error(responses.not_found("The dataset has no such revision."))
  end
end

--- Throws the 409 of a limit that is reached; `setting` has it.
function datasets.check_limit(resource_name, count, setting)
  local limit = settings[setting]
  if limit > 0 and count >= limit then
    error(responses.limit_reached(resource_name, count, limit))
  end
end

--- Throws the 409 of a name that another dataset has, archived ones too.
local function check_name(rows, name, own)
  for _, row in ipairs(rows) do
    if row.name == name and row ~= own then
      error(responses.conflict("dataset_name_conflict", "A dataset with this name already exists."))
    end
  end
end

--- The set of ids to show, or nil for all; they may be repeated, or separated by commas.
local function wanted_ids(ctx)
  local wanted, count = nil, 0
  for _, pair in ipairs(ctx.query_pairs) do
    if pair[1] == "id__in" then
      wanted = wanted or {}
      for id in pair[2]:gmatch("[^,]+") do
        local uuid = validate.uuid(id)
        if not uuid then
          error(responses.invalid("id__in", "invalid_input", "Must be a valid UUID."))
        end
        wanted[uuid], count = true, count + 1
      end
    end
  end
  if wanted and count == 0 then
    error(responses.invalid("id__in", "empty", "This list may not be empty."))
  elseif count > MAX_IDS then
    error(
      responses.invalid(
        "id__in",
        "max_length",
        ("Ensure this field has no more than %d elements."):format(MAX_IDS)
      )
    )
  end
  return wanted
end

local function matches(row, search)
  return text.contains(row.name, search)
    or text.contains(row.description, search)
    or text.contains(json.encode(row.metadata), search)
end

function datasets.list(ctx)
  local query, wanted = validate.query(ctx, LIST_QUERY, true), wanted_ids(ctx)
  local rows = {}
  for _, row in ipairs(store.rows(ctx.project).datasets) do
    if
      row.archived == (query.archived or false)
      and (not wanted or wanted[row.id])
      and (not query.search or matches(row, query.search))
    then
      rows[#rows + 1] = row
    end
  end
  local keys = ORDERS[query.order_by or "-created_at"]
  return pages.response(ctx, pages.sorted(rows, keys), write, PAGE)
end

function datasets.create(ctx)
  local values = validate.strict_body(ctx, FIELDS)
  local rows = store.rows(ctx.project).datasets
  check_name(rows, values.name)
  datasets.check_limit("datasets", #rows, "dataset_limit")
  return responses.ok(write(datasets.insert(ctx.project, ctx.user, values)), 201)
end

function datasets.get(ctx, id)
  return responses.ok(write(datasets.find(ctx, id)))
end

function datasets.update(ctx, id)
  local values = validate.strict_body(ctx, FIELDS, true)
  local row = datasets.find(ctx, id)
  datasets.check_active(row)
  if values.name then
    check_name(store.rows(ctx.project).datasets, values.name, row)
  end
  return responses.ok(write(resource.change(row, values)))
end

--- Archiving and restoring may be repeated; only a change counts as an update.
local function set_archived(ctx, id, archived)
  local row = datasets.find(ctx, id)
  if row.archived ~= archived then
    resource.change(row, { archived = archived })
  end
  return responses.ok(write(row))
end

function datasets.archive(ctx, id)
  return set_archived(ctx, id, true)
end

function datasets.restore(ctx, id)
  return set_archived(ctx, id, false)
end

function datasets.revisions(ctx, id)
  local revisions, newest_first = datasets.find(ctx, id).revisions, {}
  for n = #revisions, 1, -1 do
    newest_first[#newest_first + 1] = revisions[n]
  end
  return pages.response(ctx, newest_first, write_revision, PAGE)
end

return datasets
