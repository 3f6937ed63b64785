--- The parts of doc/posthog.txt that tell of the editor plugin's settings and functions, from the
--- same comments as doc/reference/nvim.md. The rest of the page is written by hand.

local markdown = require("tools.reference.markdown")

local vimdoc = {}

vimdoc.PATH = "doc/posthog.txt"

local WIDTH = 78
local SPEND = "posthog.nvim.SpendConfig"
local INDENT = "\t\t" -- 16 columns

--- Markdown as help: without links.
local function plain(text)
  return (text:gsub("%[([^%]]*)%]%([^)]*%)", "%1"):gsub("%s*\n%s*", " "))
end

--- Words in lines of a width.
--- @param first integer columns that the first line has used already
local function wrap(text, indent, columns, first)
  local lines, line, used = {}, "", first
  for word in text:gmatch("%S+") do
    if line ~= "" and used + 1 + #word > WIDTH then
      lines[#lines + 1] = line
      line, used = "", columns
    end
    used = used + (line == "" and #word or #word + 1)
    line = line == "" and word or line .. " " .. word
  end
  lines[#lines + 1] = line
  return table.concat(lines, "\n" .. indent)
end

--- A name and what it is, in two columns.
local function entry(name, text)
  local tabs = #name < 8 and "\t\t" or "\t"
  return name .. tabs .. wrap(plain(text), INDENT, 16, 16)
end

local function settings_of(book, name)
  local lines = {}
  for _, field in ipairs(book.classes[name].fields) do
    if field.type.name ~= SPEND then -- it has a list of its own
      lines[#lines + 1] = entry(field.name, field.text)
    end
  end
  return table.concat(lines, "\n")
end

--- The blocks of code of a comment, whose lines have to fit.
local function code_of(text)
  local blocks = {}
  for code in text:gmatch("```lua\n(.-)```") do
    for line in code:gmatch("[^\n]+") do
      assert(#line + 8 <= WIDTH, "too wide for the help: " .. line)
    end
    blocks[#blocks + 1] = "\n>\n\t" .. code:gsub("\n$", ""):gsub("\n", "\n\t") .. "\n<"
  end
  return table.concat(blocks, "\n")
end

local function function_of(declaration)
  local name = declaration.name:match("[%w_]+$")
  local tag = ("*posthog.nvim.%s()*"):format(name)
  local given = {}
  for i, value in ipairs(declaration.params) do
    given[i] = ("{%s}"):format(value.name)
  end
  local prose, examples = markdown.divide(declaration.text)
  local lines = {
    ("\t"):rep(5) .. tag,
    ('`require("posthog.nvim").%s(%s)`'):format(name, table.concat(given, ", ")),
    INDENT .. wrap(plain(prose), INDENT, 16, 16),
  }
  for _, list in ipairs({ declaration.params, declaration.returns }) do
    for _, value in ipairs(list) do
      local word = list == declaration.params and ("{%s}: "):format(value.name) or "Returns "
      local text = list == declaration.returns and value.text:gsub('^"', 'a text, "') or value.text
      lines[#lines + 1] = INDENT .. wrap(plain(word .. text) .. ".", INDENT, 16, 16)
    end
  end
  return table.concat(lines, "\n") .. code_of(examples)
end

--- What stands between two lines, which stay.
local function replace(text, from, to, new)
  local _, start = text:find(from, 1, true)
  local finish = start and text:find(to, start, true)
  assert(finish, vimdoc.PATH .. " has no place for what follows " .. from)
  return text:sub(1, start) .. "\n" .. new .. text:sub(finish)
end

--- @param book tools.reference.Book
--- @param text string the page as it is
--- @return string as it has to be
function vimdoc.text(book, text)
  local settings = settings_of(book, "posthog.nvim.Config")
    .. "\nspend\t\ta table for |posthog-spend|, with\n\n"
    .. settings_of(book, SPEND)
  text = replace(text, "*posthog-settings-list*", "\nA key does not belong", settings .. "\n")
  local functions = {}
  for _, page in ipairs(book.pages) do
    for _, found in ipairs(page.name == "nvim" and page.functions or {}) do
      functions[#functions + 1] = function_of(found.declaration)
    end
  end
  local body = "\nOf the module `posthog.nvim`, for 'statusline' and the like.\n\n"
    .. table.concat(functions, "\n\n")
    .. "\n\n"
  return replace(text, "*posthog-functions*", "=====", body)
end

return vimdoc
