--- A folder that was unpacked from PostHog's export of a skill. The export adds a file for Codex,
--- made of the skill's name and description, and the skill's version as `metadata.version`. Both
--- are its own, and its import drops them (doc/api.md 4.1): so does a push.

local paths = require("posthog.llm.skill_folder.paths")
local text = require("posthog.llm.skill_folder.text")

local exported = {}

--- The file that the export adds.
exported.PATH = "agents/openai.yaml"

local KEY = { "metadata", "version" }

--- A skill's name as people read it: without case and hyphens.
local function plain(name)
  return (name:lower():gsub("[-%s'\"]+", " "):gsub("^ ", ""):gsub(" $", ""))
end

--- What the export writes into its file, and whether there is more, which is somebody's own.
--- @return string? display_name nil: there is more
local function generated(source)
  local display = ""
  for line in source:gsub("\r\n", "\n"):gmatch("[^\n]+") do
    local key, value = line:match("^  ([%w_]+):(.*)$")
    if key == "display_name" then
      display = text.trim(value)
    elseif line ~= "interface:" and key ~= "short_description" and not line:find("^    ") then
      return nil -- a description that goes on is further in
    end
  end
  return display
end

--- Whether a text is no file for Codex at all: it has none of its keys.
local function is_empty(source)
  for _, key in ipairs({ "interface", "policy", "dependencies" }) do
    if ("\n" .. source):find("\n" .. key .. "%s*:") then
      return false
    end
  end
  return true
end

--- The version that the export writes into a SKILL.md.
--- @param fields table normal
--- @return string|number|nil
local function version_of(fields)
  local version = fields.metadata.version
  return tostring(version):find("^%d+$") and version or nil
end

--- Whether the file says no more than the export would: somebody's own has other keys, or a name of
--- its own for the skill.
--- @param source string
--- @param fields table normal, of SKILL.md
--- @return boolean
function exported.is_generated(source, fields)
  local display = generated(source)
  if version_of(fields) then
    return display ~= nil or is_empty(source)
  end
  return display ~= nil and display ~= "" and plain(display) == plain(fields.name)
end

--- The entries for what the export has added (stored.lua).
--- @param fields table normal, of SKILL.md
--- @param digest string of the file that it adds
--- @return posthog.llm.SkillNotStored[]
function exported.entries(fields, digest)
  local entries = { { path = exported.PATH, sent = digest, why = "export" } }
  local version = version_of(fields)
  if version then
    entries[2] = { path = paths.SKILL, key = KEY, sent = version, why = "export" }
  end
  return entries
end

return exported
