--- The scalars of YAML: what a plain one means, and where one of each style ends.
--- A place is a byte, from 1; `stop` is the first one after. Lines end in \n alone.

local json = require("posthog.llm.json")
local plain_number = require("posthog.llm.util.plain_number")

local scalars = {}

local PLAIN = {
  [""] = json.null,
  ["~"] = json.null,
  ["null"] = json.null,
  ["Null"] = json.null,
  ["NULL"] = json.null,
  ["true"] = true,
  ["True"] = true,
  ["TRUE"] = true,
  ["false"] = false,
  ["False"] = false,
  ["FALSE"] = false,
}

local SHOWN = 40 -- bytes of a text that a message shows

--- The beginning of a text, for a message.
--- @param s string
--- @return string
function scalars.shown(s)
  if #s <= SHOWN then
    return s
  end
  return s:sub(1, SHOWN):gsub("[\192-\255]?[\128-\191]*$", "", 1) .. "..."
end

--- The number that a plain scalar means; 1.0 is a text, since not every Lua tells it from 1.
--- @param s string
--- @return any? number
function scalars.number(s)
  local value = plain_number(s)
  if s:find("[.eE]") and type(value) == "number" and value % 1 == 0 then
    return nil
  end
  return value
end

--- What a plain scalar means: null, a boolean, a number or the text that it is.
--- @param s string
--- @return any
function scalars.meaning(s)
  if PLAIN[s] ~= nil then
    return PLAIN[s]
  end
  local number = scalars.number(s)
  if number == nil then
    return s
  end
  return number
end

local NOT_SO = "!!%s is not supported here: leave it out"

--- What a scalar with a tag means.
--- @param kind string "float" of !!float
--- @param s string
--- @return any? value nil: it cannot be
--- @return string? reason
function scalars.tagged(kind, s)
  if kind == "str" then
    return s
  elseif kind == "null" or kind == "bool" then
    local value = scalars.meaning(s)
    local is_so = kind == "null" and value == json.null
      or kind == "bool" and type(value) == "boolean"
    if not is_so then
      return nil, NOT_SO:format(kind)
    end
    return value
  end
  local value = s:find("^-?%d") and json.decode(s)
  if not value then
    return nil,
      ("%q is not a number, as !!%s says: leave !!%s out"):format(scalars.shown(s), kind, kind)
  end
  return value
end

--- The end of the white space before a place.
local function before_blanks(source, first, stop)
  while stop > first and source:find("^[ \t]", stop - 1) do
    stop = stop - 1
  end
  return stop
end

--- What some lines that were broken say: one break is a space, further ones are kept.
local function fold(breaks)
  return breaks == 1 and " " or ("\n"):rep(breaks - 1)
end

local IN_BLOCK, IN_FLOW = "[:#\n]", "[:#\n,%[%]{}]"

--- The end of what a plain scalar has in a line.
local function plain_line(source, first, in_flow, fail)
  local at = first
  while true do
    at = source:find(in_flow and IN_FLOW or IN_BLOCK, at)
    local char = at and source:sub(at, at)
    if not at then
      return #source + 1
    elseif char == "#" then
      if at == first or source:find("^[ \t]", at - 1) then
        return at
      end
    elseif char ~= ":" or at == #source or source:find("^[ \t\n]", at + 1) then
      return at
    elseif in_flow and source:find("^[,?%[%]{}]", at + 1) then
      fail(at, 'a ":" with no blank after it: put the text into quotes')
    end
    at = at + 1
  end
end

--- The first place that is not white space, from the end of a line on.
--- @return integer at
--- @return integer breaks
--- @return integer column
local function next_text(source, at, indent, fail)
  local breaks = 0
  while source:find("^\n", at) do
    breaks = breaks + 1
    local start = at + 1
    local spaces = source:match("^ *()", start)
    at = source:match("^[ \t]*()", spaces)
    if at > spaces and spaces - start < indent then
      fail(spaces, "a tab in the indentation: use spaces")
    elseif not source:find("^\n", at) then
      return at, breaks, at - start
    end
  end
  return at, breaks, 0
end

--- Reads a plain scalar.
--- @param source string
--- @param first integer
--- @param indent integer the least column of its further lines
--- @param in_flow boolean? inside of [ ] or { }, where the column is free
--- @param fail fun(at: integer, message: string) does not return
--- @return string value
--- @return integer stop
--- @return boolean has_lines more than one
function scalars.plain(source, first, indent, in_flow, fail)
  local parts, at, stop = {}, first, first
  while true do
    local ended = plain_line(source, at, in_flow, fail)
    if ended == at then
      break
    end
    stop = before_blanks(source, at, ended)
    parts[#parts + 1] = source:sub(at, stop - 1)
    if not source:find("^\n", ended) then
      break
    end
    local breaks, column
    at, breaks, column = next_text(source, ended, indent, fail)
    if
      at > #source
      or (column < indent and not in_flow)
      or plain_line(source, at, in_flow, fail) == at
    then
      break
    end
    parts[#parts + 1] = fold(breaks)
  end
  return table.concat(parts), stop, #parts > 1
end

local ESCAPES = {
  ["0"] = "\0",
  a = "\7",
  b = "\8",
  t = "\t",
  ["\t"] = "\t",
  n = "\n",
  v = "\11",
  f = "\12",
  r = "\r",
  e = "\27",
  [" "] = " ",
  ['"'] = '"',
  ["/"] = "/",
  ["\\"] = "\\",
  N = "\194\133",
  _ = "\194\160",
  L = "\226\128\168",
  P = "\226\128\169",
}
local DIGITS = { x = 2, u = 4, U = 8 }

--- A code point in UTF-8; nil where there is no such character.
local function utf8_char(code)
  if code < 0x80 then
    return string.char(code)
  elseif code < 0x800 then
    return string.char(0xC0 + math.floor(code / 0x40), 0x80 + code % 0x40)
  elseif code >= 0xD800 and code <= 0xDFFF or code > 0x10FFFF then
    return nil
  end
  local last = string.char(0x80 + math.floor(code / 0x40) % 0x40, 0x80 + code % 0x40)
  if code < 0x10000 then
    return string.char(0xE0 + math.floor(code / 0x1000)) .. last
  end
  local lead = 0xF0 + math.floor(code / 0x40000)
  return string.char(lead, 0x80 + math.floor(code / 0x1000) % 0x40) .. last
end

--- What an escape means.
--- @return string meaning
--- @return integer stop
local function escaped(source, at, fail)
  local letter = source:match("^[%z\1-\127\192-\255][\128-\191]*", at + 1)
  local count = DIGITS[letter]
  if not count then
    local meaning = ESCAPES[letter]
      or fail(
        at,
        ("unknown escape \\%s: write \\\\ for a backslash, or use single quotes"):format(letter)
      )
    return meaning, at + 2
  end
  local digits = source:match("^%x+", at + 2) or ""
  local code = #digits >= count and tonumber(digits:sub(1, count), 16)
  local char = code and utf8_char(code)
  if not char then
    fail(at, ("\\%s needs the %d digits of a character"):format(letter, count))
  end
  return char, at + 2 + count
end

--- A piece of a double quoted scalar, without breaks.
local function unescape(source, first, stop, fail)
  local piece, parts, at = source:sub(first, stop - 1), {}, 1
  while true do
    local found = piece:find("\\", at, true)
    parts[#parts + 1] = piece:sub(at, (found or 0) - 1)
    if not found then
      return table.concat(parts)
    end
    local meaning, after = escaped(source, first + found - 1, fail)
    parts[#parts + 1], at = meaning, after - first + 1
  end
end

--- The place of the quote that ends a scalar.
local function closing(source, first, quote, fail)
  local at = first + 1
  while true do
    at = source:find(quote == '"' and '["\\]' or "'", at)
    if not at then
      fail(#source + 1, "the text in quotes has no end: its last quote is missing", first)
    elseif source:find(quote == '"' and "^\\" or "^''", at) then
      at = at + 2
    else
      return at
    end
  end
end

--- The end of the text in a line of a double quoted scalar, and whether its break is escaped.
local function double_line(source, first, ended)
  local stop = before_blanks(source, first, ended)
  local slashes = stop
  while slashes > first and source:find("^\\", slashes - 1) do
    slashes = slashes - 1
  end
  if (stop - slashes) % 2 == 0 then
    return stop, false
  elseif stop == ended then
    return stop - 1, true
  end
  return stop + 1, false -- an escaped blank
end

--- Reads a scalar in quotes.
--- @param source string
--- @param first integer of the quote
--- @param fail fun(at: integer, message: string, opened?: integer) does not return
--- @return string value
--- @return integer stop
--- @return boolean has_lines more than one
function scalars.quoted(source, first, fail)
  local quote = source:sub(first, first)
  local last = closing(source, first, quote, fail)
  local parts, at = {}, first + 1
  local has_lines = false
  local function add(stop)
    local piece = quote == '"' and unescape(source, at, stop, fail)
      or source:sub(at, stop - 1):gsub("''", "'")
    parts[#parts + 1] = piece
  end
  while true do
    local ended = source:find("[\n" .. quote .. "]", at)
    while ended < last and source:sub(ended, ended) == quote do
      ended = source:find("[\n" .. quote .. "]", ended + 1)
    end
    if ended >= last then
      add(last)
      return table.concat(parts), last + 1, has_lines
    end
    has_lines = true
    local stop, is_joined = before_blanks(source, at, ended), false
    if quote == '"' then
      stop, is_joined = double_line(source, at, ended)
    end
    add(stop)
    local breaks
    at, breaks = next_text(source, ended, 0, fail)
    parts[#parts + 1] = is_joined and ("\n"):rep(breaks - 1) or fold(breaks)
  end
end

--- The lines of a block scalar that are empty, up to one that is not.
--- @param indent integer? nil: to be found
--- @param least integer
--- @return integer at the first place that is not indentation
--- @return integer breaks
--- @return integer column
--- @return integer indent
--- @return integer start of the line
local function empty_lines(source, start, indent, least, fail)
  local breaks, widest = 0, 0
  while true do
    local column = source:match("^ *()", start) - start
    column = indent and math.min(column, indent) or column
    widest = math.max(widest, column)
    local at = start + column
    if (not indent or column < indent) and source:find("^\t", at) then
      fail(at, "a tab in the indentation: use spaces")
    elseif not source:find("^\n", at) then
      return at, breaks, column, indent or math.max(widest, least), start
    end
    breaks, start = breaks + 1, at + 1
  end
end

--- What the first line of a block scalar says.
--- @return string chomping "+", "-" or ""
--- @return integer? increment of the indentation
--- @return integer start of the line after
--- @return integer stop of the sign
local function block_header(source, first, comment, fail)
  local signs, stop = source:match("^[|>]([%d+-]*)()", first)
  local chomping, increment = signs:match("^([+-]?)([1-9]?)$")
  if not chomping then
    increment, chomping = signs:match("^([1-9])([+-])$")
  end
  if not chomping then
    local sign = source:sub(first, first)
    fail(first, ("%s is followed by what it does not take: %s"):format(sign, scalars.shown(signs)))
  end
  return chomping, tonumber(increment), comment(stop), stop
end

--- Reads a scalar that begins with | or >.
--- @param source string
--- @param first integer of the sign
--- @param parent integer column of what it belongs to, -1 at the top
--- @param comment fun(at: integer): integer the start of the next line, where no text is left
--- @param fail fun(at: integer, message: string) does not return
--- @return string value
--- @return integer stop start of a line, or the end
--- @return integer header_stop
function scalars.block(source, first, parent, comment, fail)
  local is_folded = source:find("^>", first) ~= nil
  local chomping, increment, start, header_stop = block_header(source, first, comment, fail)
  local stop, parts, ending, was_blank = start, {}, "", false
  local indent = increment and math.max(parent, 0) + increment
  local at, breaks, column
  at, breaks, column, indent, start =
    empty_lines(source, start, indent, math.max(parent + 1, 1), fail)
  while column == indent and at <= #source do
    local is_blank = source:find("^[ \t]", at) ~= nil
    if is_folded and ending == "\n" and not was_blank and not is_blank then
      parts[#parts + 1] = breaks == 0 and " " or ""
    else
      parts[#parts + 1] = ending
    end
    local ended = source:find("\n", at, true) or #source + 1
    parts[#parts + 1] = ("\n"):rep(breaks) .. source:sub(at, ended - 1)
    ending, was_blank = ended <= #source and "\n" or "", is_blank
    stop = math.min(ended, #source) + 1
    at, breaks, column, indent, start = empty_lines(source, stop, indent, indent, fail)
  end
  if chomping ~= "-" then
    parts[#parts + 1] = ending
  end
  if chomping == "+" then
    parts[#parts + 1], stop = ("\n"):rep(breaks), start
  end
  return table.concat(parts), stop, header_stop
end

return scalars
