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
local Table = {}
Table.__index = Table

local MIN_LAST = 8 -- width of the last column; if a terminal has less room, rows take two lines

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

--- The columns of a row from `first` on, side by side; the last one takes the rest of the width.
--- @param row string[]
--- @param first integer
--- @param room? integer
function Table:line(row, first, room)
  local texts, last = {}, #self.header
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
  return (table.concat(texts, "  "):gsub("%s+$", ""))
end

--- @return string a line, or two if the terminal is too narrow
function Table:lines(row)
  local columns = self.screen.columns
  if not self.is_narrow then
    return self:line(row, 1, columns)
  end
  local name = display.fit(row[1], columns, self.screen.cut)
  return name .. "\n  " .. self:line(row, 2, columns - 2)
end

function Table:begin()
  self.widths = measure(self.header, self.rows)
  local taken = 0
  for column = 1, #self.header - 1 do
    taken = taken + self.widths[column] + 2
  end
  self.is_narrow = self.screen.columns
    and #self.header > 1
    and taken + MIN_LAST > self.screen.columns
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
