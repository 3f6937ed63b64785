--- An item of a dataset as a JSON text: read from the server, and written to it. Runs in a task;
--- knows no buffers.

local json = require("posthog.llm.json")
local json_layout = require("posthog.llm.util.json_layout")
local parts_of = require("posthog.llm.util.json_text").parts
local task = require("posthog.nvim.task")

local item = {}

--- What can be changed, in the order in which it is shown, by the names of the newer servers.
local FIELDS = { "input", "expected_output", "source_output", "metadata" }

--- What older servers call it.
local OLDER = { expected_output = "output" }

local NAMES, BY_NAME = {}, {}
for _, name in ipairs(FIELDS) do
  NAMES[#NAMES + 1], BY_NAME[name] = name, name
  if OLDER[name] then
    NAMES[#NAMES + 1], BY_NAME[OLDER[name]] = OLDER[name], name
  end
end

--- What can be set when an item is created, besides.
local KEY = "client_item_id"

--- An item and the text that stands for it.
--- @class posthog.nvim.Item
--- @field dataset string id
--- @field id? string nil: it does not exist yet
--- @field is_new? boolean
--- @field text string as a buffer shows it
--- @field fields table<string, string> the JSON text of each field, on one line, by its newer name
--- @field spelt? table<string, string> fields of the text that the server has in another spelling
--- @field version? integer newer servers only
--- @field updated? string
--- @field is_deleted? boolean newer servers only: the older ones show no such item

--- The field of a row, by whichever name the server has for it.
local function value_of(row, name)
  local value = rawget(row, name) -- rows also answer to the names of the other version
  if value == nil and OLDER[name] then
    return rawget(row, OLDER[name]), OLDER[name]
  end
  return value, name
end

local function of_row(row, dataset)
  local found = { dataset = dataset, id = row.id, version = row.version, fields = {} }
  found.updated, found.is_deleted = row.updated_at, row.archived == true or nil
  local lines = {}
  for _, field in ipairs(FIELDS) do
    local value, name = value_of(row, field)
    if value ~= nil then
      task.rest()
      local compact, indented = json_layout.forms(tostring(value), 1, task.rest)
      found.fields[field] = compact
      lines[#lines + 1] = ('  "%s": '):format(name) .. indented
    end
  end
  task.rest()
  found.text = "{\n" .. table.concat(lines, ",\n") .. "\n}\n"
  return found
end

local function is_of_kind(err, kind)
  return type(err) == "table" and err.kind == kind
end

local DELETED = "the item was deleted; the text here is untouched: :PostHog undelete brings it back"

local function get(client, at)
  local row, err = client.dataset_items:get(at.item, { raw = true })
  if not row and is_of_kind(err, "not_found") then
    error("the server has no such item; where it was deleted, :PostHog undelete brings it back", 0)
  end
  return of_row(task.must(row, err), at.dataset)
end

--- @param client posthog.llm.Client
--- @param at { dataset: string, item?: string }
--- @return posthog.nvim.Item
function item.load(client, at)
  if not at.item then
    local fields = { input = "null", metadata = "{}" }
    return {
      dataset = at.dataset,
      is_new = true,
      fields = fields,
      text = '{\n  "input": null,\n  "expected_output": null,\n  "metadata": {}\n}\n',
    }
  end
  return get(client, at)
end

--- The fields that a text names. Raises what is wrong with it, with the line.
--- @param source string
--- @param is_new boolean
--- @return table<string, string>
local function read(source, is_new)
  local value, err = json.decode(source)
  if value == nil then
    local _, lines = source:sub(1, (err.position or 1) - 1):gsub("\n", "")
    error(("line %d: %s"):format(lines + 1, (err.message:gsub(" at byte %d+", ""))), 0)
  elseif type(value) ~= "table" or not source:find("^%s*{") then
    error("an item is a JSON object: { ... }", 0)
  end
  local fields, parts = {}, parts_of(source)
  task.rest()
  for _, part in ipairs(parts) do
    local field = BY_NAME[part.name] or (is_new and part.name == KEY and KEY)
    if not field then
      local words = "%q cannot be set here; there are %s"
      error(words:format(part.name, table.concat(NAMES, ", ")), 0)
    elseif fields[field] then
      error(("%q is there twice"):format(part.name), 0)
    end
    fields[field] = json_layout.compact(part.text)
  end
  task.rest()
  return fields
end

--- Does a text say what the server has in a field? It may have spelt it anew when it was written:
--- that it has done so with this very text is known of the last write.
local function is_same(base, latest, name, text)
  local has = latest.fields[name] or "null"
  return has == text
    or base ~= nil and base.spelt ~= nil and base.spelt[name] == text and base.fields[name] == has
end

--- What of a text differs from the item, as fields for the API. A field that the text does not name
--- is left alone; null empties it.
--- @param base? posthog.nvim.Item
--- @param latest posthog.nvim.Item
local function changes(base, latest, fields)
  local changed, count = {}, 0
  for name, text in pairs(fields) do
    if not is_same(base, latest, name, text) then
      changed[name], count = task.must(json.raw(text)), count + 1
    end
  end
  return changed, count
end

local function create(client, dataset, fields)
  local sent = { dataset = dataset }
  for name, text in pairs(fields) do
    if name == KEY then
      sent[name] = json.decode(text)
    elseif text ~= "null" then
      sent[name] = task.must(json.raw(text))
    end
  end
  local row, err = client.dataset_items:create(sent)
  if not row and type(err) == "table" and err.ambiguous then
    local found = task.must(client.dataset_items:find_created(sent, err.sent_at))
    if #found == 0 then
      error("the response was lost, and the item was not found: write again to make it", 0)
    end
    row = found[1]
  end
  task.must(row, err)
  return row
end

--- Does the server still have what the text is based on? Older servers have no versions, and an
--- item that was deleted and brought back has newer ones that say the same.
local function is_current(base, latest)
  return base.version ~= nil and base.version == latest.version
    or vim.deep_equal(base.fields, latest.fields)
end

--- What the server has now, and what of a text that says the same is spelt otherwise.
local function stands_for(made, fields)
  made.spelt = {}
  for name, text in pairs(fields) do
    made.spelt[name] = text
  end
  return made
end

--- What a write has made. It is read again, in the server's spelling; where somebody has changed it
--- before that, what was written is the base, and the next write meets their change.
local function written(client, at, latest, fields, row)
  local found = get(client, at)
  if found.version == row.version and found.updated == row.updated_at then
    return stands_for(found, fields)
  end
  local made = { dataset = at.dataset, id = at.item, version = row.version, text = latest.text }
  made.fields = vim.tbl_extend("force", latest.fields, fields)
  return made
end

--- Writes what of a text has changed.
--- @param client posthog.llm.Client
--- @param base? posthog.nvim.Item what it is based on; not needed with `force`
--- @param source string
--- @param options { at: posthog.nvim.Uri, force?: boolean } force: over whatever is there
--- @return posthog.nvim.Outcome
function item.save(client, base, source, options)
  local at = options.at
  local fields = read(source, at.item == nil)
  if not at.item then
    local row = create(client, at.dataset, fields)
    local made = { dataset = at.dataset, item = row.id }
    local nothing = { text = source, fields = {} }
    return { action = "created", document = written(client, made, nothing, fields, row) }
  end
  local latest = get(client, at)
  if latest.is_deleted then
    error(DELETED, 0)
  elseif not options.force and not is_current(base, latest) then
    return { action = "conflict", document = latest }
  end
  local changed, count = changes(base, latest, fields)
  if count == 0 then
    return { action = "unchanged", document = stands_for(latest, fields) }
  end
  changed.base_version = latest.version
  local row, err = client.dataset_items:update(at.item, changed)
  if not row and is_of_kind(err, "conflict") then
    local newest = get(client, at)
    if newest.is_deleted then
      error(DELETED, 0)
    elseif not is_current(latest, newest) then
      return { action = "conflict", document = newest }
    end -- else another rule: the dataset takes no change, or the item has all its versions
  end
  task.must(row, err)
  return { action = "published", document = written(client, at, latest, fields, row) }
end

--- Why a text meets what the server has, for the user.
--- @return string
function item.conflict()
  return "somebody has changed the item; the text here is untouched: :PostHog merge"
end

--- What was written, for the user.
--- @param made posthog.nvim.Item
--- @return string
function item.written(made)
  return made.version and ("version %d of the item is written"):format(made.version)
    or "the item is written"
end

--- Why two texts cannot be merged; nil: they can. An item has one identity for ever.
--- @param _ posthog.nvim.Item
--- @param latest posthog.nvim.Item
--- @return string?
function item.unmergeable(_, latest)
  return latest.is_deleted and DELETED or nil
end

return item
