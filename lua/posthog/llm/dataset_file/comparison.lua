--- What is kept of the content of records and rows to compare them: short digests, for each field.

local sha256 = require("posthog.llm.util.digest").sha256
local item_fields = require("posthog.llm.api.item_fields")
local json_text = require("posthog.llm.util.json_text")

local comparison = {}

local LENGTH = 8 -- hexadecimal digits kept of each field

--- The fields that are compared: all but the key, which an import adds.
local FIELDS = {}
for _, field in ipairs(item_fields.FIELDS) do
  if field.name ~= "client_item_id" then
    FIELDS[#FIELDS + 1] = field.name
  end
end

--- The SHA-256 of a text, cut to the length up to which Lua interns strings.
function comparison.hash_of(text)
  return sha256(text):sub(1, 40)
end

--- A short text by which changed fields are found: for each field that is present its
--- number and a few digits of its hash. An absent field equals null.
--- @param content table from values.content
--- @param exact boolean whether 1.0 differs from 1
--- @param length? integer hexadecimal digits of each field; default: 8
--- @return string
function comparison.digest(content, exact, length)
  length = length or LENGTH
  local parts = {}
  for i, name in ipairs(FIELDS) do
    local value = content[name]
    if value ~= nil then
      parts[#parts + 1] = i .. sha256(json_text.stored(value, exact)):sub(1, length)
    end
  end
  return table.concat(parts)
end

--- The digits of a field, by its number.
local function digits(text, length)
  local by_number = {}
  for at = 1, #text, length + 1 do
    by_number[tonumber(text:sub(at, at))] = text:sub(at + 1, at + length)
  end
  return by_number
end

--- @param a string a digest
--- @param b string another, of the same length for each field
--- @param length? integer
--- @return string[] names of the fields that differ, by API v2
--- @return table<string, boolean> in_a those of them that the first has
function comparison.changed(a, b, length)
  length = length or LENGTH
  local names, in_a = {}, {}
  if a ~= b then
    local of_a, of_b = digits(a, length), digits(b, length)
    for i, name in ipairs(FIELDS) do
      if of_a[i] ~= of_b[i] then
        names[#names + 1] = name
        in_a[name] = of_a[i] ~= nil
      end
    end
  end
  return names, in_a
end

--- Packs what is kept of a record into one string: a table would take three times as much memory.
--- @param line? integer
--- @param digested string
--- @param shown any
function comparison.pack(line, digested, shown)
  return ("%s %s %s"):format(line or "", digested, json_text.excerpt(shown))
end

--- @param packed string
--- @return integer? line
--- @return string digest
--- @return string shown
function comparison.unpack(packed)
  local line, digested, shown = packed:match("^(%d*) (%x*) (.*)$")
  return tonumber(line), digested, shown
end

return comparison
