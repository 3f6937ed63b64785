--- Skills: list, create, get, publish, archive, duplicate, resolve.

local responses = require("server.responses")
local fields = require("server.skill_fields")
local json = require("server.json")
local own_metadata = require("server.current.own_metadata")
local pages = require("server.pages")
local profile = require("server.profile")
local rows = require("server.skill_rows")
local settings = require("server.settings").values
local text = require("server.text")
local validate = require("server.validate")

local skills = {}

local RESOLVED = { "skill", "versions", "has_more" }

local ORDERS = {
  name = true,
  created_at = true,
  updated_at = true,
  version = true,
  latest_version = true,
  version_count = true,
}

--- The columns of one skill that lists are sorted by.
local function sortable(skill)
  local latest = skill.versions[#skill.versions]
  return {
    skill = skill,
    id = latest.id,
    name = skill.name,
    created_at = latest.created_at,
    updated_at = latest.updated_at,
    version = latest.version,
    latest_version = latest.version,
    version_count = latest.version,
  }
end

--- The list of those skills that also pass `wanted`.
--- @param wanted (fun(skill: table, latest: table): boolean)?
function skills.list_of(ctx, wanted)
  local search = text.trim(ctx.query.search or "")
  local found = {}
  for name, skill in pairs(ctx.project.skills) do
    local latest = skill.versions[#skill.versions]
    if
      (search == "" or text.contains(name, search) or text.contains(latest.description, search))
      and (not wanted or wanted(skill, latest))
    then
      found[#found + 1] = sortable(skill)
    end
  end
  local sign, column = (ctx.query.order_by or ""):match("^(%-?)(.*)$")
  if not ORDERS[column] then
    sign, column = "-", "created_at"
  end
  local sorted = pages.sorted(found, { { column, sign == "-" }, { "id", false } })
  return pages.response(ctx, sorted, function(row)
    return rows.write_row(row.skill)
  end, { default = 100 })
end

function skills.list(ctx)
  return skills.list_of(ctx)
end

function skills.create(ctx)
  local values = validate.body(ctx, fields.CREATE)
  if ctx.project.skills[values.name] then
    error(responses.invalid("name", "unique", "A skill with this name already exists."))
  end
  values.metadata = own_metadata.created(values.metadata)
  local skill = rows.insert(ctx.project, ctx.user, values.name, values)
  return responses.ok(rows.write(skill), 201)
end

function skills.get(ctx, name)
  local query = validate.query(ctx, fields.VERSION_QUERY)
  local skill = rows.find(ctx, name)
  return responses.ok(rows.write(skill, rows.version(skill, query.version)))
end

--- How often `part` occurs in `whole`, overlaps not counted; and where the first one is.
local function occurrences(whole, part)
  local first = whole:find(part, 1, true)
  local count, from = 0, first
  while from do
    count = count + 1
    from = whole:find(part, from + #part, true)
  end
  return count, first
end

--- Replaces each `old`, which has to occur exactly once at that time; throws otherwise.
local function apply_edits(whole, edits, path)
  for i, edit in ipairs(edits) do
    local count, first = occurrences(whole, edit.old)
    if count ~= 1 then
      local extra = { { "edit_index", i - 1 } }
      if path then
        extra[2] = { "file_path", path }
      end
      error(
        responses.plain(
          400,
          ("The text to replace occurs %d times in %s."):format(
            count,
            path and "'" .. path .. "'" or "the body"
          ),
          extra
        )
      )
    end
    whole = whole:sub(1, first - 1) .. edit.new .. whole:sub(first + #edit.old)
  end
  return whole
end

--- The files of `version` after the edits; the files themselves are copied, not changed.
local function edited_files(version, file_edits)
  local files = {}
  for i, file in ipairs(version.files) do
    files[i] = file
  end
  for _, edit in ipairs(file_edits) do
    local _, place = rows.file({ files = files }, edit.path)
    if not place then
      error(
        responses.plain(
          400,
          ("There is no file '%s' to edit."):format(edit.path),
          { { "file_path", edit.path } }
        )
      )
    end
    local file = files[place]
    files[place] = {
      path = file.path,
      content = apply_edits(file.content, edit.edits, file.path),
      content_type = file.content_type,
    }
  end
  return files
end

--- Throws the 400 of a description that was written when longer ones were allowed.
local function check_description(description)
  local max = profile().skill.max_description
  if text.length(description) > max then
    error(responses.plain(400, ("The description has more than %d characters."):format(max)))
  end
end

--- Whether the body has owners and, but for the base_version, nothing else that is known.
local function only_owners(values)
  for name in pairs(values) do
    if name ~= "owners" and name ~= "base_version" then
      return false
    end
  end
  return values.owners ~= nil
end

function skills.publish(ctx, name)
  rows.look_first(rows.find_named, ctx, name)
  local values = validate.body(ctx, fields.PUBLISH)
  if only_owners(values) then
    local skill = rows.find_named(ctx, name)
    rows.check_base(skill, values.base_version)
    skill.owners = values.owners
    return responses.ok(rows.write(skill))
  elseif not values.base_version then
    error(responses.invalid("base_version", "required", "This field is required."))
  end
  if values.body and values.edits then
    error(responses.invalid(nil, "invalid_input", "Give either body or edits, not both."))
  elseif values.files and values.file_edits then
    error(responses.invalid(nil, "invalid_input", "Give either files or file_edits, not both."))
  end
  local skill = rows.find_named(ctx, name)
  rows.check_base(skill, values.base_version)
  rows.check_room(skill)
  local latest = rows.version(skill)
  check_description(values.description or latest.description)
  if values.edits then
    values.body = apply_edits(latest.body, values.edits)
  end
  if values.file_edits then
    values.files = edited_files(latest, values.file_edits)
  end
  values.metadata = own_metadata.published(values.metadata, latest.metadata)
  skill.owners = values.owners or skill.owners
  rows.add_version(skill, ctx.user, values)
  return responses.ok(rows.write(skill))
end

function skills.archive(ctx, name)
  rows.find_named(ctx, name)
  if fields.is_locked(name) then
    error(responses.plain(settings.locked_status, "This skill is locked and cannot be archived."))
  end
  ctx.project.skills[name] = nil
  rows.moved(ctx.project)
  return responses.empty(204)
end

function skills.duplicate(ctx, name)
  rows.look_first(rows.find_named, ctx, name)
  local values = validate.body(ctx, fields.DUPLICATE)
  local latest = rows.version(rows.find_named(ctx, name))
  if ctx.project.skills[values.new_name] then
    error(responses.plain(400, "The name is taken.", { { "attr", "new_name" } }))
  end
  local content = setmetatable(
    { metadata = own_metadata.duplicated(latest.metadata) },
    { __index = latest }
  )
  local copy = rows.insert(ctx.project, ctx.user, values.new_name, content)
  return responses.ok(rows.write(copy), 201)
end

--- The version that `skill` of a resolve shows.
local function resolved(skill, query)
  local version = rows.version(skill, query.version)
  if not query.version_id or version.id == query.version_id then
    return version
  end
  if not query.version then
    for _, candidate in ipairs(skill.versions) do
      if candidate.id == query.version_id then
        return candidate
      end
    end
  end
  error(responses.plain(404, ("The skill '%s' has no such version."):format(skill.name)))
end

function skills.resolve(ctx, name)
  rows.look_first(rows.find_named, ctx, name)
  local query = validate.query(ctx, fields.RESOLVE_QUERY)
  if query.offset and query.before_version then
    error(
      responses.invalid(nil, "invalid_input", "Give either offset or before_version, not both.")
    )
  end
  local skill = rows.find_named(ctx, name)
  local version = resolved(skill, query)
  local newest = math.min(#skill.versions, (query.before_version or math.huge) - 1)
    - (query.offset or 0)
  local oldest = math.max(newest - (query.limit or 50) + 1, 1)
  local summaries = {}
  for number = newest, oldest, -1 do
    summaries[#summaries + 1] = rows.write_summary(skill, skill.versions[number])
  end
  return responses.ok(json.object(RESOLVED, {
    skill = json.raw(rows.write(skill, version)),
    versions = json.raw(json.list(summaries)),
    has_more = oldest > 1 and newest >= oldest,
  }))
end

return skills
