--- Records of a file that is one JSON array, read element by element: where one
--- ends is seen by its brackets and strings, and the codec gets no more than it.

local json = require("posthog.llm.json")
local positions = require("posthog.llm.dataset_file.positions")
local failure = require("posthog.llm.dataset_file.failure")

local LONGEST = 64 * 1024 * 1024 -- bytes of an element

--- @class posthog.llm.dataset_file.Scan
--- @field input posthog.llm.dataset_file.Bytes
--- @field piece string
--- @field at integer the byte of the piece that is looked at next
--- @field line integer where what was read so far ends
--- @field column integer

local function fails(scan, line, column, message)
  local where = positions.words(line, column)
  return nil, failure(scan.input.path, "%s: %s", where, message)
end

--- The next byte that is not white space, which stays there.
--- @return string? byte nil: the end, or err
--- @return posthog.llm.Error? err
local function peek(scan)
  while true do
    local found = scan.piece:find("[^ \t\r\n]", scan.at)
    local blank = scan.piece:sub(scan.at, (found or #scan.piece + 1) - 1)
    scan.line, scan.column = positions.after(scan.line, scan.column, blank)
    if found then
      scan.at = found
      return scan.piece:sub(found, found)
    end
    local piece, err = scan.input:piece()
    if not piece then
      scan.piece, scan.at = "", 1
      return nil, err
    end
    scan.piece, scan.at = piece, 1
  end
end

--- Moves past the byte that was peeked at.
local function step(scan)
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

--- The text of the element that begins here.
local function element(scan)
  local parts, length = {}, 0
  local state = { depth = 0, text = false, escaped = false }
  while true do
    local last = find_end(state, scan.piece, scan.at)
    local part = scan.piece:sub(scan.at, (last or #scan.piece + 1) - 1)
    parts[#parts + 1], length = part, length + #part
    if last then
      scan.at = last
      return table.concat(parts)
    elseif length > LONGEST then
      local words = ("an element has more than %d bytes"):format(LONGEST)
      return fails(scan, scan.line, scan.column, words)
    end
    local piece, err = scan.input:piece()
    if err then
      return nil, err
    elseif not piece then
      local words = "the array ends within the element that begins here"
      return fails(scan, scan.line, scan.column, words)
    end
    scan.piece, scan.at = piece, 1
  end
end

--- One record: the element after the "[" or "," that was just read.
local function record(scan)
  local line, column = scan.line, scan.column
  local text, err = element(scan)
  if not text then
    return nil, err
  end
  local value, invalid = json.decode(text)
  if invalid then -- where it ends may be wrong too, so that nothing after it can be trusted
    local before = text:sub(1, invalid.position - 1)
    local bad_line, bad_column = positions.after(line, column, before)
    local words = invalid.message:gsub(" at byte %d+", "", 1)
    return fails(scan, bad_line, bad_column, words)
  end
  scan.line, scan.column = positions.after(line, column, text)
  return { line = line, value = value }
end

--- @param input posthog.llm.dataset_file.Bytes
--- @return fun(): posthog.llm.dataset_file.Record?, posthog.llm.Error?
local function json_array(input)
  local scan = { input = input, piece = "", at = 1, line = 1, column = 1 }
  local wanted = "[" -- then "," until the end

  return function()
    if not wanted then
      return nil
    end
    local byte, err = peek(scan)
    if err then
      return nil, err
    elseif byte == wanted then
      step(scan)
      byte, err = peek(scan)
      if err then
        return nil, err
      elseif wanted == "," or byte ~= "]" then
        wanted = ","
        return record(scan)
      end
    elseif wanted == "[" then
      local words = "one JSON array is expected; for a value a line the format is jsonl"
      return fails(scan, scan.line, scan.column, words)
    elseif byte ~= "]" then
      local words = byte and '"," or "]" is expected' or "the array has no end"
      return fails(scan, scan.line, scan.column, words)
    end
    step(scan) -- the bracket at the end
    wanted = nil
    byte, err = peek(scan)
    if byte then
      return fails(scan, scan.line, scan.column, "something follows the array")
    end
    return nil, err
  end
end

return json_array
