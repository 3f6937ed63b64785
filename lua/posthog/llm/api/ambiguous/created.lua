--- Finds the rows that a create with a lost response may have made. The API has no key to ask for
--- them, so they are recognised by their content and time.

local errors = require("posthog.llm.util.errors")
local json = require("posthog.llm.json")
local pages = require("posthog.llm.api.pages")
local api_version = require("posthog.llm.api.versions.api_version")
local server_clock = require("posthog.llm.http.server_clock")
local stored = require("posthog.llm.api.ambiguous.stored")
local times = require("posthog.llm.util.time")
local field_names = require("posthog.llm.api.versions.field_names")
local url = require("posthog.llm.http.url")

local PAGE_SIZE = 50 -- rows: they may be large, and the one to find is new

--- The earliest time, by the server's clock, at which the create can have made a row.
--- @param since number|string
--- @param response posthog.llm.Response one that has just arrived
local function server_time(since, response)
  if type(since) == "string" then
    return times.iso(since)
  end
  local now = os.time()
  return since - server_clock.SKEW + (response.server_time or now) - now
end

--- Reads from the newest row back to the first one that is too old.
--- @param fetch fun(query: string): table?, posthog.llm.Error?, posthog.llm.Response? a page, newest first
--- @param fields table the fields of the create, as body.canonical returns them
--- @param since number|string
--- @return table[]? rows
--- @return posthog.llm.Error? err
--- @return posthog.llm.Response? response
local function find_created(fetch, fields, since)
  local response, earliest
  local filter = fields.dataset and ("dataset=%s&"):format(url.escape(fields.dataset)) or ""
  local next_row = pages.rows(function(query)
    local page, err, page_response = fetch(query)
    response = page_response
    earliest = earliest or (page_response and server_time(since, page_response))
    return page, err, page_response
  end, ("%slimit=%d"):format(filter, PAGE_SIZE))
  local found = json.array({})
  local current = field_names.as_stored(fields)
  while true do
    local row, err = next_row()
    if err then
      return errors.failure(err, response)
    end
    local created = row and type(row.created_at) == "string" and times.iso(row.created_at)
    if not row or (created and created < earliest) then
      return found, nil, response
    end
    local wanted = api_version.of(row) == "current" and current or fields
    if stored.has_row_fields(row, wanted) ~= "differs" then
      found[#found + 1] = row
    end
  end
end

return find_created
