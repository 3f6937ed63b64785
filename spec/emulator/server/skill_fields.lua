--- What the bodies of skill requests may hold.

local answers = require("server.answers")
local settings = require("server.settings").values

local skill_fields = {}

local MAX_BYTES = 1000000

--- Throws unless it can be the name of a new skill.
local function check_name(name, attr)
  if name:find("[^a-z0-9-]") or ("-" .. name .. "-"):find("--", 1, true) then
    error(answers.invalid(attr, "invalid_name",
      "Use lower case letters, digits and single inner hyphens only."))
  end
  if name == "new" then
    error(answers.invalid(attr, "reserved_name", "This name is reserved."))
  end
end

--- Whether a file may have this path: relative, without `..`; a backslash counts as a slash here.
function skill_fields.usable_path(path)
  path = path:gsub("\\", "/")
  return path ~= "" and path:sub(1, 1) ~= "/" and not ("/" .. path .. "/"):find("/../", 1, true)
end

local function check_path(path, attr)
  if not skill_fields.usable_path(path) then
    error(answers.invalid(attr, "invalid_input", "That path is not usable."))
  end
end

--- Throws when a list of files is too long or names a path twice.
local function check_files(files, attr)
  if #files > settings.file_limit then
    error(answers.invalid(attr, "max_count", ("A skill has at most %d files."):format(
      settings.file_limit)))
  end
  local seen = {}
  for _, file in ipairs(files) do
    file.content_type = file.content_type or "text/plain"
    if seen[file.path] then
      error(answers.invalid(attr, "unique", ("The path '%s' occurs twice."):format(file.path)))
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
local ALLOWED_TOOLS = { "allowed_tools", "strings" }
local METADATA = { "metadata", "object" }
local BASE_VERSION = { "base_version", "integer", min = 1 }

local EDIT = {
  { "old", "string", required = true },
  { "new", "string", required = true, blank = true },
}
local EDITS = { "edits", "objects", min = 1, fields = EDIT }
local FILE_EDITS = { "file_edits", "objects", min = 1, fields = {
  { "path", "string", required = true, max = 500 },
  { "edits", "objects", required = true, min = 1, fields = EDIT },
} }

skill_fields.CREATE = {
  { "name", "string", required = true, max = 64, check = check_name },
  { "description", "string", required = true, max = 4096 },
  { "body", "string", required = true, max_bytes = MAX_BYTES },
  LICENSE, COMPATIBILITY, ALLOWED_TOOLS, METADATA, FILES,
}

skill_fields.PUBLISH = {
  { "body", "string", max_bytes = MAX_BYTES },
  EDITS,
  { "description", "string", max = 4096 },
  LICENSE, COMPATIBILITY, ALLOWED_TOOLS, METADATA, FILES, FILE_EDITS,
  { "base_version", "integer", required = true, min = 1 },
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
