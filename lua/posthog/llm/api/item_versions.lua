--- Writes on the items of API v2, which have versions: each write names the version that it is
--- based on (doc/api.md 2.2).

local errors = require("posthog.llm.util.errors")
local item_fields = require("posthog.llm.api.item_fields")
local probes = require("posthog.llm.api.ambiguous.rows")
local row_resource = require("posthog.llm.api.row_resource")

local versions = {}

--- How often a write without a base version is tried, each time on the latest version, while others
--- write too.
local MAX_TRIES = 3

local function write(self, request, path, id, base)
  local json, changes = { base_version = base }, {}
  for name, value in next, request.json or {} do
    if name ~= "base_version" then
      json[name], changes[name] = value, value
    end
  end
  if request.method == "POST" then
    changes.archived = request.path:sub(-8) == "archive/"
  end
  return self._write({
    request = {
      method = request.method,
      under = "projects",
      path = request.path,
      json = item_fields.on_wire(json),
      idempotent = false,
      repeats = 1, -- the server refuses the second of two requests
      shape = row_resource.ROW,
      asked = id,
      options = request.options,
    },
    probe = probes.next_version(self, path, id, base, changes),
    -- Not created_by, which is the item's creator; and a write that changes nothing makes no
    -- version.
    author = function(row)
      return row.version == base + 1 and row.version_created_by or nil
    end,
  })
end

--- Makes a write on an item. Without `base` it is based on the latest version, so that the last
--- writer wins, as with API v1.
--- @param self table the resource
--- @param request { method: string, path: string, json?: table, options: table }
--- @param id string
--- @param base? integer the version that the caller has edited
--- @param archived? boolean nothing is sent when the item has this mark already
--- @return posthog.llm.DatasetItem? row
--- @return posthog.llm.Error? err
--- @return posthog.llm.Response? response
function versions.change(self, request, id, base, archived)
  local path = row_resource.path(self._kind, id)
  if base then
    return write(self, request, path, id, base)
  end
  local value, err, response
  for _ = 1, MAX_TRIES do
    local row
    row, err, response = row_resource.read(self, path, id, request.options)
    if err then
      return errors.failure(err, response)
    elseif type(row.version) ~= "number" then
      local message = "the item has no version to base the change on;"
        .. " only items of API v2 have one"
      return errors.failure(errors.new({ kind = "decode", message = message }), response)
    elseif archived ~= nil and row.archived == archived then
      return row, nil, response
    end
    value, err, response = write(self, request, path, id, row.version)
    if not (err and err.code == "stale_version") or err.ambiguous then
      break
    end
  end
  return errors.result(value, err, response)
end

return versions
