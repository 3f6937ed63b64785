--- Help texts, generated from the data of the commands and fitted to the terminal.

local display = require("posthog.llm.util.display")

local help_text = {}

local WIDEST, NARROWEST = 80, 20 -- columns of a help text
local MARGIN = 24 -- columns in front of a description
local NARROW = 60 -- columns; with fewer, descriptions are below their terms
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

--- @class posthog.llm.cli.Page
--- @field columns integer
--- @field [integer] string lines
local Page = {}
Page.__index = Page

function Page:add(lines)
  for _, line in ipairs(lines) do
    self[#self + 1] = line
  end
end

function Page:paragraph(text)
  if text then
    self:add({ "" })
    self:add(help_text.fill(text, self.columns))
  end
end

--- A list of terms with their descriptions.
function Page:list(title, rows)
  if #rows == 0 then
    return
  end
  self:add({ "", title .. ":" })
  local margin = self.columns < NARROW and 6 or MARGIN
  for _, row in ipairs(rows) do
    local term, lines = "  " .. row[1], help_text.fill(row[2], self.columns - margin)
    local beside = #term + 2 <= margin and table.remove(lines, 1)
    self:add({ beside and term .. (" "):rep(margin - #term) .. beside or term })
    for i, line in ipairs(lines) do
      lines[i] = (" "):rep(margin) .. line
    end
    self:add(lines)
  end
end

--- Examples. A command that is too long for the line is continued after a backslash, so that it can
--- be copied.
function Page:examples(list)
  if not list then
    return
  end
  self:add({ "", "Examples:" })
  for _, example in ipairs(list) do
    for _, line in ipairs(help_text.fill(example[2], self.columns - 4)) do
      self:add({ "  # " .. line })
    end
    for line in example[1]:gmatch("[^\n]+") do
      local filled = help_text.fill(line, self.columns - 2, "  ", " \\")
      for i, part in ipairs(filled) do
        filled[i] = "  " .. part
      end
      self:add(filled)
    end
  end
end

local function rows_of(list, term)
  local rows = {}
  for i, entry in ipairs(list or {}) do
    rows[i] = { term(entry), entry[2] }
  end
  return rows
end

--- @param root posthog.llm.cli.Command
--- @param command posthog.llm.cli.Command a subcommand of root, or root itself
--- @param path string the command as typed, "posthog-llm skills push"
--- @param columns? integer of the terminal
--- @return string
function help_text.of(root, command, path, columns)
  columns = math.max(NARROWEST, math.min(columns or WIDEST, WIDEST))
  local page = setmetatable({ columns = columns }, Page)
  page:add(help_text.fill(usage(command, path), columns - 2, "       "))
  if command == root then -- no blank line: this help has to fit on one screen
    page:add(help_text.fill(command.text, columns))
  else
    page:paragraph(command.text or command.summary and help_text.sentence(command.summary))
  end
  page:list(
    "Arguments",
    rows_of(command.arguments, function(argument)
      return argument[1]
    end)
  )
  local options = rows_of(command.options, help_text.option)
  table.insert(options, 1, { "-h, --help", "Show this help." })
  if command == root then
    table.insert(options, 2, { "-V, --version", "Show the version." })
  end
  page:list("Options", options)
  local inner = {}
  for i, entry in ipairs(command.commands or {}) do
    inner[i] = { entry.name, entry.summary }
  end
  page:list("Commands", inner)
  page:paragraph(command.epilog)
  if command ~= root then
    local names = {}
    for i, option in ipairs(root.options) do
      names[i] = "[" .. help_text.option(option) .. "]"
    end
    page:add({ "" })
    page:add(help_text.fill("Options of every command, see " .. root.name .. " --help:", columns))
    for _, line in ipairs(help_text.fill(table.concat(names, " "), columns - 2)) do
      page:add({ "  " .. line:gsub("%] %[", "  "):gsub("[%[%]]", "") })
    end
  end
  page:examples(command.examples)
  return table.concat(page, "\n") .. "\n"
end

return help_text
