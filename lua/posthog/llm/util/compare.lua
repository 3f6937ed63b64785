--- Whether what the server stores is what was sent to it: equal by value, apart from the changes
--- that the server is known to make (doc/api.md 0.4, 1.1).

local core = require("posthog.llm.util.core")
local decimal = require("posthog.llm.util.decimal")

local compare = {}

--- White space of more than one byte in UTF-8 that the server's str.strip() removes.
local WIDE_SPACES = {
  ["\194\133"] = true, -- U+0085
  ["\194\160"] = true, -- U+00A0
  ["\225\154\128"] = true, -- U+1680
  ["\226\128\168"] = true, -- U+2028
  ["\226\128\169"] = true, -- U+2029
  ["\226\128\175"] = true, -- U+202F
  ["\226\129\159"] = true, -- U+205F
  ["\227\128\128"] = true, -- U+3000
}
for last = 128, 138 do -- U+2000 to U+200A
  WIDE_SPACES["\226\128" .. string.char(last)] = true
end

--- Length in bytes of the white space character at one end of text[first..last]; 0: none there.
local function space_at(text, first, last, from_end)
  local byte = text:byte(from_end and last or first)
  if (byte >= 9 and byte <= 13) or (byte >= 28 and byte <= 32) then
    return 1
  elseif byte >= 128 then
    for n = 2, 3 do
      if
        WIDE_SPACES[from_end and text:sub(last - n + 1, last) or text:sub(first, first + n - 1)]
      then
        return n
      end
    end
  end
  return 0
end

--- The part of a text that the server stores: without white space at either end.
--- @param text string
--- @return integer first byte of it
--- @return integer last less than first when nothing remains
function compare.span(text)
  local first, last = 1, #text
  while first <= last do
    local byte = text:byte(first)
    if byte > 32 and byte < 128 then -- most texts begin and end with such a one
      break
    end
    local n = space_at(text, first, last, false)
    if n == 0 then
      break
    end
    first = first + n
  end
  while last >= first do
    local byte = text:byte(last)
    if byte > 32 and byte < 128 then
      break
    end
    local n = space_at(text, first, last, true)
    if n == 0 then
      break
    end
    last = last - n
  end
  return first, last
end

--- The length as the server counts it, in code points.
--- @param text string UTF-8
--- @return integer
function compare.length(text)
  local _, continuations = text:gsub("[\128-\191]", "")
  return #text - continuations
end

--- Without white space at either end, as the server stores a text.
--- @param text string
--- @return string
function compare.trim(text)
  return text:sub(compare.span(text))
end

--- The words of a text: what stands between its white space.
--- @param text string
--- @return string[]
function compare.words(text)
  local words, at, first = {}, 1, nil
  while at <= #text do
    local n = space_at(text, at, #text, false)
    if n > 0 and first then
      words[#words + 1], first = text:sub(first, at - 1), nil
    elseif n == 0 then
      first = first or at
    end
    at = at + math.max(n, 1)
  end
  words[#words + 1] = first and text:sub(first) or nil
  return words
end

--- Whether a number is the one that a text says. The core writes a float in its shortest form;
--- other writers give all its digits.
local function is_number(value, text)
  local own, wanted = decimal.text(value), decimal.of(text)
  return decimal.of(own) == wanted
    or type(value) == "number"
      and value % 1 == 0
      and own:find("[eE]") ~= nil
      and decimal.of(("%.0f"):format(value)) == wanted
end

--- Whether two numbers are equal in value: a database turns 1.5e19 into 15000000000000000000.
local function equal_numbers(a, b)
  local one, other = decimal.text(a), decimal.text(b)
  if not one or not other or not decimal.of(one) then
    return false
  end
  return is_number(a, other) or is_number(b, one)
end

--- An empty array differs from an empty object. Arrays with elements need no mark to be told apart
--- from objects, and not every decoder sets the mark.
local function differ_in_kind(a, b)
  local one, other = getmetatable(a) == core.array_mt, getmetatable(b) == core.array_mt
  return one ~= other and next(a) == nil and next(b) == nil
end

--- Equal JSON values: the order of keys does not count, absent is null, and
--- numbers are compared by value, not by their text.
--- @return boolean
function compare.equal(a, b)
  if a == core.null then
    a = nil
  end
  if b == core.null then
    b = nil
  end
  if type(a) ~= "table" or type(b) ~= "table" then
    return rawequal(a, b) or equal_numbers(a, b)
  elseif differ_in_kind(a, b) then
    return false
  end
  for name, value in next, a do
    if not compare.equal(value, b[name]) then
      return false
    end
  end
  for name, value in next, b do
    if a[name] == nil and value ~= core.null then
      return false
    end
  end
  return true
end

--- Equal as a plain field of the API, whose texts are trimmed.
--- @param sent any
--- @param stored any
--- @return boolean
function compare.field(sent, stored)
  if type(stored) == "string" then
    if type(sent) == "number" or type(sent) == "userdata" then -- the server stores it as a text
      return equal_numbers(sent, tonumber(stored)) or decimal.text(sent) == compare.trim(stored)
    end
    return type(sent) == "string" and compare.trim(sent) == compare.trim(stored)
  elseif type(sent) == "string" and stored == nil then -- some fields store "" as null
    return compare.trim(sent) == ""
  end
  return compare.equal(sent, stored)
end

return compare
