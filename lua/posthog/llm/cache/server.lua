--- What a cache fetches from the server: a skill, a file, the list of all skills.

local clock = require("posthog.llm.clock")
local json = require("posthog.llm.json")
local stats = require("posthog.llm.cache.stats")

local server = {}

local SHORTEST = 0.05 -- seconds for a call
local PAGE = 100 -- rows
local MOST_ROWS = 1000 -- of a list that is worth reading
local NO_LIST_SECONDS = 3600 -- until a server without ETag is asked again for one

--- Fields that name people: who made a version (its name and e-mail address), who owns the skill.
local function is_personal(field)
  return field == "owners" or field:find("_by$") ~= nil
end

--- @param parts posthog.llm.CacheParts
--- @param skill posthog.llm.Skill
--- @return string text
--- @return string note
local function text_of_skill(parts, skill)
  local kept = {}
  for field, value in pairs(skill) do
    if parts.keep_users or not is_personal(field) then
      kept[field] = value
    end
  end
  return assert(json.encode(kept)), server.note(skill)
end

--- What tells one version from all others, that of a skill which was archived and made again too.
--- @param skill posthog.llm.Skill
--- @return string
function server.note(skill)
  return ("%d %s"):format(skill.version, skill.id)
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
  return text_of_skill(parts, skill)
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
  return "{}", nil, NO_LIST_SECONDS
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
      rows[row.name] = server.note(row)
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
    rows[row.name] = server.note(row)
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
