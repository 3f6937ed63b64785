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
--- @field pages table[] those of page_list, with `functions` and `classes`
--- @field home table<string, table> the page of each class
--- @field main table<string, table> the page that is about the class
--- @field kept table<string, boolean> classes that a page claims: they have a table of their own
--- @field uses table<string, integer> how many functions take a class as a parameter
--- @field mentioned table<string, boolean> classes that fields, results or other types name
--- @field link fun(name: string): string? address of a class from the present page

local function name_of(value, prefix)
  return ("`%s%s%s`"):format(prefix or "", value.name, value.optional and "?" or "")
end

--- The text of a value, and its default, which ends the text.
--- @return string text
--- @return string? default
function markdown.default_of(text)
  local before, default = "", text:match("^default:? (.+)$")
  if not default then
    before, default = text:match("^(.-)[;.,] default:? (.+)$")
  end
  if not default or default:find("; ", 1, true) then -- more follows: it stays a sentence
    return text
  end
  return before, default
end

--- The fields of a class with those of its parents. A parent that has a table of its own, such as the
--- options of every call, is linked.
--- @return tools.reference.Value[] fields
--- @return string[] linked names of parents
function markdown.fields_of(book, name)
  local class = book.classes[name]
  local fields, linked = {}, {}
  for _, parent in ipairs(class.parents) do
    if book.kept[parent] then
      linked[#linked + 1] = parent
    elseif book.classes[parent] then
      local inherited, also = markdown.fields_of(book, parent)
      for _, field in ipairs(inherited) do
        fields[#fields + 1] = field
      end
      for _, other in ipairs(also) do
        linked[#linked + 1] = other
      end
    end
  end
  for _, field in ipairs(class.fields) do
    fields[#fields + 1] = field
  end
  return fields, linked
end

--- All fields, those of linked parents too.
--- @return tools.reference.Value[]
function markdown.all_fields_of(book, name)
  local fields, linked = markdown.fields_of(book, name)
  for _, parent in ipairs(linked) do
    for _, field in ipairs(markdown.all_fields_of(book, parent)) do
      fields[#fields + 1] = field
    end
  end
  return fields
end

--- Where the fields of linked parents are: "`options` may also hold ...".
--- @param start string of the sentence
--- @return string?
local function also_of(book, linked, start)
  local places = {}
  for i, name in ipairs(linked) do
    local words = name == EVERY_CALL and "the options of every call" or types.short(name)
    places[i] = ("[%s](%s)"):format(words, book.link(name))
  end
  return places[1] and ("%s %s."):format(start, table.concat(places, " and ")) or nil
end

--- A line of a table for each value: name, type, text, default.
local function add_rows(book, rows, values, prefix)
  for _, value in ipairs(values) do
    local text, default = markdown.default_of(value.text)
    local type_text = value.type and types.markdown(value.type, book.link) or ""
    rows[#rows + 1] = { name_of(value, prefix), type_text, text, default or "" }
  end
end

--- A table whose fourth column is left out where no line has a default.
local function table_of_rows(rows)
  local any = false
  for i = 2, #rows do
    any = any or rows[i][4] ~= ""
  end
  rows[1][4] = "default"
  for _, row in ipairs(any and {} or rows) do
    row[4] = nil
  end
  return table_of(rows)
end

--- @param fields tools.reference.Value[]
local function table_of_fields(book, fields)
  local rows = { { "field", "type", "" } }
  add_rows(book, rows, fields)
  return table_of_rows(rows)
end

--- The fields of the class that a page is about, without its functions.
function markdown.fields_of_page(book, class)
  local fields = {}
  for _, field in ipairs(class and class.fields or {}) do
    fields[#fields + 1] = field.type.kind ~= "function" and field or nil
  end
  return #fields > 0 and table_of_fields(book, fields) or nil
end

local FEW = 3 -- fields, which may be with several functions

--- Whether the fields of a class are with the functions that take it.
function markdown.is_inline(book, name)
  local class, uses = book.classes[name], book.uses[name]
  if not class or not uses or book.mentioned[name] or book.kept[name] or book.main[name] then
    return false
  end
  return class.kind == "class" and (uses == 1 or #markdown.fields_of(book, name) <= FEW)
end

local ONLY_V2 = "<!-- pasted: on API v2 -->\n\n"

--- Whether servers of API v1 do not have what a function calls.
--- @param declaration tools.reference.Declaration
function markdown.is_only_v2(declaration)
  return declaration.text:find("API%s+v2%s+only") ~= nil
end

--- The lines of a parameter: a table of options has one for each of them.
--- @return string? also where more options are
local function add_parameter(book, rows, value)
  local class = value.type.kind == "name" and value.type.name
  local members, linked = value.type.kind == "table" and value.type.fields or nil, {}
  if class == EVERY_CALL then
    members, linked = {}, { class }
  elseif class and markdown.is_inline(book, class) then
    members, linked = markdown.fields_of(book, class)
  end
  if not members then
    add_rows(book, rows, { value })
    return
  end
  if value.text ~= "" then
    rows[#rows + 1] = { name_of(value), "table", value.text, "" }
  end
  add_rows(book, rows, members, value.name .. ".")
  local words = #members > 0 and "`%s` may also hold" or "`%s` may hold"
  return also_of(book, linked, words:format(value.name))
end

local function parameters(book, declaration)
  local rows, parts = { { "argument", "type", "" } }, {}
  for _, value in ipairs(declaration.params) do
    parts[#parts + 1] = add_parameter(book, rows, value)
  end
  if #rows > 1 then
    table.insert(parts, 1, table_of_rows(rows))
  end
  return table.concat(parts, "\n\n")
end

--- Whether a function makes requests, so that its error may be that of any.
local function makes_calls(declaration)
  for _, list in ipairs({ declaration.params, declaration.returns }) do
    for _, value in ipairs(list) do
      local name = value.type.kind == "name" and value.type.name
      if name == RESPONSE or name == EVERY_CALL or name == "posthog.llm.Client" then
        return true
      end
    end
  end
  return false
end

--- Where another kind of error begins in a text.
local KINDS = {
  { "; (kind `)", "\n%1" },
  { "; (code `)", "\n%1" },
  { "; (option `)", "\n%1" },
  { "; (`ambiguous`)", "\n%1" },
  { "%. K(ind `)", "\nk%1" },
}

--- What an error may be: a line for each kind.
local function error_lines(book, value, declaration)
  local words = value.text
  if markdown.is_only_v2(declaration) then
    words = "kind `invalid`: the server has API v1" .. (words ~= "" and "; " or "") .. words
  end
  for _, pair in ipairs(KINDS) do
    words = words:gsub(pair[1], pair[2])
  end
  local address = book.link(ERROR)
  local any = ("[error](%s)"):format(address)
  if makes_calls(declaration) then
    any = ("[error of any call](%s)"):format(address)
  end
  if words == "" then
    return ("- `err`: an %s"):format(any)
  elseif not words:find("\n") then
    return makes_calls(declaration) and ("- `err`: %s; or an %s"):format(words, any)
      or ("- `err`: an %s, %s"):format(any, words)
  end
  local intro = makes_calls(declaration) and ("- `err`: an %s, or"):format(any)
    or ("- `err`: an %s"):format(any)
  return intro .. "\n  - " .. words:gsub("\n", "\n  - ")
end

local function result_line(book, value, declaration)
  local name = value.type.kind == "name" and value.type.name
  if name == RESPONSE and value.text == "" then
    return nil
  elseif name == ERROR and value.name == "err" then
    return error_lines(book, value, declaration)
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
    lines[#lines + 1] = result_line(book, value, declaration)
  end
  return lines[1] and "Returns\n\n" .. table.concat(lines, "\n") or ""
end

--- The prose of a comment, and its blocks of code with what stands between and after them.
--- @return string prose
--- @return string examples
function markdown.divide(text)
  local lines = "\n" .. text
  local code, mark = lines:find("\n```"), lines:find("\n<!%-%- pasted")
  if not code then
    return text, ""
  end
  local at = math.min(code, mark or code)
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
    "## " .. public,
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
    local text = declaration.text:sub(1, 1):upper() .. declaration.text:sub(2)
    parts[2] = text:find("[%w`)]$") and text .. "." or text
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
    local fields, linked = markdown.fields_of(book, declaration.name)
    parts[#parts + 1] = #fields > 0 and table_of_fields(book, fields) or nil
    parts[#parts + 1] = also_of(book, linked, "It may also hold")
  end
  return table.concat(parts, "\n\n")
end

markdown.table_of = table_of

return markdown
