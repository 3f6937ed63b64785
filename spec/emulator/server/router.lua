--- Finds the route of a path in the tables of the profile.

local settings = require("server.settings").values

local router = {}

local loaded = {} -- routes by the name of their profile

local METHODS = { "GET", "POST", "PUT", "PATCH", "DELETE" }

--- The value of the Allow header.
local function allow(route)
  local list = {}
  for _, method in ipairs(METHODS) do
    if route[method] then
      list[#list + 1] = method
    end
  end
  if route.GET then
    list[#list + 1] = "HEAD"
  end
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

--- Turns "scope module.name" into the scope and that function.
local function handler(text)
  local scope, module, name = text:match("^(%S+) (%S+)%.([^.]+)$")
  return { scope = scope, run = assert(require("server." .. module)[name], text) }
end

--- The settings that limit the calls of a method.
local function limits(route, method)
  local throttle = route.throttle
  if type(throttle) == "table" then
    throttle = throttle[method]
  end
  return throttle or "rate_limit"
end

local function add(routes, route, prefix, group)
  local methods, throttle = {}, {}
  for _, method in ipairs(METHODS) do
    methods[method] = route[method] and handler(route[method])
    throttle[method] = limits(route, method)
  end
  routes[#routes + 1] = {
    pattern = pattern(prefix .. route.path),
    in_project = group ~= nil,
    flag = group and group.flag,
    allow = allow(route),
    methods = methods,
    throttle = throttle, -- by method
    media = route.media,
  }
end

--- Registers the routes of a profile.
--- @param name string a file of server/profiles
function router.load(name)
  local profile, routes = require("server.profiles." .. name), {}
  for _, route in ipairs(profile.root) do
    add(routes, route, "/api/")
  end
  for _, group in ipairs(profile.project) do
    for _, route in ipairs(group) do
      add(routes, route, "/api/environments/:project_id/", group)
      add(routes, route, "/api/projects/:project_id/", group)
    end
  end
  loaded[name] = routes
  return routes
end

--- @return table? route nil when no path matches
--- @return string[] captures the parts of the path; the project comes first where there is one
function router.match(path)
  local name = settings.profile
  for _, route in ipairs(loaded[name] or router.load(name)) do
    local captures = { path:match(route.pattern) }
    if captures[1] then
      return route, captures
    end
  end
end

return router
