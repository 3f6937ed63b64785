--- Files of skills. Each write makes a new version of the skill.

local responses = require("server.responses")
local fields = require("server.skill_fields")
local json = require("server.json")
local rows = require("server.skill_rows")
local validate = require("server.validate")

local skill_files = {}

local FILE = { "path", "content", "content_type" }

--- The path that the target names: all slashes at its end are cut; throws when it is unusable.
local function target_path(path)
  path = fields.usable_path((path:gsub("/+$", "")))
  if not path then
    error(responses.plain(400, "That path is not usable."))
  end
  return path
end

--- A copy of the list of files, to be changed for the next version.
local function copied(files)
  local copy = {}
  for i, file in ipairs(files) do
    copy[i] = file
  end
  return copy
end

--- The skill, once it is known that it may get a new version based on `base`.
local function for_writing(ctx, name, base)
  local skill = rows.find_named(ctx, name)
  rows.check_base(skill, base)
  rows.check_room(skill)
  return skill, rows.version(skill)
end

function skill_files.get(ctx, name, path)
  rows.look_first(rows.find, ctx, name)
  local query = validate.query(ctx, fields.VERSION_QUERY)
  path = target_path(path)
  local skill = rows.find(ctx, name)
  local file = rows.file(rows.version(skill, query.version), path)
  if not file then
    rows.no_file(skill, path)
  end
  return responses.ok(json.object(FILE, file))
end

function skill_files.create(ctx, name)
  rows.look_first(rows.find_named, ctx, name)
  local values = validate.body(ctx, fields.FILE_CREATE)
  local skill, latest = for_writing(ctx, name, values.base_version)
  if rows.file(latest, values.path) then
    rows.path_taken(skill, values.path)
  end
  rows.check_file_room(#latest.files + 1)
  local files = copied(latest.files)
  files[#files + 1] = {
    path = values.path,
    content = values.content,
    content_type = values.content_type or "text/plain",
  }
  rows.add_version(skill, ctx.user, { files = files })
  return responses.ok(rows.write(skill), 201)
end

function skill_files.rename(ctx, name)
  rows.look_first(rows.find_named, ctx, name)
  local values = validate.body(ctx, fields.FILE_RENAME)
  if values.old_path == values.new_path then
    error(responses.invalid(nil, "invalid_input", "The new path has to differ from the old one."))
  end
  local skill, latest = for_writing(ctx, name, values.base_version)
  local file, place = rows.file(latest, values.old_path)
  if not file then
    rows.no_file(skill, values.old_path)
  end
  if rows.file(latest, values.new_path) then
    rows.path_taken(skill, values.new_path)
  end
  local files = copied(latest.files)
  files[place] = {
    path = values.new_path,
    content = file.content,
    content_type = file.content_type,
  }
  rows.add_version(skill, ctx.user, { files = files })
  return responses.ok(rows.write(skill))
end

function skill_files.delete(ctx, name, path)
  rows.look_first(rows.find_named, ctx, name)
  local query = validate.query(ctx, fields.FILE_DELETE_QUERY)
  path = target_path(path)
  local skill, latest = for_writing(ctx, name, query.base_version)
  local _, place = rows.file(latest, path)
  if not place then
    rows.no_file(skill, path)
  end
  local files = copied(latest.files)
  table.remove(files, place)
  rows.add_version(skill, ctx.user, { files = files })
  return responses.ok(rows.write(skill))
end

return skill_files
