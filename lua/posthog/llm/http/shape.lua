--- The shape of a response: which fields it has to have, of which types, and what those are to show.
--- A server that confuses two objects, or a cache in between that does, answers 200 with a body that
--- looks right. So what a request names, its response has to show, whether it reads or writes.
---
--- A shape is a table of fields. Each has the name of a type (one of type(), "object", "list"),
--- shape.ASKED, what shape.same or shape.each makes, or a shape of its own.

local compare = require("posthog.llm.util.compare")
local core = require("posthog.llm.util.core")
local json_text = require("posthog.llm.util.json_text")

local shape = {}

local array_mt = core.array_mt

--- For a field: it has to be the text that the request names, its field `asked`. Most shapes can so
--- be made once, and not for each request. Without `asked` any text will do.
local ASKED = {}
shape.ASKED = ASKED

--- A field that has to be this text or number.
--- @class posthog.llm.Same
--- @field value string|number
--- @field is_optional? boolean the response may lack it
local Same = {}
Same.__index = Same

--- @param value any what the caller has written: where it is no text and no number, the server
---   decides what it is
--- @param is_optional? boolean the response may lack the field
--- @return posthog.llm.Same|string|nil
function shape.same(value, is_optional)
  if type(value) ~= "string" and type(value) ~= "number" then
    return not is_optional and "string" or nil
  end
  return setmetatable({ value = value, is_optional = is_optional }, Same)
end

--- A field of the rows of a list that has to be one of some texts.
--- @class posthog.llm.Each
--- @field name string
--- @field among table<string, true>
--- @field only string the one text; of several, any
local Each = {}
Each.__index = Each

--- For a list: its rows have to show what the request has selected them by. A row may lack the field.
--- @param name string of the field
--- @param wanted any a text, or a list of texts; anything else selects nothing
--- @return posthog.llm.Each|string
function shape.each(name, wanted)
  if type(wanted) == "string" then
    return setmetatable({ name = name, only = wanted, among = { [wanted] = true } }, Each)
  elseif type(wanted) ~= "table" then
    return "list"
  end
  local among = {}
  for _, text in ipairs(wanted) do
    among[text] = true
  end
  return setmetatable({ name = name, among = among }, Each)
end

--- One form for all spellings that mean the same to the server: it trims names, reads a UUID in each
--- of the forms that Python knows, and keeps a path with slashes for backslashes (doc/api.md 0.3,
--- 1.1). Names and UUIDs hold no backslash.
local function identity(text)
  text = compare.trim(text):gsub("\\", "/")
  local digits = text:gsub("^urn:", ""):gsub("^uuid:", ""):gsub("[-{}]", ""):lower()
  return #digits == 32 and digits:find("^%x+$") and digits or text
end

local function is_same(value, wanted)
  if value == wanted then
    return true
  elseif type(wanted) == "number" then -- a codec may have numbers of its own
    return compare.equal(value, wanted)
  end
  return type(value) == "string" and identity(value) == identity(wanted)
end

local function excerpt(value)
  return type(value) == "number" and ("%.17g"):format(value) or json_text.excerpt(value)
end

--- @return string mismatch
local function another(name, value, wanted)
  local words = "the response is about another one: its %s is %s, not %s"
  return words:format(name, excerpt(value), wanted)
end

local function describe(value)
  if value == core.null then
    return "null"
  elseif type(value) == "table" then
    return getmetatable(value) == array_mt and "an array" or "an object"
  end
  return "a " .. type(value)
end

local function is_object(value)
  return type(value) == "table" and getmetatable(value) ~= array_mt
end

--- A codec of the caller's may leave its lists unmarked.
local function is_list(value)
  return type(value) == "table"
    and (getmetatable(value) == array_mt or value[1] ~= nil or next(value) == nil)
end

local function has_type(value, expected)
  if expected == "object" then
    return is_object(value)
  elseif expected == "list" then
    return is_list(value)
  end
  return type(value) == expected
end

--- @return string? mismatch
local function type_mismatch(name, value, expected)
  if not has_type(value, expected) then
    return ("the response has no %s %q"):format(expected, name)
  end
end

--- @param wanted string|number
--- @return string? mismatch
local function differs(name, value, wanted)
  local missing = value == nil or value == core.null
  if missing or type(wanted) == "string" and type(value) ~= "string" then
    return ("the response has no %s %q"):format(type(wanted), name)
  elseif not is_same(value, wanted) then
    return another(name, value, excerpt(wanted))
  end
end

local function is_among(each, value)
  for wanted in next, each.among do
    if is_same(value, wanted) then
      return true
    end
  end
  return false
end

--- @param rows any
--- @param each posthog.llm.Each
--- @return string? mismatch
local function rows_mismatch(name, rows, each)
  if not is_list(rows) then
    return type_mismatch(name, rows, "list")
  end
  local field, among = each.name, each.among
  for i = 1, #rows do -- of a list there may be a thousand
    local row = rows[i]
    local value = type(row) == "table" and row[field] or nil
    if value ~= nil and not among[value] and value ~= core.null and not is_among(each, value) then
      local wanted = each.only and excerpt(each.only) or "one of those that were asked for"
      return another(("%s[%d].%s"):format(name, i, field), value, wanted)
    end
  end
end

local object_mismatch

--- @param name string of the field, with those that it is in
--- @return string? mismatch
local function field_mismatch(name, value, expected, asked)
  local kind = getmetatable(expected)
  if type(expected) == "string" then
    return type_mismatch(name, value, expected)
  elseif expected == ASKED then
    if asked == nil then
      return type_mismatch(name, value, "string")
    end
    return differs(name, value, asked)
  elseif kind == Same then
    if expected.is_optional and (value == nil or value == core.null) then
      return nil
    end
    return differs(name, value, expected.value)
  elseif kind == Each then
    return rows_mismatch(name, value, expected)
  end
  return type_mismatch(name, value, "object")
    or object_mismatch(value, expected, asked, name .. ".")
end

function object_mismatch(value, fields, asked, prefix)
  for name, expected in next, fields do
    local field = value[name]
    -- The usual case of most shapes, for every response: it needs no further call.
    if type(field) ~= expected and (expected ~= ASKED or field ~= asked or field == nil) then
      local mismatch = field_mismatch(prefix .. name, field, expected, asked)
      if mismatch then
        return mismatch
      end
    end
  end
end

--- Compares a decoded response with the expected shape.
--- @param value any
--- @param fields table<string, any> the shape
--- @param asked? string what the request names
--- @return string? mismatch what is wrong; nil: the value has the shape
function shape.mismatch(value, fields, asked)
  if not is_object(value) then
    return ("a JSON object was expected, the response is %s"):format(describe(value))
  end
  return object_mismatch(value, fields, asked, "")
end

--- Whether a value has the shape. Only an object has a field, so that the usual value of a shape with
--- one field needs no other check.
--- @param value any
--- @param fields table<string, any> the shape
--- @param asked? string what the request names
--- @return boolean
function shape.fits(value, fields, asked)
  local name, expected = next(fields)
  if type(value) == "table" and next(fields, name) == nil then
    local field = value[name]
    if type(field) == expected or (expected == ASKED and field == asked and field ~= nil) then
      return true
    end
  end
  return not shape.mismatch(value, fields, asked)
end

return shape
