--- Skills as SKILL.md: a header of names and values, then the body.

local responses = require("server.responses")
local current = require("server.current.skills")
local json = require("server.json")
local rows = require("server.skill_rows")
local validate = require("server.validate")

local skill_markdown = {}

local QUERY = { { "version", "integer", min = 1 } }
local ANSWER = { "name", "version", "content", "frontmatter" }

--- The header of a version: names in order, and what they stand for as JSON.
local function header(skill, version)
  local names, values =
    { "name", "description" }, {
      name = json.string(skill.name),
      description = json.string(version.description),
    }
  local function add(name, value)
    names[#names + 1], values[name] = name, value
  end
  if version.license ~= "" then
    add("license", json.string(version.license))
  end
  if version.compatibility ~= "" then
    add("compatibility", json.string(version.compatibility))
  end
  if #version.allowed_tools > 0 then
    local tools = {}
    for i, tool in ipairs(version.allowed_tools) do
      tools[i] = json.string(tool)
    end
    add("allowed-tools", json.list(tools))
  end
  if next(json.members(json.encode(version.metadata))) then
    add("metadata", json.encode(version.metadata))
  end
  return names, values
end

--- A value in YAML: bare where that means the same text, else as JSON, which is YAML too.
local function yaml(raw)
  local bare = json.kind(raw) == "string" and json.decode(raw)
  if bare and bare:find("^%a[%w ,.«»\128-\255-]*$") and not bare:find(" $") then
    return bare
  end
  return raw
end

--- The whole text.
--- @param body string? what stands in place of the body
function skill_markdown.write(skill, version, body)
  local names, values = header(skill, version)
  local lines = { "---" }
  for _, name in ipairs(names) do
    lines[#lines + 1] = name .. ": " .. yaml(values[name])
  end
  lines[#lines + 1] = "---\n\n" .. (body or version.body) .. "\n"
  return table.concat(lines, "\n")
end

function skill_markdown.get(ctx, name)
  local skill = rows.find_named(ctx, name)
  local query = validate.query(ctx, QUERY)
  local version = current.version(skill, query.version)
  local names, values = header(skill, version)
  for key, value in pairs(values) do
    values[key] = json.raw(value)
  end
  return responses.ok(json.object(ANSWER, {
    name = skill.name,
    version = version.version,
    content = skill_markdown.write(skill, version),
    frontmatter = json.raw(json.object(names, values)),
  }))
end

return skill_markdown
