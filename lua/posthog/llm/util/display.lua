--- Texts of the server made safe for a terminal (no control characters), and fitted into columns.

local display = {}

--- Ranges of code points that take two columns: East Asian wide and full-width, and emoji. What
--- Unicode added later, or leaves to the font, counts as one column.
local WIDE = {
  { 0x1100, 0x115F },
  { 0x231A, 0x231B },
  { 0x23E9, 0x23EC },
  { 0x2614, 0x2615 },
  { 0x2648, 0x2653 },
  { 0x26A1, 0x26A1 },
  { 0x2705, 0x2705 },
  { 0x274C, 0x274C },
  { 0x2753, 0x2757 },
  { 0x2795, 0x2797 },
  { 0x2B50, 0x2B55 },
  { 0x2E80, 0x303E },
  { 0x3041, 0x33FF },
  { 0x3400, 0x4DBF },
  { 0x4E00, 0xA4CF },
  { 0xA960, 0xA97F },
  { 0xAC00, 0xD7A3 },
  { 0xF900, 0xFAFF },
  { 0xFE30, 0xFE6F },
  { 0xFF01, 0xFF60 },
  { 0xFFE0, 0xFFE6 },
  { 0x1F300, 0x1F64F },
  { 0x1F680, 0x1F6FF },
  { 0x1F7E0, 0x1F7EB },
  { 0x1F900, 0x1F9FF },
  { 0x1FA70, 0x1FAFF },
  { 0x20000, 0x3FFFD },
}

--- Ranges that take no column: combining marks, joiners, variation selectors.
local ZERO_WIDTH = {
  { 0x0300, 0x036F },
  { 0x0483, 0x0489 },
  { 0x0591, 0x05BD },
  { 0x0610, 0x061A },
  { 0x064B, 0x065F },
  { 0x0E31, 0x0E31 },
  { 0x0E34, 0x0E3A },
  { 0x0E47, 0x0E4E },
  { 0x1160, 0x11FF },
  { 0x1AB0, 0x1AFF },
  { 0x1DC0, 0x1DFF },
  { 0x200B, 0x200D },
  { 0x20D0, 0x20FF },
  { 0x3099, 0x309A },
  { 0xFE00, 0xFE0F },
  { 0xFE20, 0xFE2F },
  { 0x1F3FB, 0x1F3FF },
  { 0xE0100, 0xE01EF },
}

--- Ranges that are escaped: controls, marks that change the direction of the text, line separators,
--- surrogates and noncharacters.
local ESCAPED = {
  { 0x0000, 0x001F },
  { 0x007F, 0x009F },
  { 0x00AD, 0x00AD },
  { 0x061C, 0x061C },
  { 0x200E, 0x200F },
  { 0x2028, 0x202E },
  { 0x2060, 0x2069 },
  { 0xD800, 0xDFFF },
  { 0xFDD0, 0xFDEF },
  { 0xFEFF, 0xFEFF },
  { 0xFFF9, 0xFFFB },
  { 0xFFFE, 0xFFFF },
  { 0xE0000, 0xE007F },
}

local function within(ranges, code)
  local low, high = 1, #ranges
  while low <= high do
    local middle = math.floor((low + high) / 2)
    local range = ranges[middle]
    if code < range[1] then
      high = middle - 1
    elseif code > range[2] then
      low = middle + 1
    else
      return true
    end
  end
  return false
end

local SMALLEST = { 0, 0x80, 0x800, 0x10000 }

--- Decodes the character at a byte position.
--- @param text string
--- @param at integer
--- @return integer? code code point; nil: the byte is not part of valid UTF-8
--- @return integer after position of the next character
local function decode(text, at)
  local first = text:byte(at)
  local bytes = first < 0x80 and 1
    or first >= 0xF0 and first < 0xF5 and 4
    or first >= 0xE0 and first < 0xF0 and 3
    or first >= 0xC2 and first < 0xE0 and 2
  if not bytes then
    return nil, at + 1
  end
  local code = bytes == 1 and first or first % 2 ^ (7 - bytes)
  for i = at + 1, at + bytes - 1 do
    local byte = text:byte(i)
    if not byte or byte < 0x80 or byte > 0xBF then
      return nil, at + 1
    end
    code = code * 64 + byte % 64
  end
  if code < SMALLEST[bytes] or code > 0x10FFFF then
    return nil, at + 1
  end
  return code, at + bytes
end

local NAMED = { [9] = "\\t", [10] = "\\n", [13] = "\\r" }

--- A text of the server that is safe to print: what controls a terminal, breaks the line or is not
--- UTF-8 becomes an escape such as \x1b or \u{202e}.
--- @param text string
--- @return string
function display.clean(text)
  if not text:find("[^ -~]") then
    return text
  end
  local pieces, at = {}, 1
  while at <= #text do
    local code, after = decode(text, at)
    if not code then
      pieces[#pieces + 1] = ("\\x%02x"):format(text:byte(at))
    elseif NAMED[code] then
      pieces[#pieces + 1] = NAMED[code]
    elseif within(ESCAPED, code) then
      pieces[#pieces + 1] = (code < 0x80 and "\\x%02x" or "\\u{%x}"):format(code)
    else
      pieces[#pieces + 1] = text:sub(at, after - 1)
    end
    at = after
  end
  return table.concat(pieces)
end

--- A clean text for a terminal without UTF-8, which may take some of its bytes for controls: all
--- but ASCII becomes an escape.
--- @param text string clean
--- @return string
function display.ascii(text)
  return (
    text:gsub("[\194-\244][\128-\191]+", function(character)
      return ("\\u{%x}"):format(decode(character, 1))
    end)
  )
end

local function json_escape(character, ascii)
  local code = decode(character, 1)
  if not code then
    return "\\ufffd"
  elseif not ascii and not within(ESCAPED, code) then
    return nil
  elseif code < 0x10000 then
    return ("\\u%04x"):format(code)
  end
  code = code - 0x10000
  return ("\\u%04x\\u%04x"):format(0xD800 + math.floor(code / 1024), 0xDC00 + code % 1024)
end

--- JSON text that is safe to print: the characters that `clean` escapes become JSON's own escapes.
--- @param text string
--- @param ascii? boolean escape all but ASCII
--- @return string
function display.clean_json(text, ascii)
  return (
    text:gsub("[\127-\255][\128-\191]*", function(character)
      return json_escape(character, ascii)
    end)
  )
end

--- @return integer columns that one character of a clean text takes
local function columns(code)
  if not code or code < 0x300 then
    return 1
  end
  return within(ZERO_WIDTH, code) and 0 or within(WIDE, code) and 2 or 1
end

--- @param text string clean
--- @return integer columns
function display.width(text)
  if not text:find("[\128-\255]") then
    return #text
  end
  local sum, at = 0, 1
  while at <= #text do
    local code, after = decode(text, at)
    sum, at = sum + columns(code), after
  end
  return sum
end

--- Where each character of a text ends, in bytes, and the width in columns up to there.
local function steps(text)
  local list, sum, at = { { last = 0, width = 0 } }, 0, 1
  while at <= #text do
    local code, after = decode(text, at)
    sum, at = sum + columns(code), after
    list[#list + 1] = { last = at - 1, width = sum }
  end
  return list, sum
end

--- A text that fits. When it is too long its middle is left out: names that begin alike often end
--- differently.
--- @param text string clean
--- @param room integer columns, at least 1
--- @param mark string one column wide, in place of what is left out
--- @return string text
--- @return integer columns it takes
function display.fit(text, room, mark)
  local list, whole = steps(text)
  if whole <= room then
    return text, whole
  end
  local head_room = math.ceil((room - 1) / 2)
  local head = list[1]
  for _, step in ipairs(list) do
    if step.width > head_room then
      break
    end
    head = step
  end
  local tail = list[#list]
  for i = #list, 1, -1 do
    if head.width + 1 + whole - list[i].width > room then
      break
    end
    tail = list[i]
  end
  local shortened = text:sub(1, head.last) .. mark .. text:sub(tail.last + 1)
  return shortened, head.width + 1 + whole - tail.width
end

--- @param text string clean
--- @param room integer columns
--- @param right? boolean align at the right end
--- @return string
function display.pad(text, room, right)
  local gap = (" "):rep(room - display.width(text))
  return right and gap .. text or text .. gap
end

return display
