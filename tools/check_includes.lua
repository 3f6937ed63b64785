-- Fails when a file of the C core includes what its room may not see, stands in
-- no room, or is part of a circle. The rooms are the folders of src/; an object
-- is a .c with its .h.
--
--   lua5.4 tools/check_includes.lua [folder]    "src" if none is given

local ROOT = arg[1] or "src"

-- What a room may include beside its own files, and the libraries that it may
-- see, also by a header that it includes. "" is for the files beside the rooms.
local ROOMS = {
  base = { rooms = {}, libraries = { "Lua" } },
  json = { rooms = { "base" }, libraries = { "Lua" } },
  os = { rooms = { "base" }, libraries = { "Lua" } },
  net = { rooms = { "base" }, libraries = { "libcurl" } },
  lua = { rooms = { "base", "json", "net" }, libraries = { "Lua", "libcurl" } },
  [""] = { rooms = { "base", "json", "lua", "net", "os" }, libraries = { "Lua", "libcurl" } },
}

local LIBRARIES = {
  ["lua.h"] = "Lua",
  ["lauxlib.h"] = "Lua",
  ["lualib.h"] = "Lua",
  ["luajit.h"] = "Lua",
  ["curl/curl.h"] = "libcurl",
}

-- Objects of several files, a pattern and the name of each. The engine owns its
-- pools, which give back to it what is finished: the one circle there is.
local PARTS = {
  { "^net/engine$", "net/engine and pool" },
  { "^net/engine_%a+$", "net/engine and pool" },
  { "^net/pool$", "net/engine and pool" },
}

-- What stands for the headers of Lua and libcurl where those are not installed. A room sees
-- them by the names of those, <lua.h> and <curl/curl.h>.
local HEADERS = "^headers/"

local function contains(list, value)
  for _, one in ipairs(list) do
    if one == value then
      return true
    end
  end
  return false
end

local function room_of(path)
  return path:match("^(.-)/") or ""
end

local function object_of(path)
  local stem = path:gsub("%.[ch]$", "")
  for _, part in ipairs(PARTS) do
    if stem:find(part[1]) then
      return part[2]
    end
  end
  return stem
end

-- path -> { path, includes = { { name, line, library?, path? } } }
local function read_tree()
  local files, order = {}, {}
  local command = "cd '%s' && find . -name '*.[ch]' | LC_ALL=C sort"
  local list = assert(io.popen(command:format(ROOT)))
  for found in list:lines() do
    local path = found:gsub("^%./", "")
    if not path:find(HEADERS) then
      files[path] = { path = path, includes = {} }
      order[#order + 1] = files[path]
    end
  end
  list:close()
  for _, file in ipairs(order) do
    local number = 0
    for line in io.lines(ROOT .. "/" .. file.path) do
      number = number + 1
      local mark, name = line:match('^%s*#%s*include%s*(["<])([^">]+)[">]')
      if name then
        local include = { name = name, line = number, library = LIBRARIES[name] }
        if mark == '"' then
          local beside = (file.path:match("^.*/") or "") .. name
          include.path = files[beside] and beside or name
        end
        file.includes[#file.includes + 1] = include
      end
    end
  end
  return files, order
end

local wrong = 0

local function complain(file, line, ...)
  wrong = wrong + 1
  io.stderr:write(("%s/%s:%d: "):format(ROOT, file.path, line), string.format(...), "\n")
end

local files, order = read_tree()

-- The libraries that a header brings, each with the way to it.
local function libraries_of(path, seen)
  local found = {}
  if seen[path] or not files[path] then
    return found
  end
  seen[path] = true
  for _, include in ipairs(files[path].includes) do
    if include.library then
      found[include.library] = found[include.library] or path
    elseif include.path then
      for library, by in pairs(libraries_of(include.path, seen)) do
        found[library] = found[library] or by
      end
    end
  end
  return found
end

local function list_of(rooms)
  return #rooms == 0 and "its own files alone"
    or table.concat(rooms, "/, ") .. "/ and its own files"
end

local function check_library(file, room, include, library, by)
  if contains(ROOMS[room].libraries, library) then
    return
  end
  local way = by and (", which sees %s by %s"):format(library, by) or ""
  complain(
    file,
    include.line,
    'includes "%s"%s, but %s/ knows nothing of %s: hand over what it needs as plain C, from lua/',
    include.name,
    way,
    room,
    library
  )
end

local function check_include(file, room, include)
  if include.library then
    return check_library(file, room, include, include.library)
  elseif not include.path then
    return
  elseif not files[include.path] then
    local way = 'includes "%s", which is not there: "name.h" is in the same room, '
      .. '"room/name.h" in another'
    return complain(file, include.line, way, include.name)
  end
  local other = room_of(include.path)
  if other ~= room and not contains(ROOMS[room].rooms, other) then
    local way = 'includes "%s", but %s may include %s: '
      .. "turn it round, or move what both need to base/"
    local who = room == "" and "a file beside the rooms" or room .. "/"
    return complain(file, include.line, way, include.name, who, list_of(ROOMS[room].rooms))
  end
  for library, by in pairs(libraries_of(include.path, {})) do
    check_library(file, room, include, library, by)
  end
end

-- The objects from `from` to `to`, by which one includes the other; nil: none.
local function path_between(graph, from, to, seen)
  if from == to then
    return { to }
  end
  seen[from] = true
  for _, next_one in ipairs(graph[from] or {}) do
    local rest = not seen[next_one] and path_between(graph, next_one, to, seen)
    if rest then
      table.insert(rest, 1, from)
      return rest
    end
  end
end

local function check_circles()
  local graph, edges = {}, {}
  for _, file in ipairs(order) do
    local from = object_of(file.path)
    graph[from] = graph[from] or {}
    for _, include in ipairs(file.includes) do
      local to = include.path and files[include.path] and object_of(include.path)
      if to and to ~= from then
        graph[from][#graph[from] + 1] = to
        edges[#edges + 1] = { file = file, line = include.line, from = from, to = to }
      end
    end
  end
  for _, edge in ipairs(edges) do
    local back = path_between(graph, edge.to, edge.from, {})
    if back then
      local way = "a circle, %s -> %s: move what both need into a header of its own"
      complain(edge.file, edge.line, way, edge.from, table.concat(back, " -> "))
    end
  end
end

for _, file in ipairs(order) do
  local room = room_of(file.path)
  if not ROOMS[room] then
    local way = "stands in no room: move it, or name its room in tools/check_includes.lua"
    complain(file, 1, way)
  else
    for _, include in ipairs(file.includes) do
      check_include(file, room, include)
    end
  end
end
check_circles()

os.exit(wrong == 0)
