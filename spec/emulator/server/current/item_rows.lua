--- Items of the current profile as rows: versions, revisions, and how they are written.
---
--- An item is { id, dataset, parent, client_item_id, source_..., versions }: `parent` is the row of its
--- dataset, versions[n] the version n, which never changes once made. What is null in JSON is json.null or nil.

local canonical = require("server.canonical")
local datasets = require("server.current.datasets")
local json = require("server.json")
local jsonb = require("server.jsonb")
local resource = require("server.resource")
local store = require("server.store")
local times = require("server.times")

local item_rows = {}

local SHAPE = {
  "id",
  "dataset",
  "client_item_id",
  "version",
  "version_id",
  "dataset_revision",
  "dataset_revision_id",
  "archived",
  "input",
  "expected_output",
  "source_output",
  "metadata",
  "source_trace_id",
  "source_event_id",
  "source_timestamp",
  "created_at",
  "updated_at",
  "created_by",
  "version_created_at",
  "version_created_by",
  "team_id",
}

--- What a version has of its own, and what belongs to the item for good.
local CONTENT = { "archived", "input", "expected_output", "metadata" }
local SOURCE = { "source_output", "source_trace_id", "source_event_id", "source_timestamp" }

--- The item as one of its versions shows it.
function item_rows.write(version)
  local item = version.item
  local moment = item.source_timestamp
  return json.object(SHAPE, {
    id = item.id,
    dataset = item.dataset,
    client_item_id = item.client_item_id,
    version = version.version,
    version_id = version.id,
    dataset_revision = version.revision.revision,
    dataset_revision_id = version.revision.id,
    archived = version.archived,
    input = version.input,
    expected_output = version.expected_output,
    source_output = item.source_output,
    metadata = version.metadata,
    source_trace_id = item.source_trace_id,
    source_event_id = item.source_event_id,
    source_timestamp = type(moment) == "number" and times.format(moment) or nil,
    created_at = times.format(item.created_at),
    updated_at = times.format(item.updated_at),
    created_by = item.created_by,
    version_created_at = times.format(version.created_at),
    version_created_by = version.created_by,
    team_id = item.team,
  })
end

--- The item that the path names; throws a 404.
function item_rows.find(ctx, id)
  return resource.find(store.rows(ctx.project).item_by_id, id)
end

--- The version that was the latest when the dataset had that revision; nil when the item was not
--- there yet. Without a revision the latest of all.
function item_rows.at(item, revision)
  for n = #item.versions, 1, -1 do
    local version = item.versions[n]
    if not revision or version.revision.revision <= revision then
      return version
    end
  end
end

--- The content of the latest version with these changes.
function item_rows.merged(item, changes)
  local latest, content = item_rows.at(item), {}
  for _, name in ipairs(CONTENT) do
    content[name] = changes[name]
    if content[name] == nil then
      content[name] = latest[name]
    end
  end
  return content
end

--- Appends a version, and a revision to the dataset: what `changes` has, the rest carried over.
function item_rows.add_version(item, user, changes)
  local version = #item.versions > 0 and item_rows.merged(item, changes) or changes
  for _, name in ipairs(CONTENT) do
    version[name] = jsonb.kept(version[name])
  end
  version.item = item
  version.version = #item.versions + 1
  version.id = store.new_id()
  version.revision = datasets.revise(item.parent, user)
  version.created_by, version.created_by_id = user.text, user.id and json.raw(user.id)
  version.created_at = store.now()
  item.versions[version.version] = version
  item.archived, item.version = version.archived, version.version -- for GET state
  if version.version > 1 then
    item.updated_at = version.created_at
  end
  return version
end

--- Makes an item with its version 1. Used by the endpoint and to seed many.
function item_rows.insert(project, user, dataset, values)
  local kept = store.rows(project)
  local item = resource.insert(project, user, kept.items, kept.item_by_id, {
    dataset = dataset.id,
    parent = dataset,
    client_item_id = values.client_item_id,
    created_by_id = user.id and json.raw(user.id),
    versions = {},
  })
  for _, name in ipairs(SOURCE) do
    item[name] = jsonb.kept(values[name])
  end
  dataset.items[#dataset.items + 1] = item
  if type(values.client_item_id) == "string" then
    dataset.item_by_client_id[values.client_item_id] = item
  end
  item_rows.add_version(item, user, {
    archived = false,
    input = values.input,
    expected_output = values.expected_output,
    metadata = values.metadata or json.raw("{}"),
  })
  return item
end

--- Whether fields of two rows hold the same JSON, by kind and value.
local function equal(names, a, b)
  for _, name in ipairs(names) do
    if canonical(json.encode(a[name])) ~= canonical(json.encode(b[name])) then
      return false
    end
  end
  return true
end

local COMPARED = { "input", "expected_output", "metadata" }

--- Whether a version has that content.
function item_rows.same(version, content)
  return equal(COMPARED, version, content)
end

--- Whether an item has that source.
function item_rows.same_source(item, values)
  return equal(SOURCE, item, values)
end

return item_rows
