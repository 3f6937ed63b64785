--- Reads the comments of LuaCATS in a Lua file: those of functions, classes and aliases, in their
--- order. It knows the tags that this library uses, and raises on those that it does not know.

local types = require("tools.reference.types")

local annotations = {}

--- @class tools.reference.Value a parameter, a result or a field
--- @field name? string of a result: what it is called
--- @field optional boolean it may be nil
--- @field type tools.reference.Type
--- @field text string what is said of it; "" if nothing

--- @class tools.reference.Declaration
--- @field kind "function"|"class"|"alias"
--- @field name string as it stands in the source: "Skills:get", "posthog.llm.Skill"
--- @field path string
--- @field line integer of the function, or the first of the comment
--- @field text string Markdown: what stands before the tags and between them
--- @field commented boolean functions: whether there is a comment at all
--- @field parameters string[] functions: those that it takes
--- @field params tools.reference.Value[] functions: those that the comment tells of
--- @field returns tools.reference.Value[] functions
--- @field fields tools.reference.Value[] classes: without the private ones
--- @field parents string[] classes
--- @field values { value: string, text: string }[] aliases

--- @class tools.reference.File
--- @field path string
--- @field text string the comment at the top of the file
--- @field declarations tools.reference.Declaration[]

--- Tags that say nothing to a reader.
local IGNORED = { meta = true, type = true, diagnostic = true, generic = true, private = true }

local function fail(path, line, text, ...)
  error(("%s:%d: %s"):format(path, line, text:format(...)), 0)
end

--- A comment as its text and its tags. What is indented below a tag belongs to it.
--- @return string text
--- @return { tag: string, text: string, line: integer }[] tags
local function split(lines, first)
  local text, tags = {}, {}
  local fence, last = false, nil
  for i, line in ipairs(lines) do
    local tag, rest = line:match("^@(%l+)%s*(.*)$")
    if fence or line:find("^```") then
      if line:find("^```") then
        fence = not fence
      end
      text[#text + 1] = line
      last = nil
    elseif tag then
      last = { tag = tag, text = rest, line = first + i - 1 }
      tags[#tags + 1] = last
    elseif line:find("^|") then
      last = { tag = "|", text = line:sub(2), line = first + i - 1 }
      tags[#tags + 1] = last
    elseif last and line:find("^%s+%S") then
      last.text = last.text .. " " .. line:match("^%s*(.-)%s*$")
    else
      text[#text + 1] = line
      last = nil
    end
  end
  return (table.concat(text, "\n"):gsub("^%s+", ""):gsub("%s+$", "")), tags
end

--- A type and what follows it.
local function typed(text, path, line)
  local found, rest, why = types.read(text)
  if not found then
    fail(path, line, "%s: %s", why, text)
  end
  return found, rest
end

--- Readers of tags: each adds to the declaration.
local TAGS = {}

local function value_of(text, path, line)
  local name, mark, rest = text:match("^([%w_.]+)(%??)%s+(.*)$") -- "..." too
  if not name then
    fail(path, line, "no name and type: %s", text)
  end
  local found, words = typed(rest, path, line)
  return {
    name = name,
    optional = mark == "?" or found.optional == true,
    type = found,
    text = words,
  }
end

function TAGS.param(into, text, path, line)
  into.params[#into.params + 1] = value_of(text, path, line)
end

TAGS["return"] = function(into, text, path, line)
  local found, rest = typed(text, path, line)
  local name, words = rest:match("^([%a_][%w_]*)%s*(.*)$")
  into.returns[#into.returns + 1] = {
    name = name,
    optional = found.optional == true,
    type = found,
    text = words or rest,
  }
end

function TAGS.field(into, text, path, line)
  if text:find("^private ") or text:find("^protected ") then
    return
  end
  into.fields[#into.fields + 1] = value_of(text:gsub("^%[(%w+)%]", "%1"), path, line)
end

TAGS["|"] = function(into, text)
  local value, words = text:match('^%s*"([^"]*)"%s*(.*)$')
  if value then
    into.values[#into.values + 1] = { value = value, text = words }
  end
end

local function new(kind, name, path, line)
  return {
    kind = kind,
    name = name,
    path = path,
    line = line,
    text = "",
    params = {},
    returns = {},
    fields = {},
    parents = {},
    values = {},
    parameters = {},
  }
end

--- The classes and aliases of a comment; the other tags and the text are those of what follows.
local function read_tags(tags, path, declarations)
  local class
  local rest = new("function", nil, path, nil)
  for _, entry in ipairs(tags) do
    local tag, text = entry.tag, entry.text
    if tag == "class" or tag == "alias" then
      local name, words = text:match("^([%w_.]+)%s*(.*)$")
      class = new(tag, name, path, entry.line)
      local parents, after = words:match("^:%s*([%w_., ]-%f[%s%z])%s*(.*)$")
      for parent in (parents or ""):gmatch("[%w_.]+") do
        class.parents[#class.parents + 1] = parent
      end
      class.summary = after or words
      if tag == "alias" and words ~= "" then
        class.type, class.summary = typed(words, path, entry.line)
      end
      declarations[#declarations + 1] = class
    elseif TAGS[tag] then
      local into = (tag == "field" or tag == "|") and class or rest
      TAGS[tag](into, text, path, entry.line)
    elseif not IGNORED[tag] then
      fail(path, entry.line, "the tag @%s is not known", tag)
    end
  end
  return rest, class
end

--- What a comment and the line below it declare.
local function declare(file, comment, first, code, number)
  local text, tags = split(comment, first)
  local found, class = read_tags(tags, file.path, file.declarations)
  local name, parameters = code:match("^%s*function ([%w_.:]+)%((.-)%)")
  if class then
    local words = class.summary or ""
    class.text = text ~= "" and words ~= "" and words .. "\n\n" .. text or words .. text
  end
  if name and name:find("[.:]") then
    found.name, found.line = name, number
    found.text = class and "" or text
    found.commented = #comment > 0
    for parameter in parameters:gmatch("[%w_.]+") do
      found.parameters[#found.parameters + 1] = parameter
    end
    file.declarations[#file.declarations + 1] = found
  end
end

--- @param path string
--- @return tools.reference.File
function annotations.read(path)
  local file = { path = path, text = "", declarations = {} }
  local comment, first, number = {}, 1, 0
  local at_top = true
  for line in io.lines(path) do
    number = number + 1
    local words = line:match("^%s*%-%-%-(.*)$")
    if words then
      first = #comment == 0 and number or first
      comment[#comment + 1] = words:gsub("^ ", "")
    else
      if at_top and #comment > 0 and line:find("^%s*$") and not comment[1]:find("^@") then
        file.text = table.concat(comment, "\n")
      else
        declare(file, comment, first, line, number)
      end
      at_top = at_top and #comment == 0 and line:find("^%-%-") ~= nil
      comment = {}
    end
  end
  declare(file, comment, first, "", number) -- the file may end with a class
  return file
end

return annotations
