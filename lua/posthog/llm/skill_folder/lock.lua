--- The file in a folder that says what it was pulled from.

local disk = require("posthog.llm.skill_folder.disk")
local errors = require("posthog.llm.errors")
local json = require("posthog.llm.json")
local paths = require("posthog.llm.skill_folder.paths")

local lock = {}

local FORMAT = 1

--- @class posthog.llm.SkillLock
--- @field name string
--- @field version integer
--- @field id string of that version
--- @field created string when the skill's first version was made: tells it from a later one by the name
--- @field files table<string, string> by path, SKILL.md too: the SHA-256 of the server's text,
---   which has no white space at its ends; of SKILL.md that of its fields and body in one form
--- @field conflicts string[] paths that were left in conflict

local function is_valid(data)
  if type(data) ~= "table" or data.format ~= FORMAT then
    return false
  end
  local version = data.version
  if type(version) == "number" and (version % 1 ~= 0 or version < 1) then
    return false
  elseif type(data.name) ~= "string" or type(version) ~= "number" or type(data.id) ~= "string" then
    return false
  elseif type(data.files) ~= "table" or type(data.conflicts) ~= "table" then
    return false
  end
  for path, digest in pairs(data.files) do
    if type(digest) ~= "string" or (path ~= paths.SKILL and paths.problem(path)) then
      return false
    end
  end
  return true
end

--- @param dir string
--- @return posthog.llm.SkillLock|false? found false: there is none
--- @return posthog.llm.Error? err
function lock.read(dir)
  local path = dir .. "/" .. paths.LOCK
  if disk.kind(path) == nil then
    return false
  end
  local source, err = disk.read(path)
  if not source then
    return errors.failure(err)
  end
  local data = json.decode(source)
  if not is_valid(data) then
    return disk.failure(path, "cannot be used", "it is not a lock file of this version")
  end
  return data
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
  "files": {
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
    table.concat(lines, ",\n")
  )
end

return lock
