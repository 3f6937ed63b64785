--- What a file and a dataset differ in.

local core = require("posthog.llm.core")
local listing = require("posthog.llm.dataset_file.listing")
local mapping = require("posthog.llm.dataset_file.mapping")
local problem = require("posthog.llm.dataset_file.problem")
local progress = require("posthog.llm.dataset_file.progress")
local sources = require("posthog.llm.dataset_file.sources")
local values = require("posthog.llm.dataset_file.values")
local width = require("posthog.llm.spend_report.width")

local PAGE = 100
local DIGEST = 8 -- hexadecimal digits kept of each field

--- The fields that count, in one vocabulary.
local FIELDS = {
  "input",
  "expected_output",
  "source_output",
  "metadata",
  "source_trace_id",
  "source_timestamp",
  "source_event_id",
}

--- A row in as little as is needed to tell what has changed: a few digits for
--- each field. Those that are absent from one side are null.
local function digest(content)
  local parts = {}
  for i, name in ipairs(FIELDS) do
    local value = content[name]
    parts[i] = value == nil and ("-"):rep(DIGEST)
      or core.sha256(values.sorted(value)):sub(1, DIGEST)
  end
  return table.concat(parts)
end

local function changed_fields(a, b)
  local names = {}
  for i, name in ipairs(FIELDS) do
    local first = (i - 1) * DIGEST + 1
    if a:sub(first, first + DIGEST - 1) ~= b:sub(first, first + DIGEST - 1) then
      names[#names + 1] = name
    end
  end
  return names
end

--- By what rows of both sides are told apart.
--- @param key? string|fun(fields: table): any
--- @return fun(fields: table, content: table): string?, any text for comparison, value for people
local function key_function(key)
  if key == nil then
    return function(_, content)
      return values.sorted(content), content.input
    end
  end
  return function(fields)
    local value
    if type(key) == "function" then
      value = key(fields)
    else
      value = fields[key]
    end
    if value == nil or value == core.null then
      return nil
    end
    return values.sorted(value), value
  end
end

--- @return string message with the line
local function unusable(record, reason)
  if reason:find("^line") then
    return reason
  end
  return ("line %s: %s"):format(record.line or record.n, reason)
end

--- What is kept of a record.
--- @return { n: integer, line?: integer, digest: string, shown: string, hash: string }? entry
--- @return string? message; without an entry or one, the caller's function left the record out
local function entry_of_record(record, options, key)
  local fields, reason = mapping.fields(record, options)
  if not fields then
    return nil, reason and unusable(record, reason)
  end
  local names = record.cells or record.value
  fields.id = type(names) == "table" and names.id or nil
  local content = values.content(fields)
  local text, shown = key(fields, content)
  if not text then
    return nil, ("line %s has no key"):format(record.line or record.n)
  end
  return {
    n = record.n,
    line = record.line,
    digest = digest(content),
    shown = values.excerpt(shown),
    hash = core.sha256(text),
  }
end

--- The records of a file by the digest of their key; equal ones, where all of the
--- content is the key, in a list.
--- @return table<string, table[]>? index
--- @return posthog.llm.Error? err
--- @return table[]? order
local function read_file(path, options, key)
  local source, err = sources.open(path, options)
  if not source then
    return nil, err
  end
  local index, order = {}, {}
  while not err do
    local record, entry, message
    record, err = source.next()
    if not record then
      break
    end
    entry, message = entry_of_record(record, options, key)
    if entry then
      local list = index[entry.hash] or {}
      if options.key ~= nil and list[1] then
        local words = "lines %s and %s have the same key, %s"
        local first, second = list[1].line or list[1].n, entry.line or entry.n
        message = words:format(first, second, entry.shown)
      end
      index[entry.hash] = list
      list[#list + 1], order[#order + 1] = entry, entry
    end
    err = message and problem(path, "%s", message) or nil
  end
  source.close()
  if err then
    return nil, err
  end
  return index, nil, order
end

local function entry_of(row, shown)
  return { id = row.id, key = shown ~= nil and values.excerpt(shown) or nil }
end

--- Finds what the file has for a row, and puts the row where it belongs.
local function compare_row(result, row, index, key)
  local content = values.content(row)
  local text, shown = key(row, content)
  local list = text and index[core.sha256(text)]
  local entry = list and table.remove(list, 1)
  if not entry then
    table.insert(result.removed, entry_of(row, shown))
    return
  end
  entry.met = true
  local names = changed_fields(entry.digest, digest(content))
  if #names == 0 then
    result.same = result.same + 1
    return
  end
  local change = entry_of(row, shown)
  change.line, change.n, change.fields = entry.line, entry.n, names
  table.insert(result.changed, change)
end

local function id_of(entry)
  return width.clean(tostring(entry.id))
end

local function lines(result)
  local out = {}
  for _, entry in ipairs(result.added) do
    out[#out + 1] = ("+ line %d: %s"):format(entry.line or entry.n, entry.key)
  end
  for _, entry in ipairs(result.removed) do
    out[#out + 1] = ("- %s: %s"):format(id_of(entry), entry.key or "no key")
  end
  for _, entry in ipairs(result.changed) do
    local names = table.concat(entry.fields, ", ")
    local words = "~ line %d, %s: %s (%s)"
    out[#out + 1] = words:format(entry.line or entry.n, id_of(entry), entry.key, names)
  end
  local words = "%d added, %d removed, %d changed, %d the same"
  out[#out + 1] = words:format(#result.added, #result.removed, #result.changed, result.same)
  return table.concat(out, "\n") .. "\n"
end

--- @param client posthog.llm.Client
--- @param dataset posthog.llm.Dataset
--- @param path string
--- @param options { key?: string|function, fields?: any, values?: string, format?: string, separator?: string, revision?: integer }
--- @return { added: table[], removed: table[], changed: table[], same: integer, text: string }? result
--- @return posthog.llm.Error? err
local function diff(client, dataset, path, options)
  local key = key_function(options.key)
  local index, err, order = read_file(path, options, key)
  if not index then
    return nil, err
  end
  local result = { added = {}, removed = {}, changed = {}, same = 0 }
  local next_row, listed = listing(
    client.dataset_items,
    { dataset = dataset.id, revision = options.revision, limit = PAGE },
    options.prefetch
  )
  local told = progress(options.on_progress, listed, "the comparison")
  local rows = 0
  while not err do
    local row
    row, err = next_row()
    if not row then
      break
    end
    compare_row(result, row, index, key)
    rows = rows + 1
    err = told(rows)
  end
  err = err or told(rows, true)
  if err then
    return nil, err
  end
  for _, entry in ipairs(order) do
    if not entry.met then
      table.insert(result.added, { n = entry.n, line = entry.line, key = entry.shown })
    end
  end
  result.text = lines(result)
  return result
end

return diff
