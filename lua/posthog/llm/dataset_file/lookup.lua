--- Finds out which records of unknown outcome were created.
---
--- It is used only while no request of the import is in flight. The rows created
--- since the oldest of these records was sent are read back once. Rows that belong
--- to other records, or existed before, are left out; each of the rest is assigned to
--- at most one record. So of k equal records, as many are created as there are rows. A row that is
--- left over was made by somebody else, who may have made some of the others too.

local listing = require("posthog.llm.api.listing")
local server_clock = require("posthog.llm.http.server_clock")
local times = require("posthog.llm.util.time")
local json_text = require("posthog.llm.util.json_text")
local values = require("posthog.llm.dataset_file.values")

local PAGE = 50 -- rows: they may be large

local lookup = {}

--- Visits the rows created since a time, newest first.
--- @param since number by the server's clock
--- @param visit fun(row: table)
--- @return posthog.llm.Error? err
local function each_since(client, dataset, since, visit)
  local next_row = listing(client.dataset_items, { dataset = dataset, limit = PAGE })
  while true do
    local row, err = next_row()
    if not row then
      return err
    end
    local created = type(row.created_at) == "string" and times.iso(row.created_at)
    if created and created < since - server_clock.SKEW then
      return nil
    end
    visit(row)
  end
end

--- The ids of rows so recent that they could be taken for rows of this import.
--- @param client posthog.llm.Client
--- @param dataset string id
--- @param now number by the server's clock
--- @return string[]? ids
--- @return posthog.llm.Error? err
function lookup.there_before(client, dataset, now)
  local ids = {}
  local err = each_since(client, dataset, now - server_clock.SKEW, function(row)
    ids[#ids + 1] = row.id
  end)
  if err then
    return nil, err
  end
  return ids
end

--- Groups records by the text of their content.
local function by_text(records)
  local index = {}
  for _, record in ipairs(records) do
    local text = json_text.stored(record.content)
    index[text] = index[text] or {}
    table.insert(index[text], record)
  end
  return index
end

--- Finds records with the content of a row for which a codec of the caller's gives
--- another text: null equals absent here, and a float equals all its digits.
--- @return table[]? left the records with that content
local function alike(index, content)
  for _, left in pairs(index) do
    if left[1] and values.alike(left[1].content, content) then
      return left
    end
  end
end

--- @param client posthog.llm.Client
--- @param dataset string id
--- @param records { n: integer, at: number, content: table }[]
--- @param knows fun(id: string): boolean whether a row belongs to none of these records
--- @return table<integer, string>? made ids of rows, by the number of the record
--- @return posthog.llm.Error? err
--- @return table<string, true>? strangers digests of the rows that are of none of these records
function lookup.made(client, dataset, records, knows)
  local since = math.huge
  for _, record in ipairs(records) do
    since = math.min(since, record.at)
  end
  local index, made, others, strangers = by_text(records), {}, {}, {}
  local err = each_since(client, dataset, since, function(row)
    if not knows(row.id) then
      local content = values.content(row)
      local same = index[json_text.stored(content)]
      if same and same[1] then
        made[table.remove(same).n] = row.id
      elseif alike(index, content) then
        others[#others + 1] = { id = row.id, content = content }
      else
        strangers[values.digest(content)] = true
      end
    end
  end)
  if err then
    return nil, err
  end
  for _, row in ipairs(others) do -- after the rows with the very same text
    local left = alike(index, row.content)
    if left then
      made[table.remove(left).n] = row.id
    else
      strangers[values.digest(row.content)] = true
    end
  end
  return made, nil, strangers
end

return lookup
