--- The rows of all pages, with failures returned, not raised: to catch a raised one takes pcall,
--- through which Lua 5.1 cannot yield.

local ahead = require("posthog.llm.http.ahead")
local json = require("posthog.llm.json")
local pages = require("posthog.llm.api.pages")

--- @class posthog.llm.Listed what the latest page says
--- @field total? integer rows of all pages
--- @field response? posthog.llm.Response
--- @field cancel fun() cancels what is on its way: no more rows are taken

local PAGE_BYTES = 4194304 -- target for the size of a page, which has at least one row

--- Pages to read ahead for each connection, where nothing else is asked for. One page for each would
--- leave the connections idle while the rows of a slow response are awaited; with four, responses
--- that take five times as long as others, a tenth of all, hold up little.
local AHEAD = 4
local AHEAD_BYTES = 8388608 -- of the pages that are read ahead
local LEAST_AHEAD = 2 -- pages, whatever their size
-- The number begins with the least, and doubles with each page that is used: whoever takes only the
-- first rows has not asked the server for thirty pages.
local GROWTH = 2

--- The size of a page by its middle row.
--- @param page table
--- @return integer rows
--- @return number bytes of one
local function size_of(page)
  local rows = type(page.results) == "table" and page.results or {}
  local text = json.encode(rows[math.ceil(#rows / 2)])
  return #rows, text and #text or 1
end

--- Pages get shorter where rows are large, so that what is read ahead stays small, and where a
--- response was too large for the client.
--- @param resource table client.datasets or client.dataset_items
--- @param options table for its `list`, with limit; not changed
--- @param prefetch? integer|"auto" pages that are on their way while the rows of one are used;
---   "auto": as many as are useful, and fewer where they are large; default 0
--- @param window? integer a row may come again behind this many others; default: none does
--- @param most? integer rows that are wanted: no page beyond them is read ahead; default: all
--- @return fun(): table?, posthog.llm.Error? next_row
--- @return posthog.llm.Listed listed
local function listing(resource, options, prefetch, window, most)
  local listed, limit = {}, options.limit
  local connections, is_auto = resource._connections, prefetch == "auto"
  local depth = is_auto and LEAST_AHEAD or prefetch or 0
  -- Something of the caller's own in place of a resource may not know what it is to send ahead.
  local requests = connections and depth > 0 and ahead.new(depth) or nil
  if requests then
    requests.most = most
  end

  --- Fits what is asked for to the size of the rows.
  local function adapt(page)
    local rows, bytes = size_of(page)
    local fitting = math.max(1, math.floor(PAGE_BYTES / bytes))
    if fitting < rows then -- a server that sends fewer than asked for would send as many again
      limit = math.min(limit, fitting)
    end
    if is_auto and requests then
      local fitting_pages = math.floor(AHEAD_BYTES / (math.max(1, rows) * bytes))
      local useful = math.min(connections * AHEAD - 1, fitting_pages)
      requests.depth = math.max(LEAST_AHEAD, math.min(depth, useful))
      depth = requests.depth * GROWTH
    end
  end

  local function fetch(query)
    local page_options = { [ahead.OPTION] = requests }
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
      adapt(page)
      listed.total = type(page.count) == "number" and page.count or nil
      listed.response = response
    end
    return page, err, response
  end

  function listed.cancel()
    if requests then
      requests:drop()
    end
  end

  local next_row = pages.rows(fetch, ("limit=%d"):format(options.limit), requests, nil, window)
  return next_row, listed
end

return listing
