--- Puts two changes of a text together.

local field_merge = require("posthog.llm.skill_folder.field_merge")
local skill_md = require("posthog.llm.skill_folder.skill_md")
local text = require("posthog.llm.skill_folder.text")
local three_way = require("posthog.llm.util.three_way")

local merge = {}

--- How all lines of a text end; nil where they do not end alike.
local function line_end(s)
  local newline, other = text.newline(s)
  return not other and newline or nil
end

--- Three-way, where one side has only changed how the lines end: that is a change
--- of its own, and none of each line.
local function merge_lines(base, ours, theirs, labels)
  local was, here, there = line_end(base), line_end(ours), line_end(theirs)
  if not (was and here and there) or (was == here and was == there) then
    return three_way.merge(base, ours, theirs, labels)
  end
  local merged, conflicts =
    three_way.merge(text.unix(base), text.unix(ours), text.unix(theirs), labels)
  return text.with_newline(merged, here == was and there or here), conflicts
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

--- The front matter and the body as one text, where the folder's cannot be read.
local function merge_whole(base, present, theirs, labels)
  local before, after = skill_md.canonical(base), skill_md.canonical(theirs)
  local ours = text.file(text.server(present))
  local merged, conflicts = three_way.merge(before, ours, after, labels)
  return text.with_newline(merged, (text.newline(present))), conflicts
end

--- The file with markers around the lines of what both have changed.
local function mark(document, variants, labels)
  local sources = {}
  for i, fields in ipairs(variants) do
    local source, err = skill_md.update(fields, document.source, document)
    if not source then
      return nil, err
    end
    sources[i] = source
  end
  return three_way.merge(sources[3], sources[1], sources[2], labels)
end

--- Merges a SKILL.md: the front matter name by name, the body as a text.
--- @param base table fields
--- @param present string the folder's file
--- @param theirs table fields
--- @param labels { ours: string, theirs: string }
--- @param document? posthog.llm.SkillDocument the folder's file, where it has been read
--- @return string? merged the whole file
--- @return integer|posthog.llm.Error conflicts or err: kind "invalid", with the line that would be lost
--- @return posthog.llm.SkillDocument? read of what was merged, where a document was given and there
---   is no conflict in the front matter
function merge.skill_md(base, present, theirs, labels, document)
  local given, _ = document, nil
  if not document then
    _, _, document = skill_md.read(present)
  end
  if not document then
    return merge_whole(base, present, theirs, labels)
  end
  local was, ours, other =
    skill_md.normal(base), skill_md.normal(document.fields), skill_md.normal(theirs)
  local body, conflicts = merge.texts(was.body, ours.body, other.body, labels)
  local merged_fields, there, before, unlike = field_merge.fields(was, ours, other)
  merged_fields.body, there.body, before.body = body, body, body
  if #unlike == 0 then
    local merged, err, read = skill_md.update(merged_fields, present, document)
    return merged, merged and conflicts or err, given and read
  end
  local merged, more = mark(document, { merged_fields, there, before }, labels)
  return merged, merged and conflicts + more or more
end

return merge
