--- What a cache fetches from the server: a skill, a file, the list of all skills.

local clock = require("posthog.llm.clock")
local errors = require("posthog.llm.util.errors")
local json = require("posthog.llm.json")
local stats = require("posthog.llm.cache.stats")

local server = {}

local SHORTEST = 0.05 -- seconds for a call
local PAGE = 100 -- rows
local NO_LIST = "{}"
local MOST_VERSION = 2 ^ 31
local MOST_HEADER = 1024 -- bytes
local MOST_SHOWN = 100 -- bytes of what an error shows
local MOST_ROWS = 1000 -- of a list that is worth reading
server.NO_LIST_SECONDS = 3600 -- until a server without ETag is asked again for one

--- Whether a field names people: who made a version, who owns the skill, and any other object that is a
--- user of the API, whatever the field is called.
local function is_personal(field, value)
  if type(field) == "string" and (field:find("_by$") or field:find("_by_ids?$")) then
    return true
  elseif field == "owner" or field == "owners" or field == "owner_id" or field == "owner_ids" then
    return true
  end
  return type(value) == "table" and (value.email ~= nil or value.distinct_id ~= nil)
end

--- Removes what names people, at any depth, in place. `metadata` is the writer's own, and stays.
--- @return boolean found
local function remove_people(values)
  local found = false
  for i = #values, 1, -1 do
    if is_personal(i, values[i]) then
      table.remove(values, i)
      found = true
    end
  end
  for field, value in pairs(values) do
    if is_personal(field, value) then
      values[field] = nil
      found = true
    elseif type(value) == "table" and field ~= "metadata" then
      found = remove_people(value) or found
    end
  end
  return found
end

local UUID = "^%x+%-%x+%-%x+%-%x+%-%x+$" -- the server finds a skill by this too

--- Whether a skill, or a copy of it, is the one that the entry is of.
local function is_of(entry, skill)
  return skill.name == entry.skill or entry.skill:find(UUID) ~= nil
end

--- A file's path; the server may have made slashes of its backslashes.
local function is_path_of(entry, file)
  return file.path == entry.path or file.path == entry.path:gsub("\\", "/")
end

local function other(parts, call, what, found, expected)
  return nil,
    errors.new({
      kind = "decode",
      message = ("the response has %s %s where %s was expected"):format(
        what,
        tostring(found):sub(1, MOST_SHOWN),
        expected
      ),
      call = call,
      host = parts.client._origin,
    })
end

--- @param parts posthog.llm.CacheParts
--- @param entry posthog.llm.CacheEntry
--- @param skill posthog.llm.Skill
--- @return string? text
--- @return string|posthog.llm.Error note or the error
local function text_of_skill(parts, entry, skill)
  local note = server.note(skill)
  if not note or entry.version and skill.version ~= entry.version then
    local expected = entry.version or "an integer from 1"
    return other(parts, "skills:get", "version", skill.version, expected)
  elseif not is_of(entry, skill) then
    return other(parts, "skills:get", "the skill", skill.name, entry.skill)
  end
  if not parts.keep_users then
    remove_people(skill)
  end
  return assert(json.encode(skill)), note
end

--- What tells one version from all others, that of a skill which was archived and made again too.
--- @param skill posthog.llm.Skill
--- @return string? note nil: it has no usable version or id
function server.note(skill)
  local version, id = skill.version, skill.id
  if type(id) ~= "string" or type(version) ~= "number" then
    return nil
  elseif version < 1 or version > MOST_VERSION or version % 1 ~= 0 then
    return nil
  end
  return ("%d %s"):format(skill.version, skill.id)
end

--- A header of a list that can be kept as JSON, and sent again.
local function header(value)
  local is_plain = type(value) == "string" and #value <= MOST_HEADER
  return is_plain and value:find("^[\33-\126]+$") and value or nil
end

--- Whether a text that came from Redis is a copy of the entry: whoever can write there, another program
--- or an older version of this one, may have left anything.
--- @param parts posthog.llm.CacheParts
--- @param entry posthog.llm.CacheEntry
--- @param text string
--- @param note? string
--- @return boolean
function server.is_copy(parts, entry, text, note)
  local value = json.decode(text)
  if type(value) ~= "table" then
    return false
  elseif entry.path then
    return is_path_of(entry, value) and type(value.content) == "string"
  elseif not entry.skill then
    return (value.rows == nil or type(value.rows) == "table")
      and (value.etag == nil or header(value.etag) ~= nil)
  end
  return server.note(value) ~= nil
    and server.note(value) == note
    and is_of(entry, value)
    and (value.body == nil or type(value.body) == "string")
    and (not entry.version or value.version == entry.version)
    and (parts.keep_users or not remove_people(value))
end

--- The options of a call that has to be over in time. Every call counts.
local function options(parts, ends, own)
  stats.count(parts.store.dict, "requests")
  own.deadline = math.max(ends - clock.now(), SHORTEST)
  return own
end

--- @param parts posthog.llm.CacheParts
--- @param entry posthog.llm.CacheEntry
--- @param ends number on the clock's time
--- @return string? text
--- @return string|posthog.llm.Error note or the error
function server.skill(parts, entry, ends)
  local skill, err =
    parts.client.skills:get(entry.skill, options(parts, ends, { version = entry.version }))
  if not skill then
    return nil, err
  end
  return text_of_skill(parts, entry, skill)
end

--- @param parts posthog.llm.CacheParts
--- @param entry posthog.llm.CacheEntry
--- @param ends number on the clock's time
--- @return string? text
--- @return posthog.llm.Error?
function server.file(parts, entry, ends)
  local file, err = parts.client.skills:file(
    entry.skill,
    entry.path,
    options(parts, ends, { version = entry.version })
  )
  if not file then
    return nil, err
  elseif not is_path_of(entry, file) then
    return other(parts, "skills:file", "the file", file.path, entry.path)
  end
  local kept = { path = file.path, content = file.content, content_type = file.content_type }
  return assert(json.encode(kept))
end

local function no_list()
  return NO_LIST, nil, server.NO_LIST_SECONDS
end

--- The seconds for which a text of the list may be fresh, where they are not the `ttl`.
--- @param text string
--- @return number?
function server.longest(text)
  return text == NO_LIST and server.NO_LIST_SECONDS or nil
end

--- Adds the rows of a page.
--- @return boolean any that was not there
local function add(rows, page)
  local any = false
  for _, row in ipairs(page.results) do
    if type(row) == "table" and type(row.name) == "string" then
      any = any or not rows[row.name]
      rows[row.name] = server.note(row)
    end
  end
  return any
end

--- The rows of the further pages. The tag is that of the first page: it tells of the others only where
--- the server counts the versions of the whole project.
--- @return boolean? whole false: the project changed meanwhile, the pages have no end, or nothing
---   shows the next time whether they have changed
--- @return posthog.llm.Error? err
local function read_on(parts, rows, page, version, ends)
  local offset, whole = #page.results, true
  while page.next and #page.results > 0 do
    if offset >= MOST_ROWS or clock.now() >= ends then
      return false
    end
    local err, response
    page, err, response = parts.client.skills:list(options(parts, ends, {
      limit = PAGE,
      offset = offset,
    }))
    if not page then
      return nil, err
    elseif not add(rows, page) and page.next then
      return false
    end
    whole = whole and version ~= nil and header(response.headers["X-Skills-Version"]) == version
    offset = offset + #page.results
  end
  return whole
end

--- The first page of the list; `true`: nothing has changed in the project.
local function first_page(parts, ends, known)
  local page, err, response = parts.client.skills:list(options(parts, ends, {
    limit = PAGE,
    etag = known.etag,
  }))
  local version = page == true and header(response.headers["X-Skills-Version"])
  if version and version ~= known.version then
    return first_page(parts, ends, {})
  end
  return page, err, response
end

--- The list of all skills as far as a refresh needs it: { etag, version, rows = { name = note } },
--- version that of the project. `{}`: the server has no ETag for it, and a call for each skill is
--- cheaper, or it is too long. Where nothing has changed in the project, the server sends no list, and
--- the old one is as good as new.
--- @param parts posthog.llm.CacheParts
--- @param _ posthog.llm.CacheEntry
--- @param ends number on the clock's time
--- @param old? string the text that it had
--- @return string? text
--- @return posthog.llm.Error?
--- @return number? seconds
function server.list(parts, _, ends, old)
  local known = old and json.decode(old) or {}
  if known.no_etag then
    return no_list()
  end
  local page, err, response = first_page(parts, ends, known)
  if page == true then
    return old
  elseif not page then
    return nil, err
  end
  local etag = header(response.headers.ETag)
  local version = header(response.headers["X-Skills-Version"])
  local count = type(page.count) == "number" and page.count or 0
  if count > (etag and MOST_ROWS or PAGE) then
    return no_list()
  end
  local rows = json.object({})
  add(rows, page)
  local whole
  whole, err = read_on(parts, rows, page, version, ends)
  if whole == nil then
    return nil, err
  end
  -- Where the list is not whole, the next refresh reads all again.
  return assert(json.encode({
    etag = whole and etag or nil,
    version = version,
    no_etag = not etag,
    rows = rows,
  }))
end

return server
