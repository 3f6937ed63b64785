--- What datasets and dataset items share: rows found by id, changed in place, soft-deleted.

local responses = require("server.responses")
local json = require("server.json")
local jsonb = require("server.jsonb")
local settings = require("server.settings").values
local store = require("server.store")
local validate = require("server.validate")

local resource = {}

--- The row that the path names, soft-deleted or not; throws the same 404 for a bad id and an
--- unknown one.
function resource.find(by_id, id)
  local uuid = validate.uuid(id)
  local row = uuid and by_id[uuid]
  if not row then
    error(responses.not_found())
  end
  return row
end

--- The same, but a soft-deleted row is a 404 too.
function resource.find_alive(by_id, id)
  local row = resource.find(by_id, id)
  if row.deleted == true then
    error(responses.not_found())
  end
  return row
end

--- A new row, appended to `rows` and `by_id`.
function resource.insert(project, user, rows, by_id, values)
  local row = {
    id = store.new_id(),
    team = project.id,
    created_by = user.text,
    created_at = store.now(),
    updated_at = store.now(),
    deleted = false,
  }
  if settings.old_rows then
    row.updated_at, row.deleted = nil, json.null
  end
  for name, value in pairs(values) do
    row[name] = jsonb.kept(value)
  end
  rows[#rows + 1] = row
  by_id[row.id] = row
  return row
end

--- Puts values into a row; its cached JSON is gone then.
function resource.change(row, values)
  for name, value in pairs(values) do
    row[name] = jsonb.kept(value)
  end
  row.updated_at = store.now()
  row.text = nil
  return row
end

--- DELETE never deletes anything, whatever the id.
function resource.refuse_delete(ctx)
  return responses.empty(405, { ["Allow"] = ctx.allow })
end

return resource
