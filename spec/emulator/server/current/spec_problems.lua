--- What of a skill does not hold to the specification of skills. Newer servers list it with the
--- skill, which they keep out of the bundle then.

local json = require("server.json")
local text = require("server.text")

local spec_problems = {}

local PROBLEM = { "code", "message", "file_path" }
local MAX_DESCRIPTION = 1024

--- The path with slashes, without `.` segments, empty ones and a slash at its end.
local function canonical(path)
  local segments = {}
  for segment in path:gsub("\\", "/"):gmatch("[^/]+") do
    if segment ~= "." then
      segments[#segments + 1] = segment
    end
  end
  return table.concat(segments, "/")
end

local function is_invalid(path)
  local slashed = path:gsub("\\", "/")
  return slashed:sub(1, 1) == "/"
    or ("/" .. slashed .. "/"):find("/../", 1, true)
    or slashed:find("%c")
    or canonical(path) == ""
    or canonical(path):lower() == "skill.md"
end

--- The folders in which the files are, by their canonical path in lower case.
local function folders_of(files)
  local folders = {}
  for _, file in ipairs(files) do
    local path = canonical(file.path):lower()
    for at in path:gmatch("()/") do
      folders[path:sub(1, at - 1)] = true
    end
  end
  return folders
end

--- @param add fun(code: string, message: string, path: string)
local function check_files(files, add)
  local folders, seen = folders_of(files), {}
  for _, file in ipairs(files) do
    local path = file.path
    local folded = canonical(path):lower()
    if is_invalid(path) then
      add("file_path_invalid", "The path is not usable.", path)
    elseif canonical(path) ~= path then
      add("file_path_not_canonical", "The path has a shorter spelling.", path)
    end
    if seen[folded] then
      add("file_path_collides", "Another file has the same path on some systems.", path)
    elseif folders[folded] then
      add("file_path_shadows_directory", "A folder has this path too.", path)
    end
    seen[folded] = true
  end
end

--- @return string[] problems each as JSON
function spec_problems.of(name, version)
  local list = {}
  local function add(code, message, path)
    list[#list + 1] = json.object(PROBLEM, { code = code, message = message, file_path = path })
  end
  if #name > 64 or name:find("[^a-z0-9-]") or ("-" .. name .. "-"):find("--", 1, true) then
    add("name_malformed", "The name is not in the form that skills have.")
  end
  if text.trim(version.description) == "" then
    add("description_empty", "The description is empty.")
  elseif text.length(version.description) > MAX_DESCRIPTION then
    add("description_too_long", ("More than %d characters."):format(MAX_DESCRIPTION))
  end
  check_files(version.files, add)
  return list
end

return spec_problems
