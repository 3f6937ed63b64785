--- All skills in one zip: SKILL.md of each, as a stub or whole with its files.

local responses = require("server.responses")
local rows = require("server.skill_rows")
local settings = require("server.settings").values
local skill_markdown = require("server.current.skill_markdown")
local validate = require("server.validate")
local zip = require("server.current.zip")

local skill_bundle = {}

local CONTENTS = { stub = true, full = true }

local function known_content(value, attr)
  if not CONTENTS[value] then
    error(responses.invalid(attr, "invalid_choice", ('"%s" is not a valid choice.'):format(value)))
  end
end

local QUERY = {
  { "content", "string", check = known_content },
  { "limit", "integer", min = 1, max = 100 },
}
local LIMIT = 50

--- The names of the skills that can be told in a bundle, sorted, and how many cannot.
local function usable(skills)
  local names, skipped = {}, 0
  for name, skill in pairs(skills) do
    if #rows.problems(skill, skill.versions[#skill.versions]) == 0 then
      names[#names + 1] = name
    else
      skipped = skipped + 1
    end
  end
  table.sort(names)
  return names, skipped
end

--- Appends the files of one skill.
local function add(entries, skill, content)
  local version = skill.versions[#skill.versions]
  local body = content == "stub" and "Fetch the skill by its name for all of it." or nil
  entries[#entries + 1] = {
    name = skill.name .. "/SKILL.md",
    content = skill_markdown.write(skill, version, body),
  }
  if content == "stub" then
    return
  end
  for _, file in ipairs(version.files) do
    entries[#entries + 1] = { name = skill.name .. "/" .. file.path, content = file.content }
  end
end

function skill_bundle.get(ctx)
  if settings.bundle == "absent" then
    error(responses.plain(404, "Bundles are not switched on."))
  elseif settings.bundle == "unknown" then
    error(responses.plain(503, "It cannot be told whether bundles are switched on."))
  end
  local query = validate.query(ctx, QUERY)
  local names, skipped = usable(ctx.project.skills)
  local included = math.min(#names, query.limit or LIMIT)
  local entries = {}
  for i = 1, included do
    add(entries, ctx.project.skills[names[i]], query.content or "stub")
  end
  local response = responses.ok(zip.pack(entries))
  local headers = response.headers
  headers["Content-Type"] = "application/zip"
  headers["Content-Disposition"] = 'attachment; filename="skills.zip"'
  headers["X-Skills-Included"] = tostring(included)
  headers["X-Skills-Dropped"] = tostring(#names - included)
  headers["X-Skills-Skipped"] = tostring(skipped)
  return response
end

return skill_bundle
