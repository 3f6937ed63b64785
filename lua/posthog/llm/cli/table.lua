--- A table that is printed as its rows arrive. The rows before the first `flush` determine the
--- widths of the columns; a longer text in a later row shifts the rest of its line, or is cut on a
--- terminal. Rows that are printed are not kept in memory.

local display = require("posthog.llm.util.display")

--- @class posthog.llm.cli.Table
--- @field private screen posthog.llm.cli.Screen
--- @field private header string[]
--- @field private right table<integer, boolean> columns of numbers
--- @field private rows string[][] those not printed yet
--- @field private widths? integer[] nil: nothing is printed yet
--- @field private firsts integer[] the first column of each line that a row takes
local Table = {}
Table.__index = Table

local MIN_LAST = 8 -- width of the last column; if a terminal has less room, rows take more lines
local INDENT = "  " -- of these

--- @param screen posthog.llm.cli.Screen
--- @param header string[]
--- @param right? table<integer, boolean>
--- @return posthog.llm.cli.Table
function Table.new(screen, header, right)
  return setmetatable({ screen = screen, header = header, right = right or {}, rows = {} }, Table)
end

--- @param cells any[] a value for each column; nil is empty
function Table:add(cells)
  local texts = {}
  for column = 1, #self.header do
    local value = cells[column]
    texts[column] = self.screen:clean(value == nil and "" or tostring(value))
  end
  self.rows[#self.rows + 1] = texts
end

--- The widths of the columns, by the header and the rows.
local function measure(header, rows)
  local widths = {}
  for i = 0, #rows do
    for column, text in ipairs(rows[i] or header) do
      widths[column] = math.max(widths[column] or 0, display.width(text))
    end
  end
  return widths
end

--- The columns of a row from `first` to `last`, side by side; the last one takes the rest of the
--- width.
--- @param row string[]
--- @param first integer
--- @param last integer
--- @param room? integer
function Table:line(row, first, last, room)
  local texts = {}
  for column = first, last do
    local text, width, right = row[column], self.widths[column], self.right[column]
    if column < last or right then
      text = display.pad(text, width, right)
    end
    if room then
      text = display.fit(text, math.max(room, 1), self.screen.cut)
      room = room - display.width(text) - 2
    end
    texts[#texts + 1] = text
  end
  return table.concat(texts, "  "):match("^.*%S") or ""
end

--- Divides the columns over as many lines as a row takes.
--- @param columns? integer of the terminal
--- @return integer[] firsts the first column of each line
local function divide(widths, columns)
  local firsts, taken = { 1 }, 0
  for column, width in ipairs(widths) do
    local least = column == #widths and math.min(width, MIN_LAST) or width
    if columns and column > 1 and taken + least > columns then
      firsts[#firsts + 1], taken = column, #INDENT
    end
    taken = taken + width + 2
  end
  return firsts
end

--- @return string a line, or several if the terminal is too narrow; empty ones are left out
function Table:lines(row)
  local columns, lines = self.screen.columns, {}
  for i, first in ipairs(self.firsts) do
    local indent = i == 1 and "" or INDENT
    local last = (self.firsts[i + 1] or #self.header + 1) - 1
    local line = self:line(row, first, last, columns and columns - #indent)
    if i == 1 or line ~= "" then
      lines[#lines + 1] = indent .. line
    end
  end
  return table.concat(lines, "\n")
end

function Table:begin()
  self.widths = measure(self.header, self.rows)
  self.firsts = divide(self.widths, self.screen.columns)
  local header = self:lines(self.header)
  self.screen:raw((self.screen.color and "\27[1m" .. header .. "\27[m" or header) .. "\n")
end

--- Prints the rows so far, so that they are visible while the next ones are waited for.
function Table:flush()
  if #self.rows > 0 then
    self:finish()
    self.screen:flush()
  end
end

--- Prints the remaining rows; the header even if there was no row.
function Table:finish()
  if not self.widths then
    self:begin()
  end
  for _, row in ipairs(self.rows) do
    self.screen:raw(self:lines(row) .. "\n")
  end
  self.rows = {}
end

return Table
