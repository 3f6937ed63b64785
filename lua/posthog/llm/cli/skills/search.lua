--- posthog-llm skills search.

local compare = require("posthog.llm.util.compare")
local exits = require("posthog.llm.cli.exits")
local list = require("posthog.llm.cli.list")

local search = {}

local LONGEST_TEXT = 200 -- characters; doc/api.md 2.1

--- Where in a skill a text was found: "body:12", "references/fields.md:3".
local function place_of(match)
  local field = type(match.matched_field) == "string" and match.matched_field or ""
  local place = type(match.path) == "string" and match.path or field
  return type(match.line) == "number" and ("%s:%d"):format(place, match.line) or place
end

local function one_line(text)
  return type(text) == "string" and (text:gsub("%s+", " ")) or ""
end

--- Those of a list that are tables: a server may send anything.
local function tables_of(found)
  local rows = {}
  for _, row in ipairs(found) do
    rows[#rows + 1] = type(row) == "table" and row or nil
  end
  return rows
end

--- A row of the table for each match; the name only once.
local function rows_of(found)
  local rows = {}
  for _, skill in ipairs(found) do
    local matches = type(skill.matches) == "table" and skill.matches or {}
    local name = one_line(skill.name)
    for i, match in ipairs(tables_of(matches)) do
      rows[#rows + 1] = { i == 1 and name or "", place_of(match), one_line(match.excerpt) }
    end
    if #matches == 0 then
      rows[#rows + 1] = { name, "", one_line(skill.description) }
    end
  end
  return rows
end

--- Walks a list.
local function each(rows)
  local at = 0
  return function()
    at = at + 1
    return rows[at]
  end
end

local ONLY_NAMES = "this server has API v1: only names and descriptions were searched"

--- The list of skills has a search of its own, on every server.
local function search_list(context, text)
  local found = {}
  for skill in context:reader().skills:each({ search = text }) do
    found[#found + 1] = { name = skill.name, description = skill.description, matches = {} }
  end
  context:note(ONLY_NAMES)
  return found
end

--- Whether an error says that the server cannot search within skills.
local function is_unknown(context, err)
  local version = context:reader():profile()
  if version == "reference" then
    return err.kind == "invalid" and not err.attempts or err.kind == "not_found"
  end
  return version == nil and err.kind == "not_found" and err.code == "not_found"
end

--- The same on both versions of the API.
local function check_text(text)
  local wrong = not text:find("%S") and "the text to look for is empty"
    or compare.length(text) > LONGEST_TEXT and "the text to look for has more than 200 characters"
  if wrong then
    error(exits.usage(wrong, "posthog-llm skills search"), 0)
  end
end

--- @return posthog.llm.Error? err
function search.run(context, args)
  check_text(args.text)
  local found, err = context:reader().skills:search(args.text)
  if not found and is_unknown(context, err) then
    found = { results = search_list(context, args.text) }
  elseif not found then
    return nil, err
  end
  local results = tables_of(found.results)
  if #results == 0 then
    context:note("no skill has this text")
  end
  list.print(context, { all = true }, {
    unit = "skills",
    header = { "NAME", "WHERE", "TEXT" },
    cells = function(row)
      return row
    end,
    each = function()
      return each(context.json and results or rows_of(results))
    end,
  })
end

return search
