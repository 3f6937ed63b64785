--- What a file holds: by what the caller says, by its content, by its name. Names lie: many
--- a `.json` has an object a line, many a `.csv` has semicolons.

local aliases = require("posthog.llm.dataset_file.aliases")
local json = require("posthog.llm.json")
local json_value = require("posthog.llm.util.json_value")
local separators = require("posthog.llm.dataset_file.separators")

local formats = {}

local ENDINGS = { jsonl = "jsonl", ndjson = "jsonl", json = "json", csv = "csv", tsv = "csv" }

formats.NAMES = { jsonl = true, json = true, csv = true }

--- @param path string
--- @return string ending in small letters, without that of gzip
local function ending(path)
  local name = path:lower():gsub("%.gz$", "")
  return name:match("%.(%w+)$") or ""
end

--- @param path string
--- @return "jsonl"|"json"|"csv"? format as the name says
function formats.of_name(path)
  return ENDINGS[ending(path)]
end

--- The first two lines that are not blank, of what is there.
--- @return string? first nil where it has no end yet
--- @return string? second
local function two_lines(head)
  local first, rest = head:match("^%s*([^\n]*)\n%s*(.*)$")
  if not first then
    return nil
  end
  return first, rest
end

--- Whether a text ends before the value does, as the first line of a value of many lines does.
local function is_cut(text, err)
  return not text:find("%S", err.position)
end

--- Whether the one line that is there is an object around a list of records, and no record itself.
local function holds_list(head)
  local value = json.decode(head)
  local names, is_around = {}, false
  for name, member in next, json_value.is_object(value) and value or {} do
    names[#names + 1] = name
    is_around = is_around
      or (type(member) == "table" and json_value.is_array(member) and type(member[1]) == "table")
  end
  return is_around and not aliases.find(names).fields.input
end

--- How JSON is laid out that begins like this.
--- @param head string
--- @param named? string format
--- @return "jsonl"|"json"
local function layout(head, named)
  local first, rest = two_lines(head)
  if not first or rest == "" then -- one line: an object may be a record of its own
    local is_list = head:find("^%s*%[") ~= nil or holds_list(head)
    return is_list and "json" or named or "jsonl"
  end
  local _, err = json.decode(first)
  local goes_on = rest:find("^[%[{]") ~= nil
  if not err then
    return goes_on and "jsonl" or "json"
  elseif head:find("^%s*%[") then
    return (is_cut(first, err) or named == "json") and "json" or named or "json"
  end
  return is_cut(first, err) and not goes_on and "json" or named or "jsonl"
end

--- @param path string
--- @param head string how the text begins
--- @param option? string what the caller says
--- @return "jsonl"|"json"|"csv"? format nil: unknown
function formats.find(path, head, option)
  if option then
    return option
  end
  local named = formats.of_name(path)
  local is_json = head:find('^%s*{%s*"')
    or head:find("^%s*%[%s*[{%[]")
    or head:find("^%s*[%[{]%s*\n")
  if is_json and (named ~= "csv" or not head:find("^%s*%[[^{]*\n")) then
    return layout(head, named ~= "csv" and named or nil)
  elseif named then
    return named
  end
  return separators.find(head) and "csv" or nil
end

--- The separator that the name of a file tells.
--- @return string?
function formats.separator(path)
  return ending(path) == "tsv" and "\t" or nil
end

return formats
