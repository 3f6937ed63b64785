-- Tables: what is written by rules is read as it was, in pieces of any size; any other bytes as a reader from byte
-- to byte reads them; where that fails so do we, at the same record and with a place in it that a quote is at or
-- before; and what is counted beforehand is what is read.

local fuzz = require("fuzz")

fuzz.watch()

local bytes = require("posthog.llm.dataset_file.bytes")
local compare = require("posthog.llm.util.compare")
local csv = require("posthog.llm.dataset_file.csv")
local csv_text = require("spec.support.csv_text")
local separators = require("posthog.llm.dataset_file.separators")
local tally = require("posthog.llm.dataset_file.tally")
local values = require("posthog.llm.dataset_file.values")

bytes.HEAD = 1

--- A text as a file that gives it in pieces.
local function file_of(text, size)
  local at = 1
  return {
    read = function()
      local piece = text:sub(at, at + size - 1)
      at = at + size
      return piece ~= "" and piece or nil
    end,
    close = function() end,
  }
end

local function header_of(columns, separator)
  local names = {}
  for i = 1, columns do
    names[i] = "c" .. i
  end
  return table.concat(names, separator) .. "\n"
end

--- @return string[][] rows, or a number of fields that does not fit
--- @return posthog.llm.Error? err
local function read(text, separator, size, is_skipped)
  local input = bytes.of(file_of(text, size), "a.csv")
  if not input then
    return nil
  end
  local step = csv(input, { separator = separator })
  local rows = {}
  while true do
    local record, err = step(is_skipped)
    if not record then
      return rows, err
    end
    local row = {}
    for i, name in ipairs(record.columns) do
      row[i] = record.cells and record.cells[name]
    end
    rows[#rows + 1] = record.cells and row or record.reason or true
  end
end

local function same_rows(ours, theirs, columns)
  assert(#ours == #theirs, ("%d rows, not %d"):format(#ours, #theirs))
  for i, row in ipairs(theirs) do
    if #row ~= columns then
      assert(ours[i]:find(("%d fields"):format(#row), 1, true), ours[i])
    else
      assert(table.concat(ours[i], "\0") == table.concat(row, "\0"), "row " .. i)
    end
  end
end

--- Whether a quote is at the place of an error, or before it.
local function check_place(text, message)
  local line, column = message:match("line (%d+), column (%d+)")
  if not line then
    assert(message:find("line %d+: the quote in this record is never closed"), message)
    return
  end
  local start = 1
  for _ = 2, tonumber(line) do
    start = assert(text:find("\n", start, true), message) + 1
  end
  local stop = text:find("\n", start, true) or #text
  for at = start, stop + 1 do
    if compare.length(text:sub(start, at - 1)) + 1 == tonumber(column) then
      if text:sub(at - 1, at):find('"', 1, true) then
        return
      end
    end
  end
  error(message)
end

local function count(text, separator, size)
  local counter = tally.new("csv", separator)
  for at = 1, #text, size do
    counter.add(text:sub(at, at + size - 1))
  end
  return counter.finish()
end

local function check(text, separator, columns, size)
  local ours, err = read(text, separator, size)
  if not ours then
    return -- some other file
  end
  local theirs, is_wrong = csv_text.read(text, separator)
  table.remove(theirs, 1)
  assert((err ~= nil) == is_wrong, err and err.message or "no error")
  same_rows(ours, theirs, columns)
  local records, is_odd = count(text, separator, size)
  assert(is_odd == is_wrong, "the count says " .. tostring(is_odd))
  if err then
    check_place(text, err.message)
    return
  end
  assert(records == #ours, ("%d counted, %d read"):format(records, #ours))
  assert(#read(text, separator, size, true) == #ours)
end

return function(data)
  local rows, separator, ending = csv_text.rows(data)
  local columns = (data:byte(1) or 0) % 4 + 1
  local size = (data:byte(3) or 0) % 7 + 1
  local turn = data:byte(4) or 0
  local text = csv_text.write(rows, separator, ending, function()
    turn = (turn * 5 + 3) % 256
    return turn > 127
  end)
  local header = header_of(columns, separator)
  local written = csv_text.read(text, separator)
  same_rows(written, rows, columns)
  check(header .. text, separator, columns, size)
  check(header .. data:sub(3), separator, columns, size)
  separators.find(data)
  for _, row in ipairs(rows) do
    for _, cell in ipairs(row) do
      local value = values.of_cell(cell)
      local back = cell ~= "" and values.to_cell("input", value)
      assert(cell == "" or type(value) ~= "string" or values.of_cell(back) == value, cell)
    end
  end
end
