--- The rows of all pages, with failures returned, not raised: to catch a raised one takes pcall,
--- through which Lua 5.1 cannot yield.

local json = require("posthog.llm.json")
local pages = require("posthog.llm.api.pages")

--- @class posthog.llm.Listed what the latest page says
--- @field total? integer rows of all pages
--- @field response? posthog.llm.Response

local PAGE_BYTES = 4194304 -- target for the size of a page, which has at least one row

--- How many rows a page may have, by the size of one of them.
--- @param page table
--- @param limit integer rows of this page
--- @return integer
local function rows_that_fit(page, limit)
  local rows = type(page.results) == "table" and page.results or {}
  local text = json.encode(rows[math.ceil(#rows / 2)])
  if not text then
    return limit
  end
  return math.max(1, math.min(limit, math.floor(PAGE_BYTES / #text)))
end

--- Pages get shorter where rows are large, so that what is read ahead stays small, and where a
--- response was too large for the client.
--- @param resource table client.datasets or client.dataset_items
--- @param options table for its `list`, with limit; not changed
--- @param prefetch? integer pages to read ahead, at the same time as the one needed; default 0
--- @param window? integer a row may come again behind this many others; default: none does
--- @return fun(): table?, posthog.llm.Error? next_row
--- @return posthog.llm.Listed listed
local function listing(resource, options, prefetch, window)
  local listed, limit = {}, options.limit
  local function fetch(query)
    local page_options = {}
    for name, value in pairs(options) do
      page_options[name] = value
    end
    page_options.offset = tonumber(("&" .. (query or "")):match("&offset=(%d+)"))
    page_options.limit = limit
    local page, err, response = resource:list(page_options)
    while err and err.kind == "too_large" and page_options.limit > 1 do
      page_options.limit = math.floor(page_options.limit / 2)
      limit = math.min(limit, page_options.limit)
      page, err, response = resource:list(page_options)
    end
    if type(page) == "table" then
      limit = rows_that_fit(page, limit)
      listed.total = type(page.count) == "number" and page.count or nil
      listed.response = response
    end
    return page, err, response
  end
  return pages.rows(fetch, ("limit=%d"):format(options.limit), prefetch or 0, nil, window), listed
end

return listing
