-- Decoding and encoding again: the value and its text stay what they are, and lua-cjson, where it
-- is as strict and as exact, reads the same in both texts.

local cjson = require("cjson.safe").new()
local core = require("posthog.llm.core")
local json = require("spec.support.json")

cjson.decode_invalid_numbers(false)
cjson.decode_max_depth(2000)

-- What lua-cjson lets pass, as our message says it.
local MORE_LENIENT = {
  ["expected a digit"] = true,
  ["expected a digit after the decimal point"] = true,
  ["byte order mark"] = true,
  ["control character in a string"] = true,
  ["invalid UTF-8"] = true,
  ["lone surrogate in an escape"] = true,
  ["nested too deeply"] = true,
}

--- Equal to a value of lua-cjson's, which has doubles only and arrays without a mark.
local function equals(ours, theirs)
  if type(ours) == "userdata" and ours ~= core.null then
    return type(theirs) == "number" and ours:tonumber() == theirs
  elseif type(ours) == "number" then
    return type(theirs) == "number" and ours + 0.0 == theirs
  elseif type(ours) ~= "table" then
    return ours == theirs
  end
  if type(theirs) ~= "table" then
    return false
  end
  for name, member in pairs(ours) do
    if not equals(member, theirs[name]) then
      return false
    end
  end
  for name in pairs(theirs) do
    if ours[name] == nil then
      return false
    end
  end
  return true
end

--- Has no table more than one order of its members?
local function one_order(value)
  if type(value) ~= "table" then
    return true
  end
  local is_list, count = getmetatable(value) == core.array_mt, 0
  for _, member in pairs(value) do
    count = count + 1
    if (count > 1 and not is_list) or not one_order(member) then
      return false
    end
  end
  return true
end

--- The value as a program would make it: lists without a mark, from their end.
local function unmarked(value)
  if type(value) ~= "table" or next(value) == nil then
    return value
  end
  local copy, count = {}, #value
  for i = count, 1, -1 do
    copy[i] = unmarked(value[i])
  end
  if count == 0 then
    for name, member in pairs(value) do
      copy[name] = unmarked(member)
    end
  end
  return copy
end

local function round(text, value)
  local written = json.encode(value)
  local again = json.decode(written)
  assert(json.identical(value, again), written)
  local rewritten = json.encode(again)
  assert(#written == #rewritten and (written == rewritten or not one_order(value)), rewritten)
  assert(json.identical(value, json.decode(json.encode(unmarked(value)))), written)
  local theirs, why = cjson.decode(text)
  assert(why == nil, why)
  assert(equals(value, theirs), written)
  theirs = cjson.decode(written)
  assert(equals(value, theirs), written)
end

--- Any string is either written so that it is read back, or no UTF-8.
local function round_string(text)
  local written, message = core.encode(text)
  if message then
    assert(message == "a string is not valid UTF-8", message)
    assert(core.decode('"' .. text:gsub('[%c"\\]', " ") .. '"') == nil)
  else
    assert(json.decode(written) == text)
    assert(not utf8 or utf8.len(text))
  end
end

return function(text)
  local value, message = core.decode(text)
  if not message then
    round(text, value)
  elseif not MORE_LENIENT[message] and not text:find("%z") then
    local theirs = cjson.decode(text)
    assert(theirs == nil, message)
  end
  round_string(text)
end
