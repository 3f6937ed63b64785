--- Whether what the server stores is what was sent, apart from the changes that it is known to make
--- (doc/api.md 0.4, 1.1, 4.1). Each comparison returns "equal", "differs", or nil when undecided:
--- the value resembles what was sent, changed in an undocumented way.

local compare = require("posthog.llm.util.compare")
local item_fields = require("posthog.llm.api.item_fields")
local times = require("posthog.llm.util.time")

local stored = {}

--- Keys of a skill's metadata that belong to the server: it ignores them when they are sent, and
--- carries its own over from the version before.
local SERVER_KEYS = { source = true, seeded_by = true, canonical_hash = true }

--- Fields of a version, without its files, and how to compare them.
local CARRIED = {
  body = "text",
  description = "text",
  license = "text",
  compatibility = "text",
  version_description = "text",
  allowed_tools = "texts",
  metadata = "metadata",
}

--- The weaker of two results.
--- @param a "equal"|"differs"|nil
--- @param b "equal"|"differs"|nil
local function both(a, b)
  if a == "differs" or b == "differs" then
    return "differs"
  end
  return a == "equal" and b == "equal" and "equal" or nil
end
stored.both = both

local function verdict(same)
  return same and "equal" or "differs"
end

--- A text without white space and control characters, in lower case.
local function letters(text)
  return (text:gsub("[%s%c]+", ""):lower())
end

--- A plain text field, which the server trims, and in which it stores a number as a text.
function stored.text(sent, actual)
  if compare.field(sent, actual) then
    return "equal"
  elseif type(sent) == "boolean" then
    return nil
  elseif
    type(sent) == "string"
    and type(actual) == "string"
    and letters(sent) == letters(actual)
  then
    return nil
  end
  return "differs"
end

--- A list of such texts.
function stored.texts(sent, actual)
  if type(sent) ~= "table" or type(actual) ~= "table" then
    return verdict(compare.equal(sent, actual))
  elseif #sent ~= #actual then
    return "differs"
  end
  local result = "equal"
  for i, text in ipairs(sent) do
    result = both(result, stored.text(text, actual[i]))
  end
  return result
end

--- Any JSON, by value.
function stored.json(sent, actual)
  return verdict(compare.equal(sent, actual))
end

--- The metadata without the server's keys.
local function callers_part(metadata)
  if type(metadata) ~= "table" then
    return metadata
  end
  local part = {}
  for name, value in next, metadata do
    if not SERVER_KEYS[name] then
      part[name] = value
    end
  end
  return part
end

function stored.metadata(sent, actual)
  return verdict(compare.equal(callers_part(sent), callers_part(actual)))
end

local function instant(value)
  return type(value) == "string" and times.iso(value) or nil
end

--- Whether one time of the server is not before another one.
function stored.is_later(created_at, earlier)
  local one, other = instant(created_at), instant(earlier)
  return one ~= nil and other ~= nil and one >= other
end

function stored.time(sent, actual)
  return verdict(instant(sent) == instant(actual))
end

--- A boolean mark; absent, null and false are the same.
function stored.mark(sent, actual)
  return verdict((sent == true) == (actual == true))
end

--- Whether a version of a skill has the fields that were sent.
--- @param skill table
--- @param fields table as body.canonical returns them
function stored.has_fields(skill, fields)
  local result = "equal"
  for name, kind in pairs(CARRIED) do
    local is_present = name ~= "version_description" or skill[name] ~= nil
    if fields[name] ~= nil and is_present then
      result = both(result, stored[kind](fields[name], skill[name]))
    end
  end
  return result
end

--- Whether a version has the same fields as the one before it, except for those that were sent. The
--- version_description is not carried over.
function stored.carries(before, after, sent)
  for name, kind in pairs(CARRIED) do
    if sent[name] == nil and name ~= "version_description" then
      if stored[kind](before[name], after[name]) ~= "equal" then
        return "differs"
      end
    end
  end
  return "equal"
end

--- Whether a dataset or an item has the fields that were sent.
--- @param row table
--- @param fields table with the values as the row's version of the API stores them
function stored.has_row_fields(row, fields)
  local result = "equal"
  for name, sent in next, fields do
    local field = item_fields.of(name)
    local kind = field and field.kind or "text"
    if name == "deleted" or name == "archived" then
      kind = "mark"
    end
    result = both(result, stored[kind](sent, row[name]))
  end
  return result
end

--- The text after edits. The `old` of each has to occur exactly once; overlapping occurrences count
--- as one, as in Python's str.count, which the server uses.
--- @param text string
--- @param edits { old: string, new: string }[]
--- @return string? nil: an edit does not apply
function stored.edited(text, edits)
  for _, edit in ipairs(edits) do
    local old = compare.trim(edit.old)
    local first, last = text:find(old, 1, true)
    if not first or last < first or text:find(old, last + 1, true) then
      return nil
    end
    text = text:sub(1, first - 1) .. compare.trim(edit.new) .. text:sub(last + 1)
  end
  return text
end

--- What a version says about each of its files, by path.
--- @param skill table
--- @return table<string, { kind: any, digest: any }>
function stored.files(skill)
  local files = {}
  for _, file in ipairs(type(skill.files) == "table" and skill.files or {}) do
    files[file.path] = { kind = file.content_type, digest = file.sha256 }
  end
  return files
end

--- The path as the server stores it: API v2 replaces the backslash by a slash.
--- @param path string
--- @param files table<string, any> by path
function stored.path(path, files)
  path = compare.trim(path)
  local with_slashes = path:gsub("\\", "/")
  return files[path] and path or with_slashes
end

return stored
