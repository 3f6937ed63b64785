--- What the API, or the Agent Skills format, would not take of a folder: all
--- of it at once, with file and line.

local lfs = require("lfs")

local compare = require("posthog.llm.util.compare")
local paths = require("posthog.llm.skill_folder.paths")
local skill_md = require("posthog.llm.skill_folder.skill_md")
local text = require("posthog.llm.skill_folder.text")

local lint = {}

--- Contract, skill object and 1.1. Counts of characters, unless bytes are said.
local LONGEST = { name = 64, description = 4096, license = 255, compatibility = 500 }
local LONGEST_DESCRIPTION = { current = 1024 }
local LONGEST_TEXT = 1000000 -- bytes
local MOST_FILES = { reference = 50, current = 200 }
local LARGEST_SKILL = 19000000 -- bytes of text; a request has 20 MB

--- @class posthog.llm.SkillFinding
--- @field path string
--- @field line? integer
--- @field message string
--- @field level "error"|"warning" a push is refused for an error
--- @field skippable? boolean true: `skip_binary` leaves the file out instead

local Report = {}
Report.__index = Report

function Report:add(level, path, line, message, ...)
  message = select("#", ...) > 0 and message:format(...) or message
  local finding = { level = level, path = path, line = line, message = message }
  self[#self + 1] = finding
  return finding
end

--- Why no skill can have this name.
--- @param name string
--- @return string? reason
function lint.name_error(name)
  if name == "" then
    return "name is missing"
  elseif #name > LONGEST.name then
    return "name is longer than 64 characters"
  elseif not ("-" .. name):gsub("%-[a-z0-9]+", ""):find("^$") then
    return ("name %q: use lowercase letters, digits and single hyphens between them"):format(name)
  elseif name == "new" then
    return 'name "new" is reserved'
  end
end

--- The name of the folder itself; nil where it is unknown.
local function own_name(dir)
  if dir == "." then
    dir = lfs.currentdir() or ""
  end
  local name = dir:match("([^/]+)$")
  return name ~= "." and name ~= ".." and name or nil
end

local function check_name(report, folder, name, line)
  local reason = lint.name_error(name)
  if reason then
    report:add("error", paths.SKILL, line, reason)
  elseif folder.lock then
    if folder.lock.name ~= name then
      local message = "name is %q, and the folder was pulled from %q"
      report:add("error", paths.SKILL, line, message, name, folder.lock.name)
    end
  elseif own_name(folder.dir) and own_name(folder.dir) ~= name then
    local message = "name is %q, and the folder's is %q"
    report:add("error", paths.SKILL, line, message, name, own_name(folder.dir))
  end
end

local function check_lengths(report, fields, lines, api_version)
  local shorter = LONGEST_DESCRIPTION.current
  for _, field in ipairs({ "description", "license", "compatibility" }) do
    local length = compare.length(fields[field])
    if length > LONGEST[field] then
      local message = "%s has %d characters; at most %d are allowed"
      report:add("error", paths.SKILL, lines[field], message, field, length, LONGEST[field])
    elseif field == "description" and length > shorter then
      local level = api_version == "current" and "error" or "warning"
      local message = "description has %d characters; API v2 allows %d"
      report:add(level, paths.SKILL, lines[field], message, length, shorter)
    end
  end
  if fields.description == "" then
    report:add("error", paths.SKILL, lines.description or 1, "description is missing")
  end
end

local function check_skill(report, folder, api_version)
  if not folder.digests[paths.SKILL] then
    report:add("error", paths.SKILL, nil, "the file is missing: this folder is not a skill")
    return nil
  end
  local source, err = folder:read(paths.SKILL)
  if not source then
    report:add("error", paths.SKILL, nil, err.message)
    return nil
  end
  local reason, line = text.check(source)
  if reason then
    report:add("error", paths.SKILL, line, reason)
    return nil
  end
  local read, wrong, about = folder:parse(source)
  if not read then
    report:add("error", paths.SKILL, wrong.line, wrong.reason)
    return nil
  end
  local fields = skill_md.normal(read)
  check_name(report, folder, fields.name, about.lines.name or 1)
  check_lengths(report, fields, about.lines, api_version)
  if fields.body == "" then
    report:add("error", paths.SKILL, about.body_line, "there is no text after the front matter")
  elseif #fields.body > LONGEST_TEXT then
    local message = "the body has %d bytes; at most 1000000 are allowed"
    report:add("error", paths.SKILL, about.body_line, message, #fields.body)
  end
  for _, key in ipairs(about.unknown) do
    report:add("warning", paths.SKILL, about.lines[key], "%s: the API has no field for it", key)
  end
  return fields
end

--- @return integer bytes
local function check_file(report, folder, path)
  local reason = paths.check(path)
  if reason then
    report:add("error", path, nil, "the path " .. reason)
    return 0
  end
  local source, err = folder:read(path)
  if not source then
    report:add("error", path, nil, err.message)
    return 0
  end
  local wrong, line = text.check(source)
  local middle = text.trim(source)
  if wrong then
    report:add("error", path, line, wrong).skippable = true
  elseif middle == "" then
    report:add("error", path, nil, "is empty, which the API does not accept").skippable = true
  elseif #middle > LONGEST_TEXT then
    report:add("error", path, nil, "has %d bytes; at most 1000000 are allowed", #middle)
  end
  return #middle
end

local function check_total(report, count, bytes, api_version)
  local most = MOST_FILES[api_version] or MOST_FILES.current
  if count > most then
    local message = "there are %d files beside it; at most %d are allowed"
    report:add("error", paths.SKILL, nil, message, count, most)
  elseif count > MOST_FILES.reference and not api_version then
    local message = "there are %d files beside it; API v1 allows %d"
    report:add("warning", paths.SKILL, nil, message, count, MOST_FILES.reference)
  end
  if bytes > LARGEST_SKILL then
    local message = "all texts together have %d bytes; %d fit into a request"
    report:add("error", paths.SKILL, nil, message, bytes, LARGEST_SKILL)
  end
end

--- What is one name where others unpack the skill.
local SAME_NAME = {
  case = "differs only by case: on macOS and Windows it is the same as %s",
  form = "differs only by how accents are written: on macOS it is the same as %s",
}

local function check_names(report, folder)
  for _, twin in ipairs(paths.collisions(folder.scan.files, "both")) do
    report:add("warning", twin.path, nil, SAME_NAME[twin.differs], twin.other)
  end
end

--- @param folder posthog.llm.Folder looked at
--- @param api_version? posthog.llm.ApiVersion where it is known
--- @return posthog.llm.SkillFinding[] findings
--- @return table? fields of SKILL.md where it can be read
function lint.run(folder, api_version)
  local report = setmetatable({}, Report)
  local fields = check_skill(report, folder, api_version)
  local count, bytes, skipped = 0, fields and #fields.body or 0, 0
  for _, path in ipairs(folder.scan.files) do
    if path ~= paths.SKILL then
      local before = #report
      bytes = bytes + check_file(report, folder, path)
      count = count + 1
      skipped = skipped + (report[before + 1] and report[before + 1].skippable and 1 or 0)
    end
  end
  check_total(report, count - skipped, bytes, api_version)
  for _, other in ipairs(folder.scan.others) do
    local message = "is a %s: the API holds texts of at most 1000000 bytes"
    report:add("error", other.path, nil, message, other.kind).skippable = true
  end
  check_names(report, folder)
  for _, finding in ipairs(folder:unresolved()) do
    report:add("error", finding.path, finding.line, finding.message)
  end
  return setmetatable(report, nil), fields
end

--- @param finding { path: string, line?: integer }
--- @return string
function lint.place(finding)
  return finding.line and ("%s:%d"):format(finding.path, finding.line) or finding.path
end

--- @param finding { path: string, line?: integer, message: string }
--- @return string
function lint.line(finding)
  return ("%s: %s"):format(lint.place(finding), finding.message)
end

return lint
