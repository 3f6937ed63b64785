--- What has to be done so that a dataset equals a file. Of records and rows only digests are kept.

local comparison = require("posthog.llm.dataset_file.comparison")
local display = require("posthog.llm.util.display")
local errors = require("posthog.llm.util.errors")
local failure = require("posthog.llm.dataset_file.failure")
local item_fields = require("posthog.llm.api.item_fields")
local json_text = require("posthog.llm.util.json_text")
local keys = require("posthog.llm.dataset_file.sync.key")
local listing = require("posthog.llm.api.listing")
local mapping = require("posthog.llm.dataset_file.mapping")
local option_names = require("posthog.llm.util.option_names")
local paths = require("posthog.llm.dataset_file.paths")
local progress = require("posthog.llm.dataset_file.progress")
local rejected = require("posthog.llm.dataset_file.rejected")
local sha256 = require("posthog.llm.util.digest").sha256
local sources = require("posthog.llm.dataset_file.sources")
local values = require("posthog.llm.dataset_file.values")

local WHAT = "the sync" -- in messages
local LENGTH = 16 -- hexadecimal digits kept of each field: what differs must not be missed
local PAGE = 100
local MOST_PROBLEMS = 100 -- that are listed
local MOST_READS = 5 -- of a dataset from which others delete meanwhile
local OWN = "sync-" -- the beginning of the client_item_id that a sync gives

--- What is displayed of the old content of changed rows.
local MOST_KEPT = 100 -- rows
local MOST_BYTES = 4194304 -- of all of them
local LONGEST = 65536 -- bytes of a field

--- @param text string digits, or ""
--- @return integer? version
local function whole(text)
  local version = tonumber(text)
  return version and math.tointeger and math.tointeger(version) or version
end

--- @class posthog.llm.dataset_file.PlannedRow
--- @field id string
--- @field version? integer API v2
--- @field digest string of its content
--- @field names string[] fields to change, by API v2
--- @field archived? boolean it is deleted, and is to be undeleted
--- @field refused? string why the record cannot be made of it
--- @field old? table<string, string> JSON of the fields to change; nil: not kept

--- @class posthog.llm.dataset_file.Plan
--- @field key string
--- @field exact boolean whether 1.0 differs from 1
--- @field api_version? posthog.llm.ApiVersion
--- @field dataset string id; "" in a dry run that would create it
--- @field options table of the sync
--- @field packed (string|false)[] by the number of a record; false: left out
--- @field first table<string, integer> by the hash of the key, the record
--- @field records integer with a key
--- @field private packed_rows table<integer, string> by number, the row with the key; nil: to be created
--- @field private refused table<integer, string> by number, why the record cannot be made of the row
--- @field private old table<integer, table<string, string>> by number, JSON of some fields to change
--- @field removed string[] rows that the file lacks, packed
--- @field counts { created: integer, restored: integer, updated: integer, unchanged: integer, refused: integer }
--- @field problems { path: string, line?: integer, message: string }[]
--- @field problem_count integer
--- @field skipped integer records that the file has as archived or deleted
--- @field private taken table<string, true> client_item_ids of OWN that other rows have
--- @field private kept { rows: integer, bytes: integer }
local Plan = {}
Plan.__index = Plan

local plan = {}

--- @param parts { key: string, exact: boolean, api_version?: posthog.llm.ApiVersion, dataset: string, path: string, options: table }
--- @return posthog.llm.dataset_file.Plan
function plan.new(parts)
  parts.packed, parts.first, parts.records, parts.skipped = {}, {}, 0, 0
  parts.problems, parts.problem_count = {}, 0
  local self = setmetatable(parts, Plan)
  self:forget_rows()
  return self
end

--- Plans as for an empty dataset.
function Plan:forget_rows()
  self.packed_rows, self.refused, self.old = {}, {}, {}
  self.removed, self.taken = {}, {}
  self.kept = { rows = 0, bytes = 0 }
  self.counts = { created = self.records, restored = 0, updated = 0, unchanged = 0, refused = 0 }
end

--- Notes what stands in the way of the sync.
--- @private
function Plan:problem(line, words, ...)
  self.problem_count = self.problem_count + 1
  if self.problem_count <= MOST_PROBLEMS then
    local message = words:format(...)
    table.insert(self.problems, { path = self.path, line = line, message = message })
  end
end

--- The error of what stands in the way.
--- @return posthog.llm.Error?
function Plan:trouble()
  local first = self.problems[1]
  if not first then
    return nil
  end
  local one = self.problem_count == 1
  local place = first.line and ("line %d: "):format(first.line) or ""
  local more = one and "" or (" (and %d more)"):format(self.problem_count - 1)
  local err = failure(self.path, "%s%s%s; nothing was sent", place, first.message, more)
  err.problems = self.problems
  local words = one and "it cannot be synced for one reason" or "it cannot be synced for %d reasons"
  err.summary = ("%s: %s; nothing was sent"):format(self.path, words:format(self.problem_count))
  return err
end

--- The fields of a record, with its id.
--- @param record posthog.llm.dataset_file.Record
--- @return table? fields
--- @return string? reason why it cannot be used; neither: it is left out
function Plan:fields_of(record)
  rejected.unwrap(record)
  local fields, reason, is_left_out = mapping.fields(record, self.options)
  if not fields then
    return nil, not is_left_out and reason or nil
  elseif self.api_version == "reference" then
    fields.client_item_id = nil
  end
  local names = record.cells or record.value
  fields.id = type(names) == "table" and (names.id or names.item_id) or nil
  return fields
end

--- The reason without its line, which is told beside it.
local function without_line(reason)
  return (reason:gsub("^line %d+, (column %d+): ", "%1: "):gsub("^line %d+: ", ""))
end

--- @private
function Plan:add(record, fields)
  local content = values.content(fields)
  local text, shown = keys.of(fields, content, self.key)
  if not text then
    self.without_key = (self.without_key or 0) + 1
    self:problem(record.line or record.n, "it has no %s, which is the key", self.key)
    return false
  end
  local packed = comparison.pack(record.line, comparison.digest(content, self.exact, LENGTH), shown)
  local hash = comparison.hash_of(text)
  local first = self.first[hash]
  if first then
    local line = comparison.unpack(self.packed[first])
    local words = "it has the same key as line %d, %s"
    self:problem(record.line or record.n, words, line or first, json_text.excerpt(shown))
    return false
  end
  self.first[hash] = record.n
  self.records = self.records + 1
  return packed
end

--- Reads all records.
--- @param input posthog.llm.dataset_file.Source closed
--- @return posthog.llm.Error? err
function Plan:read_file(input)
  local report = progress.records(self.options.on_progress, WHAT)
  local usable, err = 0, nil
  while not err do
    local record
    record, err = input.next()
    if not record then
      break
    end
    local packed = false
    local fields, reason = self:fields_of(record)
    if fields then
      usable = usable + 1
      packed = self:add(record, fields)
    elseif reason then
      self:problem(record.line or record.n, "%s", without_line(reason))
    else
      self.skipped = self.skipped + 1
    end
    self.packed[record.n] = packed
    err = report(record.n)
  end
  input.close()
  local is_everywhere = self.without_key == usable and self.problem_count == usable
  if not err and usable > 0 and is_everywhere then
    err = failure(self.path, "no record has %s, which is the key", self.key)
    err.option = "key"
  end
  return err or self:trouble()
end

--- Whether a field of an item cannot be changed.
--- @private
function Plan:is_fixed(name)
  local field = item_fields.of(name)
  if self.api_version == "reference" then
    return field.v1 == nil
  end
  return field.fixed or name == "source_output"
end

--- The fields in which a row is not what a record says. What cannot be changed matters only where the
--- record has it.
--- @param wanted string the record's digest
--- @param there string the row's
--- @return string[] names that can be changed
--- @return string? fixed one that cannot
function Plan:changed(wanted, there)
  local names, fixed = {}, nil
  local differing, is_given = comparison.changed(wanted, there, LENGTH)
  for _, name in ipairs(differing) do
    if not self:is_fixed(name) then
      names[#names + 1] = name
    elseif is_given[name] then
      fixed = fixed or name
    end
  end
  return names, fixed
end

--- @param content table
--- @return string
function Plan:digest(content)
  return comparison.digest(content, self.exact, LENGTH)
end

--- Keeps the old content of some rows for display.
--- @private
function Plan:keep(content, names)
  local kept = self.kept
  if not self.options.dry_run or kept.rows >= MOST_KEPT or kept.bytes >= MOST_BYTES then
    return nil
  end
  kept.rows = kept.rows + 1
  local old = {}
  for _, name in ipairs(names) do
    local value = content[name]
    old[name] = value ~= nil and json_text.sorted(value):sub(1, LONGEST) or nil
    kept.bytes = kept.bytes + #(old[name] or "")
  end
  return old
end

--- Packs a row that is to be changed into one string: a table would take twice as much memory.
--- @param row posthog.llm.dataset_file.PlannedRow
--- @return string
local function pack_row(row)
  local mark = row.archived and "+" or "~"
  local names = table.concat(row.names, ",")
  return ("%s %s %s %s %s"):format(mark, row.id, row.version or "", row.digest, names)
end

--- @param packed string
--- @return posthog.llm.dataset_file.PlannedRow
local function unpack_row(packed)
  local mark, id, version, digest, list = packed:match("^(%S) (%S+) (%d*) (%x*) (%S*)$")
  local names = {}
  for name in list:gmatch("[^,]+") do
    names[#names + 1] = name
  end
  return {
    id = id,
    version = whole(version),
    digest = digest,
    names = names,
    archived = mark == "+" or nil,
  }
end

--- The id of a packed row. One that is the same as its record is packed as its id alone.
local function id_of(packed)
  return packed:match("^[~+] (%S+)") or packed
end

--- The row with the key of a record, if it is not the same.
--- @param n integer number of the record
--- @return posthog.llm.dataset_file.PlannedRow?
function Plan:row(n)
  local packed = self.packed_rows[n]
  if self.refused[n] then
    return { id = packed, names = {}, refused = self.refused[n] }
  elseif not packed or not packed:find("^[~+] ") then
    return nil
  end
  local row = unpack_row(packed)
  row.old = self.old[n]
  return row
end

--- A row with the key of a record.
--- @private
function Plan:matched(n, row, content, is_archived)
  local counts = self.counts
  local _, wanted, shown = comparison.unpack(self.packed[n])
  local there = self.packed_rows[n]
  if there then
    if not is_archived then
      local words =
        "the items %s and %s of the dataset have the same key, %s; delete one of them: %s"
      local line = comparison.unpack(self.packed[n])
      local way_out = option_names.of("fields") == "fields" and "dataset_items:delete"
        or "posthog-llm items delete ID"
      self:problem(
        line or n,
        words,
        display.clean(id_of(there)),
        display.clean(row.id),
        shown,
        way_out
      )
    end
    return -- of the deleted ones the newest, which comes first
  end
  local digest = self:digest(content)
  local names, fixed = self:changed(wanted, digest)
  if fixed and is_archived and paths.split(self.key) ~= "client_item_id" then
    return -- another one is created
  end
  counts.created = counts.created - 1
  if fixed then
    counts.refused = counts.refused + 1
    local words = "%s of item %s differs, and the server does not change it;"
      .. " with another key the record becomes another item"
    if self.api_version == "reference" then
      words = "%s: API v1 does not have it, so that item %s cannot be as the record"
    end
    self.packed_rows[n] = row.id
    self.refused[n] = words:format(fixed, display.clean(row.id))
  elseif #names == 0 and not is_archived then
    counts.unchanged = counts.unchanged + 1
    self.packed_rows[n] = row.id
  else
    local what = is_archived and "restored" or "updated"
    counts[what] = counts[what] + 1
    self.packed_rows[n] = pack_row({
      id = row.id,
      version = row.version,
      digest = digest,
      names = names,
      archived = is_archived,
    })
    self.old[n] = self:keep(content, names)
  end
end

--- A row that the file lacks, as one text.
local function pack_removed(row, digest, shown)
  local excerpt = shown ~= nil and json_text.excerpt(shown) or ""
  return ("%s %s %s %s"):format(row.id, row.version or "", digest, excerpt)
end

--- @param packed string
--- @return { id: string, version?: integer, digest: string, shown?: string }
function plan.unpack_removed(packed)
  local id, version, digest, shown = packed:match("^(%S+) (%d*) (%x*) (.*)$")
  shown = shown ~= "" and shown or nil
  return { id = id, version = whole(version), digest = digest, shown = shown }
end

--- @private
function Plan:visit(row, is_archived)
  local content = values.content(row)
  local text, shown = keys.of(row, content, self.key)
  local n = text and self.first[comparison.hash_of(text)]
  if n then
    self:matched(n, row, content, is_archived)
  elseif not is_archived then
    table.insert(self.removed, pack_removed(row, self:digest(content), shown))
  end
  local own = row.client_item_id
  local is_matched = n and id_of(self.packed_rows[n] or "") == row.id
  if type(own) == "string" and own:sub(1, #OWN) == OWN and not is_matched then
    self.taken[own] = true
  end
end

--- Reads rows once.
--- @private
--- @return posthog.llm.Error? err
--- @return boolean? has_shrunk others have deleted rows meanwhile, so that some may have been missed
function Plan:read_once(client, query, prefetch)
  local next_row, listed = listing(client.dataset_items, query, prefetch)
  local report = progress.rows(self.options.on_progress, listed, WHAT)
  local rows, most, has_shrunk, err = 0, 0, false, nil
  while not err do
    local row
    row, err = next_row()
    if not row then
      break
    end
    rows = rows + 1
    has_shrunk = has_shrunk or (listed.total or 0) < most
    most = math.max(most, listed.total or 0)
    self:visit(row, query.archived == true)
    err = report(rows)
  end
  err = err or report(rows, true)
  if err then
    listed.cancel()
  end
  return err, has_shrunk or (listed.total or 0) < most
end

--- Reads all rows of the dataset, and compares them with the records.
--- @param client posthog.llm.Client
--- @param revision? integer API v2: the state to read, which no write changes
--- @return posthog.llm.Error? err
function Plan:read_rows(client, revision)
  local query = { dataset = self.dataset, limit = PAGE, revision = revision }
  local err, has_shrunk
  for _ = 1, MOST_READS do
    self:forget_rows()
    err, has_shrunk = self:read_once(client, query, revision and self.options.prefetch or 0)
    if err or not has_shrunk then
      break
    end
  end
  if not err and has_shrunk then
    local words =
      "others delete items of the dataset while it is read; sync again when they are done"
    err = errors.new({ kind = "conflict", message = words })
  end
  if not err and self.counts.created > 0 and self.api_version == "current" then
    query.archived = true
    err = self:read_once(client, query, self.options.prefetch)
  end
  if paths.split(self.key) == "id" then -- the server gives it
    self.counts.refused = self.counts.refused + self.counts.created
    self.counts.created = 0
  end
  return err or self:trouble()
end

--- The client_item_id of a record that has none, the same in each run: the server then knows a create
--- that is repeated, also by another machine.
--- @private
function Plan:own_key(text)
  local name = OWN .. sha256(("%s %s %s"):format(self.dataset, self.key, text)):sub(1, 32)
  local free, count = name, 1
  while self.taken[free] do -- its item has another key by now
    count = count + 1
    free = ("%s-%d"):format(name, count)
  end
  return free
end

--- What is to be done with a record.
--- @param n integer
--- @return "create"|"change"|"refuse"|nil
function Plan:task(n)
  local row = self.packed_rows[n]
  if not self.packed[n] then
    return nil
  elseif self.refused[n] then
    return "refuse"
  elseif not row then
    return paths.split(self.key) == "id" and "refuse" or "create"
  end
  return row:find("^[~+] ") and "change" or nil
end

--- Why nothing is made of a record.
--- @param n integer
--- @return string
function Plan:refusal(n)
  if self.refused[n] then
    return self.refused[n]
  end
  local _, _, shown = comparison.unpack(self.packed[n])
  local words =
    "the dataset has no item %s, and a new one gets its id from the server; use another key"
  return words:format(shown)
end

--- Reads the file once more, and returns the records with one of these tasks.
--- @param survey posthog.llm.dataset_file.Survey
--- @param tasks table<string, boolean>
--- @return (fun(): { n: integer, line?: integer, task: string, fields: table, digest: string, shown: string }?, posthog.llm.Error?)? next_job
--- @return fun()|posthog.llm.Error close
function Plan:jobs(survey, tasks)
  local input, err = sources.open(self.path, self.options, survey)
  if not input then
    return nil, err
  end
  local n = 0
  local changed = failure(self.path, "the file was changed while it was synced; sync again")
  return function()
    while true do
      local task = self:task(n + 1)
      local record
      record, err = input.next(not tasks[task])
      if not record then
        return nil, err or (input.sha256() ~= survey.sha256 and changed or nil)
      end
      n = record.n
      if tasks[task] then
        local fields = self:fields_of(record)
        local content = fields and values.content(fields)
        local line, digest, shown = comparison.unpack(self.packed[n])
        if not fields or self:digest(content) ~= digest then
          return nil, changed
        end
        if task == "create" and self.api_version == "current" and fields.client_item_id == nil then
          fields.client_item_id = self:own_key((keys.of(fields, content, self.key)))
        end
        fields.id = nil
        return { n = n, line = line, task = task, fields = fields, digest = digest, shown = shown }
      end
    end
  end,
    input.close
end

return plan
