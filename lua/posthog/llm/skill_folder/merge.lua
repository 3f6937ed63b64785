--- Puts two changes of a text together.

local skill_md = require("posthog.llm.skill_folder.skill_md")
local text = require("posthog.llm.skill_folder.text")
local three_way = require("posthog.llm.util.three_way")

local merge = {}

--- How all lines of a text end; nil where they do not end alike.
local function line_end(s)
  local _, all = s:gsub("\n", "")
  local _, returns = s:gsub("\r\n", "")
  return returns == 0 and "\n" or returns == all and "\r\n" or nil
end

--- Three-way, where one side has only changed how the lines end: that is a change
--- of its own, and none of each line.
local function merge_lines(base, ours, theirs, labels)
  local was, here, there = line_end(base), line_end(ours), line_end(theirs)
  if not (was and here and there) or (was == here and was == there) then
    return three_way.merge(base, ours, theirs, labels)
  end
  local function plain(s)
    return (s:gsub("\r\n", "\n"))
  end
  local merged, conflicts = three_way.merge(plain(base), plain(ours), plain(theirs), labels)
  local wanted = here == was and there or here
  if wanted == "\r\n" then
    merged = merged:gsub("\n", "\r\n")
  end
  return merged, conflicts
end

--- Merges texts as the server keeps them.
--- @param base string
--- @param ours string
--- @param theirs string
--- @param labels { ours: string, theirs: string } what the markers say
--- @return string merged without white space at its ends
--- @return integer conflicts
function merge.texts(base, ours, theirs, labels)
  if ours == theirs or theirs == base then
    return ours, 0
  elseif ours == base then
    return theirs, 0
  elseif text.check(ours) then
    return ours, 1
  end
  local merged, conflicts =
    merge_lines(base == "" and "" or text.file(base), text.file(ours), text.file(theirs), labels)
  return (text.trim(merged)), conflicts
end

local FIELDS = { "name", "description", "license", "compatibility", "allowed_tools", "metadata" }

--- A field as a text that is the same for the same value.
local function print_of(field, fields)
  local all = { body = "", [field] = fields[field] }
  return skill_md.canonical(all)
end

--- @return table? fields nil: both sides have changed one, each in its way
local function merge_fields(base, ours, theirs)
  local merged = {}
  for _, field in ipairs(FIELDS) do
    local b, o, t = print_of(field, base), print_of(field, ours), print_of(field, theirs)
    if o == t or t == b then
      merged[field] = ours[field]
    elseif o == b then
      merged[field] = theirs[field]
    else
      return nil
    end
  end
  return merged
end

--- Merges a SKILL.md: the front matter field by field, the body as a text.
--- @param base table fields
--- @param present string the folder's file
--- @param theirs table fields
--- @param labels { ours: string, theirs: string }
--- @return string merged the whole file
--- @return integer conflicts
function merge.skill_md(base, present, theirs, labels)
  local ours = skill_md.read(present)
  local fields = ours and merge_fields(skill_md.normal(base), skill_md.normal(ours), theirs)
  if not fields then -- as texts, in the same form where ours can be read
    local source = ours and skill_md.canonical(ours) or (text.trim(present))
    local before, after = skill_md.canonical(base), skill_md.canonical(theirs)
    return three_way.merge(before, text.file((text.trim(source))), after, labels)
  end
  local body, conflicts =
    merge.texts((text.trim(base.body)), (text.trim(ours.body)), (text.trim(theirs.body)), labels)
  fields.body = body
  return skill_md.update(fields, present), conflicts
end

return merge
