--- The file in a folder that says what it was pulled from.

local disk = require("posthog.llm.skill_folder.disk")
local errors = require("posthog.llm.util.errors")
local atomic_file = require("posthog.llm.util.atomic_file")
local json = require("posthog.llm.json")
local json_text = require("posthog.llm.util.json_text")
local paths = require("posthog.llm.skill_folder.paths")

local lock = {}

local FORMAT = 1

local UNUSABLE = "it is damaged, or of another version of this library; take it from version "
  .. "control, or remove it, and the next pull compares the files"
local UNMERGED = "line %d is a conflict marker of version control; keep one side, whole, that of "
  .. "the greater version (git checkout --ours or --theirs), and pull"
local LATEST_VERSION = 1e9 -- far beyond what a server counts to

--- @class posthog.llm.SkillLock
--- @field name string
--- @field version integer
--- @field id string of that version
--- @field created string when the skill's first version was made: tells it from a later one by the name
--- @field files table<string, string> by path, SKILL.md too: the SHA-256 of the server's text,
---   which has no white space at its ends; of SKILL.md that of its fields and body in one form
--- @field conflicts string[] paths that were left in conflict
--- @field not_stored? posthog.llm.SkillNotStored[] what of the folder the server does not keep
--- @field spec_problems? posthog.llm.SpecProblem[] what the server says of that version

--- Whether a skill can have this name at all, by which it is asked for.
local function is_name(name)
  return type(name) == "string" and not name:find("^%.?%.?$") and not name:find("[/%c]")
end

local function is_version(version)
  return type(version) == "number"
    and version % 1 == 0
    and version >= 1
    and version <= LATEST_VERSION
end

--- @param list any nil, or rows that have a path
--- @param is_row fun(row: table): boolean
local function are_rows(list, is_row)
  if list ~= nil and type(list) ~= "table" then
    return false
  end
  for _, row in ipairs(list or {}) do
    if type(row) ~= "table" or not is_row(row) then
      return false
    end
  end
  return true
end

local function is_text(value)
  return type(value) == "string"
end

local function are_texts(value)
  if type(value) ~= "table" then
    return false
  end
  for _, member in pairs(value) do
    if type(member) ~= "string" then
      return false
    end
  end
  return true
end

--- What each field of a SKILL.md is; of a key of `metadata` it may be anything.
local FIELDS = {
  description = is_text,
  license = is_text,
  compatibility = is_text,
  allowed_tools = are_texts,
}

local function is_not_stored(row)
  local key = row.key
  if type(row.path) ~= "string" then
    return false
  elseif key == nil then -- digests
    return is_text(row.sent) and (row.stored == nil or is_text(row.stored))
  elseif row.path ~= paths.SKILL or not are_texts(key) then
    return false
  end
  local is_field = FIELDS[key[1]]
  if is_field then
    return #key == 1 and is_field(row.sent) and is_field(row.stored)
  end
  return #key == 2 and key[1] == "metadata"
end

local function is_problem(row)
  return type(row.code) == "string" and type(row.message) == "string"
end

local function is_valid(data)
  if type(data) ~= "table" or data.format ~= FORMAT then
    return false
  elseif not is_name(data.name) or not is_version(data.version) or type(data.id) ~= "string" then
    return false
  elseif type(data.files) ~= "table" or type(data.conflicts) ~= "table" then
    return false
  end
  if not are_rows(data.not_stored, is_not_stored) then
    return false
  elseif not are_rows(data.spec_problems, is_problem) then
    return false
  end
  for path, digest in pairs(data.files) do
    if type(digest) ~= "string" or (path ~= paths.SKILL and paths.check(path)) then
      return false
    end
  end
  return true
end

--- The first line with a marker that a merge has left: folders are kept in git, the lock too.
local function marker_line(source)
  local before = ("\n" .. source):match("^(.-)\n<<<<<<< ")
  return before and select(2, before:gsub("\n", "")) + 1
end

--- @param dir string
--- @return posthog.llm.SkillLock|false? found false: there is none
--- @return posthog.llm.Error? err
--- @return string? source
function lock.read(dir)
  local path = dir .. "/" .. paths.LOCK
  local kind = disk.kind(path)
  if kind == nil then
    return false
  elseif kind ~= "file" then
    return atomic_file.failure(path, "cannot be used", "it is a " .. kind)
  end
  local source, err = disk.read(path)
  if not source then
    return errors.failure(err)
  end
  local data = json.decode(source)
  if not is_valid(data) then
    local line = marker_line(source)
    if line then
      return atomic_file.failure(path, "cannot be used", UNMERGED:format(line))
    end
    return atomic_file.failure(path, "cannot be used", UNUSABLE)
  end
  return data, nil, source
end

--- A list with a line for each row; nothing where there is none.
--- @param name string
--- @param rows table[]?
local function list_of(name, rows)
  local lines = {}
  for i, row in ipairs(rows or {}) do
    lines[i] = "    " .. json_text.sorted(row)
  end
  if #lines == 0 then
    return ""
  end
  return ('  "%s": [\n%s\n  ],\n'):format(name, table.concat(lines, ",\n"))
end

--- One line a file, in order, so that a diff of it can be read.
--- @param data posthog.llm.SkillLock
--- @return string
function lock.render(data)
  local names, lines = {}, {}
  for path in pairs(data.files) do
    names[#names + 1] = path
  end
  table.sort(names)
  for i, path in ipairs(names) do
    lines[i] = ("    %s: %s"):format(json.encode(path), json.encode(data.files[path]))
  end
  return ([[{
  "format": %d,
  "name": %s,
  "version": %d,
  "id": %s,
  "created": %s,
  "conflicts": %s,
%s%s  "files": {
%s
  }
}
]]):format(
    FORMAT,
    json.encode(data.name),
    data.version,
    json.encode(data.id),
    json.encode(data.created or ""),
    json.encode(json.array(data.conflicts)),
    list_of("not_stored", data.not_stored),
    list_of("spec_problems", data.spec_problems),
    table.concat(lines, ",\n")
  )
end

return lock
