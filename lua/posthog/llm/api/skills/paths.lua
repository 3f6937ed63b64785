--- The paths of skills, relative to the project (doc/api.md 1.1 to 1.4).

local url = require("posthog.llm.http.url")

local escape = url.escape

local paths = { BASE = "llm_skills/" }

--- @param name string of a skill
--- @return string
function paths.skill(name)
  return paths.BASE .. "name/" .. escape(name) .. "/"
end

--- A skill with its history.
--- @param name string
--- @return string
function paths.history(name)
  return paths.BASE .. "resolve/name/" .. escape(name) .. "/"
end

--- @param name string of a skill
--- @param path string of a file in it
--- @return string
function paths.file(name, path)
  return paths.skill(name) .. "files/" .. escape(path, true) .. "/"
end

return paths
