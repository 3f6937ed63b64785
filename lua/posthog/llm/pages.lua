--- Lists that come in pages (contract 0.9).

local core = require("posthog.llm.core")
local errors = require("posthog.llm.errors")

local pages = {}

--- @class posthog.llm.Page
--- @field count integer rows in all, at the time of the answer
--- @field next? string URL of the following page
--- @field previous? string
--- @field results table[]

--- Pages in a row, beyond the server's own count of rows, that may bring
--- nothing new before an iterator gives up.
local MOST_STALE_PAGES = 20

pages.SHAPE = { results = "list" }

--- The answer to a filter that nothing can pass.
--- @return posthog.llm.Page
function pages.empty()
  return { count = 0, results = core.array({}) }
end

local function bad(message, ...)
  return errors.new({ kind = "decode", message = message:format(...) })
end

--- The API's own part of a path: what follows the host's prefix, with the word
--- for the scope and the project as one, since a server may name either.
local function api_path(path)
  local rest = path:match("^.*(/api/.*)$") or path -- the prefix may hold one too
  return (rest:gsub("^/api/environments/", "/api/projects/"):gsub("/*$", "/"))
end

--- Reads the `next` of a page. Its scheme, host and prefix are those that the
--- server sees, maybe behind a proxy, so only its path and query count.
--- @param link any `next` as it came
--- @param asked string the path of the request, as it was sent
--- @return string? query of the following page; nil: there is none
--- @return posthog.llm.Error?
function pages.next_query(link, asked)
  if link == nil or link == core.null then
    return nil
  elseif type(link) ~= "string" then
    return nil, bad("the page's next is no URL")
  end
  local rest = link:gsub("#.*", ""):gsub("^%a[%w+.-]*://[^/?]*", "")
  local path, query = rest:match("^([^?]*)%??(.*)$")
  if path ~= "" and api_path(path) ~= api_path(asked) then
    return nil, bad("the page's next leads to another resource")
  elseif query:find("[%c ]") then
    return nil, bad("the page's next holds a space or control character")
  end
  return query
end

local function offset_of(query)
  return tonumber((("&" .. (query or "")):match("[&?]offset=(%d+)"))) or 0
end

--- Iterates over the rows of all pages. A row that moved to the next page
--- since the last one was read comes once. A failure raises the error table: a
--- silent end would look like a short list.
--- @param fetch fun(query?: string): table?, posthog.llm.Error?, posthog.llm.Response? one page
--- @param first? string query of the first page
--- @return fun(): table?
function pages.each(fetch, first)
  local query, more = first, true
  local rows, at = {}, 0
  local seen, stale = {}, 0

  local function read_page()
    local page, err, response = fetch(query)
    if not page then
      error(err, 0)
    elseif page == true then -- 204
      error(bad("the answer is no page"), 0)
    end
    rows, at = page.results, 0
    local asked = response and response.url:match("^[^?]*") or ""
    local following, problem = pages.next_query(page.next, asked)
    if problem then
      error(problem, 0)
    elseif following and offset_of(following) <= offset_of(query) then
      local from, to = offset_of(query), offset_of(following)
      error(bad("paging does not advance: the page at offset %.0f points to %.0f", from, to), 0)
    end
    query, more = following, following ~= nil
    if more and (type(page.count) ~= "number" or offset_of(query) >= page.count) then
      stale = stale + 1
      if stale > MOST_STALE_PAGES then
        error(bad("%d pages in a row brought nothing new", MOST_STALE_PAGES), 0)
      end
    end
  end

  return function()
    while true do
      while at < #rows do
        at = at + 1
        local row = rows[at]
        local id = type(row) == "table" and row.id
        if not id then
          error(bad("a row of the page has no id"), 0)
        elseif not seen[id] then
          seen[id], stale = true, 0
          return row
        end
      end
      if not more then
        rows, at = {}, 0
        return nil
      end
      read_page()
    end
  end
end

return pages
