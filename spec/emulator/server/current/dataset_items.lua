--- Dataset items of the current profile. Each write makes a version of the item and a revision of
--- its dataset; rows and how they are written are in current/item_rows.lua.

local responses = require("server.responses")
local datasets = require("server.current.datasets")
local json = require("server.json")
local pages = require("server.pages")
local rows = require("server.current.item_rows")
local settings = require("server.settings").values
local validate = require("server.validate")

local dataset_items = {}

--- The JSON parts of an item, which may have so many bytes together as the setting `item_bytes` says.
local PARTS = { "input", "expected_output", "source_output", "metadata" }

local BASE_VERSION = { "base_version", "integer", required = true, min = 1 }
local INPUT = { "input", "json", required = true }
local EXPECTED_OUTPUT = { "expected_output", "json", null = true }
local METADATA = { "metadata", "object" }
local REVISION = { "revision", "integer", min = 1 }

local CREATE = {
  { "dataset", "uuid", required = true },
  { "client_item_id", "string", null = true, max = 255 },
  INPUT,
  EXPECTED_OUTPUT,
  { "source_output", "json", null = true },
  METADATA,
  { "source_trace_id", "string", null = true, max = 255 },
  { "source_event_id", "string", null = true, max = 255 },
  { "source_timestamp", "timestamp", null = true },
}
local UPDATE = { BASE_VERSION, { "input", "json" }, EXPECTED_OUTPUT, METADATA }
local ARCHIVE = { BASE_VERSION }
local RESTORE = { BASE_VERSION, { "source_version", "integer", null = true, min = 1 } }

local LIST_QUERY = {
  { "dataset", "uuid", required = true },
  REVISION,
  { "archived", "boolean" },
}

local LIST_PAGE = { default = 10, max = 25 }
local VERSIONS_PAGE = { default = 25, max = 100 }

--- json.null, which stands for an explicit null, as nil.
local function given(value)
  return value ~= json.null and value or nil
end

--- Throws the 400 of JSON parts that are too large as one object.
local function check_size(values)
  local limit, bytes = settings.item_bytes, #json.object(PARTS, {})
  for _, name in ipairs(PARTS) do
    bytes = bytes + #json.encode(values[name])
  end
  if bytes > limit and #json.compact(json.object(PARTS, values)) > limit then
    error(
      responses.invalid(
        "item",
        "max_size",
        ("The JSON of an item has at most %d bytes."):format(limit)
      )
    )
  end
end

--- Fields about the source that need another one.
local NEEDS = {
  { "source_trace_id", "source_timestamp" },
  { "source_event_id", "source_trace_id" },
  { "source_timestamp", "source_trace_id" },
}

local function check_source(values)
  for _, pair in ipairs(NEEDS) do
    if given(values[pair[1]]) and not given(values[pair[2]]) then
      error(responses.invalid(pair[2], "required", ("%s needs it."):format(pair[1])))
    end
  end
end

function dataset_items.list(ctx)
  local query = validate.query(ctx, LIST_QUERY, true)
  local dataset = datasets.find(ctx, query.dataset)
  datasets.check_revision(dataset, query.revision)
  local found = {}
  for i = #dataset.items, 1, -1 do
    local version = rows.at(dataset.items[i], query.revision)
    if version and version.archived == (query.archived or false) then
      found[#found + 1] = version
    end
  end
  return pages.response(ctx, found, rows.write, LIST_PAGE)
end

--- The response when the dataset has an item with this client_item_id already.
local function repeated(item, values)
  local latest = rows.at(item)
  if latest.archived or not rows.same_source(item, values) or not rows.same(latest, values) then
    error(
      responses.conflict(
        "client_item_id_conflict",
        "Another item has this client_item_id.",
        { item_id = item.id }
      )
    )
  end
  return responses.ok(rows.write(latest))
end

function dataset_items.create(ctx)
  local values = validate.strict_body(ctx, CREATE)
  values.metadata = values.metadata or json.raw("{}")
  check_source(values)
  check_size(values)
  local dataset = datasets.find(ctx, values.dataset)
  datasets.check_active(dataset)
  local name = given(values.client_item_id)
  local item = name and dataset.item_by_client_id[name]
  if item then
    return repeated(item, values)
  end
  datasets.check_limit("dataset_items", #dataset.items, "item_limit")
  item = rows.insert(ctx.project, ctx.user, dataset, values)
  return responses.ok(rows.write(rows.at(item)), 201)
end

function dataset_items.get(ctx, id)
  local query = validate.query(ctx, { REVISION }, true)
  local item = rows.find(ctx, id)
  datasets.check_revision(item.parent, query.revision)
  local version = rows.at(item, query.revision)
  if not version then
    error(responses.not_found())
  end
  return responses.ok(rows.write(version))
end

--- The item, once it is known that a new version may be made of it.
--- @param archived boolean what it has to be now
local function for_writing(ctx, id, base_version, archived)
  local item = rows.find(ctx, id)
  datasets.check_active(item.parent)
  if base_version ~= #item.versions then
    error(
      responses.conflict(
        "stale_version",
        "The item changed meanwhile.",
        { version = #item.versions, item_id = item.id }
      )
    )
  elseif rows.at(item).archived ~= archived then
    local code = archived and "dataset_item_active" or "dataset_item_archived"
    error(
      responses.conflict(code, archived and "The item is not archived." or "The item is archived.")
    )
  end
  return item
end

--- Adds a version to the item, if there may be one more.
local function add(ctx, item, changes)
  datasets.check_limit("dataset_item_versions", #item.versions, "item_version_limit")
  return responses.ok(rows.write(rows.add_version(item, ctx.user, changes)))
end

function dataset_items.update(ctx, id)
  local values = validate.strict_body(ctx, UPDATE)
  local item = for_writing(ctx, id, values.base_version, false)
  local merged = rows.merged(item, values)
  merged.source_output = item.source_output
  check_size(merged)
  if rows.same(rows.at(item), merged) then
    return responses.ok(rows.write(rows.at(item)))
  end
  return add(ctx, item, merged)
end

function dataset_items.archive(ctx, id)
  local values = validate.strict_body(ctx, ARCHIVE)
  local item = for_writing(ctx, id, values.base_version, false)
  datasets.check_limit("dataset_item_versions", #item.versions, "item_archive_limit")
  return add(ctx, item, { archived = true })
end

function dataset_items.restore(ctx, id)
  local values = validate.strict_body(ctx, RESTORE)
  local item = for_writing(ctx, id, values.base_version, true)
  local source = item.versions[given(values.source_version) or #item.versions]
  if not source then
    error(responses.invalid("source_version", "does_not_exist", "There is no such version."))
  end
  return add(ctx, item, {
    archived = false,
    input = source.input,
    expected_output = source.expected_output,
    metadata = source.metadata,
  })
end

function dataset_items.versions(ctx, id)
  local versions, newest_first = rows.find(ctx, id).versions, {}
  for n = #versions, 1, -1 do
    newest_first[#newest_first + 1] = versions[n]
  end
  return pages.response(ctx, newest_first, rows.write, VERSIONS_PAGE)
end

return dataset_items
