--- Whether what the server holds is what was sent to it, after all that it is
--- known to change (doc/api.md 0.4, 1.1, 4.1). Each comparison gives "equal",
--- "differs", or nil: it looks like what was sent, changed in a way that nobody
--- has told us of.

local compare = require("posthog.llm.util.compare")
local item_fields = require("posthog.llm.api.item_fields")
local times = require("posthog.llm.util.time")

local stored = {}

--- Keys of a skill's metadata that the server keeps for itself: those that are
--- sent are dropped, and those of the version before stay.
local OWN_KEYS = { source = true, seeded_by = true, canonical_hash = true }

--- Fields of a version besides its files, with what they hold.
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

--- What is left of a text when spaces and case do not count.
local function letters(text)
  return (text:gsub("[%s%c]+", ""):lower())
end

--- A plain text of the API, which it trims, and makes of numbers.
function stored.text(sent, there)
  if compare.field(sent, there) then
    return "equal"
  elseif type(sent) == "boolean" then
    return nil
  elseif type(sent) == "string" and type(there) == "string" and letters(sent) == letters(there) then
    return nil
  end
  return "differs"
end

--- A list of such texts.
function stored.texts(sent, there)
  if type(sent) ~= "table" or type(there) ~= "table" then
    return verdict(compare.equal(sent, there))
  elseif #sent ~= #there then
    return "differs"
  end
  local result = "equal"
  for i, text in ipairs(sent) do
    result = both(result, stored.text(text, there[i]))
  end
  return result
end

--- Any JSON, by value.
function stored.json(sent, there)
  return verdict(compare.equal(sent, there))
end

--- Without the keys that are the server's.
local function own_part(metadata)
  if type(metadata) ~= "table" then
    return metadata
  end
  local part = {}
  for name, value in next, metadata do
    if not OWN_KEYS[name] then
      part[name] = value
    end
  end
  return part
end

function stored.metadata(sent, there)
  return verdict(compare.equal(own_part(sent), own_part(there)))
end

local function instant(value)
  return type(value) == "string" and times.iso(value) or nil
end

--- Whether something was made after something else, by the server's own times.
function stored.is_later(created_at, earlier)
  local one, other = instant(created_at), instant(earlier)
  return one ~= nil and other ~= nil and one >= other
end

function stored.time(sent, there)
  return verdict(instant(sent) == instant(there))
end

--- A mark that is absent, null or false.
function stored.mark(sent, there)
  return verdict((sent == true) == (there == true))
end

--- Whether a version of a skill has the fields that were sent.
--- @param skill table
--- @param fields table as they come back (body.canonical)
function stored.has_fields(skill, fields)
  local result = "equal"
  for name, kind in pairs(CARRIED) do
    local is_there = name ~= "version_description" or skill[name] ~= nil
    if fields[name] ~= nil and is_there then
      result = both(result, stored[kind](fields[name], skill[name]))
    end
  end
  return result
end

--- Whether a version has what the one before it has, but for the fields that
--- were sent. What describes a version is not carried over.
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

--- Whether a row of a dataset, or a dataset, has the fields that were sent.
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

--- The text after edits, each of which fits one place; where `old` overlaps
--- itself the server counts it once, as Python's str.count does.
--- @param text string
--- @param edits { old: string, new: string }[]
--- @return string? nil: an edit does not fit
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

--- What there is of each file of a version without reading it, by its path.
--- @param skill table
--- @return table<string, { kind: any, digest: any }>
function stored.files(skill)
  local files = {}
  for _, file in ipairs(type(skill.files) == "table" and skill.files or {}) do
    files[file.path] = { kind = file.content_type, digest = file.sha256 }
  end
  return files
end

--- The path as servers store it: newer ones turn the backslash.
--- @param path string
--- @param files table<string, any> by path
function stored.path(path, files)
  path = compare.trim(path)
  local turned = path:gsub("\\", "/")
  return files[path] and path or turned
end

return stored
