--- Which names a folder takes from a server: a pulled skill is somebody
--- else's, and writes nothing outside its folder, nor what is not its own.

local compare = require("posthog.llm.util.compare")
local json_value = require("posthog.llm.util.json_value")
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
  segment = segment:gsub("\226\128[\139-\143\170-\174]", ""):gsub("\226\129[\160-\175]", "")
  segment = segment:gsub("\239\187\191", ""):lower()
  return (segment:gsub(":.*$", ""):gsub("[%. ]+$", ""))
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

--- What is wrong with a path that is to be written into a folder.
--- @param path any
--- @return string? reason
function paths.check(path)
  if type(path) ~= "string" or path == "" then
    return "is not a path"
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

--- Paths that cannot be in one folder together: a file that is a folder of
--- another one, the same path twice and, where asked, two that differ by case.
--- @param list string[]
--- @param folds boolean? whether the folder takes "A" and "a" for the same
--- @return { path: string, message: string }[]
function paths.collisions(list, folds)
  local findings, files, folders = {}, {}, {}
  local function key(path)
    return folds and path:lower() or path
  end
  local function blame(path, other, what)
    findings[#findings + 1] = { path = path, message = what .. other }
  end
  for _, path in ipairs(list) do
    if files[key(path)] then
      blame(path, files[key(path)], "is, in this folder, the same as ")
    end
    files[key(path)] = path
    for _, parent in ipairs(paths.parents(path)) do
      local other = folders[key(parent)]
      if folds and other and other ~= parent then
        blame(path, other, "has a folder that is, in this folder, the same as ")
      end
      folders[key(parent)] = other or parent
    end
  end
  for _, path in ipairs(list) do
    if folders[key(path)] then
      blame(path, folders[key(path)] .. "/", "is a file and there is also ")
    end
  end
  return findings
end

--- All that is wrong with the paths of a skill's files.
--- @param list any[]
--- @param folds boolean?
--- @return { path: string, message: string }[]
function paths.check_all(list, folds)
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
  return paths.collisions(list, folds)
end

return paths
