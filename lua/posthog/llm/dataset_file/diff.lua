--- Compares a file with a dataset.

local json = require("posthog.llm.json")
local digests = require("posthog.llm.dataset_file.comparison")
local listing = require("posthog.llm.api.listing")
local mapping = require("posthog.llm.dataset_file.mapping")
local failure = require("posthog.llm.dataset_file.failure")
local progress = require("posthog.llm.dataset_file.progress")
local rejected = require("posthog.llm.dataset_file.rejected")
local recognition = require("posthog.llm.dataset_file.recognition")
local sources = require("posthog.llm.dataset_file.sources")
local json_text = require("posthog.llm.util.json_text")
local values = require("posthog.llm.dataset_file.values")
local display = require("posthog.llm.util.display")

local WHAT = "the comparison" -- in messages
local PAGE = 100

--- Makes the function that gives the key of a row or a record.
--- @param key? string|fun(fields: table): any
--- @param exact boolean
--- @return fun(fields: table, content: table): string?, any text for the comparison, value to display
local function key_function(key, exact)
  if key == nil then
    return function(_, content)
      return json_text.stored(content, exact), content.input
    end
  end
  return function(fields, content)
    local value
    if type(key) == "function" then
      value = key(fields)
    else
      value = values.kept(fields, content, key)
    end
    if value == nil or value == json.null then
      return nil
    end
    return json_text.stored(value, exact), value
  end
end

--- @return string message with the line
local function unusable(record, reason)
  if reason:find("^line") then
    return reason
  end
  return ("line %s: %s"):format(record.line or record.n, reason)
end

--- Packs a record.
--- @return string? packed
--- @return string? message, or the hash of the key with `packed`; neither: the caller's function
---   left the record out
local function read_record(record, options, comparison)
  rejected.unwrap(record)
  local fields, reason, is_left_out = mapping.fields(record, options)
  if not fields then
    return nil, reason and not is_left_out and unusable(record, reason) or nil
  end
  local names = record.cells or record.value
  fields.id = type(names) == "table" and (names.id or names.item_id) or nil
  local content = values.content(fields)
  local text, shown = comparison.key(fields, content)
  if not text then
    return nil, ("line %s has no key"):format(record.line or record.n)
  end
  return digests.pack(record.line, digests.digest(content, comparison.exact), shown),
    digests.hash_of(text)
end

--- @class posthog.llm.dataset_file.Kept the records of a file
--- @field packed (string|false)[] by number; false: left out, or found in the dataset
--- @field first table<string, integer> by the hash of the key, the first record with it
--- @field following table<integer, integer> by number, the next record with the same key, where the whole content is the key

--- @return string message
local function same_key(kept, n, record, packed)
  local line, _, shown = digests.unpack(kept.packed[n])
  local words = "lines %s and %s have the same key, %s"
  return words:format(line or n, digests.unpack(packed) or record.n, shown)
end

--- @return posthog.llm.dataset_file.Kept?
--- @return posthog.llm.Error? err
local function read_file(client, path, options, comparison)
  local source, err = sources.open(path, options)
  if not source then
    return nil, err
  end
  local found, fields = recognition.find(path, source, options)
  options.fields = fields
  err = not found and fields or recognition.tell(found, client, options.on_start, WHAT)
  local report = progress.records(options.on_progress, WHAT)
  local kept = { packed = {}, first = {}, following = {} }
  local last = {} -- by hash, the last of several records with it
  while not err do
    local record, packed, message
    record, err = source.next()
    if not record then
      break
    end
    packed, message = read_record(record, options, comparison)
    if packed then
      local hash, n = message, record.n
      local first = kept.first[hash]
      message = first and options.key ~= nil and same_key(kept, first, record, packed) or nil
      if first then
        kept.following[last[hash] or first] = n
        last[hash] = n
      else
        kept.first[hash] = n
      end
    end
    kept.packed[record.n] = packed or false
    err = message and failure(path, "%s", message) or report(record.n)
  end
  source.close()
  if err then
    return nil, err
  end
  return kept
end

local function entry_of(row, shown)
  return { id = row.id, key = shown ~= nil and json_text.excerpt(shown) or nil }
end

--- Finds the record of a row, and adds the row to the list it belongs to.
--- @param kept posthog.llm.dataset_file.Kept
local function compare_row(result, row, kept, comparison)
  local content = values.content(row)
  local text, shown = comparison.key(row, content)
  local hash = text and digests.hash_of(text)
  local n = hash and kept.first[hash]
  if not n then
    table.insert(result.removed, entry_of(row, shown))
    return
  end
  local line, digested = digests.unpack(kept.packed[n])
  kept.first[hash], kept.packed[n] = kept.following[n], false
  local names = digests.changed(digested, digests.digest(content, comparison.exact))
  if #names == 0 then
    result.same = result.same + 1
    return
  end
  local change = entry_of(row, shown)
  change.line, change.n, change.fields = line, n, names
  table.insert(result.changed, change)
end

local function id_of(entry)
  return display.clean(tostring(entry.id))
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
  local exact = values.tells_floats(dataset)
  local comparison = { exact = exact, key = key_function(options.key, exact) }
  local kept, err = read_file(client, path, options, comparison)
  if not kept then
    return nil, err
  end
  local result = { added = {}, removed = {}, changed = {}, same = 0 }
  local next_row, listed = listing(
    client.dataset_items,
    { dataset = dataset.id, revision = options.revision, limit = PAGE },
    options.prefetch
  )
  local report = progress.rows(options.on_progress, listed, WHAT)
  local rows = 0
  while not err do
    local row
    row, err = next_row()
    if not row then
      break
    end
    compare_row(result, row, kept, comparison)
    rows = rows + 1
    err = report(rows)
  end
  err = err or report(rows, true)
  if err then
    listed.cancel()
    return nil, err
  end
  for n, packed in ipairs(kept.packed) do
    if packed then
      local line, _, shown = digests.unpack(packed)
      table.insert(result.added, { n = n, line = line, key = shown })
    end
  end
  result.text = lines(result)
  return result
end

return diff
