--- Names of skills: what to propose for one that does not exist.

local responses = require("server.responses")
local json = require("server.json")

local skill_names = {}

local MAX_SUGGESTIONS, MAX_DISTANCE = 3, 3

--- How many letters have to be put in, left out or replaced.
local function distance(a, b)
  local row = {}
  for j = 0, #b do
    row[j] = j
  end
  for i = 1, #a do
    local diagonal = row[0]
    row[0] = i
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      local best = math.min(row[j] + 1, row[j - 1] + 1, diagonal + cost)
      diagonal, row[j] = row[j], best
    end
  end
  return row[#b]
end

--- The names that come near, as JSON: nearest first.
local function suggestions(project, wanted)
  local near = {}
  for name in pairs(project.skills) do
    local steps = distance(wanted, name)
    if steps <= MAX_DISTANCE then
      near[#near + 1] = { name = name, steps = steps }
    end
  end
  table.sort(near, function(a, b)
    if a.steps ~= b.steps then
      return a.steps < b.steps
    end
    return a.name < b.name
  end)
  local texts = {}
  for i = 1, math.min(#near, MAX_SUGGESTIONS) do
    texts[i] = json.string(near[i].name)
  end
  return json.raw(json.list(texts))
end

--- The 404 of a skill.
function skill_names.not_found(project, name)
  return responses.plain(404, ("There is no skill named '%s'."):format(name), {
    { "type", "skill_not_found" },
    { "skill_name", name },
    { "suggestions", suggestions(project, name:sub(1, 100)) },
  })
end

--- The 404 of a version.
function skill_names.no_version(skill, number)
  local texts = {}
  for i in ipairs(skill.versions) do
    texts[i] = ("%d"):format(i)
  end
  return responses.plain(404, ("The skill '%s' has no version %d."):format(skill.name, number), {
    { "type", "skill_version_not_found" },
    { "skill_name", skill.name },
    { "available_versions", json.raw(json.list(texts)) },
  })
end

return skill_names
