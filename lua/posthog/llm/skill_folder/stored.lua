--- What the server has made of what a folder holds.
---
--- A server may not keep all that it is sent: it drops keys of `metadata`, puts values of
--- its own in their place, or keeps a text in another form. The file stays as its author
--- wrote it. So there are two views of a SKILL.md, that of the file and that of the server, and
--- the lock notes where they differ: a list of entries, each with what the folder has
--- (`sent`) and what the server has in its place (`stored`). An entry holds as long as the
--- file still says what it said then.
---
--- What is compared, sent and digested is the server's view; what is written into the
--- folder, and merged there, is the file's.

local compare = require("posthog.llm.util.compare")
local digest = require("posthog.llm.util.digest")
local json = require("posthog.llm.json")
local json_text = require("posthog.llm.util.json_text")
local paths = require("posthog.llm.skill_folder.paths")
local rules = require("posthog.llm.skill_folder.rules")
local skill_md = require("posthog.llm.skill_folder.skill_md")
local text = require("posthog.llm.skill_folder.text")
local tools = require("posthog.llm.skill_folder.tools")

local stored = {}

local FIELDS = { "description", "license", "compatibility", "allowed_tools" }

local TOOLS = { "allowed_tools" }

local IS_OWN = {}
for _, key in ipairs(rules.OWN_METADATA) do
  IS_OWN[key] = true
end

--- Keys as SKILL.md has them.
local FILE_KEYS = { allowed_tools = "allowed-tools" }

--- @class posthog.llm.SkillNotStored one difference between folder and server
--- @field path string
--- @field key? string[] of SKILL.md: a field, or "metadata" and a key of it; nil: the file as a
---   whole
--- @field sent? any what the folder has; of a whole file its digest; nil: nothing
--- @field stored? any what the server has; of a whole file its digest; nil: nothing
--- @field why? "export"|"split" it was this library that did not send it as it is

--- @param fields table as skill_md.normal makes them
--- @param key string[]
local function get(fields, key)
  if #key == 1 then
    return fields[key[1]]
  end
  return fields.metadata[key[2]]
end

local function set(fields, key, value)
  if #key == 1 then
    fields[key[1]] = value
  else
    fields.metadata[key[2]] = value
  end
end

--- Whether two values of a field are the same to the server.
local function same(key, a, b)
  if key[1] == "allowed_tools" then
    return table.concat(a or {}, "\n") == table.concat(b or {}, "\n")
  end
  return compare.equal(a, b)
end

local function copy(fields)
  local all = {}
  for name, value in pairs(fields) do
    all[name] = value
  end
  all.metadata = json.object({})
  for name, value in pairs(fields.metadata) do
    all.metadata[name] = value
  end
  return all
end

--- Whether the server keeps this to itself, whatever it is sent.
local function is_own(entry)
  return entry.key[1] == "metadata" and IS_OWN[entry.key[2]] or false
end

--- The fields of a file as the server has them.
--- @param entries posthog.llm.SkillNotStored[]
--- @param fields table normal
--- @return table fields
function stored.to_server(entries, fields)
  if #entries == 0 then
    return fields
  end
  local all = copy(fields)
  for _, entry in ipairs(entries) do
    if entry.key and same(entry.key, get(fields, entry.key), entry.sent) then
      set(all, entry.key, entry.stored)
    end
  end
  return all
end

--- Entries for keys that the server keeps for itself, of which the file has one and the
--- server has none.
--- @param ours table normal, of the file
--- @param theirs table normal, of the server
--- @return posthog.llm.SkillNotStored[]
function stored.own_keys(ours, theirs)
  local entries = {}
  for _, key in ipairs(rules.OWN_METADATA) do
    local sent = ours.metadata[key]
    if sent ~= nil and theirs.metadata[key] == nil then
      entries[#entries + 1] = { path = paths.SKILL, key = { "metadata", key }, sent = sent }
    end
  end
  return entries
end

--- The names of tools, divided at every blank as PostHog's own import does it.
--- @param list string[]
--- @return string[]
function stored.split_tools(list)
  local all = {}
  for _, tool in ipairs(list) do
    for _, word in ipairs(compare.words(tool)) do
      all[#all + 1] = word
    end
  end
  return all
end

--- The names of tools with those joined again that were divided: "Bash(git", "add:*)".
--- @param list string[]
--- @return string[]
local function join_tools(list)
  local joined = tools.split(table.concat(list, " "))
  local again = stored.split_tools(joined)
  return #joined < #list and same(TOOLS, again, list) and joined or list
end

--- An entry for tools that the server has divided, and the file has whole.
--- @param ours table normal, of the file
--- @param theirs table normal, of the server
--- @return posthog.llm.SkillNotStored[] entries one, or none
function stored.divided_tools(ours, theirs)
  local sent, kept = ours.allowed_tools, theirs.allowed_tools
  if same(TOOLS, sent, kept) or not same(TOOLS, stored.split_tools(sent), kept) then
    return {}
  end
  return { { path = paths.SKILL, key = TOOLS, sent = sent, stored = kept, why = "split" } }
end

--- The fields of the server as a new file is to have them.
--- @param fields table normal, of the server
--- @return table fields
function stored.to_new_file(fields)
  local all = copy(fields)
  all.allowed_tools = join_tools(fields.allowed_tools)
  return all
end

--- The fields of the server as the file is to have them: it keeps what the server did not.
--- @param entries posthog.llm.SkillNotStored[]
--- @param fields table normal, of the server
--- @param ours table normal, of the file
--- @return table fields
function stored.to_file(entries, fields, ours)
  local all = stored.to_new_file(fields)
  for _, entry in ipairs(entries) do
    local holds = entry.key and same(entry.key, get(ours, entry.key), entry.sent)
    if holds and (is_own(entry) or same(entry.key, get(fields, entry.key), entry.stored)) then
      set(all, entry.key, entry.sent)
    end
  end
  return all
end

--- The digest of a file as the server has it.
--- @param entries posthog.llm.SkillNotStored[]
--- @param path string
--- @param own string digest
--- @return string? digest nil: the server does not have the file
function stored.digest(entries, path, own)
  for _, entry in ipairs(entries) do
    if not entry.key and entry.path == path and entry.sent == own then
      return entry.stored
    end
  end
  return own
end

--- The digest of a SKILL.md as the server has it.
--- @param entries posthog.llm.SkillNotStored[]
--- @param fields table normal, of the file
--- @return string?
function stored.digest_of_skill(entries, fields)
  local kept = stored.to_server(entries, fields)
  local own = digest.sha256((kept == fields and skill_md.render or skill_md.canonical)(kept))
  return stored.digest(entries, paths.SKILL, own)
end

--- Entries for the fields in which the file and the server differ.
local function differences(ours, theirs)
  local entries = {}
  local function add(key)
    local sent, kept = get(ours, key), get(theirs, key)
    if not same(key, sent, kept) then
      entries[#entries + 1] = { path = paths.SKILL, key = key, sent = sent, stored = kept }
    end
  end
  for _, field in ipairs(FIELDS) do
    add({ field })
  end
  local names = {}
  for _, metadata in ipairs({ ours.metadata, theirs.metadata }) do
    for name in pairs(metadata) do
      names[name] = true
    end
  end
  local sorted = {}
  for name in pairs(names) do
    sorted[#sorted + 1] = name
  end
  table.sort(sorted)
  for _, name in ipairs(sorted) do
    add({ "metadata", name })
  end
  return entries
end

local function why_of(before, entry)
  for _, other in ipairs(before) do
    local is_it = other.key and table.concat(other.key, ".") == table.concat(entry.key, ".")
    if is_it and same(entry.key, other.sent, entry.sent) then
      return other.why
    end
  end
end

--- What a write has made of a folder: entries for all that the server has otherwise.
--- @param ours table normal, of the file
--- @param theirs table normal, of the response
--- @param digests table<string, string> of the files that were sent, SKILL.md apart
--- @param kept table<string, string|false> by path, of the files that the response lists; false:
---   it does not say the digest
--- @param before posthog.llm.SkillNotStored[] entries that held until then
--- @return posthog.llm.SkillNotStored[] entries
function stored.after_write(ours, theirs, digests, kept, before)
  local entries = differences(ours, theirs)
  for _, entry in ipairs(entries) do
    entry.why = why_of(before, entry)
  end
  local has, is = stored.digest_of_skill(entries, ours), digest.sha256(skill_md.render(theirs))
  if has ~= is then -- its body, or a form of a value that is equal
    entries[#entries + 1] = { path = paths.SKILL, sent = has, stored = is }
  end
  for _, entry in ipairs(before) do -- of files that were not sent
    if not entry.key and entry.stored == nil and not digests[entry.path] then
      entries[#entries + 1] = kept[entry.path] == nil and entry or nil
    end
  end
  local sorted = {}
  for path in pairs(digests) do
    sorted[#sorted + 1] = path
  end
  table.sort(sorted)
  for _, path in ipairs(sorted) do
    local there = kept[path]
    if there == nil or (there and there ~= digests[path]) then
      entries[#entries + 1] = { path = path, sent = digests[path], stored = there or nil }
    end
  end
  return entries
end

--- The entries that still hold once the folder is at another version.
--- @param entries posthog.llm.SkillNotStored[]
--- @param ours table? normal, of the file as it is then; nil: it cannot be read
--- @param theirs posthog.llm.SkillSnapshot
--- @return posthog.llm.SkillNotStored[]
function stored.carry(entries, ours, theirs)
  local all, is_noted = {}, false
  for _, entry in ipairs(entries) do
    local key = entry.key
    if not key then
      local is_there = theirs.digests[entry.path] == entry.stored
      all[#all + 1] = is_there and entry or nil
    elseif ours and same(key, get(ours, key), entry.sent) then
      local value = get(theirs.fields, key)
      local holds = is_own(entry) or same(key, value, entry.stored)
      if holds and not same(key, value, entry.sent) then
        all[#all + 1] =
          { path = entry.path, key = key, sent = entry.sent, stored = value, why = entry.why }
        is_noted = is_noted or key[1] == TOOLS[1]
      end
    end
  end
  if ours and not is_noted then
    all[#all + 1] = stored.divided_tools(ours, theirs.fields)[1]
  end
  return all
end

--- The name that an indented line begins with, as far as a message needs it.
local function name_of(line)
  local colon = line:find("^%s") and line:find(":", 1, true)
  local name = colon and text.trim(line:sub(1, colon - 1))
  return name and name:gsub("^[\"']", ""):gsub("[\"']$", "")
end

--- The line of a key in a SKILL.md.
--- @param source string
--- @param lines table<string, integer> of the keys on top, as skill_md.read tells them
--- @param key string[]
--- @return integer? line
function stored.line_of(source, lines, key)
  local first = lines[FILE_KEYS[key[1]] or key[1]]
  if not first or #key == 1 then
    return first
  end
  local number = 0
  for line in (source .. "\n"):gmatch("([^\n]*)\n") do
    number = number + 1
    if number >= first and name_of(line) == key[2] then
      return number
    elseif number > first and not line:find("^%s") then
      break
    end
  end
  return first
end

local GONE = "%s: the server does not keep it; it stays in this file"
local OTHER = "%s: the server has another value in its place (%s); this file keeps its own"
local EXTRA = "%s: the server has it, though this file does not"
local REFORMED = "the server has it in another form than it was sent; it stays here as it is"
local NO_FILE = "the server does not keep the file; it stays in this folder"

local WHY = {
  export = "%s: it comes from an export of PostHog, which writes it anew: it is not pushed, and "
    .. "stays in this file",
  split = "%s: pushed divided at every blank, as PostHog's own import does it; this file keeps "
    .. "its own",
}
local GENERATED = "it comes from an export of PostHog, which makes it anew: it is not pushed, and "
  .. "stays in this folder"

local function message_of(entry)
  if entry.why == "export" and not entry.key then
    return GENERATED
  elseif not entry.key then
    return entry.stored == nil and NO_FILE or REFORMED
  end
  local name = table.concat(entry.key, ".")
  name = FILE_KEYS[name] or name
  if entry.why then
    return WHY[entry.why]:format(name)
  elseif entry.stored == nil then
    return GONE:format(name)
  elseif entry.sent == nil then
    return EXTRA:format(name)
  end
  return OTHER:format(name, json_text.excerpt(entry.stored))
end

--- What the server did not keep of a folder.
--- @class posthog.llm.SkillNotStoredFinding
--- @field path string
--- @field line? integer of SKILL.md
--- @field key? string of SKILL.md, "metadata.source"; nil: the file as a whole
--- @field message string for people
--- @field why? "export"|"split" it was this library that did not send it as it is: a file that only
---   PostHog's exports have, or names of tools that were divided

--- Tells a person of the entries.
--- @param entries posthog.llm.SkillNotStored[]
--- @param source? string of SKILL.md
--- @param lines? table<string, integer>
--- @return posthog.llm.SkillNotStoredFinding[]
function stored.findings(entries, source, lines)
  local list = {}
  for i, entry in ipairs(entries) do
    local key = entry.key
    local line = key and source and lines and stored.line_of(source, lines, key) or nil
    local name = key and (FILE_KEYS[key[1]] or table.concat(key, ".")) or nil
    list[i] =
      { path = entry.path, line = line, key = name, message = message_of(entry), why = entry.why }
  end
  return list
end

return stored
