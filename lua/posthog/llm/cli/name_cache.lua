--- The names of a server that the shell has completed lately: a file for each list, readable only
--- by its owner, without the key.

local clock = require("posthog.llm.host.clock")
local digest = require("posthog.llm.util.digest")
local file_system = require("posthog.llm.util.file_system")

local name_cache = {}

local OWN_FOLDER, OWN_FILE = 448, 384 -- 0700 and 0600
local MAX_BYTES = 1024 * 1024
local LIVES = { complete = 60, partial = 60, failed = 10 } -- seconds, by what the list is

--- @return string? folder nil: there is no place for it
local function folder()
  local home = os.getenv("XDG_CACHE_HOME")
  if not home or not home:find("^/") then -- XDG: a relative path is to be ignored
    home = os.getenv("HOME")
    home = home and home:find("^/") and home .. "/.cache"
  end
  return home and home .. "/posthog-llm" or nil
end

--- @param of string[] what the list is of: host, project, kind and so on
local function path_of(of)
  local dir = folder()
  return dir and dir .. "/names-" .. digest.sha256(table.concat(of, "\0")):sub(1, 32)
end

--- @param of string[]
--- @return string[]? names nil: there are none, or they are too old
--- @return "complete"|"partial"|"failed"|nil what
function name_cache.read(of)
  local path = path_of(of)
  local text, _, is_own = nil, nil, nil
  if path then
    text, _, is_own = file_system.read_file(path, MAX_BYTES)
  end
  local what, at, rest = (is_own and text or ""):match("^(%l+) (%d+)\n(.*)$")
  local age = what and os.time() - tonumber(at)
  if not age or age < 0 or age > (LIVES[what] or -1) then
    return nil
  end
  local names = {}
  for name in rest:gmatch("([^\n]+)\n") do
    names[#names + 1] = name
  end
  return names, what
end

--- Keeps a list; where that fails it is asked for again. It is not waited until it is on the disk.
--- @param of string[]
--- @param names string[] without control characters
--- @param what "complete"|"partial"|"failed"
function name_cache.write(of, names, what)
  local path = path_of(of)
  if not path then
    return
  end
  local dir = path:match("^(.*)/")
  file_system.create_folder(dir:match("^(.*)/"), OWN_FOLDER)
  file_system.create_folder(dir, OWN_FOLDER)
  local lines = { ("%s %d"):format(what, os.time()) }
  for i, name in ipairs(names) do
    lines[i + 1] = name
  end
  local temporary = ("%s.%s"):format(path, digest.sha256(clock.now() .. tostring({})):sub(1, 12))
  if file_system.create_file(temporary, table.concat(lines, "\n") .. "\n", OWN_FILE) then
    if not os.rename(temporary, path) then
      os.remove(temporary)
    end
  end
end

return name_cache
