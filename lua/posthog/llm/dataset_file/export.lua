--- Exports the item list of a dataset to a file, row by row.

local atomic_file = require("posthog.llm.util.atomic_file")
local clock = require("posthog.llm.host.clock")
local errors = require("posthog.llm.util.errors")
local guard = require("posthog.llm.dataset_file.guard")
local item_fields = require("posthog.llm.api.item_fields")
local listing = require("posthog.llm.api.listing")
local failure = require("posthog.llm.dataset_file.failure")
local on_raise = require("posthog.llm.util.on_raise")
local progress = require("posthog.llm.dataset_file.progress")
local stream = require("posthog.llm.dataset_file.stream")
local json_text = require("posthog.llm.util.json_text")
local values = require("posthog.llm.dataset_file.values")

local PAGE = 100 -- rows; API v2 gives 25 at most

--- @class posthog.llm.dataset_file.Format
--- @field first fun(names: string[]): string the beginning of the file
--- @field row fun(names: string[], row: table, is_first: boolean): string?, posthog.llm.Error?
--- @field last string the end of the file

local function object(names, row)
  local parts = {}
  for i, name in ipairs(names) do
    local value = row[name]
    local text, err = "null", nil
    if value ~= nil then
      text, err = json_text.encode(value)
    end
    if not text then
      return nil, err
    end
    parts[i] = json_text.name(name) .. text
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

--- A cell by RFC 4180 2.5 to 2.7. White space at the ends is quoted too, because some
--- readers would cut it.
local function quoted(cell)
  if cell:find('[",\r\n]') or cell:find("^%s") or cell:find("%s$") then
    return '"' .. cell:gsub('"', '""') .. '"'
  end
  return cell
end

local function cells(names, row)
  local parts = {}
  for i, name in ipairs(names) do
    local cell, err = values.to_cell(name, row[name])
    if not cell then
      return nil, err
    end
    parts[i] = quoted(cell)
  end
  if #parts == 1 and parts[1] == "" then
    parts[1] = '""' -- an empty line would be skipped
  end
  return table.concat(parts, ",") .. "\r\n"
end

--- @type table<string, posthog.llm.dataset_file.Format>
local FORMATS = {
  jsonl = {
    first = function()
      return ""
    end,
    row = function(names, row)
      local text, err = object(names, row)
      return text and text .. "\n", err
    end,
    last = "",
  },
  json = {
    first = function()
      return "["
    end,
    row = function(names, row, is_first)
      local text, err = object(names, row)
      return text and (is_first and "\n" or ",\n") .. text, err
    end,
    last = "\n]\n",
  },
  csv = {
    first = function(names)
      local parts = {}
      for i, name in ipairs(names) do
        parts[i] = quoted(name)
      end
      return table.concat(parts, ",") .. "\r\n"
    end,
    row = cells,
    last = "",
  },
}

--- @return string[] names
local function default_names(client, row)
  local api_version = client:profile() or (row.team_id ~= nil and "current") or "reference"
  local names = { "id" }
  for _, name in ipairs(item_fields.NAMES[api_version]) do
    names[#names + 1] = name
  end
  return names
end

--- Refuses a name that is no field of a row.
--- @return posthog.llm.Error? err
local function unknown_field(names, row)
  for _, name in ipairs(names) do
    if row[name] == nil and not values.is_field(name) then
      return failure(nil, "fields: a row has no field %q", name)
    end
  end
end

--- Writes all rows to a file that is open.
--- @return integer? rows
--- @return posthog.llm.Error? err
local function write_rows(file, format, names, next_row, report)
  local count = 0
  local _, err = file:write(format.first(names))
  while not err do
    local row, text
    row, err = next_row()
    if not row then
      break
    end
    err = count == 0 and unknown_field(names, row) or nil
    if not err then
      text, err = format.row(names, row, count == 0)
    end
    if text then
      _, err = file:write(text)
      count = count + 1
    end
    err = err or report(count)
  end
  if not err then
    _, err = file:write(format.last)
  end
  err = err or report(count, true)
  -- The last moment at which a task may be cancelled: one that is has no file.
  if not err and clock.sleep(0) == false then
    err = errors.new({ kind = "cancelled", message = "the export was given up" })
  end
  if err then
    return nil, err
  end
  return count
end

--- @param client posthog.llm.Client
--- @param dataset posthog.llm.Dataset
--- @param path string|fun(text: string): any, string?
--- @param format "jsonl"|"json"|"csv"
--- @param options table
--- @return { rows: integer, bytes: integer, sha256: string, revision?: integer }? result
--- @return posthog.llm.Error? err
local function export(client, dataset, path, format, options)
  local names = options.fields or default_names(client, dataset)
  local revision = options.revision
  if not revision and type(dataset.current_revision) == "number" then
    revision = dataset.current_revision -- writes during the export make no difference
  end
  local file, err
  if type(path) == "string" then
    file, err = atomic_file.open(path)
  else
    file = stream(path)
  end
  if not file then
    return nil, err
  end
  local next_row, listed = listing(
    client.dataset_items,
    { dataset = dataset.id, revision = revision, limit = PAGE },
    options.prefetch
  )
  local function abandon()
    listed.cancel()
    file:abandon()
  end
  local report = progress.rows(guard(options.on_progress, abandon), listed, "the export")
  local count, failed =
    on_raise(abandon, write_rows, file, FORMATS[format], names, next_row, report)
  if not count then
    abandon()
    return nil, failed
  end
  local digest
  digest, err = file:commit()
  if not digest then
    return nil, err
  end
  return {
    dataset = dataset.id,
    rows = count,
    bytes = file.bytes,
    sha256 = digest,
    revision = revision,
  }
end

return export
