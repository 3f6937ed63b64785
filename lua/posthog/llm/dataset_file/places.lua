--- Whether two paths are one file, however they are written: a journal or a file of rejected records
--- must not be written over the source, or over one another.

local failure = require("posthog.llm.dataset_file.failure")
local file_system = require("posthog.llm.util.file_system")

local places = {}

local MOST_LINKS = 40 -- one after another, as in Linux: beyond that they go in a circle
local STANDARD_INPUT = "/dev/stdin"

--- A path with the links of its folder followed. The file may be missing, and its folder too.
local function in_real_folder(path)
  local folder, base = path:match("^(.*/)([^/]*)$")
  local real = file_system.real_path(folder or ".")
  return real and real:gsub("/$", "") .. "/" .. (base or path) or path
end

--- Where a link leads to. Unlike for realpath() nothing need be there: what is written through the
--- link will be.
--- @return string? path nil: it is no link
local function target_of(path)
  local target = file_system.read_link(path)
  if target and target:sub(1, 1) ~= "/" then
    target = (path:match("^(.*/)[^/]*$") or "") .. target
  end
  return target
end

--- All that identifies what is at a path: its names, from link to link, and the file itself, which
--- may have other names.
--- @param path string
--- @return string[]
local function names_of(path)
  if path:find("\0", 1, true) then
    return { path } -- no name at all; who opens it says so
  end
  local names, at = {}, path
  for _ = 1, MOST_LINKS do
    names[#names + 1] = in_real_folder(at)
    at = target_of(at)
    if not at then
      break
    end
  end
  names[#names + 1] = file_system.file_id(path)
  return names
end

--- What identifies the source; of standard input the file that it is read from, if it is one.
--- @param source any path, "-", or an iterator
--- @return string[]
local function names_of_source(source)
  if source == "-" then
    return { (file_system.file_id(STANDARD_INPUT)) }
  end
  return type(source) == "string" and names_of(source) or {}
end

--- Checks that no file would be written over another one.
--- @param source any path, "-", or an iterator
--- @param options { journal?: string, rejects?: string }
--- @return posthog.llm.Error? err
function places.check(source, options)
  local seen = {}
  for _, name in ipairs(names_of_source(source)) do
    seen[name] = "source"
  end
  for _, place in ipairs({ "journal", "rejects" }) do
    local path = options[place]
    local names = type(path) == "string" and names_of(path) or {}
    for _, name in ipairs(names) do
      if seen[name] then
        return failure(path, "cannot be the %s and the %s at once", seen[name], place)
      end
    end
    for _, name in ipairs(names) do
      seen[name] = place
    end
  end
end

return places
