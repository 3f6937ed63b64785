--- Puts two changes of the fields of a SKILL.md together, name by name. Bodies are texts, and are
--- merged as such (merge.lua).

local json = require("posthog.llm.json")
local json_text = require("posthog.llm.util.json_text")
local json_value = require("posthog.llm.util.json_value")
local line_diff = require("posthog.llm.util.line_diff")
local skill_md = require("posthog.llm.skill_folder.skill_md")

local field_merge = {}

local FIELDS = { "name", "description", "license", "compatibility", "allowed_tools", "metadata" }

--- What both sides have changed differently.
--- @class posthog.llm.FieldConflict
--- @field path string[] names, from that of the field on
--- @field theirs any nil: they have taken it out

--- @param a any
--- @param b any
--- @return boolean
local function same(a, b)
  return a == b or a ~= nil and b ~= nil and json_text.sorted(a) == json_text.sorted(b)
end

local function is_map(value)
  return type(value) == "table" and not json_value.is_array(value)
end

local function below(path, name)
  local longer = { name }
  for i = #path, 1, -1 do
    table.insert(longer, 1, path[i])
  end
  return longer
end

local merge_maps

--- A value that both sides may have changed: as this folder is to have it, as theirs, and as the
--- base. The three are one where only one side has changed it, or both alike.
local function merge_value(base, ours, theirs, path, conflicts)
  if same(ours, theirs) or same(theirs, base) then
    return ours, ours, ours
  elseif same(ours, base) then
    return theirs, theirs, theirs
  elseif is_map(ours) and is_map(theirs) then
    return merge_maps(is_map(base) and base or {}, ours, theirs, path, conflicts)
  end
  conflicts[#conflicts + 1] = { path = path, theirs = theirs }
  return ours, theirs, base
end

--- The same name by name.
function merge_maps(base, ours, theirs, path, conflicts)
  local o, t, b, seen = json.object({}), json.object({}), json.object({}), {}
  for _, map in ipairs({ base, ours, theirs }) do
    for key in pairs(map) do
      if not seen[key] then
        seen[key] = true
        o[key], t[key], b[key] =
          merge_value(base[key], ours[key], theirs[key], below(path, key), conflicts)
      end
    end
  end
  return o, t, b
end

--- Merges the fields, all but the body.
--- @param base table fields in their normal form, as are the others
--- @param ours table
--- @param theirs table
--- @return table merged where both have changed one differently, ours
--- @return table there the same with theirs
--- @return table was the same with the base's
--- @return posthog.llm.FieldConflict[] conflicts
function field_merge.fields(base, ours, theirs)
  local merged, there, was, conflicts = {}, {}, {}, {}
  for _, field in ipairs(FIELDS) do
    merged[field], there[field], was[field] =
      merge_value(base[field], ours[field], theirs[field], { field }, conflicts)
  end
  return merged, there, was, conflicts
end

--- Fields with another value at one place.
local function with(fields, path, value, depth)
  depth = depth or 1
  local copy = depth > 1 and json.object({}) or {}
  for name, field in pairs(fields) do
    copy[name] = field
  end
  local name = path[depth]
  copy[name] = depth < #path and with(fields[name], path, value, depth + 1) or value
  return copy
end

--- The front matter of a file with other fields, with the lines around it.
--- @return string? head
--- @return posthog.llm.Error? err
local function head_of(document, fields)
  local source, err, read = skill_md.update(fields, document.source, document)
  return source and source:sub(1, read.parts.body - 1), err
end

--- Lines of a merged front matter that stand for what both sides have changed.
--- @class posthog.llm.FieldPlace
--- @field name string such as "description" or "metadata.owner"
--- @field line integer the first one, from 1; where ours has none, the one that theirs would come before
--- @field count integer
--- @field theirs string[] lines with their ends, in place of them

--- Where in the front matter a conflict is.
--- @return posthog.llm.FieldPlace? place nil where both are written the same
--- @return posthog.llm.Error? err
local function place_of(document, merged, lines, conflict)
  local head, err = head_of(document, with(merged, conflict.path, conflict.theirs))
  if not head then
    return nil, err
  end
  local theirs = line_diff.split(head)
  local hunks = line_diff.hunks(lines, theirs)
  local first, last = hunks[1], hunks[#hunks]
  if not first then
    return nil
  end
  local place = { line = first.a, count = last.a + last.a_count - first.a, theirs = {} }
  place.name = table.concat(conflict.path, "."):gsub("^allowed_tools", "allowed-tools")
  for i = first.b, last.b + last.b_count - 1 do
    place.theirs[#place.theirs + 1] = theirs[i]
  end
  return place
end

--- Merges the front matter of a SKILL.md with that of another version, field by field: comments,
--- names that no server has, and how what did not change is written stay.
--- @param base table fields of the version that both come from
--- @param document posthog.llm.SkillDocument ours, read
--- @param theirs table fields
--- @return string? head up to the body; where both have changed a field differently it has ours
--- @return posthog.llm.FieldPlace[]|posthog.llm.Error places of these fields; or err: kind "invalid", with
---   the line that cannot be kept
function field_merge.front_matter(base, document, theirs)
  local merged, _, _, conflicts = field_merge.fields(
    skill_md.normal(base),
    skill_md.normal(document.fields),
    skill_md.normal(theirs)
  )
  merged.body = document.fields.body
  local head, err = head_of(document, merged)
  if not head then
    return nil, err
  end
  local lines, places = line_diff.split(head), {}
  for _, conflict in ipairs(conflicts) do
    local place, wrong = place_of(document, merged, lines, conflict)
    if wrong then
      return nil, wrong
    end
    places[#places + 1] = place
  end
  return head, places
end

return field_merge
