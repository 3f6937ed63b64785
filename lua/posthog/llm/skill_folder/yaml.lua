--- The YAML of front matter. Values are read so that every Lua takes a text for
--- the same: a plain scalar is a number only where the number would be written
--- just so (`1.10` is a text), and nothing is an alias or of a foreign type.

local lazy = require("posthog.llm.util.lazy")

local editor = lazy("posthog.llm.skill_folder.yaml.editor")
local reader = require("posthog.llm.skill_folder.yaml.reader")
local value = require("posthog.llm.skill_folder.yaml.value")
local writer = lazy("posthog.llm.skill_folder.yaml.writer")

return {
  read = reader.read,
  value = value.of,
  edit = function(...)
    return editor.edit(...)
  end,
  entry = function(...)
    return writer.entry(...)
  end,
  map = function(...)
    return writer.map(...)
  end,
}
