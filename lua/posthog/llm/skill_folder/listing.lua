--- The skills of a project by name, without their texts: one request where nothing has changed
--- since the last time and the server has an ETag for its list, else one a page.

local ahead = require("posthog.llm.http.ahead")
local errors = require("posthog.llm.util.errors")
local pages = require("posthog.llm.api.pages")
local root_lock = require("posthog.llm.skill_folder.root_lock")
local roots = require("posthog.llm.skill_folder.root")

local listing = {}

local PAGE = 100 -- the most that every server sends at once
local PROJECT_VERSION = "X-Skills-Version" -- grows with each version that anybody makes
local AHEAD = 7 -- further pages that are on their way meanwhile

--- @class posthog.llm.SkillListing
--- @field rows posthog.llm.SkillRow[] in order of names
--- @field by_name table<string, posthog.llm.SkillRow>
--- @field lock posthog.llm.SkillRootLock what the root is to remember

--- What of a row matters; a version without an id, or the other way, tells nothing.
local function row_of(skill)
  local is_known = type(skill.id) == "string"
    and type(skill.version) == "number"
    and skill.version % 1 == 0
  return {
    name = skill.name,
    version = is_known and skill.version or nil,
    id = is_known and skill.id or nil,
    created = tostring(skill.first_version_created_at or ""),
  }
end

--- The project that a list was asked of: one, whichever word its path has.
local function project_url(url)
  return (url:gsub("[?#].*$", ""):gsub("/api/environments/", "/api/projects/"))
end

--- All rows, beginning with a page that is there.
--- @return posthog.llm.SkillRow[]? rows
--- @return posthog.llm.Error|boolean err the error, or whether the tag of the first page tells of all:
---   it is the only one, or each has the same version of the project
local function all_rows(client, page, response)
  local requests = ahead.new(AHEAD)
  local version, is_told = response.headers[PROJECT_VERSION], true
  local function fetch(query)
    local offset = tonumber(query:match("offset=(%d+)"))
    if offset == 0 and page then
      local first = page
      page = nil
      return first, nil, response
    end
    local further, err, its =
      client.skills:list({ limit = PAGE, offset = offset, [ahead.OPTION] = requests })
    if further and (not version or its.headers[PROJECT_VERSION] ~= version) then
      is_told = false
    end
    return further, err, its
  end
  local rows = {}
  local next_row = pages.rows(fetch, ("limit=%d&offset=0"):format(PAGE), requests)
  while true do
    local skill, err = next_row()
    if err then
      return errors.failure(err)
    elseif not skill then
      break
    elseif type(skill.name) ~= "string" then
      return errors.failure(errors.new({ kind = "decode", message = "a row has no name" }))
    end
    rows[#rows + 1] = row_of(skill)
  end
  table.sort(rows, function(a, b)
    return a.name < b.name
  end)
  return rows, is_told
end

--- The tag of a list, if it can be kept in a file and sent again.
local function tag_of(response)
  local tag = response.headers.ETag
  return type(tag) == "string" and tag:find("^[\33-\126]+$") and tag or nil
end

--- Whether rows say enough for a list to be told by them the next time.
local function are_whole(rows)
  for _, row in ipairs(rows) do
    if not row.id then
      return false
    end
  end
  return true
end

--- @param sent? posthog.llm.Ahead
local function first_page(client, etag, sent)
  return client.skills:list({ limit = PAGE, offset = 0, etag = etag, [ahead.OPTION] = sent })
end

--- Sends the first request of `read`, which is then on its way while folders are looked at.
--- @param client posthog.llm.Client
--- @param lock? posthog.llm.SkillRootLock
--- @return posthog.llm.Ahead? sent for `read`
local function send(client, lock)
  local sent = ahead.of(client.skills)
  if sent then
    sent:send(function()
      first_page(client, lock and lock.etag, sent)
    end, PAGE)
  end
  return sent
end

--- @param client posthog.llm.Client
--- @param lock? posthog.llm.SkillRootLock of the last time
--- @param sent? posthog.llm.Ahead from `send`, for the same lock
--- @return posthog.llm.SkillListing? listing
--- @return posthog.llm.Error? err
function listing.read(client, lock, sent)
  local etag = lock and lock.etag
  local function read()
    return first_page(client, etag, sent)
  end
  local page, err, response
  if sent then
    page, err, response = sent:call(read, PAGE)
  else
    page, err, response = read()
  end
  if not page then
    return errors.failure(err)
  end
  local rows, is_told
  if page == true and not etag then
    return errors.failure(errors.no_content("list of skills"))
  elseif page == true then
    rows, is_told = lock.rows, true
  else
    rows, is_told = all_rows(client, page, response)
  end
  if not rows then
    return errors.failure(is_told)
  end
  local tag = page == true and etag or tag_of(response)
  local is_kept = tag and is_told and are_whole(rows)
  local by_name = {}
  for _, row in ipairs(rows) do
    by_name[row.name] = row
  end
  return {
    rows = rows,
    by_name = by_name,
    lock = {
      url = project_url(response.url),
      etag = is_kept and tag or nil,
      rows = is_kept and rows or {},
    },
  }
end

--- A root of folders and the skills of the project.
--- @param client posthog.llm.Client
--- @param dir string
--- @param meanwhile fun(root: posthog.llm.SkillRoot) called, once the folders are opened, while the
---   server makes its list
--- @return posthog.llm.SkillRoot? root
--- @return posthog.llm.SkillListing|posthog.llm.Error listing or why there is none
function listing.beside_root(client, dir, meanwhile)
  local root, err = roots.find(dir)
  if not root then
    return errors.failure(err)
  end
  local lock = root_lock.read(root.dir)
  local sent = send(client, lock)
  root:look()
  meanwhile(root)
  local server
  server, err = listing.read(client, lock, sent)
  if not server then
    return errors.failure(err)
  end
  return root, server
end

listing.NAME = root_lock.NAME

return listing
