--- Puts two changes of a text together, by git.

local errors = require("posthog.llm.errors")
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

local function scratch(content)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  local ok = file:write(content)
  ok = file:close() and ok
  return path, ok
end

--- @param labels { base: string, theirs: string }
--- @return string? merged
--- @return integer|posthog.llm.Error conflicts or err
local function three_way(base, ours, theirs, labels)
  local names, written = {}, true
  for i, content in ipairs({ ours, base, theirs }) do
    local ok
    names[i], ok = scratch(content)
    written = written and ok
  end
  local command = { merge.git, "merge-file", "-q", "-L", "this folder", "-L", labels.base }
  for _, word in ipairs({ "-L", labels.theirs, names[1], names[2], names[3] }) do
    command[#command + 1] = word
  end
  local status = written and run(command) or 255
  local file = io.open(names[1], "rb")
  local merged = file and file:read("*a")
  if file then
    file:close()
  end
  for _, name in ipairs(names) do
    os.remove(name)
  end
  if not written or not merged or status > MOST_CONFLICTS or status < 0 then
    return nil, errors.new({ kind = "file", message = "git merge-file could not merge the texts" })
  elseif status == 127 and merged == ours then
    local message = "git is needed to merge what both sides have changed, and is not found"
    return nil, errors.new({ kind = "file", message = message })
  end
  return merged, status
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
  elseif text.problem(ours) then
    return ours, 1
  end
  local merged, conflicts = three_way(
    base == "" and "" or text.file(base),
    text.file(ours),
    text.file(theirs),
    labels
  )
  if not merged then
    return nil, conflicts
  end
  return (text.trim(merged)), conflicts
end

local FIELDS =
  { "name", "description", "license", "compatibility", "allowed_tools", "metadata" }

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
  local body, conflicts = merge.texts(
    (text.trim(base.body)),
    (text.trim(ours.body)),
    (text.trim(theirs.body)),
    labels
  )
  if not body then
    return nil, conflicts
  end
  fields.body = body
  return skill_md.update(fields, present), conflicts
end

return merge
