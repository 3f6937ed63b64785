--- What the bodies of skill requests may hold.

local responses = require("server.responses")
local auth = require("server.auth")
local profile = require("server.profile")
local settings = require("server.settings").values
local text = require("server.text")
local validate = require("server.validate")

local skill_fields = {}

local MAX_BYTES = 1000000

--- Whether a list of names, separated by blanks, has this one.
local function is_listed(names, name)
  return (" " .. names .. " "):find(" " .. name .. " ", 1, true) ~= nil
end

--- Throws unless it can be the name of a skill.
local function check_name(name, attr)
  if name:find("[^a-z0-9-]") or ("-" .. name .. "-"):find("--", 1, true) then
    error(
      responses.invalid(
        attr,
        "invalid_name",
        "Use lower case letters, digits and single inner hyphens only."
      )
    )
  end
  if profile().skill.reserved[name] then
    error(responses.invalid(attr, "reserved_name", "This name is reserved."))
  end
end

--- The same for one that is created: those that PostHog brings itself are taken.
local function check_new_name(name, attr)
  check_name(name, attr)
  if profile().skill.bundles and is_listed(settings.bundled_skills, name) then
    error(responses.invalid(attr, "reserved_name", "A skill of PostHog has this name."))
  end
end

--- Whether PostHog keeps others from archiving this skill.
function skill_fields.is_locked(name)
  return profile().skill.bundles and is_listed(settings.locked_skills, name)
end

--- The path that a file gets, or nil when it may not have it: relative, without `..`; a backslash
--- counts as a slash here. Newer servers also put a slash in its place, and refuse more.
function skill_fields.usable_path(path)
  local slashed = path:gsub("\\", "/")
  local walled = "/" .. slashed .. "/"
  if path == "" or slashed:sub(1, 1) == "/" or walled:find("/../", 1, true) then
    return nil
  end
  if not profile().skill.strict_paths then
    return path
  end
  if walled:find("/%.?/") or slashed:find("%c") or slashed:lower() == "skill.md" then
    return nil
  end
  return slashed
end

local function check_path(path, attr)
  local usable = skill_fields.usable_path(path)
  if not usable then
    error(responses.invalid(attr, "invalid_input", "That path is not usable."))
  end
  return usable
end

local function check_description(description, attr)
  local max = profile().skill.max_description
  if text.length(description) > max then
    error(
      responses.invalid(
        attr,
        "max_length",
        ("Ensure this field has no more than %d characters."):format(max)
      )
    )
  end
end

local function check_tools(tools, attr)
  for _, tool in ipairs(tools) do
    if profile().skill.spaceless_tools and text.has_space(tool) then
      error(responses.invalid(attr, "invalid_input", "Tool names cannot contain whitespace."))
    end
  end
end

--- Whether skills have owners, and versions descriptions.
local function owned()
  return profile().skill.owned
end

local MAX_OWNERS = 25

--- The accounts with these UUIDs, each once.
local function check_owners(uuids, attr)
  if #uuids > MAX_OWNERS then
    error(
      responses.invalid(
        attr,
        "max_length",
        ("Ensure this field has no more than %d elements."):format(MAX_OWNERS)
      )
    )
  end
  local wanted, owners = {}, {}
  for i, written in ipairs(uuids) do
    local uuid = validate.uuid(written)
    if not uuid then
      error(
        responses.invalid(("%s__%d"):format(attr, i - 1), "invalid_input", "Must be a valid UUID.")
      )
    end
    local user = auth.find_user("uuid", uuid)
    if not user then
      error(responses.invalid(attr, "does_not_exist", "There is no such user here."))
    end
    if not wanted[uuid] then
      owners[#owners + 1] = user
    end
    wanted[uuid] = true
  end
  return owners
end

--- Throws when a list of files is too long or names a path twice.
local function check_files(files, attr)
  if #files > settings.file_limit then
    error(
      responses.invalid(
        attr,
        "max_count",
        ("A skill has at most %d files."):format(settings.file_limit)
      )
    )
  end
  local seen = {}
  for _, file in ipairs(files) do
    file.content_type = file.content_type or "text/plain"
    if seen[file.path] then
      error(responses.invalid(attr, "unique", ("The path '%s' occurs twice."):format(file.path)))
    end
    seen[file.path] = true
  end
end

local PATH = { "path", "string", required = true, max = 500, check = check_path }
local CONTENT = { "content", "string", required = true, max_bytes = MAX_BYTES }
local CONTENT_TYPE = { "content_type", "string", max = 100 }
local FILES = { "files", "objects", fields = { PATH, CONTENT, CONTENT_TYPE }, check = check_files }
local LICENSE = { "license", "string", blank = true, max = 255 }
local COMPATIBILITY = { "compatibility", "string", blank = true, max = 500 }
local ALLOWED_TOOLS = { "allowed_tools", "strings", check = check_tools }
local METADATA = { "metadata", "object" }
local OWNERS = { "owners", "strings", check = check_owners, when = owned }
local BASE_VERSION = { "base_version", "integer", min = 1 }

local EDIT = {
  { "old", "string", required = true },
  { "new", "string", required = true, blank = true },
}
local EDITS = { "edits", "objects", min = 1, fields = EDIT }
local FILE_EDITS = {
  "file_edits",
  "objects",
  min = 1,
  fields = {
    { "path", "string", required = true, max = 500 },
    { "edits", "objects", required = true, min = 1, fields = EDIT },
  },
}

skill_fields.CREATE = {
  { "name", "string", required = true, max = 64, check = check_new_name },
  { "description", "string", required = true, check = check_description },
  { "body", "string", required = true, max_bytes = MAX_BYTES },
  LICENSE,
  COMPATIBILITY,
  ALLOWED_TOOLS,
  METADATA,
  FILES,
  OWNERS,
}

skill_fields.PUBLISH = {
  { "body", "string", max_bytes = MAX_BYTES },
  EDITS,
  { "description", "string", check = check_description },
  LICENSE,
  COMPATIBILITY,
  ALLOWED_TOOLS,
  METADATA,
  FILES,
  FILE_EDITS,
  OWNERS,
  { "version_description", "string", blank = true, max = 400, when = owned },
  BASE_VERSION, -- required unless there are only owners
}

skill_fields.DUPLICATE = { { "new_name", "string", required = true, max = 64, check = check_name } }

skill_fields.FILE_CREATE = { PATH, CONTENT, CONTENT_TYPE, BASE_VERSION }

skill_fields.FILE_RENAME = {
  { "old_path", "string", required = true, max = 500 },
  { "new_path", "string", required = true, max = 500, check = check_path },
  BASE_VERSION,
}

skill_fields.FILE_DELETE_QUERY = { BASE_VERSION }

skill_fields.VERSION_QUERY = { { "version", "integer", min = 1 } }

skill_fields.RESOLVE_QUERY = {
  { "version", "integer", min = 1 },
  { "version_id", "uuid" },
  { "limit", "integer", min = 1, max = 100 },
  { "offset", "integer", min = 0 },
  { "before_version", "integer", min = 1 },
}

return skill_fields
