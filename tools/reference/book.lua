--- All pages of the reference, from the comments of the source: which function and which class is
--- on which page, and what each page says.

local annotations = require("tools.reference.annotations")
local facts = require("tools.reference.facts")
local markdown = require("tools.reference.markdown")
local page_list = require("tools.reference.page_list")
local types = require("tools.reference.types")

local book = {}

--- Files whose classes the functions mention.
local TYPES = "find lua/posthog -name '*.lua' | LC_ALL=C sort"

local HEAD = "<!-- Made by `make docs` from the comments in %s. -->\n\n"
local FOLDER = "doc/reference/"

local function read_all()
  local files, classes = {}, {}
  local list = assert(io.popen(TYPES))
  for path in list:lines() do
    local file = annotations.read(path)
    files[path] = file
    for _, declaration in ipairs(file.declarations) do
      local before = classes[declaration.name]
      local is_first = not before or before.text == "" and #before.fields == 0 -- else it goes on
      if declaration.kind ~= "function" and is_first then
        classes[declaration.name] = declaration
      end
    end
  end
  list:close()
  return files, classes
end

--- @class tools.reference.Function
--- @field public string as users write it: "client.skills:get"
--- @field declaration tools.reference.Declaration

--- A field of a class that is a function, as a declaration of its own.
local function of_field(class, field, prefix)
  local declaration = {
    kind = "function",
    name = field.name,
    path = class.path,
    line = class.line,
    text = field.text,
    params = {},
    returns = {},
  }
  for _, member in ipairs(field.type.members) do
    if member.name ~= "self" then
      declaration.params[#declaration.params + 1] = member
    end
  end
  for i, result in ipairs(field.type.results) do
    declaration.returns[i] = { type = result, optional = result.optional, text = "" }
  end
  return { public = prefix .. field.name, declaration = declaration }
end

--- The public functions of a page, in order.
--- @return tools.reference.Function[]
local function functions_of(page, files, classes)
  local found = {}
  for _, name in ipairs(page.files) do
    local file = assert(files[("lua/posthog/%s.lua"):format(name)], name)
    for _, declaration in ipairs(file.declarations) do
      local owner, separator, method = declaration.name:match("^([%w_]+)([.:])([%w_]+)$")
      local public = declaration.kind == "function" and page.owners[owner]
      if public and not method:find("^_") and public:sub(-1) == separator then
        found[#found + 1] = { public = public .. method, declaration = declaration }
      end
    end
  end
  local class = classes[page.class]
  for _, field in ipairs(class and class.fields or {}) do
    if field.type.kind == "function" then
      found[#found + 1] = of_field(class, field, page.prefix)
    end
  end
  return found
end

local function visit_values(values, visit)
  for _, value in ipairs(values) do
    if value.type then
      types.each_class(value.type, visit)
    end
  end
end

--- Which page each class is on: that which claims it, or the first whose functions lead to it.
local function place_classes(self)
  local claimed = {}
  for _, page in ipairs(self.pages) do
    for _, name in ipairs(page.types or {}) do
      self.kept[name] = true
      claimed[name] = page
    end
  end
  local function place(page, name)
    local class = self.classes[name]
    local is_others = claimed[name] and claimed[name] ~= page
    if not class or self.home[name] or self.main[name] or is_others then
      return
    end
    self.home[name] = page
    page.classes[#page.classes + 1] = class
    local function visit(other)
      place(page, other)
    end
    visit_values(class.fields, visit)
    for _, parent in ipairs(class.parents) do
      visit(parent)
    end
  end
  for _, page in ipairs(self.pages) do
    local function visit(name)
      place(page, name)
    end
    for _, name in ipairs(page.types or {}) do
      visit(name)
    end
    for _, entry in ipairs(page.functions) do
      visit_values(entry.declaration.params, visit)
      visit_values(entry.declaration.returns, visit)
    end
  end
end

--- How many functions take each class as a parameter, and what else mentions it.
local function count_uses(self)
  local function mention(name)
    self.mentioned[name] = true
  end
  local function use(value)
    if value.type.kind == "name" then
      self.uses[value.type.name] = (self.uses[value.type.name] or 0) + 1
    else
      visit_values({ value }, mention)
    end
  end
  for _, page in ipairs(self.pages) do
    for _, entry in ipairs(page.functions) do
      for _, value in ipairs(entry.declaration.params) do
        use(value)
      end
      visit_values(entry.declaration.returns, mention)
    end
  end
  for _, class in pairs(self.classes) do
    visit_values(class.fields, mention)
  end
end

--- @return string name of the file of a page
function book.path(page)
  return FOLDER .. page.name .. ".md"
end

local function slug(heading)
  return (heading:lower():gsub("[^%w_ -]", ""):gsub(" ", "-"))
end
book.slug = slug

--- @return tools.reference.Book
function book.read()
  local files, classes = read_all()
  local self = { classes = classes, pages = {}, home = {}, main = {}, kept = {}, uses = {} }
  self.mentioned = {}
  for i, source in ipairs(page_list) do
    local page = setmetatable({ classes = {} }, { __index = source })
    page.prefix = page.owners[types.short(page.class)] or page.name .. "."
    page.functions = functions_of(page, files, classes)
    page.file = files[("lua/posthog/%s.lua"):format(page.files[1])]
    self.pages[i] = page
    if page.class then
      self.main[page.class] = page
    end
  end
  count_uses(self)
  place_classes(self)
  return self
end

--- A link to a class from a page.
local function linker(self, page)
  return function(name)
    local home = self.main[name]
    if home then
      return home ~= page and home.name .. ".md" or "#" .. slug(home.title)
    end
    home = self.home[name]
    if not home then
      return nil
    end
    local anchor = "#" .. slug(types.short(name))
    return home == page and anchor or home.name .. ".md" .. anchor
  end
end

local function list_of_functions(page)
  local rows = { { "", "" } }
  for _, entry in ipairs(page.functions) do
    local declaration = entry.declaration
    local signature = markdown.signature(declaration, entry.public)
    local words = markdown.sentence((markdown.divide(declaration.text)))
    rows[#rows + 1] = {
      ("[`%s`](#%s)"):format(signature, slug(entry.public)),
      markdown.is_only_v2(declaration) and words .. " *API v2*" or words,
    }
  end
  return markdown.table_of(rows)
end

local function add(parts, text)
  if text and text ~= "" then
    parts[#parts + 1] = text
  end
end

--- The tables of a page: those made from data, then those of classes that are not with a function.
local function tables_of(self, page)
  local tables = {}
  for _, fact in ipairs(page.facts or {}) do
    tables[#tables + 1] = ("### %s\n\n%s"):format(fact[1], markdown.table_of(facts[fact[2]]()))
  end
  for _, declaration in ipairs(page.classes) do
    local name = declaration.name
    local is_used = self.mentioned[name] or self.kept[name] or self.uses[name]
    if is_used and not markdown.is_inline(self, name) then
      tables[#tables + 1] = markdown.of_class(self, declaration)
    end
  end
  return tables
end

--- @param self tools.reference.Book
--- @param page table one of its pages
--- @return string Markdown
function book.markdown(self, page)
  self.link = linker(self, page)
  local class = self.classes[page.class]
  local prose, examples =
    markdown.divide(class and class.text ~= "" and class.text or page.file.text)
  local parts = { "# " .. page.title, prose }
  if page.setup then
    local mark = page.mark and ("<!-- pasted: %s -->\n\n"):format(page.mark) or ""
    parts[#parts + 1] = mark .. "```lua\n" .. page.setup .. "\n```"
  end
  add(parts, examples)
  add(parts, markdown.fields_of_page(self, class))
  add(parts, #page.functions > 0 and list_of_functions(page))
  for _, entry in ipairs(page.functions) do
    parts[#parts + 1] = markdown.of_function(self, entry.declaration, entry.public)
  end
  local tables = tables_of(self, page)
  if #tables > 0 then
    parts[#parts + 1] = "## Tables"
    parts[#parts + 1] = table.concat(tables, "\n\n")
  end
  local sources = {}
  for i, name in ipairs(page.files) do
    sources[i] = ("lua/posthog/%s.lua"):format(name)
  end
  return HEAD:format(table.concat(sources, ", ")) .. table.concat(parts, "\n\n") .. "\n"
end

local INDEX = "# API reference\n\n"
  .. "A page for each module, made from the comments of its source by `make docs`. In "
  .. "signatures and tables `?` stands after what may be nil; *API v1* and *API v2* are the two "
  .. "[versions of PostHog's API](../compatibility.md). Each example is run by the specs.\n\n"

local function index_of(self)
  local rows = { { "", "" } }
  for _, page in ipairs(self.pages) do
    rows[#rows + 1] = { ("[%s](%s.md)"):format(page.title, page.name), page.summary }
  end
  return "<!-- Made by `make docs`. -->\n\n" .. INDEX .. markdown.table_of(rows) .. "\n"
end

--- All pages, by their paths.
--- @param self tools.reference.Book
--- @return table<string, string>
function book.texts(self)
  local texts = { [FOLDER .. "README.md"] = index_of(self) }
  for _, page in ipairs(self.pages) do
    texts[book.path(page)] = book.markdown(self, page)
  end
  return texts
end

return book
