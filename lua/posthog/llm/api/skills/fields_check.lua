--- Checks of request bodies, for mistakes that the server reports badly (doc/api.md 0.5, 3.4).

local check = require("posthog.llm.util.check")
local json = require("posthog.llm.json")

local fields_check = {}

local function check_edits(edits, what, level)
  check.list(edits, what, level + 1)
  for i, edit in ipairs(edits) do
    local at = ("%s[%d]"):format(what, i)
    check.type(edit, "table", at, level + 1)
    check.type(edit.old, "string", at .. ".old", level + 1)
    check.type(edit.new, "string", at .. ".new", level + 1)
  end
end

local function check_files(files, what, level)
  local positions = {} -- by path
  check.list(files, what, level + 1)
  for i, file in ipairs(files) do
    local at = ("%s[%d]"):format(what, i)
    check.type(file, "table", at, level + 1)
    check.new_file_path(file.path, at .. ".path", level + 1)
    check.type(file.content, "string", at .. ".content", level + 1)
    if positions[file.path] then
      check.fail(
        level + 1,
        "%s.path: %q is the path of %s too",
        at,
        file.path,
        positions[file.path]
      )
    end
    positions[file.path] = at
  end
end

local function check_file_edits(file_edits, what, level)
  check.list(file_edits, what, level + 1)
  for i, entry in ipairs(file_edits) do
    local at = ("%s[%d]"):format(what, i)
    check.type(entry, "table", at, level + 1)
    check.file_path(entry.path, at .. ".path", level + 1)
    check_edits(entry.edits, at .. ".edits", level + 1)
  end
end

local LISTS = { files = check_files, edits = check_edits, file_edits = check_file_edits }

--- @param fields table of a write
--- @param level integer as for error()
function fields_check.check(fields, level)
  check.type(fields, "table", "fields", level + 1)
  for name, checker in pairs(LISTS) do
    if fields[name] ~= nil and fields[name] ~= json.null then
      checker(fields[name], name, level + 1)
    end
  end
  if fields.base_version ~= nil then
    check.integer(fields.base_version, "base_version", level + 1, 1)
  end
end

--- Refuses two fields or options of which there can be one.
function fields_check.exclusive(fields, one, other, level)
  if fields[one] ~= nil and fields[other] ~= nil then
    check.fail(level + 1, "%s and %s exclude each other", one, other)
  end
end

return fields_check
