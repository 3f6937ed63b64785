--- Text as the framework of the server sees it: Unicode whitespace, code points, percent escapes.

local text = {}

--- The characters that Python's str.strip removes, beyond one byte.
local WIDE_SPACES = {}
for _, char in ipairs({
  "\194\133",
  "\194\160",
  "\225\154\128",
  "\226\128\168",
  "\226\128\169",
  "\226\128\175",
  "\226\129\159",
  "\227\128\128",
}) do
  WIDE_SPACES[char] = true
end
for code = 0x80, 0x8A do
  WIDE_SPACES["\226\128" .. string.char(code)] = true
end

--- Removes whitespace on both sides, that of Unicode too.
function text.trim(s)
  while true do
    s = s:gsub("^[\t-\r\28-\32]+", ""):gsub("[\t-\r\28-\32]+$", "")
    if WIDE_SPACES[s:sub(1, 2)] then
      s = s:sub(3)
    elseif WIDE_SPACES[s:sub(1, 3)] then
      s = s:sub(4)
    elseif WIDE_SPACES[s:sub(-2)] then
      s = s:sub(1, -3)
    elseif WIDE_SPACES[s:sub(-3)] then
      s = s:sub(1, -4)
    else
      return s
    end
  end
end

--- Whether `s` holds whitespace anywhere, that of Unicode too.
function text.has_space(s)
  if s:find("[\t-\r\28-\32]") then
    return true
  end
  for char in s:gmatch("[\194\225-\227][\128-\191]+") do
    if WIDE_SPACES[char] then
      return true
    end
  end
  return false
end

--- The number of code points.
function text.length(s)
  local _, continuation = s:gsub("[\128-\191]", "")
  return #s - continuation
end

--- Cuts out `length` code points from code point `offset` on, counted from 0.
--- @return string part
--- @return integer? next the offset behind it; nil at the end of `s`
function text.slice(s, offset, length)
  local from, count = #s + 1, 0
  for at in s:gmatch("()[^\128-\191]") do
    if count == offset then
      from = at
    end
    if count == offset + length then
      return s:sub(from, at - 1), count
    end
    count = count + 1
  end
  return s:sub(from)
end

--- The position of the first byte that is not UTF-8, or nil.
function text.bad_utf8(s)
  local i = 1
  while true do
    i = s:find("[\128-\255]", i)
    if not i then
      return nil
    end
    local c = s:byte(i)
    local n, low, high = 0, 0x80, 0xBF
    if c >= 0xC2 and c <= 0xDF then
      n = 1
    elseif c >= 0xE0 and c <= 0xEF then
      n = 2
      if c == 0xE0 then
        low = 0xA0
      elseif c == 0xED then
        high = 0x9F
      end
    elseif c >= 0xF0 and c <= 0xF4 then
      n = 3
      if c == 0xF0 then
        low = 0x90
      elseif c == 0xF4 then
        high = 0x8F
      end
    end
    if n == 0 then
      return i
    end
    local second = s:byte(i + 1)
    if not second or second < low or second > high then
      return i
    end
    for k = 2, n do
      local follow = s:byte(i + k)
      if not follow or follow < 0x80 or follow > 0xBF then
        return i
      end
    end
    i = i + n + 1
  end
end

--- `s` with U+FFFD for each byte that is not UTF-8.
function text.valid(s)
  local bad = text.bad_utf8(s)
  while bad do
    s = s:sub(1, bad - 1) .. "\239\191\189" .. s:sub(bad + 1)
    bad = text.bad_utf8(s)
  end
  return s
end

--- Folds case for a search: ASCII, Latin-1 and Cyrillic.
function text.fold(s)
  s = s:lower()
  if not s:find("[\195\208]") then
    return s
  end
  s = s:gsub("\195([\128-\158])", function(c)
    return "\195" .. string.char(c:byte() + 32)
  end)
  return (
    s:gsub("\208([\128-\175])", function(c)
      local code = c:byte()
      if code < 0x90 then
        return "\209" .. string.char(code + 16)
      end
      if code < 0xA0 then
        return "\208" .. string.char(code + 32)
      end
      return "\209" .. string.char(code - 32)
    end)
  )
end

--- Whether `s` contains `part`, ignoring case. `%` and `_` are plain characters.
function text.contains(s, part)
  return text.fold(s):find(text.fold(part), 1, true) ~= nil
end

--- Undoes percent escapes; invalid ones stay.
function text.unescape(s)
  return (s:gsub("%%(%x%x)", function(hex)
    return string.char(tonumber(hex, 16))
  end))
end

--- Escapes a query name or value the way Python's urlencode does.
function text.escape_query(s)
  return (
    s:gsub("[^%w%-%._~ ]", function(c)
      return ("%%%02X"):format(c:byte())
    end):gsub(" ", "+")
  )
end

return text
