--- Writes on the items of the current generation, which have versions: each
--- names the one that it is based on (doc/api.md 2.2).

local body = require("posthog.llm.http.body")
local compare = require("posthog.llm.util.compare")
local errors = require("posthog.llm.util.errors")
local item_fields = require("posthog.llm.api.item_fields")
local pages = require("posthog.llm.api.pages")
local row_resource = require("posthog.llm.api.row_resource")

local versions = {}

--- Times that a write without a base of the caller's own follows other writers.
local MOST_FOLLOWED = 3

--- The version behind `base`, from the item itself or its history.
--- @return table? row nil: it is not there, or could not be read
--- @return posthog.llm.Response?
local function next_version(self, path, base, options)
  local item, _, answer = row_resource.read(self, path, options)
  if not item or item.version == base then
    return nil
  elseif item.version == base + 1 then
    return item, answer
  end
  local page, _, response = row_resource.send(self, {
    method = "GET",
    path = path .. "versions/",
    query = "limit=100",
    idempotent = true,
    shape = pages.SHAPE,
    options = options,
  })
  for _, row in ipairs(type(page) == "table" and page.results or {}) do
    if row.version == base + 1 then
      return row, response
    end
  end
end

--- Looks for what a lost write would have made.
--- @param expected table fields that it has then
local function look_for(self, path, base, expected)
  return function(lost)
    local row, answer = next_version(self, path, base, lost:options())
    if not row then
      return "unknown"
    end
    local ours = lost:may_have_made({
      created_at = row.version_created_at,
      created_by = row.version_created_by,
    }, answer)
    for name, value in next, expected do
      ours = ours and compare.equal(value, row[name])
    end
    if ours then
      return "ours", row, answer
    end
    return "not ours", ("version %d is somebody else's"):format(base + 1)
  end
end

local function write(self, request, path, base)
  local fields = request.json or {}
  local json, expected = { base_version = base }, {}
  for name, value in next, fields do
    if name ~= "base_version" then
      json[name] = value
      if name ~= "source_version" then
        expected[name] = body.canonical(value, self._codec)
      end
    end
  end
  if request.method == "POST" then
    expected.archived = request.path:sub(-8) == "archive/"
  end
  return self._settled({
    method = request.method,
    under = "projects",
    path = request.path,
    json = item_fields.on_wire(json),
    idempotent = false,
    repeats = 1,
    shape = { id = "string" },
    options = request.options,
  }, look_for(self, path, base, expected), function(row)
    -- The item is its creator's, and a write that changes nothing makes no version.
    return row.version == base + 1 and row.version_created_by or nil
  end)
end

--- Makes a write on an item. Without a base of the caller's own it is based on
--- the item as it is, so that the last writer wins, as on the reference.
--- @param self table the resource
--- @param request { method: string, path: string, json?: table, options: table }
--- @param id string
--- @param base? integer the version that the caller has edited
--- @param archived? boolean nothing is sent when the item is marked like that already
--- @return posthog.llm.DatasetItem? row
--- @return posthog.llm.Error? err
--- @return posthog.llm.Response? response
function versions.change(self, request, id, base, archived)
  local path = row_resource.path(self._kind, id)
  if base then
    return write(self, request, path, base)
  end
  local value, err, response
  for _ = 1, MOST_FOLLOWED do
    local row
    row, err, response = row_resource.read(self, path, request.options)
    if err then
      return errors.failure(err, response)
    elseif type(row.version) ~= "number" then
      local message = "the item has no version to base the change on;"
        .. " only those of the current generation of the API have one"
      return errors.failure(errors.new({ kind = "decode", message = message }), response)
    elseif archived ~= nil and row.archived == archived then
      return row, nil, response
    end
    value, err, response = write(self, request, path, row.version)
    if not (err and err.code == "stale_version") or err.ambiguous then
      break
    end
  end
  return errors.result(value, err, response)
end

return versions
