--- Help texts, generated from the data of the commands and fitted to the terminal.

local display = require("posthog.llm.util.display")

local help_text = {}

local WIDEST, NARROWEST = 80, 20 -- columns of a help text
local MARGIN = 24 -- columns in front of a description
local NARROW = 60 -- columns; with fewer, descriptions are below their terms
local MAX_LINES = 23 -- of a screen of 24, which has room for the next prompt
local MAX_IN_USAGE = 5 -- options; a longer list is not in the usage line

--- Wraps a text to a number of columns and indents the continuation lines. Text in brackets or
--- quotes is not broken, unless it is longer than a line.
--- @param text string
--- @param columns integer
--- @param indent? string of the continuation lines
--- @param more? string at the end of each line but the last
--- @return string[]
function help_text.fill(text, columns, indent, more)
  local room = columns - (more and #more or 0)
  local function glue(part)
    return #part <= room - #(indent or "") and part:gsub(" ", "\1") or part
  end
  local lines, line = {}, nil
  local glued = text:gsub("%b[]", glue):gsub("%f[%S]'[^']*'", glue):gsub('%f[%S]"[^"]*"', glue)
  for word in glued:gmatch("%S+") do
    if line and display.width(line) + 1 + display.width(word) > room then
      lines[#lines + 1], line = line .. (more or ""), (indent or "") .. word
    else
      line = line and line .. " " .. word or word
    end
  end
  lines[#lines + 1] = line
  for i, filled in ipairs(lines) do
    lines[i] = filled:gsub("\1", " ")
  end
  return lines
end

--- @param option posthog.llm.cli.Option
--- @return string "-q, --quiet", "--key-file FILE"
function help_text.option(option)
  local names = option[1]:gsub(" ", ", ")
  return option.value and names .. " " .. option.value or names
end

--- @param argument posthog.llm.cli.Argument
--- @return string "<dir> ...", in brackets if it is optional
local function argument_word(argument)
  local word = ("<%s>"):format(argument[1])
  word = argument.many and word .. " ..." or word
  return argument.optional and ("[%s]"):format(word) or word
end

local function usage(command, path)
  local words = { "Usage: " .. path }
  local options = command.options or {}
  if #options > MAX_IN_USAGE or command.commands and #options > 0 then
    words[2] = "[options]"
  else
    for _, option in ipairs(options) do
      local short = help_text.option(option):gsub(", %-%-[%w-]+", "")
      words[#words + 1] = ("[%s]"):format(short)
    end
  end
  for _, argument in ipairs(command.arguments or {}) do
    words[#words + 1] = argument_word(argument)
  end
  words[#words + 1] = command.commands and "<command> ..."
  return table.concat(words, " ")
end

--- A summary as a sentence, with a capital and a full stop.
--- @param summary string
--- @return string
function help_text.sentence(summary)
  return (summary:gsub("^%l", string.upper)) .. "."
end

--- An example below its comment. A command that is too long for the line is continued after a
--- backslash, so that it can be copied.
--- @param example string[]
--- @param columns integer
--- @return string[] lines
function help_text.example(example, columns)
  local lines = {}
  for _, line in ipairs(help_text.fill(example[2], columns - 4)) do
    lines[#lines + 1] = "  # " .. line
  end
  for line in example[1]:gmatch("[^\n]+") do
    for _, part in ipairs(help_text.fill(line, columns - 2, "  ", " \\")) do
      lines[#lines + 1] = "  " .. part
    end
  end
  return lines
end

--- How much of a help is shown; nil: all of it.
--- @class posthog.llm.cli.Extent
--- @field rows? integer options (of a group: commands) with their descriptions; the others are
---   only named
--- @field examples? integer

--- @class posthog.llm.cli.Page
--- @field extent posthog.llm.cli.Extent
--- @field columns integer
--- @field gaps integer[] the lines that a blank one may come before
--- @field [integer] string lines
local Page = {}
Page.__index = Page

function Page:add(lines)
  for _, line in ipairs(lines) do
    self[#self + 1] = line
  end
end

--- Begins a part of the page.
function Page:gap()
  self.gaps[#self.gaps + 1] = #self + 1
end

--- Puts blank lines between the parts, the last ones first, while there is room for them.
--- @param room number lines
function Page:space(room)
  for i = #self.gaps, 1, -1 do
    if #self < room then
      table.insert(self, self.gaps[i], "")
    end
  end
end

--- Names, two blanks between them.
function Page:names(title, names, indent)
  for _, line in ipairs(help_text.fill(title, self.columns - #indent)) do
    self:add({ indent .. line })
  end
  local line
  for _, name in ipairs(names) do
    if line and #line + 2 + #name > self.columns then
      self:add({ line })
      line = nil
    end
    line = line and line .. "  " .. name or indent .. "  " .. name
  end
  self:add({ line })
end

--- Which rows are described where not all can be: the first ones, those that matter less at last.
--- @return table<table, boolean>
local function choose(rows, most)
  local chosen, count = {}, 0
  for _, is_minor in ipairs({ false, true }) do
    for _, row in ipairs(rows) do
      if count < most and (row.minor or false) == is_minor then
        chosen[row], count = true, count + 1
      end
    end
  end
  return chosen
end

--- A list of terms with their descriptions, of which those that are too many are only named.
--- @param title string
--- @param rows { [1]: string, [2]: string, minor?: boolean }[]
--- @param most? integer
--- @param full string the command that shows all
function Page:list(title, rows, most, full)
  if #rows == 0 then
    return
  end
  self:gap()
  self:add({ title .. ":" })
  local margin = self.columns < NARROW and 6 or MARGIN
  local rest, chosen = {}, choose(rows, most or #rows)
  for _, row in ipairs(rows) do
    if not chosen[row] then
      rest[#rest + 1] = row[1]
    else
      local term, lines = "  " .. row[1], help_text.fill(row[2], self.columns - margin)
      local beside = #term + 2 <= margin and table.remove(lines, 1)
      self:add({ beside and term .. (" "):rep(margin - #term) .. beside or term })
      for j, line in ipairs(lines) do
        lines[j] = (" "):rep(margin) .. line
      end
      self:add(lines)
    end
  end
  if #rest > 0 then
    self:names(("more, see %s:"):format(full), rest, "  ")
  end
end

--- Examples: on one line if there is room, their comments in one column if all have room for that.
--- @param list string[][]
function Page:examples(list)
  self:gap()
  self:add({ "Examples:" })
  local room, most = self.columns - 4, self.extent.examples or #list
  local column, widest = 0, 0
  for i = 1, most do
    local command, comment = #list[i][1] + 2, #list[i][2] + 2
    if command + comment <= room then
      column, widest = math.max(column, command), math.max(widest, comment)
    end
  end
  for i = 1, most do
    local command, comment = list[i][1], "# " .. list[i][2]
    local at = column + widest <= room and column or #command + 2
    if command:find("\n") or math.max(at, #command + 2) + #comment > room then
      self:add(help_text.example(list[i], self.columns))
    else
      self:add({ ("  %s%s%s"):format(command, (" "):rep(at - #command), comment) })
    end
  end
end

local function rows_of(list, term)
  local rows = {}
  for i, entry in ipairs(list or {}) do
    rows[i] = { term(entry), entry[2], minor = entry.minor }
  end
  return rows
end

local HELP, VERSION = { "-h --help", "Show this help." }, { "-V --version", "Show the version." }

--- @param root posthog.llm.cli.Command
--- @param command posthog.llm.cli.Command
--- @param path string
--- @param columns integer
--- @param extent posthog.llm.cli.Extent
--- @return posthog.llm.cli.Page
local function page_of(root, command, path, columns, extent)
  local page = setmetatable({ extent = extent, columns = columns, gaps = {} }, Page)
  local full = root.name .. " help --full"
  local own = full .. path:sub(#root.name + 1)
  page:add(help_text.fill(usage(command, path), columns - 2, "       "))
  page:gap()
  page:add(help_text.fill(command.text or help_text.sentence(command.summary), columns))
  page:list(
    "Arguments",
    rows_of(command.arguments, function(argument)
      return argument[1]
    end)
  )
  local inner = {}
  for i, entry in ipairs(command.commands or {}) do
    inner[i] = { entry.name, entry.summary, minor = entry.minor }
  end
  local options = rows_of(command.options, help_text.option)
  if command == root then
    table.insert(options, 1, { help_text.option(HELP), HELP[2] })
    table.insert(options, 2, { help_text.option(VERSION), VERSION[2] })
  end
  page:list("Commands", inner, #options == 0 and extent.rows or nil, own)
  page:list("Options", options, extent.rows, own)
  if command ~= root then
    local shared = { "-h" }
    for _, option in ipairs(root.options) do -- their short names would take a second line
      shared[#shared + 1] = help_text.option(option):gsub("^%-%w, ", "")
    end
    page:gap()
    page:names(("Options of every command, see %s:"):format(full), shared, "")
  end
  page:examples(command.examples or {})
  return page
end

--- @param root posthog.llm.cli.Command
--- @param command posthog.llm.cli.Command a subcommand of root, or root itself
--- @param path string the command as typed, "posthog-llm skills push"
--- @param columns? integer of the terminal
--- @param is_full? boolean all of it; otherwise what fits on a screen of 24 lines
--- @return string
function help_text.of(root, command, path, columns, is_full)
  columns = math.max(NARROWEST, math.min(columns or WIDEST, WIDEST))
  local room = (is_full or columns < NARROW) and math.huge or MAX_LINES
  local page = page_of(root, command, path, columns, {})
  local rows = math.max(#(command.options or {}) + 2, #(command.commands or {}))
  local extent = { examples = math.min(3, #(command.examples or {})) }
  while #page > room and rows > 0 do
    page = page_of(root, command, path, columns, extent)
    rows = rows - 1
    extent.rows = rows
  end
  page:space(room)
  return table.concat(page, "\n") .. "\n"
end

return help_text
