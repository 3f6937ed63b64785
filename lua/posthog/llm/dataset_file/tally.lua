--- Counts the records of a file and sees whether it is whole, without making a record or decoding
--- anything, in the same pass over its bytes that hashes it.

local separators = require("posthog.llm.dataset_file.separators")

local tally = {}

--- @class posthog.llm.dataset_file.Tally
--- @field add fun(piece: string)
--- @field finish fun(): integer?, boolean? records, where they can be counted; whether something is wrong

--- The text after the last line feed. A pattern without it in front would try at each byte.
local function last_line(text)
  local at = text:find("\n[^\n]*$")
  return at and text:sub(at + 1) or text
end

--- The last byte that is not white space.
--- @return string?
local function last_byte(text)
  for at = #text, 1, -1 do
    local c = text:sub(at, at)
    if c:find("%S") then
      return c
    end
  end
end

--- Lines that are not blank.
local function jsonl()
  local count, within = 0, false -- within a line that counts already
  return {
    add = function(piece)
      local _, lines = piece:gsub("%S[^\n]*", "")
      if within and piece:find("^[^%S\n]*%S") then
        lines = lines - 1
      end
      count = count + lines
      local last = last_line(piece)
      within = last:find("%S") ~= nil or (within and #last == #piece)
    end,
    finish = function()
      return count, false
    end,
  }
end

--- Lines outside of quotes that are not empty, but for the first. A quote has to begin or to end
--- a field, or stand twice.
--- @param separator string
local function csv(separator)
  local count, within, is_wrong = 0, false, false
  local inside, last = false, "\n" -- within quotes; the byte before
  local closing = false -- the last byte was a quote, which ends the field or is the first of two
  local ending = false -- after it nothing but CR came, which belongs to the end of the line

  --- @param text string outside of quotes
  local function outside(text)
    is_wrong = is_wrong or (ending and text:find("^\r*[^\r\n]") ~= nil)
    ending = ending and text:find("^\r*$") ~= nil
    local _, lines = text:gsub("[^\r\n][^\n]*", "")
    if within and text:find("^\r*[^\r\n]") then
      lines = lines - 1
    end
    count = count + lines
    local rest = last_line(text)
    within = rest:find("[^\r]") ~= nil or (within and #rest == #text)
  end

  --- What follows the quote that ended a field, or was the first of two.
  --- @return integer at where it goes on
  local function after_quote(piece, at)
    closing = false
    local c = piece:sub(at, at)
    inside, ending = c == '"', c == "\r"
    is_wrong = is_wrong or not (inside or ending or c == separator or c == "\n")
    return inside and at + 1 or at
  end

  local function opens(piece, at)
    local before = at > 1 and piece:sub(at - 1, at - 1) or last
    is_wrong = is_wrong or not (before == separator or before == "\n")
    count = within and count or count + 1
    inside, within = true, true
  end

  --- @return integer? at where it goes on
  local function close(piece, at)
    local found = piece:find('"', at, true)
    if not found then
      return nil
    end
    inside, closing = false, found == #piece
    return closing and found + 1 or after_quote(piece, found + 1)
  end

  local is_first = true
  return {
    add = function(piece)
      piece = is_first and piece:gsub(separators.SAID, "") or piece
      is_first = false
      local at = closing and after_quote(piece, 1) or 1
      while at and at <= #piece do
        if inside then
          at = close(piece, at)
        else
          local found = piece:find('"', at, true)
          outside(piece:sub(at, (found or #piece + 1) - 1))
          if found then
            opens(piece, found)
          end
          at = found and found + 1
        end
      end
      last = piece:sub(-1)
    end,
    finish = function()
      return math.max(0, count - 1), is_wrong or inside
    end,
  }
end

--- That it ends with the bracket that belongs to its first. Elements are not counted: that would
--- take as long as reading them.
local function json()
  local first, last
  return {
    add = function(piece)
      first = first or piece:match("%S")
      last = last_byte(piece) or last
    end,
    finish = function()
      return nil, not (first == "[" and last == "]" or first == "{" and last == "}")
    end,
  }
end

local KINDS = { jsonl = jsonl, csv = csv, json = json }

--- @param format "jsonl"|"json"|"csv"
--- @param separator? string
--- @return posthog.llm.dataset_file.Tally
function tally.new(format, separator)
  return KINDS[format](separator or ",")
end

return tally
