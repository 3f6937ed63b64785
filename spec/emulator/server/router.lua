--- Finds the route of a path in the tables of a profile.

local router = {}

local routes

local METHODS = { "GET", "POST", "PUT", "PATCH", "DELETE" }

--- The value of the Allow header.
local function allow(route)
  local list = {}
  for _, method in ipairs(METHODS) do
    if route[method] then list[#list + 1] = method end
  end
  if route.GET then list[#list + 1] = "HEAD" end
  list[#list + 1] = "OPTIONS"
  return table.concat(list, ", ")
end

--- Turns `a/:x/*y` into a pattern. The last slash is optional; the rest of a path has no newline.
local function pattern(path)
  path = path:gsub("[%-%.@]", "%%%0"):gsub(":[%w_]+", "([^/]+)")
  local rest
  path, rest = path:gsub("%*[%w_]+", "([^\n]+)")
  return "^" .. path .. (rest > 0 and "$" or "/?$")
end

local function add(route, prefix, in_project)
  routes[#routes + 1] = {
    pattern = pattern(prefix .. route.path),
    in_project = in_project,
    allow = allow(route),
    methods = route,
    throttle = route.throttle or "rate_limit",
  }
end

--- Registers the routes of a profile.
--- @param name string a file of server/profiles
function router.load(name)
  local profile = require("server.profiles." .. name)
  routes = {}
  for _, route in ipairs(profile.root) do
    add(route, "/api/", false)
  end
  for _, route in ipairs(profile.project) do
    add(route, "/api/environments/:project_id/", true)
    add(route, "/api/projects/:project_id/", true)
  end
end

--- @return table? route nil when no path matches
--- @return string[] captures the parts of the path; the project comes first where there is one
function router.match(path)
  for _, route in ipairs(routes) do
    local captures = { path:match(route.pattern) }
    if captures[1] then return route, captures end
  end
end

return router
