--- The rows that a create may have made whose answer was lost. The API has no
--- key by which to ask for them, so they are known by their content and time.

local compare = require("posthog.llm.util.compare")
local errors = require("posthog.llm.util.errors")
local json = require("posthog.llm.json")
local pages = require("posthog.llm.api.pages")
local api_version = require("posthog.llm.api.versions.api_version")
local times = require("posthog.llm.util.time")
local field_names = require("posthog.llm.api.versions.field_names")
local url = require("posthog.llm.http.url")

local PAGE = 50 -- rows; they may be large, and the one that is sought is new

--- Seconds that two clocks which are asked one after the other may differ by:
--- the server's parts, and the whole seconds of `Date`.
local SLACK = 5

--- How the fields of rows compare: JSON is kept exactly, plain ones are trimmed.
local KINDS = {
  input = "json",
  output = "json",
  expected_output = "json",
  source_output = "json",
  metadata = "json",
  ref_timestamp = "time",
  source_timestamp = "time",
  deleted = "mark",
}

local function instant(value)
  return type(value) == "string" and times.iso(value) or nil
end

local HAS = {
  json = compare.equal,
  time = function(sent, stored)
    return instant(sent) == instant(stored)
  end,
  mark = function(sent, stored)
    return (sent == true) == (stored == true)
  end,
}

--- @param row table
--- @param fields table with the values that the row's generation stores
local function has_fields(row, fields)
  for name, sent in next, fields do
    local same = HAS[KINDS[name]] or compare.field
    if not same(sent, row[name]) then
      return false
    end
  end
  return true
end

--- The time on the server's clock from which on rows count.
--- @param since number|string
--- @param response posthog.llm.Response that has just arrived
local function server_time(since, response)
  if type(since) == "string" then
    return times.iso(since)
  end
  local date = response.headers.date
  local now = date and times.http(date) or os.time()
  return since - SLACK + (now - os.time())
end

--- Reads from the newest row back to the first that is too old.
--- @param fetch fun(query: string): table?, posthog.llm.Error?, posthog.llm.Response? a page, newest first
--- @param fields table as they come back from the server (body.canonical)
--- @param since number|string
--- @return table[]? rows
--- @return posthog.llm.Error? err
--- @return posthog.llm.Response? response
local function find_created(fetch, fields, since)
  local response, earliest
  local filter = fields.dataset and ("dataset=%s&"):format(url.escape(fields.dataset)) or ""
  local next_row = pages.rows(function(query)
    local page, err, answer = fetch(query)
    response = answer
    earliest = earliest or (answer and server_time(since, answer))
    return page, err, answer
  end, ("%slimit=%d"):format(filter, PAGE), 0)
  local found = json.array({})
  local current = field_names.as_stored(fields)
  while true do
    local row, err = next_row()
    if err then
      return errors.failure(err, response)
    end
    local created = row and instant(row.created_at)
    if not row or (created and created < earliest) then
      return found, nil, response
    elseif has_fields(row, api_version.of(row) == "current" and current or fields) then
      found[#found + 1] = row
    end
  end
end

return find_created
