--- Paths such as `metadata.source`, in what is read and in what is made.

local json = require("posthog.llm.json")

local paths = {}

--- @param path string
--- @return string root
--- @return string? rest
function paths.split(path)
  local root, rest = path:match("^([^.]+)%.(.+)$")
  return root or path, rest
end

--- What is at a path. A name that has dots of its own comes first.
--- @param value any
--- @param path string
--- @return any? found
function paths.get(value, path)
  if type(value) ~= "table" then
    return nil
  end
  local found = rawget(value, path)
  local root, rest = paths.split(path)
  if found == nil and rest then
    found = paths.get(rawget(value, root), rest)
  end
  return found
end

--- Puts a value at a path, and makes the objects on the way.
--- @param object table
--- @param path string
--- @param value any
function paths.set(object, path, value)
  local root, rest = paths.split(path)
  if not rest then
    object[root] = value
    return
  end
  if object[root] == nil then
    object[root] = json.object({})
  end
  paths.set(object[root], rest, value)
end

return paths
