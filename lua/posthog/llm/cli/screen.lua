--- One of the two streams, and whether it is a terminal. What comes from a server
--- or a file never steers the terminal: everything but `raw` shows control
--- characters as escapes there.

local errors = require("posthog.llm.util.errors")
local json = require("posthog.llm.json")
local terminal = require("posthog.llm.util.terminal")
local json_text = require("posthog.llm.util.json_text")
local display = require("posthog.llm.util.display")

--- @class posthog.llm.cli.Screen
--- @field columns? integer of the terminal; nil: it is none
--- @field has_cursor boolean it is a terminal whose lines can be written over
--- @field beside? posthog.llm.cli.Screen the other one, whose status gives way to what is written here
--- @field color boolean
local Screen = {}
Screen.__index = Screen

local STYLES = { bold = "1", dim = "2", red = "31", green = "32", yellow = "33" }

--- @param file file*
--- @param fd integer
--- @return posthog.llm.cli.Screen
function Screen.new(file, fd)
  local self = setmetatable({ file = file, columns = terminal.columns(fd) }, Screen)
  local no_color = os.getenv("NO_COLOR")
  self.has_cursor = self.columns ~= nil and os.getenv("TERM") ~= "dumb"
  self.color = self.has_cursor and (no_color == nil or no_color == "") -- no-color.org
  return self
end

--- Writes text that steers a terminal only where it is meant to.
function Screen:raw(text)
  if self.beside then
    self.beside:clear()
  end
  if not self.failed then
    local ok, why = self.file:write(text)
    self.failed = not ok and why or nil
  end
end

--- @return boolean? ok
--- @return posthog.llm.Error? err a full disk, say
function Screen:flush()
  local ok, why = self.file:flush()
  if not ok then
    self.failed = self.failed or why -- what is lost does not come again with the next flush
  end
  if not self.failed then
    return true
  end
  local words = "cannot write the output: " .. self.failed
  return nil, errors.new({ kind = "file", message = words })
end

--- @param ... string|{ [1]: string, [2]: string } texts; with a style of STYLES
function Screen:line(...)
  self:clear()
  local pieces = { ... }
  for i, piece in ipairs(pieces) do
    local text, style = piece, nil
    if type(piece) == "table" then
      text, style = piece[1], piece[2]
    end
    text = display.clean(tostring(text))
    pieces[i] = style and self.color and ("\27[%sm%s\27[m"):format(STYLES[style], text) or text
  end
  self:raw(table.concat(pieces) .. "\n")
end

--- Many lines of somebody's text: exact, unless it is shown on a terminal.
--- @param text string
function Screen:text(text)
  if self.columns then
    text = (text .. "\n"):gsub("\n\n$", "\n"):gsub("[^\n\t]+", display.clean)
  end
  self:raw(text)
end

--- A text of JSON, or a piece of one.
function Screen:json_text(text)
  if self.columns then
    text = display.clean_json(text)
  end
  self:raw(text)
end

--- A value with the names of files that are not UTF-8 as people see them.
local function encodable(value)
  if type(value) == "string" then
    return json.encode(value) and value or display.clean(value)
  elseif type(value) ~= "table" then
    return value
  end
  local copy = setmetatable({}, getmetatable(value))
  for name, field in next, value do
    rawset(copy, name, encodable(field))
  end
  return copy
end

--- One value as JSON, on one line, the same for the same value.
function Screen:json(value)
  local text, err = json_text.encode(value)
  if not text then
    text, err = json_text.encode(encodable(value))
  end
  if not text then
    error(err, 0)
  end
  self:json_text(text .. "\n")
end

--- Rows under a head, the last column as wide as a terminal lets it.
--- @param head string[]
--- @param rows any[][]
--- @param right? table<integer, boolean> columns of numbers
function Screen:table(head, rows, right)
  local widths, cells = {}, {}
  for i = 0, #rows do
    local row, texts = rows[i] or head, {}
    for column = 1, #head do
      local value = row[column]
      local text = display.clean(value == nil and "" or tostring(value))
      texts[column] = text
      widths[column] = math.max(widths[column] or 0, display.of(text))
    end
    cells[i + 1] = texts
  end
  local last, taken = #head, 0
  for column = 1, last - 1 do
    taken = taken + widths[column] + 2
  end
  for i, row in ipairs(cells) do
    for column = 1, last - 1 do
      row[column] = display.pad(row[column], widths[column], right and right[column])
    end
    if self.columns then
      row[last] = display.fit(row[last], math.max(self.columns - taken, 8), "…")
    end
    if right and right[last] then
      row[last] = display.pad(row[last], widths[last], true)
    end
    local line = table.concat(row, "  "):gsub("%s+$", "")
    self:raw((i == 1 and self.color and "\27[1m" .. line .. "\27[m" or line) .. "\n")
  end
end

--- A line that the next one replaces; only where that can be.
function Screen:status(text)
  if self.has_cursor then
    self:raw("\r" .. display.fit(display.clean(text), self.columns - 1, "…") .. "\27[K")
    self.file:flush()
    self.has_status = true
  end
end

--- Takes the status away.
function Screen:clear()
  if self.has_status then
    self:raw("\r\27[K")
    self.has_status = nil
  end
end

return Screen
