--- Puts two changes of a text together, by git.

local errors = require("posthog.llm.util.errors")
local skill_md = require("posthog.llm.skill_folder.skill_md")
local text = require("posthog.llm.skill_folder.text")

local merge = {}

--- The program; for tests.
merge.git = "git"

local MOST_CONFLICTS = 127 -- more are counted as so many by git itself

--- A word for the shell, whatever is in it.
local function quote(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

--- @return integer status of the program; 127: it is not there
local function run(words)
  for i, word in ipairs(words) do
    words[i] = quote(word)
  end
  local ok, _, code = os.execute("cd / && " .. table.concat(words, " ") .. " 2>/dev/null")
  if type(ok) == "number" then -- Lua 5.1: what waitpid gave
    return ok > 255 and math.floor(ok / 256) or ok
  end
  return code
end

--- @return string? path
--- @return boolean? ok
local function scratch(content)
  local made, path = pcall(os.tmpname)
  local file = made and io.open(path, "wb")
  if not file then
    return nil, false
  end
  local ok = file:write(content)
  ok = file:close() and ok
  return path, ok
end

local NO_ROOM = "a file for git merge-file cannot be written to the folder of temporary files"
local NO_GIT = "git is needed to merge what both sides have changed, and is not found"
local NO_RESULT = "git merge-file could not merge the texts"

local function failure(message)
  return nil, errors.new({ kind = "file", message = message })
end

--- What git has left, and whether that can be: a program that was stopped may
--- end as if there were conflicts.
--- @return string? merged
--- @return integer|posthog.llm.Error conflicts or err
local function result_of(path, status)
  local file = io.open(path, "rb")
  local merged = file and file:read("*a")
  if file then
    file:close()
  end
  local has_markers = merged and text.marker(merged) ~= nil
  if merged and (status == 0 or (has_markers and status > 0 and status <= MOST_CONFLICTS)) then
    return merged, status
  end
  return failure(status == 127 and NO_GIT or NO_RESULT)
end

--- @param labels { base: string, theirs: string }
--- @return string? merged
--- @return integer|posthog.llm.Error conflicts or err
local function three_way(base, ours, theirs, labels)
  local names, written = {}, true
  for _, content in ipairs({ ours, base, theirs }) do
    local name, ok = scratch(content)
    names[#names + 1] = name
    written = written and ok
  end
  local command = { merge.git, "merge-file", "-q", "-L", "this folder", "-L", labels.base }
  for _, word in ipairs({ "-L", labels.theirs, names[1], names[2], names[3] }) do
    command[#command + 1] = word
  end
  local merged, status
  if written then
    merged, status = result_of(names[1], run(command))
  else
    merged, status = failure(NO_ROOM)
  end
  for _, name in ipairs(names) do
    os.remove(name)
  end
  return merged, status
end

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
    return three_way(base, ours, theirs, labels)
  end
  local function plain(s)
    return (s:gsub("\r\n", "\n"))
  end
  local merged, conflicts = three_way(plain(base), plain(ours), plain(theirs), labels)
  local wanted = here == was and there or here
  if merged and wanted == "\r\n" then
    merged = merged:gsub("\n", "\r\n")
  end
  return merged, conflicts
end

--- Merges texts as the server keeps them.
--- @param base string
--- @param ours string
--- @param theirs string
--- @param labels { base: string, theirs: string } what the markers say
--- @return string? merged without white space at its ends
--- @return integer|posthog.llm.Error conflicts or err
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
  if not merged then
    return nil, conflicts
  end
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
--- @param labels { base: string, theirs: string }
--- @return string? merged the whole file
--- @return integer|posthog.llm.Error conflicts or err
function merge.skill_md(base, present, theirs, labels)
  local ours = skill_md.read(present)
  local fields = ours and merge_fields(skill_md.normal(base), skill_md.normal(ours), theirs)
  if not fields then -- as texts, in the same form where ours can be read
    local source = ours and skill_md.canonical(ours) or (text.trim(present))
    local before, after = skill_md.canonical(base), skill_md.canonical(theirs)
    return three_way(before, text.file((text.trim(source))), after, labels)
  end
  local body, conflicts =
    merge.texts((text.trim(base.body)), (text.trim(ours.body)), (text.trim(theirs.body)), labels)
  if not body then
    return nil, conflicts
  end
  fields.body = body
  return skill_md.update(fields, present), conflicts
end

return merge
