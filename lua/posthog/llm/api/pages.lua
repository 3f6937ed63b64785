--- Paginated lists (doc/api.md 0.9).

local errors = require("posthog.llm.util.errors")
local hosts = require("posthog.llm.host")
local json = require("posthog.llm.json")

local pages = {}

--- One page of a list, as the server has sent it. The server may send fewer rows than `limit`: there are more
--- as long as `next` is not nil.
--- @class posthog.llm.Page
--- @field count integer rows of all pages, at the time of the response
--- @field next? string URL of the following page; nil: this is the last
--- @field previous? string URL of the page before
--- @field results table[] the rows

--- How many pages in a row, beyond the server's count of rows, may have no new row before an
--- iterator fails.
local MAX_STALE_PAGES = 20

pages.SHAPE = { results = "list" }

--- The page for a filter that matches nothing.
--- @return posthog.llm.Page
function pages.empty()
  return { count = 0, results = json.array({}) }
end

local function malformed(message, ...)
  return errors.new({ kind = "decode", message = message:format(...) })
end

--- The part of a path after the host's prefix, with one path scope in place of two, since a server
--- may use either in its links.
local function api_path(path)
  local rest = path:match("^.*(/api/.*)$") or path -- the prefix may hold one too
  return (rest:gsub("^/api/environments/", "/api/projects/"):gsub("/*$", "/"))
end

--- Reads the `next` of a page. Behind a proxy, the server may see another scheme, host and prefix
--- than the client does, so only the path and the query are used.
--- @param link any `next` of the response
--- @param requested string the URL of the request, without its query
--- @return string? query of the following page; nil: there is none
--- @return posthog.llm.Error?
function pages.next_query(link, requested)
  if link == nil or link == json.null then
    return nil
  elseif type(link) ~= "string" then
    return nil, malformed("the page's next is not a URL")
  end
  local rest = link:gsub("#.*", ""):gsub("^%a[%w+.-]*://[^/?]*", "")
  local path, query = rest:match("^([^?]*)%??(.*)$")
  if path ~= "" and api_path(path) ~= api_path(requested) then
    return nil, malformed("the page's next leads to another resource")
  elseif query:find("[%c ]") then
    return nil, malformed("the page's next contains a space or control character")
  end
  return query
end

local function offset_of(query)
  return tonumber((("&" .. (query or "")):match("[&?]offset=(%d+)"))) or 0
end

local function is_count(value)
  return type(value) == "number" and value >= 0
end

local function with_offset(query, offset)
  return (("&" .. query):gsub("&offset=%d+", ("&offset=%.0f"):format(offset), 1):sub(2))
end

--- Guesses the queries of further pages: pages have the same length, and the server counts the
--- rows.
--- @param query? string of the last page read
--- @param following string query of the next page
--- @param count any `count` of the last page read
--- @return fun(query: string): string? guess
local function guess_after(query, following, count)
  local step = offset_of(following) - offset_of(query)
  return function(from)
    local offset = offset_of(from) + step
    if is_count(count) and offset < count then
      return with_offset(from, offset)
    end
  end
end

--- Wraps a fetch so that it also reads the pages after the requested one, at the same time, if a
--- guess says which they are. Pages that were read ahead and are not requested next are discarded.
--- @param fetch fun(key: any): table?, posthog.llm.Error?, posthog.llm.Response?
--- @param ahead integer how many; 0: off
--- @return fun(key: any, guess?: fun(key: any): any): table?, posthog.llm.Error?, posthog.llm.Response?
function pages.fetch_ahead(fetch, ahead)
  if ahead == 0 then
    return fetch
  end
  local fetched = {} -- responses by key

  local function fetch_into_cache(key)
    return function()
      local page, err, response = fetch(key)
      fetched[key] = { page = page, err = err, response = response }
      return true
    end
  end

  return function(key, guess)
    if guess and not fetched[key] then
      local functions, wanted = {}, key
      while wanted and #functions <= ahead do
        functions[#functions + 1] = fetch_into_cache(wanted)
        wanted = guess(wanted)
      end
      fetched = {}
      hosts.current().gather(functions, #functions)
    end
    local entry = key ~= nil and fetched[key]
    if not entry then -- not read ahead; or a hook raised, and raises again here, to the caller
      return fetch(key)
    end
    fetched[key] = nil
    return entry.page, entry.err, entry.response
  end
end

--- An iterator over the rows of consecutive pages.
--- @param read fun(): table[]?, posthog.llm.Error?, posthog.llm.Response? rows of the next page;
---   nil without an error at the end
--- @param accept? fun(row: any): boolean, posthog.llm.Error? false: the row is skipped
--- @return fun(): any?, posthog.llm.Error?, posthog.llm.Response? next_row nil without an error at
---   the end
function pages.stream(read, accept)
  local rows, at = {}, 0
  return function()
    while true do
      while at < #rows do
        at = at + 1
        local row = rows[at]
        local accepted, err = true, nil
        if accept then
          accepted, err = accept(row)
        end
        if err then
          return nil, err
        elseif accepted then
          return row
        end
      end
      local following, err, response = read()
      rows, at = following or {}, 0
      if not following then
        return nil, err, response
      end
    end
  end
end

--- Tells new rows from those that were returned before: from all, or from the latest ones.
--- @param window? integer how many of the latest at least; memory does not grow beyond twice that
--- @return fun(id: any): boolean is_new
local function memory(window)
  local older, latest, count = {}, {}, 0
  return function(id)
    if latest[id] or older[id] then
      return false
    end
    latest[id], count = true, count + 1
    if count == window then
      older, latest, count = latest, {}, 0
    end
    return true
  end
end

--- An iterator over the rows of all pages. Offsets are counted from the newest row, so rows that
--- are created or deleted meanwhile shift the others. A row that has moved to the next page is
--- returned once. When the count has decreased by n, at most n rows can have moved into the pages
--- read before, so the next page begins n rows earlier.
--- @param fetch fun(query?: string): table?, posthog.llm.Error?, posthog.llm.Response? one page
--- @param first? string query of the first page
--- @param ahead integer pages to read beyond the one needed
--- @param identity? string a field that is unique among the rows; default "id"
--- @param window? integer a row may come again behind this many others; default: none does
--- @return fun(): table?, posthog.llm.Error?, posthog.llm.Response? next_row nil without an error
---   at the end
function pages.rows(fetch, first, ahead, identity, window)
  identity = identity or "id"
  local query, more, guess = first, true, nil
  fetch = pages.fetch_ahead(fetch, ahead)
  local is_new, stale = memory(window), 0
  local count -- rows of all pages, by the last page

  --- The query of a page that begins `gone` rows before the present one.
  local function step_back(gone)
    local offset = offset_of(query)
    if offset == 0 then
      return nil
    end
    return with_offset(query, math.max(0, offset - gone))
  end

  local read_page
  function read_page()
    if not more then
      return nil
    end
    local page, err, response = fetch(query, guess)
    if not page then
      return nil, err, response
    elseif page == true then -- 204
      return nil, malformed("the response is empty, not a page"), response
    end
    local gone = count and is_count(page.count) and count - page.count or 0
    count = is_count(page.count) and page.count or nil
    local again = gone > 0 and step_back(gone)
    if again then
      query, guess = again, nil
      stale = stale + 1
      if stale > MAX_STALE_PAGES then
        return nil,
          malformed("the count of rows went down %d times in a row", MAX_STALE_PAGES),
          response
      end
      return read_page()
    end
    local requested = response and response.url:match("^[^?]*") or ""
    local following
    following, err = pages.next_query(page.next, requested)
    if err then
      return nil, err, response
    elseif following and offset_of(following) <= offset_of(query) then
      local from, to = offset_of(query), offset_of(following)
      local words = "paging does not advance: the page at offset %.0f points to %.0f"
      return nil, malformed(words, from, to), response
    end
    guess = following and guess_after(query, following, page.count)
    query, more = following, following ~= nil
    if more and (not is_count(page.count) or offset_of(query) >= page.count) then
      stale = stale + 1
      if stale > MAX_STALE_PAGES then
        return nil, malformed("%d pages in a row had no new row", MAX_STALE_PAGES), response
      end
    end
    return page.results
  end

  return pages.stream(read_page, function(row)
    local id = type(row) == "table" and row[identity]
    if not id then
      return false, malformed("a row of the page has no %s", identity)
    elseif not is_new(id) then
      return false
    end
    stale = 0
    return true
  end)
end

return pages
