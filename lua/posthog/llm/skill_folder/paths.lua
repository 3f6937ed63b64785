--- Which names a folder takes from a server: a pulled skill is somebody
--- else's, and writes nothing outside its folder, nor what is not its own.

local compare = require("posthog.llm.util.compare")
local json_value = require("posthog.llm.util.json_value")
local name_key = require("posthog.llm.util.name_key")
local text = require("posthog.llm.skill_folder.text")

local paths = {
  SKILL = "SKILL.md",
  LOCK = ".posthog-skill.json",
  STAGE = ".posthog-skill.tmp",
}

local LONGEST_PATH = 500 -- code points; doc/api.md 1.1
local LONGEST_SEGMENT = 255 -- bytes; what most file systems take

--- Names of ours, and of who would run what is written into them.
local TAKEN = {
  [".git"] = "is git's own",
  ["git~1"] = "is git's own", -- its short name on some systems
  [".hg"] = "is Mercurial's own",
  [".svn"] = "is Subversion's own",
}
local TAKEN_ON_TOP = {
  [paths.SKILL:lower()] = "is the skill's own body",
  [paths.LOCK] = "is this library's own",
  [paths.STAGE] = "is this library's own",
}

--- A name as the least careful file system reads it: no case, no characters of
--- no width, no dots and spaces at the end, no stream after a colon.
local function folded(segment)
  return (name_key.of(segment):gsub(":.*$", ""):gsub("[%. ]+$", ""))
end

local function segment_error(segment)
  if segment == "" then
    return "has an empty part"
  elseif segment == "." or segment == ".." then
    return "has the part " .. segment
  elseif #segment > LONGEST_SEGMENT then
    return "has a part of more than 255 bytes"
  end
  return TAKEN[folded(segment)]
end

--- Whether nothing can be wrong with a path but its first name: no name begins with a dot, and
--- none has another character than these.
local function is_plain(path)
  return #path <= LONGEST_SEGMENT
    and path:find("^[%w_][%w_./-]*$")
    and not path:find("/[^%w_]")
    and not path:find("/$")
end

--- What is wrong with a path that is to be written into a folder.
--- @param path any
--- @return string? reason
function paths.check(path)
  if type(path) ~= "string" or path == "" then
    return "is not a path"
  elseif is_plain(path) then
    return TAKEN_ON_TOP[folded(path:match("^[^/]*"))]
  elseif not json_value.is_text(path) then
    return "is not UTF-8"
  elseif path:find("%c") or path:find("\194[\128-\159]") then
    return "has a control character"
  elseif path:find("^/") or path:find("^%a:") then
    return "is absolute"
  elseif path:find("\\", 1, true) then
    return "has a backslash"
  elseif text.trim(path) ~= path then
    return "begins or ends with white space"
  elseif compare.length(path) > LONGEST_PATH then
    return "is longer than 500 characters"
  end
  for segment in (path .. "/"):gmatch("([^/]*)/") do
    local reason = segment_error(segment)
    if reason then
      return reason
    end
  end
  return TAKEN_ON_TOP[folded(path:match("^[^/]*"))]
end

--- The folders above a path, from the top: "a", "a/b" of "a/b/c".
--- @return string[]
function paths.parents(path)
  local list = {}
  for at in path:gmatch("()/") do
    list[#list + 1] = path:sub(1, at - 1)
  end
  return list
end

--- @class posthog.llm.SkillCollision two paths of one folder
--- @field path string
--- @field other string
--- @field message string
--- @field differs? posthog.llm.NameFolding what of, where they differ

--- Collects what collides.
local function collector(folding)
  local findings = {}
  --- @param same string? the part of the path that is taken for the other; all of it
  local function blame(path, other, what, same)
    local differs
    same = same or path
    if folding and same ~= other then
      local is_case = name_key.of(same, "form") ~= name_key.of(other, "form")
      differs = is_case and "case" or "form"
    end
    findings[#findings + 1] =
      { path = path, other = other, message = what .. other, differs = differs }
  end
  return findings, blame
end

--- Paths that cannot be in one folder together: a file that is a folder of
--- another one, the same path twice and, where asked, two that the folder takes
--- for one.
--- @param list string[]
--- @param folding? posthog.llm.NameFolding|false what the folder sees no difference in
--- @return posthog.llm.SkillCollision[]
function paths.collisions(list, folding)
  local files, folders = {}, {}
  local findings, blame = collector(folding)
  local function key(path)
    return folding and name_key.of(path, folding) or path
  end
  for _, path in ipairs(list) do
    if files[key(path)] then
      blame(path, files[key(path)], "is, in this folder, the same as ")
    end
    files[key(path)] = path
    for _, parent in ipairs(paths.parents(path)) do
      local other = folders[key(parent)]
      if folding and other and other ~= parent then
        blame(path, other, "has a folder that is, in this folder, the same as ", parent)
      end
      folders[key(parent)] = other or parent
    end
  end
  for _, path in ipairs(list) do
    local folder = folders[key(path)]
    if folder then
      blame(path, folder .. "/", "is a file and there is also ", path .. "/")
    end
  end
  return findings
end

--- All that is wrong with the paths of a skill's files.
--- @param list any[]
--- @param folding? posthog.llm.NameFolding|false what the folder sees no difference in
--- @return { path: string, message: string }[]
function paths.check_all(list, folding)
  local findings = {}
  for _, path in ipairs(list) do
    local reason = paths.check(path)
    if reason then
      findings[#findings + 1] = { path = tostring(path), message = reason }
    end
  end
  if #findings > 0 then
    return findings
  end
  return paths.collisions(list, folding)
end

return paths
