--- JSON with sorted keys, for files and for people.

local core = require("posthog.llm.util.core")
local decimal = require("posthog.llm.util.decimal")
local display = require("posthog.llm.util.display")
local json = require("posthog.llm.json")
local json_value = require("posthog.llm.util.json_value")

local json_text = {}

local EXCERPT_LENGTH = 60 -- characters

local is_array = json_value.is_array
local encode = core.encode

--- The texts of names, with a colon: those of the rows of a file are always the same few.
local names, count = {}, 0
local MOST_NAMES, LONGEST_NAME = 200, 64 -- those that are kept

local function add_name(name)
  local own = tostring(name)
  local text = (encode(own) or "") .. ":"
  if #own <= LONGEST_NAME then
    if count >= MOST_NAMES then
      names, count = {}, 0
    end
    names[name], count = text, count + 1
  end
  return text
end

--- The name of a member as JSON, with its colon.
--- @param name string|number
--- @return string
function json_text.name(name)
  return names[name] or add_name(name)
end

--- @param value any one that JSON can represent
--- @param scalar fun(value: any): string the text of a value that is not a table
--- @return string
local function text_of(value, scalar)
  if type(value) ~= "table" then
    return scalar(value)
  end
  local parts = {}
  if is_array(value) then
    for i = 1, #value do
      parts[i] = text_of(value[i], scalar)
    end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  local n = 0
  for name, field in next, value do
    n = n + 1
    parts[n] = (names[name] or add_name(name)) .. text_of(field, scalar)
  end
  if n > 1 then
    table.sort(parts)
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

local function plain(value)
  return encode(value) or tostring(value)
end

--- JSON with sorted keys: equal values have the same text.
--- @param value any one that JSON can represent
--- @return string
local function sorted(value)
  return text_of(value, plain)
end
json_text.sorted = sorted

--- @param tells_floats boolean
local function scalar_as_stored(tells_floats)
  return function(value)
    local number = decimal.text(value)
    return number and decimal.stored(number, tells_floats) or plain(value)
  end
end

local EXACT, BY_VALUE = scalar_as_stored(true), scalar_as_stored(false)

--- The same, with one text for values that are equal once stored: numbers are compared by value,
--- not by notation.
--- @param value any one that JSON can represent
--- @param tells_floats? boolean whether 1.0 and 1 differ
--- @return string
function json_text.stored(value, tells_floats)
  return text_of(value, tells_floats and EXACT or BY_VALUE)
end

--- The same, for a value that JSON may be unable to represent.
--- @return string?
--- @return posthog.llm.Error? err
function json_text.encode(value)
  local text, err = json.encode(value)
  if text and type(value) == "table" then
    text = sorted(value)
  end
  return text, err
end

--- The start of a value's JSON, without control characters.
--- @return string
function json_text.excerpt(value)
  local text = display.clean(sorted(value))
  local last = 1
  for _ = 1, EXCERPT_LENGTH do
    local _, stop = text:find("^[^\128-\191][\128-\191]*", last)
    if not stop then
      return text
    end
    last = stop + 1
  end
  return last <= #text and text:sub(1, last - 1) .. "..." or text
end

--- The position after a string that begins there.
local function after_string(text, at)
  repeat
    at = text:find('["\\]', at + 1)
    local is_end = text:byte(at) == 34
    at = is_end and at or at + 1
  until is_end
  return at + 1
end

--- The position after a value that begins there.
local function after_value(text, at)
  local first = text:sub(at, at)
  if first == '"' then
    return after_string(text, at)
  elseif first ~= "{" and first ~= "[" then
    return text:find("[%s,%]}]", at) or #text + 1
  end
  local depth = 0
  repeat
    local mark = text:sub(at, at)
    if mark == '"' then
      at = after_string(text, at)
    else
      depth = depth + ((mark == "{" or mark == "[") and 1 or -1)
      at = at + 1
    end
    at = depth > 0 and text:find('["%[%]{}]', at) or at
  until depth == 0
  return at
end

--- The members of an object, or the elements of an array, each as the text that it is written by.
--- @param text string valid JSON, of an object or an array
--- @return { name?: string, text: string }[] in the order of the text; a name twice is there twice
function json_text.parts(text)
  local parts, at = {}, text:find("[{%[]") + 1
  local is_object = text:sub(at - 1, at - 1) == "{"
  while true do
    at = text:find("[^%s,]", at)
    if text:find("^[%]}]", at) then
      return parts
    end
    local part = {}
    if is_object then
      local stop = after_string(text, at)
      part.name = json.decode(text:sub(at, stop - 1))
      at = text:find("[^%s:]", stop)
    end
    local stop = after_value(text, at)
    part.text = text:sub(at, stop - 1)
    parts[#parts + 1] = part
    at = stop
  end
end

return json_text
