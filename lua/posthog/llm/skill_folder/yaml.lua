--- The YAML of front matter. Values are read so that every Lua takes a text for
--- the same: a plain scalar is a number only where the number would be written
--- just so (`1.10` is a text), and nothing is an alias or of a foreign type.

local json = require("posthog.llm.json")
local reader = require("posthog.llm.skill_folder.yaml.reader")
local writer = require("posthog.llm.skill_folder.yaml.writer")

local yaml = { read = reader.read, flow = writer.flow, entry = writer.entry }

--- The JSON value that a node means.
--- @param node posthog.llm.YamlNode
--- @return any
function yaml.value(node)
  if node.kind == "scalar" then
    return node.value
  end
  if node.kind == "list" then
    local list = json.array({})
    for i, item in ipairs(node.items) do
      list[i] = yaml.value(item.node)
    end
    return list
  end
  local map = json.object({})
  for _, entry in ipairs(node.entries) do
    map[entry.key] = yaml.value(entry.node)
  end
  return map
end

return yaml
