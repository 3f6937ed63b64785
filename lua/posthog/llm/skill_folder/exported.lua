--- A folder that was unpacked from PostHog's export of a skill. The export adds a file for Codex,
--- made of the skill's name and description, and the skill's version as `metadata.version`. Both
--- are its own, and its import drops them (doc/api.md 4.1): so does a push.

local paths = require("posthog.llm.skill_folder.paths")

local exported = {}

--- The file that the export adds.
exported.PATH = "agents/openai.yaml"

local KEY = { "metadata", "version" }

--- A skill's name as the export writes it for people: "pdf-forms" is "Pdf forms".
local function human(name)
  local spaced = name:gsub("%-", " ")
  return (spaced:gsub("^%l", string.upper))
end

--- Whether the file says no more than the export would, which somebody's own may.
--- @param source string
--- @param name string of the skill
--- @return boolean
function exported.is_generated(source, name)
  local display, rest = source
    :gsub("\r\n", "\n")
    :match("^interface:\n  display_name: ([^\n]*)\n  short_description:(.*)$")
  if not display or display:gsub("^(['\"])(.*)%1$", "%2") ~= human(name) then
    return false
  end
  for line in rest:gmatch("\n([^\n]+)") do
    if not line:find("^    ") then -- a description goes on further in
      return false
    end
  end
  return true
end

--- The entries for what the export has added (stored.lua).
--- @param fields table normal, of SKILL.md
--- @param digest string of the file that it adds
--- @return posthog.llm.SkillNotStored[]
function exported.entries(fields, digest)
  local entries = { { path = exported.PATH, sent = digest, why = "export" } }
  local version = fields.metadata.version
  if tostring(version):find("^%d+$") then
    entries[2] = { path = paths.SKILL, key = KEY, sent = version, why = "export" }
  end
  return entries
end

return exported
