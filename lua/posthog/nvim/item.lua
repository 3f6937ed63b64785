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
--- @field version? integer newer servers only
--- @field updated? string

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
  local lines = {}
  for _, field in ipairs(FIELDS) do
    local value, name = value_of(row, field)
    if value ~= nil then
      task.rest()
      local compact, indented = json_layout.forms(tostring(value), 1)
      found.fields[field] = compact
      lines[#lines + 1] = ('  "%s": '):format(name) .. indented
    end
  end
  task.rest()
  found.text = "{\n" .. table.concat(lines, ",\n") .. "\n}\n"
  return found
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
  return of_row(task.must(client.dataset_items:get(at.item, { raw = true })), at.dataset)
end

--- The fields that a text names. Raises what is wrong with it, with the line.
--- @param source string
--- @param is_new boolean
--- @return table<string, string>
local function read(source, is_new)
  local value, err = json.decode(source)
  if value == nil then
    local _, lines = source:sub(1, (err.position or 1) - 1):gsub("\n", "")
    error(("line %d: %s"):format(lines + 1, err.message), 0)
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

--- What of a text differs from the item, as fields for the API. A field that the text does not name
--- is left alone; null empties it.
local function changes(base, fields)
  local changed, count = {}, 0
  for name, text in pairs(fields) do
    if (base.fields[name] or "null") ~= text then
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

--- Does the server still have what the text is based on? Older servers check nothing.
local function is_current(base, latest)
  if base.version and latest.version then
    return base.version == latest.version
  end
  return vim.deep_equal(base.fields, latest.fields)
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
    local made = item.load(client, { dataset = at.dataset, item = row.id })
    return { action = "created", document = made }
  end
  local latest = item.load(client, at)
  if not options.force and not is_current(base, latest) then
    return { action = "conflict", document = latest }
  end
  local changed, count = changes(latest, fields)
  if count == 0 then
    return { action = "unchanged", document = latest }
  end
  changed.base_version = latest.version
  local row, err = client.dataset_items:update(at.item, changed)
  if not row and type(err) == "table" and err.kind == "conflict" then
    return { action = "conflict", document = item.load(client, at) }
  end
  task.must(row, err)
  return { action = "published", document = item.load(client, at) }
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

--- An item has one identity for ever: two texts of it can always be merged.
function item.unmergeable() end

return item
