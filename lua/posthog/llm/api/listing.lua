--- The rows of all pages, with failures as values: an iterator that raises
--- needs pcall, within which Lua 5.1 cannot wait.

local pages = require("posthog.llm.api.pages")

--- @class posthog.llm.Listed what the latest page has shown
--- @field total? integer rows in all
--- @field response? posthog.llm.Response

--- @param resource table client.datasets or client.dataset_items
--- @param options table for its `list`, with limit; not changed
--- @param prefetch? integer pages to read at the same time as the one that is needed; 0
--- @return fun(): table?, posthog.llm.Error? next_row
--- @return posthog.llm.Listed listed
local function listing(resource, options, prefetch)
  local listed = {}
  local function fetch(query)
    local page_options = {}
    for name, value in pairs(options) do
      page_options[name] = value
    end
    page_options.offset = tonumber(("&" .. (query or "")):match("&offset=(%d+)"))
    local page, err, response = resource:list(page_options)
    if type(page) == "table" then
      listed.total = type(page.count) == "number" and page.count or nil
      listed.response = response
    end
    return page, err, response
  end
  return pages.rows(fetch, ("limit=%d"):format(options.limit), prefetch or 0), listed
end

return listing
