--- Skills as rows: versions, files, outlines, and how they are written.
---
--- A skill is { project, name, versions, owners, category }, versions[n] the version n. Versions never
--- change once made. What is written of them is said by the profile.

local responses = require("server.responses")
local file_facts = require("server.current.file_facts")
local json = require("server.json")
local jsonb = require("server.jsonb")
local profile = require("server.profile")
local settings = require("server.settings").values
local skill_names = require("server.current.skill_names")
local spec_problems = require("server.current.spec_problems")
local store = require("server.store")
local text = require("server.text")
local times = require("server.times")

local skill_rows = {}

local SUMMARY = { "id", "version", "created_by", "created_at", "is_latest" }
local HEADING = { "level", "text" }

--- The headings of a text, found line by line: code fences are not known here.
local function outline(body)
  local texts = {}
  for line in body:gmatch("[^\r\n]+") do
    local marks, title = line:match("^(#+)[ \t]+(.-)[ \t]*$")
    if marks and #marks <= 6 then
      title = title:gsub("[ \t]+#+$", "")
      if title ~= "" then
        texts[#texts + 1] = json.object(HEADING, { level = #marks, text = title })
      end
    end
  end
  return json.list(texts)
end

local function manifest(files)
  local texts, shape = {}, profile().skill.file
  for i, file in ipairs(files) do
    texts[i] = json.object(shape, file_facts.of(file))
  end
  return json.list(texts)
end

--- The parts of a version that never change, as JSON, made once for each profile.
local function rendered(version)
  local made = version.rendered[settings.profile]
  if not made or made.digests ~= settings.file_digests then
    local tools = {}
    for i, tool in ipairs(version.allowed_tools) do
      tools[i] = json.string(tool)
    end
    made = {
      body = json.raw(json.string(version.body)),
      body_total_length = text.length(version.body),
      allowed_tools = json.raw(json.list(tools)),
      files = json.raw(manifest(version.files)),
      outline = json.raw(outline(version.body)),
      digests = settings.file_digests,
    }
    version.rendered[settings.profile] = made
  end
  return made
end

local function write_owners(skill)
  local texts = {}
  for i, owner in ipairs(skill.owners) do
    texts[i] = json.encode(owner.text)
  end
  return json.raw(json.list(texts))
end

--- What of a version does not hold to the specification of skills: each as JSON.
function skill_rows.problems(skill, version)
  local kept = version.problems
  if not kept or kept.name ~= skill.name then
    kept = { name = skill.name, list = spec_problems.of(skill.name, version) }
    version.problems = kept
  end
  return kept.list
end

--- @param part { body: string, next: integer? }? what stands for the whole body
local function write_as(shape, skill, version, part)
  local parts = rendered(version)
  local latest = #skill.versions
  return json.object(shape, {
    id = version.id,
    name = skill.name,
    description = version.description,
    body_total_length = parts.body_total_length,
    body_next_offset = part and part.next,
    body = part and part.body or parts.body,
    license = version.license,
    compatibility = version.compatibility,
    allowed_tools = parts.allowed_tools,
    metadata = version.metadata,
    category = skill.category,
    spec_problems = json.raw(json.list(skill_rows.problems(skill, version))),
    owners = write_owners(skill),
    files = parts.files,
    outline = parts.outline,
    version = version.version,
    version_description = version.version_description,
    created_by = version.created_by,
    created_at = times.format(version.created_at),
    updated_at = times.format(version.updated_at),
    deleted = false,
    is_latest = version.version == latest,
    latest_version = latest,
    version_count = latest,
    first_version_created_at = times.format(skill.versions[1].created_at),
  })
end

--- The full skill; the latest version when none is given. Of its body only a part, where given.
function skill_rows.write(skill, version, part)
  return write_as(profile().skill.shape, skill, version or skill.versions[#skill.versions], part)
end

local row_shapes = {} -- by profile

--- What a row of a list shows of a skill.
local function row_shape()
  local shape = row_shapes[settings.profile]
  if not shape then
    local traits = profile().skill
    shape = {}
    for _, key in ipairs(traits.shape) do
      if not traits.not_in_lists[key] then
        shape[#shape + 1] = key
      end
    end
    row_shapes[settings.profile] = shape
  end
  return shape
end

--- The row of a list.
function skill_rows.write_row(skill)
  return write_as(row_shape(), skill, skill.versions[#skill.versions])
end

--- The entry of a history.
function skill_rows.write_summary(skill, version)
  return json.object(SUMMARY, {
    id = version.id,
    version = version.version,
    created_by = version.created_by,
    created_at = times.format(version.created_at),
    is_latest = version.version == #skill.versions,
  })
end

--- The skill of that name, or throws the 404.
function skill_rows.find(ctx, name)
  local skill = ctx.project.skills[name]
  if not skill then
    error(responses.plain(404, ("There is no skill named '%s'."):format(name)))
  end
  return skill
end

--- The same for the actions that have the name in front: newer servers say more in the 404.
function skill_rows.find_named(ctx, name)
  local skill = ctx.project.skills[name]
  if not skill and profile().skill.explains then
    error(skill_names.not_found(ctx.project, name))
  end
  return skill or skill_rows.find(ctx, name)
end

--- Throws the 404 of a skill before the input is looked at, on servers that do so.
--- @param find function skill_rows.find or skill_rows.find_named
function skill_rows.look_first(find, ctx, name)
  if profile().skill.skill_first then
    find(ctx, name)
  end
end

--- The asked version, or the latest; throws the 404.
function skill_rows.version(skill, number)
  local version = skill.versions[number or #skill.versions]
  if not version then
    error(responses.plain(404, ("The skill '%s' has no version %d."):format(skill.name, number)))
  end
  return version
end

--- Throws the 409 of a stale base_version.
function skill_rows.check_base(skill, base)
  if base and base ~= #skill.versions then
    error(
      responses.plain(
        409,
        "Someone published a newer version; fetch it and try again.",
        { { "current_version", #skill.versions } }
      )
    )
  end
end

--- Throws the 400 of a skill that may not have more versions.
function skill_rows.check_room(skill)
  if #skill.versions >= settings.version_limit then
    error(
      responses.plain(
        400,
        ("This skill already has the maximum of %d versions."):format(settings.version_limit)
      )
    )
  end
end

--- Throws the 409 of a path that is taken. It has no current_version.
function skill_rows.path_taken(skill, path)
  error(responses.plain(409, ("The skill '%s' already has a file '%s'."):format(skill.name, path)))
end

--- Throws the 404 of a missing file.
function skill_rows.no_file(skill, path)
  error(responses.plain(404, ("There is no file '%s' in the skill '%s'."):format(path, skill.name)))
end

--- Throws the 400 of too many files.
function skill_rows.check_file_room(count)
  if count > settings.file_limit then
    error(
      responses.plain(
        400,
        ("This skill already has the maximum of %d files."):format(settings.file_limit)
      )
    )
  end
end

--- The file and its place, or nil.
function skill_rows.file(version, path)
  for i, file in ipairs(version.files) do
    if file.path == path then
      return file, i
    end
  end
end

local CARRIED =
  { "description", "body", "license", "compatibility", "allowed_tools", "metadata", "files" }

--- Notes that the list of the project's skills has changed; the number only grows.
function skill_rows.moved(project)
  project.skills_version = math.max(store.last, project.skills_version + 1)
end

--- Appends a version: what `changes` has, the rest carried over.
function skill_rows.add_version(skill, user, changes)
  local before = skill.versions[#skill.versions] or {}
  local version = {
    id = store.new_id(),
    version = #skill.versions + 1,
    created_by = user.text,
    created_at = store.now(),
    updated_at = store.now(),
    version_description = changes.version_description,
    rendered = {}, -- by profile
  }
  for _, name in ipairs(CARRIED) do
    version[name] = changes[name] == nil and before[name] or changes[name]
  end
  version.metadata = jsonb.kept(version.metadata)
  skill.versions[version.version] = version
  skill_rows.moved(skill.project)
  return version
end

--- The owners of a new skill that names none: who made it, where skills have owners.
local function first_owners(user)
  local owned = profile().skill.owned and settings.first_owner == "creator"
  return owned and user.uuid and { user } or {}
end

--- The category that the server gives to a name.
local function category_of(name)
  for prefix, category in pairs(profile().skill.categories) do
    if name:sub(1, #prefix) == prefix then
      return category
    end
  end
  return ""
end

--- Makes a skill with its version 1. Used by the endpoints and to seed many.
function skill_rows.insert(project, user, name, values)
  local skill = {
    project = project,
    name = name,
    versions = {},
    owners = values.owners or first_owners(user),
    category = values.category or category_of(name),
  }
  skill_rows.add_version(skill, user, {
    description = values.description,
    body = values.body,
    license = values.license or "",
    compatibility = values.compatibility or "",
    allowed_tools = values.allowed_tools or {},
    metadata = values.metadata or json.raw("{}"),
    files = values.files or {},
  })
  project.skills[name] = skill
  return skill
end

return skill_rows
