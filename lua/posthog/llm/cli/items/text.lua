--- Items as JSON texts: what a user types or edits, and what is sent of it. Free JSON is sent as it is
--- written, so that no number and no key changes on the way.

local errors = require("posthog.llm.util.errors")
local item_fields = require("posthog.llm.api.item_fields")
local json = require("posthog.llm.json")
local json_layout = require("posthog.llm.util.json_layout")
local json_text = require("posthog.llm.util.json_text")

local text = {}

local function refuse(line, column, words, ...)
  local err = errors.new({ kind = "invalid", message = words:format(...) })
  err.at = line and { line = line, column = column } or nil
  return nil, err
end

--- The line and column of a byte.
local function position(source, at)
  local before = source:sub(1, at - 1)
  local _, lines = before:gsub("\n", "")
  return lines + 1, #(before:match("^.*\n(.*)$") or before) + 1
end

--- The fields of an item that can be written, for a message.
local function names_of(more)
  local names = {}
  for _, field in ipairs(item_fields.FIELDS) do
    names[#names + 1] = field.name
    names[#names + 1] = field.v1 ~= field.name and field.v1 or nil
  end
  for name in pairs(more) do
    names[#names + 1] = name
  end
  return table.concat(names, ", ")
end

--- @class posthog.llm.cli.ItemText
--- @field fields table<string, any> to send; free JSON as it is written
--- @field compact table<string, string> the JSON text of each, on one line

--- Reads a JSON object.
--- @param source string
--- @param more table<string, boolean> fields that may be there too, such as dataset
--- @return posthog.llm.cli.ItemText?
--- @return posthog.llm.Error? err
function text.read(source, more)
  local value, err = json.decode(source)
  if err then
    local line, column = position(source, err.position or 1)
    return refuse(line, column, "line %d, column %d: %s", line, column, err.message)
  elseif type(value) ~= "table" or not source:find("^%s*{") then
    return refuse(1, 1, 'an item is a JSON object, such as {"input": "..."}')
  end
  local item = { fields = {}, compact = {} }
  for _, part in ipairs(json_text.parts(source)) do
    local field = item_fields.of(part.name)
    if not field and not more[part.name] then
      local words = "an item has no field %q that can be written; it has %s"
      return refuse(nil, nil, words, part.name, names_of(more))
    elseif item.compact[part.name] then
      return refuse(nil, nil, "%q is there twice", part.name)
    end
    local is_free = field and field.kind == "json" and part.text ~= "null"
    item.fields[part.name] = is_free and json.raw(part.text) or json.decode(part.text)
    item.compact[part.name] = json_layout.compact(part.text)
  end
  return item
end

--- An item as a text to edit: what can be changed, with one field or element a line.
--- @param row table of `dataset_items:get` with `raw`
--- @param names string[] of the fields
--- @return string
function text.write(row, names)
  local lines = {}
  for _, name in ipairs(names) do
    local value = rawget(row, name)
    local written = "null"
    if value ~= nil then
      written = type(value) == "userdata" and tostring(value) or json.encode(value)
    end
    local _, indented = json_layout.forms(written, 1)
    lines[#lines + 1] = ("  %s: %s"):format(json.encode(name), indented)
  end
  return "{\n" .. table.concat(lines, ",\n") .. "\n}\n"
end

return text
