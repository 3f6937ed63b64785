--- Searching in names, descriptions, bodies and files of the latest versions.

local responses = require("server.responses")
local json = require("server.json")
local settings = require("server.settings").values
local text = require("server.text")
local validate = require("server.validate")

local skill_search = {}

local QUERY = { { "query", "string", required = true, max = 200 } }

local MAX_RESULTS, MAX_MATCHES, MAX_EXCERPT = 10, 2, 300

local ANSWER = { "count", "results" }
local RESULT = { "name", "description", "matches" }

--- The content of other files is not searched.
local function is_markdown(file)
  local path = file.path:lower()
  return path:find("%.md$") or path:find("%.markdown$")
end

--- The places of a version that are searched, the strongest first: { matched_field, text, path? }.
local function places(skill, version)
  local list = {
    { "name", skill.name },
    { "description", version.description },
    { "body", version.body },
  }
  for _, file in ipairs(version.files) do
    list[#list + 1] = { "file_path", file.path, file.path }
    if is_markdown(file) then
      list[#list + 1] = { "file_content", file.content, file.path }
    end
  end
  return list
end

--- The first line that holds the query, and its number.
local function line_with(whole, query)
  local number = 0
  for line in (whole .. "\n"):gmatch("(.-)\n") do
    number = number + 1
    if text.contains(line, query) then
      return line, number
    end
  end
end

local LINED = { body = true, file_content = true }

--- One match as JSON, or nil.
local function match(place, query)
  local field, whole, path = place[1], place[2], place[3]
  local line, number = line_with(whole, query)
  if not line then
    return nil
  end
  local keys, values = { "matched_field" }, { matched_field = field, path = path, line = number }
  if path then
    keys[#keys + 1] = "path"
  end
  if LINED[field] then
    keys[#keys + 1] = "line"
  end
  keys[#keys + 1] = "excerpt"
  values.excerpt = text.slice(text.trim(line), 0, MAX_EXCERPT)
  return json.object(keys, values)
end

local function search(skill, query)
  local version, matches = skill.versions[#skill.versions], {}
  for _, place in ipairs(places(skill, version)) do
    if #matches < MAX_MATCHES then
      matches[#matches + 1] = match(place, query)
    end
  end
  if #matches == 0 then
    return nil
  end
  return json.object(RESULT, {
    name = skill.name,
    description = version.description,
    matches = json.raw(json.list(matches)),
  })
end

function skill_search.get(ctx)
  local query = validate.query(ctx, QUERY).query
  if settings.search == "timeout" then
    error(responses.plain(503, "The search took too long; use a narrower query."))
  end
  local names, results = {}, {}
  for name in pairs(ctx.project.skills) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    if #results < MAX_RESULTS then
      results[#results + 1] = search(ctx.project.skills[name], query)
    end
  end
  return responses.ok(json.object(ANSWER, {
    count = #results,
    results = json.raw(json.list(results)),
  }))
end

return skill_search
