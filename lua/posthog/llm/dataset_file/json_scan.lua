--- Walks through JSON that is too long to be held: where a value ends is seen by its brackets
--- and strings, and the codec gets no more than one of them.

local json = require("posthog.llm.json")
local positions = require("posthog.llm.dataset_file.positions")
local failure = require("posthog.llm.dataset_file.failure")

local LONGEST = 64 * 1024 * 1024 -- bytes of a value that is held
local LONGEST_KEY = 1000 -- bytes

local json_scan = {}

--- @class posthog.llm.dataset_file.Scan
--- @field input posthog.llm.dataset_file.Bytes
--- @field piece string
--- @field at integer the byte of the piece that is looked at next
--- @field line integer where what was read so far ends
--- @field column integer

--- @param input posthog.llm.dataset_file.Bytes
--- @return posthog.llm.dataset_file.Scan
function json_scan.new(input)
  return { input = input, piece = "", at = 1, line = 1, column = 1 }
end

--- @return nil
--- @return posthog.llm.Error
function json_scan.fails(scan, message, line, column)
  local where = positions.words(line or scan.line, column or scan.column)
  return nil, failure(scan.input.path, "%s: %s", where, message)
end

--- @return boolean? more nil: the end, or err
--- @return posthog.llm.Error? err
local function next_piece(scan)
  local piece, err = scan.input:piece()
  scan.piece, scan.at = piece or "", 1
  return piece and true, err
end

--- The next byte that is not white space, which stays there.
--- @return string? byte nil: the end, or err
--- @return posthog.llm.Error? err
function json_scan.peek(scan)
  while true do
    local found = scan.piece:find("[^ \t\r\n]", scan.at)
    local blank = scan.piece:sub(scan.at, (found or #scan.piece + 1) - 1)
    scan.line, scan.column = positions.after(scan.line, scan.column, blank)
    if found then
      scan.at = found
      return scan.piece:sub(found, found)
    end
    local more, err = next_piece(scan)
    if not more then
      return nil, err
    end
  end
end

--- Moves past the byte that was peeked at.
function json_scan.step(scan)
  scan.at, scan.column = scan.at + 1, scan.column + 1
end

local OPENS = { ["["] = true, ["{"] = true }

--- Follows brackets and strings through a piece.
--- @param state { depth: integer, text: boolean, escaped: boolean }
--- @return integer? at the "," or "]" after the element
local function find_end(state, piece, at)
  if state.escaped then
    state.escaped, at = false, at + 1
  end
  while true do
    if state.text then
      at = piece:find('["\\]', at)
      if not at then
        return nil
      elseif piece:byte(at) == 92 then -- backslash
        state.escaped = at == #piece
        at = at + 2
      else
        state.text, at = false, at + 1
      end
    else
      at = piece:find('["%[%]{},]', at)
      if not at then
        return nil
      end
      local c = piece:sub(at, at)
      if c == '"' then
        state.text = true
      elseif OPENS[c] then
        state.depth = state.depth + 1
      elseif state.depth == 0 then
        return at
      elseif c ~= "," then
        state.depth = state.depth - 1
      end
      at = at + 1
    end
  end
end

--- Goes to the end of the value that begins here, part by part.
--- @param take fun(part: string): posthog.llm.Error? to stop
--- @return true?
--- @return posthog.llm.Error? err
local function walk(scan, take)
  local state = { depth = 0, text = false, escaped = false }
  local line, column = scan.line, scan.column
  while true do
    local last = find_end(state, scan.piece, scan.at)
    local err = take(scan.piece:sub(scan.at, (last or #scan.piece + 1) - 1))
    if err then
      return nil, err
    elseif last then
      scan.at = last
      return true
    end
    local more
    more, err = next_piece(scan)
    if err then
      return nil, err
    elseif not more then
      local words = "the array ends within the element that begins here"
      return json_scan.fails(scan, words, line, column)
    end
  end
end

--- The value that begins here. Line and column stay where it begins.
--- @return string? text
--- @return posthog.llm.Error? err
function json_scan.value(scan)
  local parts, length = {}, 0
  local ok, err = walk(scan, function(part)
    parts[#parts + 1], length = part, length + #part
    if length > LONGEST then
      local words = ("an element has more than %d bytes"):format(LONGEST)
      return select(2, json_scan.fails(scan, words))
    end
  end)
  return ok and table.concat(parts), err
end

--- Goes past the value that begins here.
--- @return true?
--- @return posthog.llm.Error? err
function json_scan.skip(scan)
  return walk(scan, function(part)
    scan.line, scan.column = positions.after(scan.line, scan.column, part)
  end)
end

--- The text up to the quote that ends a key.
local function key_text(scan)
  local parts, length, escaped = { '"' }, 0, false
  json_scan.step(scan)
  while length < LONGEST_KEY do
    if scan.at > #scan.piece and not next_piece(scan) then
      return nil
    end
    local c = scan.piece:sub(scan.at, scan.at)
    json_scan.step(scan)
    parts[#parts + 1], length = c, length + 1
    if c == '"' and not escaped then
      return table.concat(parts)
    end
    escaped = c == "\\" and not escaped
  end
end

--- Reads the key of a member and the colon; what is next is its value.
--- @return string? key
--- @return posthog.llm.Error? err
function json_scan.key(scan)
  local byte, err = json_scan.peek(scan)
  local text = byte == '"' and key_text(scan)
  local key = text and json.decode(text)
  if key then
    byte, err = json_scan.peek(scan)
  end
  if err then
    return nil, err
  elseif not key or byte ~= ":" then
    return json_scan.fails(scan, "invalid JSON: a key in quotes and a colon are expected")
  end
  json_scan.step(scan)
  return key
end

return json_scan
