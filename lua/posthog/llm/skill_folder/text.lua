--- Text as the server keeps it: UTF-8, with no white space at either end (doc/api.md 1.1), and
--- with lines that end in \n. The folder's copy keeps its white space and its line ends, so
--- texts are compared without them.

local compare = require("posthog.llm.util.compare")
local digest = require("posthog.llm.util.digest")
local json_value = require("posthog.llm.util.json_value")

local text = {}

--- What the server makes of a text, and what it cuts before and after.
--- @param s string
--- @return string middle
--- @return string before
--- @return string after
function text.trim(s)
  local first, last = compare.span(s)
  return s:sub(first, last), s:sub(1, first - 1), s:sub(last + 1)
end

--- A text whose lines end in \n alone, as they do on the server.
--- @param s string
--- @return string
function text.unix(s)
  if not s:find("\r\n", 1, true) then
    return s -- a search for bytes is far faster than one for a pattern
  end
  return (s:gsub("\r\n", "\n"))
end

--- What is sent of a file, and compared with the server's: how a checkout ends its lines is no
--- content, and neither is white space at the ends.
--- @param s string
--- @return string
function text.server(s)
  return compare.trim(text.unix(s))
end

--- How the lines of a file end: as most of them do.
--- @param s string
--- @return "\n"|"\r\n" newline
--- @return integer? line the first one that ends otherwise
function text.newline(s)
  if not s:find("\r\n", 1, true) then
    return "\n"
  end
  local _, all = s:gsub("\n", "")
  local _, returns = s:gsub("\r\n", "")
  local newline = returns * 2 > all and "\r\n" or "\n"
  if returns == 0 or returns == all then
    return newline
  end
  local other = newline == "\n" and s:find("\r\n", 1, true) or ("\n" .. s):find("[^\r]\n", 2)
  return newline, text.line_of(s, other or 1)
end

--- A text whose lines all end in one way.
--- @param s string
--- @param newline "\n"|"\r\n"
--- @return string
function text.with_newline(s, newline)
  s = text.unix(s)
  return newline == "\n" and s or (s:gsub("\n", newline))
end

--- A server's text as a file: it ends in a newline, as text files do.
--- @param middle string
--- @param newline? "\n"|"\r\n" by default that of the first line
--- @return string
function text.file(middle, newline)
  if newline then
    return text.with_newline(middle .. "\n", newline)
  end
  return middle .. (middle:find("^[^\n]*\r\n") and "\r\n" or "\n")
end

--- A server's text in place of a file's: the white space at the ends stays, and so does the way in
--- which lines end.
--- @param middle string
--- @param present? string the file as it is
--- @param newline? "\n"|"\r\n" of a file that has no line yet
--- @return string
function text.replace(middle, present, newline)
  local trimmed, before, after = text.trim(present or "")
  if trimmed == "" then
    return text.file(middle, newline or "\n")
  elseif present:find("\n", 1, true) then
    newline = text.newline(present)
  end
  return text.with_newline(before .. middle .. after, newline or "\n")
end

--- @param s string
--- @return string digest of what the server would keep
function text.digest(s)
  return digest.sha256(text.server(s))
end

--- The line in which a byte stands, from 1.
--- @param s string
--- @param at integer
--- @return integer
function text.line_of(s, at)
  local _, ends = s:sub(1, at - 1):gsub("\n", "")
  return ends + 1
end

--- The place of the first byte that is not UTF-8.
local function bad_byte(s)
  local low, high = 1, #s -- s:sub(1, high) is bad
  while low < high do
    local middle = math.floor((low + high) / 2)
    local cut = middle -- not inside a character
    while cut < high and (s:byte(cut + 1) or 0) >= 128 and s:byte(cut + 1) < 192 do
      cut = cut + 1
    end
    if cut >= high or not json_value.is_text(s:sub(1, cut)) then
      high = middle
    else
      low = cut + 1
    end
  end
  return low
end

--- Why the API, which is text only, cannot hold this.
--- @param s string
--- @return string? reason
--- @return integer? line
function text.check(s)
  local zero = s:find("\0", 1, true)
  if zero then
    return "is binary: it has a zero byte", text.line_of(s, zero)
  elseif not json_value.is_text(s) then
    return "is not UTF-8", text.line_of(s, bad_byte(s))
  end
end

--- The line of the first marker of a conflict that is still there.
--- @param s string
--- @return integer? line
function text.marker(s)
  local lined = "\n" .. s
  local at = lined:find("\n<<<<<<< ", 1, true)
  return at and lined:find("\n>>>>>>> ", at, true) and text.line_of(s, at) or nil
end

return text
