--- Writes what annotations.lua has read as Markdown.

local facts = require("tools.reference.facts")
local types = require("tools.reference.types")

local markdown = {}

local EVERY_CALL = "posthog.llm.CallOptions"
local ERROR, RESPONSE = "posthog.llm.Error", "posthog.llm.Response"

--- A text in a cell of a table.
local function cell(text)
  return (text:gsub("\\?|", "\\|"))
end

--- @param rows string[][] the first is the header
local function table_of(rows)
  local lines = {}
  for i, row in ipairs(rows) do
    local cells = {}
    for n, text in ipairs(row) do
      cells[n] = cell(text)
    end
    lines[#lines + 1] = ("| %s |"):format(table.concat(cells, " | ")):gsub(" +|", " |")
    if i == 1 then
      lines[#lines + 1] = "|" .. ("---|"):rep(#row)
    end
  end
  return table.concat(lines, "\n")
end

--- @class tools.reference.Book what is known of all pages
--- @field classes table<string, tools.reference.Declaration>
--- @field link fun(name: string): string? address of a class from the present page

local function name_of(value, prefix)
  return ("`%s%s%s`"):format(prefix or "", value.name, value.optional and "?" or "")
end

--- The text of a value, and its default, which ends the text.
--- @return string text
--- @return string? default
function markdown.default_of(text)
  local before, default = text:match("^(.-)[;,.]?%s*%f[%w]default:? (.+)$")
  if not before then
    return text
  elseif default:find("^%S+; ") and not default:find("^the ") then
    return text -- more follows: it stays a sentence
  end
  return before, default
end

--- The fields of a class with those of its parents, but for the options of every call.
--- @return tools.reference.Value[] fields
--- @return boolean every_call
function markdown.fields_of(book, name)
  local class = book.classes[name]
  local fields, every_call = {}, false
  for _, parent in ipairs(class.parents) do
    if parent == EVERY_CALL then
      every_call = true
    elseif book.classes[parent] then
      local inherited, also = markdown.fields_of(book, parent)
      every_call = every_call or also
      for _, field in ipairs(inherited) do
        fields[#fields + 1] = field
      end
    end
  end
  for _, field in ipairs(class.fields) do
    fields[#fields + 1] = field
  end
  return fields, every_call
end

--- @param fields tools.reference.Value[]
--- @param heading string of the first column
local function table_of_fields(book, fields, heading)
  local rows, any = { { heading, "type", "" } }, false
  for _, field in ipairs(fields) do
    local text, default = markdown.default_of(field.text)
    any = any or default ~= nil
    local type_text = field.type and types.markdown(field.type, book.link) or ""
    rows[#rows + 1] = { name_of(field), type_text, text, default or "" }
  end
  rows[1][4] = "default"
  for _, row in ipairs(any and {} or rows) do
    row[4] = nil
  end
  return table_of(rows)
end

--- The fields of the class that a page is about, without its functions.
function markdown.fields_of_page(book, class)
  local fields = {}
  for _, field in ipairs(class and class.fields or {}) do
    fields[#fields + 1] = field.type.kind ~= "function" and field or nil
  end
  return #fields > 0 and table_of_fields(book, fields, "field") or nil
end

--- Whether the fields of a class belong to the one function that takes it.
local function is_inline(book, name)
  local class = book.classes[name]
  return class and book.uses[name] == 1 and not book.kept[name]
end

local ONLY_V2 = "<!-- pasted: on API v2 -->\n\n"

--- Whether servers of API v1 do not have what a function calls.
--- @param declaration tools.reference.Declaration
function markdown.is_only_v2(declaration)
  return declaration.text:find("API v2 only", 1, true) ~= nil
end

--- The lines of a parameter: a table of options has one for each of them.
local function add_parameter(book, rows, value)
  local class = value.type.kind == "name" and value.type.name
  local members = value.type.kind == "table" and value.type.fields or nil
  local every_call = false
  if class == EVERY_CALL then
    rows.every_call = value.name
    return
  elseif class and is_inline(book, class) then
    members, every_call = markdown.fields_of(book, class)
  end
  if not members then
    rows[#rows + 1] = { name_of(value), types.markdown(value.type, book.link), value.text }
    return
  end
  if value.text ~= "" then
    rows[#rows + 1] = { name_of(value), "table", value.text }
  end
  for _, member in ipairs(members) do
    local type_text = types.markdown(member.type, book.link)
    rows[#rows + 1] = { name_of(member, value.name .. "."), type_text, member.text }
  end
  rows.every_call = every_call and value.name or rows.every_call
end

local function parameters(book, declaration)
  local rows = { { "argument", "type", "" } }
  for _, value in ipairs(declaration.params) do
    add_parameter(book, rows, value)
  end
  local parts = {}
  if #rows > 1 then
    parts[1] = table_of(rows)
  end
  if rows.every_call then
    local words = #rows > 1 and "`%s` may also hold" or "`%s` may hold"
    words = words:format(rows.every_call) .. " the [options of every call](%s)."
    parts[#parts + 1] = words:format(book.link(EVERY_CALL))
  end
  return table.concat(parts, "\n\n")
end

--- What an error may be: its kinds, and that of any call.
local function error_line(book, value, is_only_v2)
  local words = value.text
  if is_only_v2 then
    words = "kind `invalid`: the server has API v1" .. (words ~= "" and "; " or "") .. words
  end
  local any = ("[%s of any call](%s)"):format(
    words == "" and "an error" or "or one",
    book.link(ERROR) or ""
  )
  return ("- `err`: %s%s"):format(words ~= "" and words .. "; " or "", any)
end

local function result_line(book, value, is_only_v2)
  local name = value.type.kind == "name" and value.type.name
  if name == RESPONSE and value.text == "" then
    return nil
  elseif name == ERROR and value.name == "err" then
    return error_line(book, value, is_only_v2)
  end
  local words = value.text ~= "" and ": " .. value.text or ""
  if value.type.kind == "table" then
    local parts = { ("- `%s`: a table%s"):format(value.name or "value", words) }
    for _, field in ipairs(value.type.fields) do
      local type_text = types.markdown(field.type, book.link)
      parts[#parts + 1] = ("  - `%s`: %s"):format(field.name, type_text)
    end
    return table.concat(parts, "\n")
  end
  return ("- `%s`: %s%s"):format(
    value.name or "value",
    types.markdown(value.type, book.link),
    words
  )
end

local function results(book, declaration)
  local lines = {}
  for _, value in ipairs(declaration.returns) do
    lines[#lines + 1] = result_line(book, value, markdown.is_only_v2(declaration))
  end
  return lines[1] and "Returns\n\n" .. table.concat(lines, "\n") or ""
end

--- The prose of a comment, and its blocks of code with what stands between and after them.
--- @return string prose
--- @return string examples
function markdown.divide(text)
  local at = ("\n" .. text):find("\n<!%-%- pasted") or ("\n" .. text):find("\n```")
  if not at then
    return text, ""
  end
  local prose = text:sub(1, at - 1):gsub("%s+$", "")
  return prose, text:sub(at)
end

--- A function as a user calls it: client.skills:get(name, options?) -> skill, err, response
--- @param public string the name as users write it
function markdown.signature(declaration, public)
  local given, returned = {}, {}
  for i, value in ipairs(declaration.params) do
    given[i] = value.name .. (value.optional and "?" or "")
  end
  for i, value in ipairs(declaration.returns) do
    returned[i] = value.name or value.type.text
  end
  local arrow = returned[1] and " -> " .. table.concat(returned, ", ") or ""
  return ("%s(%s)%s"):format(public, table.concat(given, ", "), arrow)
end

--- The first sentence of a text, for a list.
function markdown.sentence(text)
  local line = text:gsub("\n\n.*$", ""):gsub("%s*\n%s*", " ")
  return (line:match("^(.-%.)%s") or line)
end

--- @param book tools.reference.Book
--- @param declaration tools.reference.Declaration of a function
--- @param public string
--- @return string
function markdown.of_function(book, declaration, public)
  local prose, examples = markdown.divide(declaration.text)
  if examples ~= "" and markdown.is_only_v2(declaration) then
    examples = ("\n" .. examples):gsub("\n```lua", "\n" .. ONLY_V2 .. "```lua"):sub(2)
  end
  local parts = {
    "### " .. public,
    ("`%s`"):format(markdown.signature(declaration, public)),
    prose,
    parameters(book, declaration),
    results(book, declaration),
    examples,
  }
  local kept = {}
  for _, part in ipairs(parts) do
    kept[#kept + 1] = part ~= "" and part or nil
  end
  return table.concat(kept, "\n\n")
end

--- @param declaration tools.reference.Declaration of a class or an alias
function markdown.of_class(book, declaration)
  local parts = { "### " .. types.short(declaration.name) }
  if declaration.text ~= "" then
    parts[2] = declaration.text:sub(1, 1):upper() .. declaration.text:sub(2)
  end
  if declaration.kind == "alias" then
    local rows = { { "value", "" } }
    local with_status = declaration.name == "posthog.llm.ErrorKind"
    if with_status then
      rows[1] = { "value", "HTTP status", "" }
    end
    for _, entry in ipairs(declaration.values) do
      local value = ('`"%s"`'):format(entry.value)
      rows[#rows + 1] = with_status and { value, facts.statuses(entry.value), entry.text }
        or { value, entry.text }
    end
    parts[#parts + 1] = #rows > 1 and table_of(rows) or nil
  else
    local fields, every_call = markdown.fields_of(book, declaration.name)
    parts[#parts + 1] = #fields > 0 and table_of_fields(book, fields, "field") or nil
    if every_call then
      parts[#parts + 1] = ("And the [options of every call](%s)."):format(book.link(EVERY_CALL))
    end
  end
  return table.concat(parts, "\n\n")
end

markdown.table_of = table_of

return markdown
