--- What the emulator needs in addition to lua-cjson: a strict check of a request body that
--- also tells where its members lie, and a writer that splices stored text in unchanged. Free JSON
--- thus never passes through Lua numbers and tables, which would lose 64-bit integers and `[]`.

local cjson = require("cjson.safe").new()
cjson.decode_invalid_numbers(false)

local byte, find, sub = string.byte, string.find, string.sub

local json = { null = require("cjson").null }

local MAX_DEPTH = 900

local function fail(what, position)
  error({ json = ("%s: line 1 column %d (char %d)"):format(what, position, position - 1) })
end

--- The position after the string that opens at `i`.
local function after_string(text, i)
  local start = i
  i = i + 1
  while true do
    i = find(text, '["\\%z\1-\31]', i)
    if not i then
      fail("Unterminated string starting at", start)
    end
    local c = byte(text, i)
    if c == 34 then
      return i + 1
    end
    if c ~= 92 then
      fail("Invalid control character at", i)
    end
    c = byte(text, i + 1)
    if c == 117 then
      if not find(text, "^%x%x%x%x", i + 2) then
        fail("Invalid \\uXXXX escape", i)
      end
      i = i + 6
    elseif c and find(sub(text, i + 1, i + 1), '["\\/bfnrt]') then
      i = i + 2
    else
      fail("Invalid \\escape", i)
    end
  end
end

--- The position after the digits that begin at `i`.
local function after_digits(text, i)
  local c = byte(text, i)
  while c and c >= 48 and c <= 57 do
    i = i + 1
    c = byte(text, i)
  end
  return i
end

local function after_number(text, i)
  local start = i
  if byte(text, i) == 45 then
    i = i + 1
  end
  local first = byte(text, i)
  local stop = first == 48 and i + 1 or after_digits(text, i)
  if stop == i then
    fail("Expecting value", start)
  end
  if byte(text, stop) == 46 then
    local after = after_digits(text, stop + 1)
    if after == stop + 1 then
      return stop
    end -- the point is extra data then
    stop = after
  end
  local c = byte(text, stop)
  if c == 69 or c == 101 then
    local sign = byte(text, stop + 1)
    local digits = (sign == 43 or sign == 45) and stop + 2 or stop + 1
    local after = after_digits(text, digits)
    if after > digits then
      stop = after
    end
  end
  return stop
end

local function skip(text, i)
  local c = byte(text, i)
  while c == 32 or c == 10 or c == 13 or c == 9 do
    i = i + 1
    c = byte(text, i)
  end
  return i
end

local after_value

--- The position after the object or array that opens at `i`. `each(from, to, key)` is called for
--- the direct children; `key` is the raw text of the name, nil in an array.
local function after_container(text, i, depth, each)
  if depth > MAX_DEPTH then
    fail("Too deep", i)
  end
  local is_object = byte(text, i) == 123
  local close = is_object and 125 or 93
  i = skip(text, i + 1)
  if byte(text, i) == close then
    return i + 1
  end
  while true do
    local key
    if is_object then
      if byte(text, i) ~= 34 then
        fail("Expecting property name enclosed in double quotes", i)
      end
      local key_end = after_string(text, i)
      if each then
        key = sub(text, i, key_end - 1)
      end
      i = skip(text, key_end)
      if byte(text, i) ~= 58 then
        fail("Expecting ':' delimiter", i)
      end
      i = skip(text, i + 1)
    end
    local value_end = after_value(text, i, depth + 1)
    if each then
      each(i, value_end - 1, key)
    end
    i = skip(text, value_end)
    local c = byte(text, i)
    if c == close then
      return i + 1
    end
    if c ~= 44 then
      fail("Expecting ',' delimiter", i)
    end
    i = skip(text, i + 1)
  end
end

function after_value(text, i, depth)
  local c = byte(text, i)
  if c == 34 then
    return after_string(text, i)
  end
  if c == 123 or c == 91 then
    return after_container(text, i, depth)
  end
  if c == 116 and find(text, "^true", i) then
    return i + 4
  end
  if c == 102 and find(text, "^false", i) then
    return i + 5
  end
  if c == 110 and find(text, "^null", i) then
    return i + 4
  end
  if not c then
    fail("Expecting value", i)
  end
  return after_number(text, i)
end

local KINDS = {
  [34] = "string",
  [123] = "object",
  [91] = "array",
  [116] = "boolean",
  [102] = "boolean",
  [110] = "null",
}

--- What a text that is known to be good JSON holds.
--- @return string kind object, array, string, number, boolean or null
function json.kind(raw)
  return KINDS[byte(raw)] or "number"
end

--- Goes through a whole text. `each` is called for the direct children of its object or array.
local function scan(text, each)
  local i = skip(text, 1)
  local c = byte(text, i)
  local stop
  if c == 123 or c == 91 then
    stop = after_container(text, i, 1, each)
  else
    stop = after_value(text, i, 1)
  end
  local rest = skip(text, stop)
  if rest <= #text then
    fail("Extra data", rest)
  end
end

--- The elements of an array, as raw texts.
function json.elements(raw)
  local list = {}
  scan(raw, function(from, to)
    list[#list + 1] = sub(raw, from, to)
  end)
  return list
end

--- The members of an object, as raw texts by name. The last of two equal names wins.
function json.members(raw)
  local members = {}
  scan(raw, function(from, to, key)
    local name = key and json.decode(key)
    if name then
      members[name] = sub(raw, from, to)
    end
  end)
  return members
end

--- Checks a whole text, which may be no JSON at all.
--- @return string? kind as json.kind has it
--- @return table|string members_or_err the members of an object; or, when there is no kind, what is
---   wrong and where, worded like the server's
function json.check(text)
  local ok, result = pcall(json.members, text)
  if ok then
    return json.kind(text:match("^[ \t\r\n]*(.)")), result
  end
  if type(result) == "table" then
    return nil, result.json
  end
  error(result, 0)
end

--- Decodes a text that json.check has passed. nil means a lone surrogate, the only thing that
--- lua-cjson still refuses then.
function json.decode(raw)
  local box = cjson.decode("[" .. raw .. "]")
  if box then
    return box[1]
  end
end

local ESCAPES = {
  ['"'] = '\\"',
  ["\\"] = "\\\\",
  ["\b"] = "\\b",
  ["\f"] = "\\f",
  ["\n"] = "\\n",
  ["\r"] = "\\r",
  ["\t"] = "\\t",
}
for code = 0, 31 do
  local char = string.char(code)
  ESCAPES[char] = ESCAPES[char] or ("\\u%04x"):format(code)
end

--- A string as JSON; bytes above 127 stay as they are.
function json.string(text)
  if find(text, '["\\%z\1-\31]') then
    text = text:gsub('["\\%z\1-\31]', ESCAPES)
  end
  return '"' .. text .. '"'
end

--- Marks text that is JSON already.
function json.raw(text)
  return { raw = text }
end

--- Removes the whitespace between the parts of a text that is good JSON.
function json.compact(raw)
  if not find(raw, "[ \t\r\n]") then
    return raw
  end
  local parts, from = {}, 1
  while true do
    local quote = find(raw, '"', from, true)
    parts[#parts + 1] = sub(raw, from, (quote or #raw + 1) - 1):gsub("[ \t\r\n]+", "")
    if not quote then
      return table.concat(parts)
    end
    from = after_string(raw, quote)
    parts[#parts + 1] = sub(raw, quote, from - 1)
  end
end

--- A scalar, or text marked by json.raw, as JSON. nil is null. Throws the `broken` of a text that
--- cannot be sent.
function json.encode(value)
  local kind = type(value)
  if kind == "string" then
    return json.string(value)
  end
  if kind == "number" then
    return value % 1 == 0 and ("%d"):format(value) or ("%.17g"):format(value)
  end
  if kind == "boolean" then
    return tostring(value)
  end
  if value == nil or value == json.null then
    return "null"
  end
  if value.broken then
    error(value.broken)
  end
  return value.raw
end

--- An object with the members `keys`, in that order; those missing in `values` are null.
function json.object(keys, values)
  local out = {}
  for i = 1, #keys do
    out[i] = '"' .. keys[i] .. '":' .. json.encode(values[keys[i]])
  end
  return "{" .. table.concat(out, ",") .. "}"
end

--- An array of texts that are JSON already.
function json.list(texts)
  return "[" .. table.concat(texts, ",") .. "]"
end

return json
