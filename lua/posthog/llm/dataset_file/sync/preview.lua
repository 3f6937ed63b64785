--- The plan of a sync as a diff: for people, and as lists.

local display = require("posthog.llm.util.display")
local item_fields = require("posthog.llm.api.item_fields")
local json = require("posthog.llm.json")
local json_text = require("posthog.llm.util.json_text")
local plans = require("posthog.llm.dataset_file.sync.plan")
local values = require("posthog.llm.dataset_file.values")

local MOST = 100 -- entries of each list
local WIDTH = 120 -- bytes of a value
local BEFORE = 30 -- of them before what differs

local preview = {}

--- The start of a character that is not after a byte.
local function boundary(text, at)
  while at > 1 and text:find("^[\128-\191]", at) do
    at = at - 1
  end
  return at
end

--- A part of a text that begins near a byte.
local function part(text, from)
  from = boundary(text, from)
  local stop = #text
  if stop - from >= WIDTH then
    stop = boundary(text, from + WIDTH) - 1
  end
  local before, after = from > 1 and "..." or "", stop < #text and "..." or ""
  return before .. text:sub(from, stop) .. after
end

--- Parts of two texts in which they differ.
--- @param old? string
--- @param new? string
--- @return string? old
--- @return string? new
local function parts(old, new)
  local from = 1
  if old and new and math.max(#old, #new) > WIDTH then
    while old:byte(from) == new:byte(from) and from <= #old do
      from = from + 1
    end
    from = math.max(1, from - BEFORE)
  end
  return old and part(old, math.min(from, math.max(1, #old))),
    new and part(new, math.min(from, math.max(1, #new)))
end

--- The name of a field on the server.
local function named(name, api_version)
  local field = item_fields.of(name)
  return api_version == "reference" and field.v1 or field.name
end

--- @return { field: string, old?: string, new?: string }[]
local function changes(row, content, api_version)
  local list = json.array({})
  for _, name in ipairs(row.names) do
    local value = content[name]
    local old = row.old and row.old[name]
    local new = value ~= nil and json_text.sorted(value) or nil
    old, new = parts(old, new)
    local change = { field = named(name, api_version), old = old, new = new }
    if not row.old then
      change.old, change.new = nil, nil -- one alone would mislead
    end
    list[#list + 1] = change
  end
  return list
end

--- @return { field: string, new: string }[]
local function all_fields(content, api_version)
  local list = json.array({})
  for _, field in ipairs(item_fields.FIELDS) do
    local value = content[field.name]
    if value ~= nil then
      local _, new = parts(nil, json_text.sorted(value))
      list[#list + 1] = { field = named(field.name, api_version), new = new }
    end
  end
  return list
end

local function add(lists, name, entry)
  local list = lists[name]
  if #list < MOST then
    list[#list + 1] = entry
  end
end

--- @param plan posthog.llm.dataset_file.Plan
--- @param next_job fun(): table?, posthog.llm.Error? records to be created, changed or refused
--- @param prune boolean
--- @return table<string, table[]>? lists created, restored, updated, refused, deleted; 100 of each at most
--- @return posthog.llm.Error? err
function preview.lists(plan, next_job, prune)
  local lists = {}
  for _, name in ipairs({ "created", "restored", "updated", "refused", "deleted" }) do
    lists[name] = json.array({})
  end
  while true do
    local job, err = next_job()
    if err then
      return nil, err
    elseif not job then
      break
    end
    local content, row = values.content(job.fields), plan:row(job.n)
    local entry = { line = job.line or job.n, key = job.shown, id = row and row.id }
    if job.task == "refuse" then
      entry.message = plan:refusal(job.n)
      add(lists, "refused", entry)
    elseif job.task == "create" then
      entry.changes = #lists.created < MOST and all_fields(content, plan.api_version) or nil
      add(lists, "created", entry)
    else
      local name = row.archived and "restored" or "updated"
      entry.changes = #lists[name] < MOST and changes(row, content, plan.api_version) or nil
      add(lists, name, entry)
    end
  end
  for i = 1, prune and math.min(#plan.removed, MOST) or 0 do
    local removed = plans.unpack_removed(plan.removed[i])
    add(lists, "deleted", { id = removed.id, key = removed.shown })
  end
  return lists
end

local function write_entries(out, list, total, head)
  for _, entry in ipairs(list) do
    out[#out + 1] = head(entry)
    for _, change in ipairs(entry.changes or {}) do
      if change.old then
        out[#out + 1] = ("    - %s: %s"):format(change.field, display.clean(change.old))
      end
      if change.new then
        out[#out + 1] = ("    + %s: %s"):format(change.field, display.clean(change.new))
      end
      if not change.old and not change.new then
        out[#out + 1] = ("    ~ %s"):format(change.field)
      end
    end
  end
  if total > #list then
    out[#out + 1] = ("  and %d more"):format(total - #list)
  end
end

local function id_of(entry)
  return display.clean(tostring(entry.id))
end

--- @param lists table<string, table[]> of `preview.lists`
--- @param counts table<string, integer>
--- @return string text one line for each item, and one for each field that changes
function preview.text(lists, counts)
  local out = {}
  write_entries(out, lists.created, counts.created, function(entry)
    return ("+ line %d: %s"):format(entry.line, entry.key)
  end)
  write_entries(out, lists.restored, counts.restored, function(entry)
    return ("+ line %d, %s, which is undeleted: %s"):format(entry.line, id_of(entry), entry.key)
  end)
  write_entries(out, lists.updated, counts.updated, function(entry)
    return ("~ line %d, %s: %s"):format(entry.line, id_of(entry), entry.key)
  end)
  write_entries(out, lists.deleted, counts.deleted, function(entry)
    return ("- %s: %s"):format(id_of(entry), entry.key or "no key")
  end)
  write_entries(out, lists.refused, counts.rejected, function(entry)
    return ("! line %d: %s"):format(entry.line, entry.message)
  end)
  return #out > 0 and table.concat(out, "\n") .. "\n" or ""
end

return preview
