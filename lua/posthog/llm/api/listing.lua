--- The rows of all pages, with failures returned, not raised: to catch a raised one takes pcall,
--- through which Lua 5.1 cannot yield.

local pages = require("posthog.llm.api.pages")

--- @class posthog.llm.Listed what the latest page says
--- @field total? integer rows of all pages
--- @field response? posthog.llm.Response

--- @param resource table client.datasets or client.dataset_items
--- @param options table for its `list`, with limit; not changed
--- @param prefetch? integer pages to read ahead, at the same time as the one needed; default 0
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
