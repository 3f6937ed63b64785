--- Paginated lists (doc/api.md 0.9).

local errors = require("posthog.llm.util.errors")
local json = require("posthog.llm.json")
local shape = require("posthog.llm.http.shape")

local pages = {}

--- One page of a list, as the server has sent it. The server may send fewer rows than `limit`:
--- there are more as long as `next` is not nil.
--- @class posthog.llm.Page
--- @field count integer rows of all pages, at the time of the response
--- @field next? string URL of the following page; nil: this is the last
--- @field previous? string URL of the page before
--- @field results table[] the rows

--- How many pages in a row, beyond the server's count of rows, may have no new row before an
--- iterator fails.
local MAX_STALE_PAGES = 20

pages.SHAPE = { results = "list" }

--- The shape of a page, whose rows show what it was asked for by.
--- @param field string of the rows
--- @param wanted any a text, or a list of texts
--- @return table
function pages.shape(field, wanted)
  return { results = shape.each(field, wanted) }
end

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

--- The query of a page that begins `gone` rows before this one; nil: there is no row before it.
local function step_back(query, gone)
  local offset = offset_of(query)
  return offset > 0 and with_offset(query, math.max(0, offset - gone)) or nil
end

--- @return string? query of the page after this one; nil: it is the last
--- @return posthog.llm.Error?
local function query_after(page, query, response)
  local requested = response and response.url:match("^[^?]*") or ""
  local following, err = pages.next_query(page.next, requested)
  local from, to = offset_of(query), offset_of(following)
  if following and to <= from then
    local words = "paging does not advance: the page at offset %.0f points to %.0f"
    return nil, malformed(words, from, to)
  end
  return following, err
end

--- Guesses the queries of further pages: pages have the same length, and the server counts the
--- rows.
--- @param query? string of the last page read
--- @param following string query of the next page
--- @param count any `count` of the last page read
--- @param stop number the offset from which on no row is wanted
--- @return fun(query: string): string? guess
local function guess_after(query, following, count, stop)
  local step = offset_of(following) - offset_of(query)
  return function(from)
    local offset = offset_of(from) + step
    if is_count(count) and offset < math.min(count, stop) then
      return with_offset(from, offset)
    end
  end
end

--- Reads pages one after another, with the requests of the following ones on their way meanwhile,
--- if a guess says which they are. Those that turn out not to follow are cancelled.
--- @class posthog.llm.PageReader
--- @field private _fetch fun(key: any): table?, posthog.llm.Error?, posthog.llm.Response?
--- @field private _requests? posthog.llm.Ahead nil: none is read ahead
--- @field private _sent any[] keys of the pages on their way, in their order, from _first to _last
--- @field private _first integer
--- @field private _last integer
local Reader = {}
Reader.__index = Reader

--- @param fetch fun(key: any): table?, posthog.llm.Error?, posthog.llm.Response? makes the calls
---   for a page, with the option of `requests`
--- @param requests? posthog.llm.Ahead
--- @return posthog.llm.PageReader
function pages.reader(fetch, requests)
  return setmetatable(
    { _fetch = fetch, _requests = requests, _sent = {}, _first = 1, _last = 0 },
    Reader
  )
end

--- @private
function Reader:drop()
  if self._first <= self._last then
    self._requests:drop()
    self._sent, self._first, self._last = {}, 1, 0
  end
end

--- Sends the requests for this page and those after it, `most` in all, except for those that are on
--- their way.
--- @private
function Reader:send(key, guess, most)
  if self._sent[self._first] ~= key then
    self:drop()
  end
  while self._last - self._first + 1 < most do
    local following = self._first > self._last and key or guess(self._sent[self._last])
    if not following then
      return
    end
    self._last = self._last + 1
    self._sent[self._last] = following
    self._requests:send(self._fetch, following)
  end
end

--- Sends the requests for the pages that come next, as many as are to be on their way.
--- @param key any the key of the first of them
--- @param guess fun(key: any): any the key of the page after that one; nil: there is none
function Reader:ahead(key, guess)
  if self._requests then
    self:send(key, guess, self._requests.depth)
  end
end

--- Reads a page.
--- @param key any
--- @param guess? fun(key: any): any as for `ahead`
--- @return table? page
--- @return posthog.llm.Error? err
--- @return posthog.llm.Response? response
function Reader:page(key, guess)
  if not self._requests then
    return self._fetch(key)
  elseif guess then
    self:send(key, guess, self._requests.depth + 1)
  end
  if self._sent[self._first] == key and self._first <= self._last then
    self._sent[self._first] = nil
    self._first = self._first + 1
  else
    self:drop()
  end
  local page, err, response = self._requests:call(self._fetch, key)
  -- A page that is younger than those after it may lack a row that they do not have yet: one that
  -- was created meanwhile has moved it on.
  if page and (self._requests.missed or response and response.attempts > 1) then
    self:drop()
  end
  return page, err, response
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
--- @param requests? posthog.llm.Ahead that of the calls of `fetch`; nil: no page is read ahead
--- @param identity? string a field that is unique among the rows; default "id"
--- @param window? integer a row may come again behind this many others; default: none does
--- @return fun(): table?, posthog.llm.Error?, posthog.llm.Response? next_row nil without an error
---   at the end
--- @return nil
--- @return nil
--- @return table? closing for the loop `for` of Lua 5.4, which closes it when it is left
function pages.rows(fetch, first, requests, identity, window)
  identity = identity or "id"
  local query, more, guess = first, true, nil
  local reader = pages.reader(fetch, requests)
  local is_new, stale = memory(window), 0
  local count -- rows of all pages, by the last page
  local stop = offset_of(first) + (requests and requests.most or math.huge)

  local read_page
  function read_page()
    if not more then
      return nil
    end
    local page, err, response = reader:page(query, guess)
    if not page then
      return nil, err, response
    elseif page == true then -- 204
      return nil, malformed("the response is empty, not a page"), response
    end
    local gone = count and is_count(page.count) and count - page.count or 0
    count = is_count(page.count) and page.count or nil
    local again = gone > 0 and step_back(query, gone)
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
    local following
    following, err = query_after(page, query, response)
    if err then
      return nil, err, response
    end
    guess = following and guess_after(query, following, page.count, stop)
    query, more = following, following ~= nil
    if more and (not is_count(page.count) or offset_of(query) >= page.count) then
      stale = stale + 1
      if stale > MAX_STALE_PAGES then
        return nil, malformed("%d pages in a row had no new row", MAX_STALE_PAGES), response
      end
    end
    if more and offset_of(query) < stop then
      reader:ahead(query, guess)
    end
    return page.results
  end

  local next_row = pages.stream(read_page, function(row)
    local id = type(row) == "table" and row[identity]
    if not id then
      return false, malformed("a row of the page has no %s", identity)
    elseif not is_new(id) then
      return false
    end
    stale = 0
    return true
  end)
  return next_row, nil, nil, requests and requests:closing()
end

return pages
