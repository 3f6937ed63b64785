--- What nodes mean as JSON.

local json = require("posthog.llm.json")

local value = {}

--- The JSON value that a node means.
--- @param node posthog.llm.YamlNode
--- @return any
function value.of(node)
  if node.kind == "scalar" then
    return node.value
  end
  if node.kind == "list" then
    local list = json.array({})
    for i, item in ipairs(node.items) do
      list[i] = value.of(item.node)
    end
    return list
  end
  local map = json.object({})
  for _, entry in ipairs(node.entries) do
    map[entry.key] = value.of(entry.node)
  end
  return map
end

return value
