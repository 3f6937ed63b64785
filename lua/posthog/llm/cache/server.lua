--- What a cache fetches from the server: a skill, a file, the list of all skills.

local clock = require("posthog.llm.clock")
local errors = require("posthog.llm.util.errors")
local json = require("posthog.llm.json")
local stats = require("posthog.llm.cache.stats")

local server = {}

local SHORTEST = 0.05 -- seconds for a call
local PAGE = 100 -- rows
local MOST_VERSION = 2 ^ 31
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

--- @param parts posthog.llm.CacheParts
--- @param entry posthog.llm.CacheEntry
--- @param skill posthog.llm.Skill
--- @return string? text
--- @return string|posthog.llm.Error note or the error
local function text_of_skill(parts, entry, skill)
  local note = server.note(skill)
  if not note or entry.version and skill.version ~= entry.version then
    local words = "the response has version %s where %s was expected"
    return nil,
      errors.new({
        kind = "decode",
        message = words:format(tostring(skill.version), entry.version or "an integer from 1"),
        call = "skills:get",
        host = parts.client._origin,
      })
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

local UUID = "^%x+%-%x+%-%x+%-%x+%-%x+$" -- the server finds a skill by this too

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
    return value.path == entry.path and type(value.content) == "string"
  elseif not entry.skill then
    return value.rows == nil or type(value.rows) == "table"
  end
  return server.note(value) ~= nil
    and server.note(value) == note
    and (value.name == entry.skill or entry.skill:find(UUID) ~= nil)
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
  end
  local kept = { path = file.path, content = file.content, content_type = file.content_type }
  return assert(json.encode(kept))
end

local function no_list()
  return "{}", nil, server.NO_LIST_SECONDS
end

local function add(rows, row)
  if type(row) == "table" and type(row.name) == "string" then
    rows[row.name] = server.note(row)
  end
end

--- The rows of the further pages; false: the project changed meanwhile.
local function read_on(parts, rows, page, response, ends)
  local version, offset = response.headers["X-Skills-Version"], #page.results
  while page.next and #page.results > 0 do
    local err
    page, err, response = parts.client.skills:list(options(parts, ends, {
      limit = PAGE,
      offset = offset,
    }))
    if not page then
      return nil, err
    elseif response.headers["X-Skills-Version"] ~= version then
      return false
    end
    for _, row in ipairs(page.results) do
      add(rows, row)
    end
    offset = offset + #page.results
  end
  return true
end

--- The list of all skills as far as a refresh needs it: { etag, rows = { name = note } }. `{}`: the
--- server has no ETag for it, and a call for each skill is cheaper, or it is too long. Where nothing has
--- changed in the project, the server sends no list, and the old one is as good as new.
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
  local page, err, response = parts.client.skills:list(options(parts, ends, {
    limit = PAGE,
    etag = known.etag,
  }))
  if page == true then
    return old
  elseif not page then
    return nil, err
  end
  local etag = response.headers.ETag
  if (page.count or 0) > (etag and MOST_ROWS or PAGE) then
    return no_list()
  end
  local rows = json.object({})
  for _, row in ipairs(page.results) do
    add(rows, row)
  end
  local whole
  whole, err = read_on(parts, rows, page, response, ends)
  if whole == nil then
    return nil, err
  end
  -- Where the project changed meanwhile, the next refresh reads all again.
  return assert(json.encode({ etag = whole and etag or nil, no_etag = not etag, rows = rows }))
end

return server
