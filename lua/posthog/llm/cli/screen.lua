--- One of the two output streams, and whether it is a terminal. Text from a server or a file never
--- controls the terminal: all methods except `raw` and `report` escape its control characters.

local errors = require("posthog.llm.util.errors")
local terminal = require("posthog.llm.util.terminal")
local display = require("posthog.llm.util.display")
local environment = require("posthog.llm.util.environment")

--- @class posthog.llm.cli.Screen
--- @field columns? integer of the terminal; nil: it is not a terminal
--- @field rows? integer of the terminal; nil: unknown, or not a terminal
--- @field private held? string[] the output so far, where it is shown as a whole
--- @field has_cursor boolean whether it is a terminal whose lines can be overwritten
--- @field other? posthog.llm.cli.Screen the other stream, whose status line is cleared before this
---   one writes
--- @field as_json? boolean lines are notes for a program: a JSON object each
--- @field color boolean
--- @field is_pipe boolean
--- @field failed? string why the output could not be written
--- @field is_closed? boolean it failed since nobody reads it any more, as with `| head`
--- @field ascii boolean whether the locale has no UTF-8
--- @field cut string one column wide, in place of text that is left out
local Screen = {}
Screen.__index = Screen

--- Whether the locale has UTF-8. If none is set, it is assumed.
--- @return boolean
local function is_utf8()
  local value = environment.first({ "LC_ALL", "LC_CTYPE", "LANG" })
  return value == nil or value:lower():find("utf%-?8") ~= nil
end

local STYLES = { bold = "1", dim = "2", red = "31", green = "32", yellow = "33", cyan = "36" }

--- @param file file*
--- @param fd integer
--- @return posthog.llm.cli.Screen
function Screen.new(file, fd)
  local self = setmetatable({ file = file }, Screen)
  self.columns, self.rows = terminal.columns(fd)
  local no_color = os.getenv("NO_COLOR")
  self.is_pipe = self.columns == nil and file:seek() == nil
  self.ascii = not is_utf8()
  self.cut = self.ascii and "~" or "…"
  self.has_cursor = self.columns ~= nil and os.getenv("TERM") ~= "dumb"
  self.color = self.has_cursor and (no_color == nil or no_color == "") -- no-color.org
  return self
end

--- Makes a text of one line safe to print.
--- @return string
function Screen:clean(text)
  text = display.clean(text)
  return self.ascii and self.columns and display.ascii(text) or text
end

local EPIPE = 32 -- on every system

--- A later write may succeed, but this output is lost.
function Screen:note_failure(ok, why, errno)
  if not ok and not self.failed then
    self.failed, self.is_closed = why, errno == EPIPE
  end
end

--- Writes text without escaping; its control characters must be intended.
function Screen:raw(text)
  if self.other then
    self.other:clear()
  end
  if self.held then
    self.held[#self.held + 1] = text
  elseif not self.failed then
    self:note_failure(self.file:write(text))
  end
end

--- @return boolean? ok
--- @return posthog.llm.Error? err such as that of a full disk
function Screen:flush()
  if self.held then
    return true
  end
  self:note_failure(self.file:flush())
  if not self.failed then
    return true
  end
  local words = "cannot write the output: " .. self.failed
  return nil, errors.new({ kind = "file", message = words })
end

--- From now on keeps the output, until `show`.
function Screen:hold()
  self.held = self.has_cursor and {} or nil
end

--- Shows what was kept: through the pager, if the terminal has no room for it.
--- @param other posthog.llm.cli.Screen for a note
function Screen:show(other)
  local text = self.held and table.concat(self.held)
  self.held = nil
  if text and not require("posthog.llm.cli.pager").show(self, text, other) then
    self:raw(text)
  end
end

--- @param ... string|{ [1]: string, [2]: string } texts, or pairs of a text and a name in STYLES
function Screen:line(...)
  self:clear()
  local pieces = { ... }
  for i, piece in ipairs(pieces) do
    local text, style = piece, nil
    if type(piece) == "table" then
      text, style = piece[1], piece[2]
    end
    text = self.as_json and tostring(text) or self:clean(tostring(text))
    style = not self.as_json and style or nil
    pieces[i] = style and self.color and ("\27[%sm%s\27[m"):format(STYLES[style], text) or text
  end
  local line = table.concat(pieces)
  if not self.as_json then
    self:raw(line .. "\n")
  elseif line ~= "" then
    self:json({ note = (line:gsub("^posthog%-llm: ", "")) })
  end
end

--- Writes a text of many lines: unchanged, unless the stream is a terminal.
--- @param text string
--- @param style_of? fun(line: string): string? the name in STYLES of a line
function Screen:text(text, style_of)
  if self.columns then
    text = (text .. "\n"):gsub("\n\n$", "\n"):gsub("[^\n]+", function(line)
      local clean = line:gsub("[^\t]+", function(part)
        return self:clean(part)
      end)
      local style = self.color and style_of and style_of(line)
      return style and ("\27[%sm%s\27[m"):format(STYLES[style], clean) or clean
    end)
  end
  self:raw(text)
end

--- Writes a report, whose texts are clean already and whose colours are intended.
function Screen:report(text)
  self:raw(self.ascii and self.columns and display.ascii(text) or text)
end

--- Writes JSON text, or a part of one.
function Screen:json_text(text)
  if self.columns then
    text = display.clean_json(text, self.ascii)
  end
  self:raw(text)
end

--- A copy of a value in which strings that are not UTF-8 (names of files) are escaped.
local function encodable(value)
  if type(value) == "string" then
    return require("posthog.llm.json").encode(value) and value or display.clean(value)
  elseif type(value) ~= "table" then
    return value
  end
  local copy = setmetatable({}, getmetatable(value))
  for name, field in next, value do
    rawset(copy, name, encodable(field))
  end
  return copy
end

--- Writes one value as JSON on one line, with sorted keys.
function Screen:json(value)
  local json_text = require("posthog.llm.util.json_text")
  local text, err = json_text.encode(value)
  if not text then
    text, err = json_text.encode(encodable(value))
  end
  if not text then
    error(err, 0)
  end
  self:json_text(text .. "\n")
end

--- Writes a status line, which the next output replaces; only on a terminal that can do so.
function Screen:status(text)
  if self.has_cursor then
    self:raw("\r" .. display.fit(self:clean(text), self.columns - 1, self.cut) .. "\27[K")
    self.file:flush()
    self.has_status = true
  end
end

--- Removes the status line.
function Screen:clear()
  if self.has_status then
    self:raw("\r\27[K")
    self.has_status = nil
  end
end

return Screen
