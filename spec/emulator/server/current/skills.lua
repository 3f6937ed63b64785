--- What the current profile does otherwise with skills: filters, bodies in parts, renaming.

local responses = require("server.responses")
local auth = require("server.auth")
local etag = require("server.current.etag")
local fields = require("server.skill_fields")
local json = require("server.json")
local profile = require("server.profile")
local rows = require("server.skill_rows")
local skill_names = require("server.current.skill_names")
local skills = require("server.skills")
local text = require("server.text")
local validate = require("server.validate")

local current = {}

--- Code points of a body that come without being asked for.
local BODY_LENGTH = 8000

local GET_QUERY = {
  { "version", "integer", min = 1 },
  { "body_offset", "integer", min = 0 },
  { "body_length", "integer", min = 1 },
}

--- The user ids stay text: they may be larger than a number can hold.
local function user_id(value, attr)
  if not value:find("^%d+$") then
    error(responses.invalid(attr, "invalid_input", "A valid integer is required."))
  end
end

local LIST_QUERY = {
  { "created_by_id", "string", check = user_id },
  { "owner_id", "string", check = user_id },
  { "category", "string", blank = true },
}

local function has_owner(skill, user)
  for _, owner in ipairs(skill.owners) do
    if owner == user then
      return true
    end
  end
  return false
end

--- The headers by which a list can be asked for again.
local function list_headers(ctx)
  local version = ("1.0.%d"):format(ctx.project.skills_version)
  local query = ctx.target:match("%?(.*)$") or ""
  return {
    ["ETag"] = etag.of(version, ctx.project.id, ctx.raw_path, query),
    ["X-Skills-Version"] = version,
    ["Cache-Control"] = "private, no-cache",
  }
end

function current.list(ctx)
  local query = validate.query(ctx, LIST_QUERY, true)
  local headers = list_headers(ctx)
  if etag.matches(ctx, headers["ETag"]) then
    return responses.empty(304, headers)
  end
  local author = query.created_by_id and (auth.find_user("id", query.created_by_id) or {})
  local owner = query.owner_id and (auth.find_user("id", query.owner_id) or {})
  local response = skills.list_of(ctx, function(skill, latest)
    return (not author or latest.created_by == author.text)
      and (not owner or has_owner(skill, owner))
      and (not query.category or skill.category == query.category)
  end)
  for name, value in pairs(headers) do
    response.headers[name] = value
  end
  return response
end

--- The skill that one of whose versions has this id, or nil.
local function by_version_id(project, uuid)
  for _, skill in pairs(project.skills) do
    for _, version in ipairs(skill.versions) do
      if version.id == uuid then
        return skill
      end
    end
  end
end

--- The redirect from the id of a version to the name, or nil when `name` is none.
local function redirect(ctx, name)
  local uuid = not ctx.project.skills[name] and validate.uuid(name)
  local skill = uuid and by_version_id(ctx.project, uuid)
  if not skill then
    return nil
  end
  local query = ctx.target:match("%?.*$") or ""
  return responses.empty(
    302,
    { ["Location"] = ctx.prefix .. ctx.raw_path:gsub("[^/]+/?$", "") .. skill.name .. "/" .. query }
  )
end

--- The asked version, or throws a 404 that tells which there are.
function current.version(skill, number)
  if number and not skill.versions[number] then
    error(skill_names.no_version(skill, number))
  end
  return rows.version(skill, number)
end

function current.get(ctx, name)
  local elsewhere = redirect(ctx, name)
  if elsewhere then
    return elsewhere
  end
  local skill = rows.find_named(ctx, name)
  local query = validate.query(ctx, GET_QUERY)
  local version = current.version(skill, query.version)
  local body, next_offset =
    text.slice(version.body, query.body_offset or 0, query.body_length or BODY_LENGTH)
  return responses.ok(rows.write(skill, version, {
    body = json.raw(json.string(body)),
    next = next_offset,
  }))
end

--- The zip of one skill is for browsers: no scope of a key fits this action.
function current.refuse_export()
  return responses.denied("No scope of a key fits this action.")
end

--- The prefix of a name that stays as it is when the skill is renamed, or nil.
local function fixed_prefix(name)
  for prefix in pairs(profile().skill.categories) do
    if name:sub(1, #prefix) == prefix then
      return prefix
    end
  end
end

local function check_prefix(name, new_name, attr)
  local before, after = fixed_prefix(name), fixed_prefix(new_name)
  if before ~= after then
    error(
      responses.invalid(
        attr,
        "reserved_prefix",
        ("No skill is renamed into or out of '%s'."):format(after or before)
      )
    )
  end
end

function current.rename(ctx, name)
  local skill = rows.find_named(ctx, name)
  local values = validate.body(ctx, fields.DUPLICATE)
  local new_name = values.new_name
  check_prefix(name, new_name, "new_name")
  if new_name ~= name and ctx.project.skills[new_name] then
    error(responses.invalid("new_name", "unique", "A skill with this name already exists."))
  end
  ctx.project.skills[name] = nil
  skill.name = new_name
  ctx.project.skills[new_name] = skill
  rows.moved(ctx.project)
  return responses.ok(rows.write(skill))
end

return current
