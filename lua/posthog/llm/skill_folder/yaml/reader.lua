--- Reads the YAML of front matter into nodes that know their places. What skills use: scalars of
--- all styles, lists and maps of both, comments. The rest of YAML is refused, with its line.

local json_value = require("posthog.llm.util.json_value")
local scalars = require("posthog.llm.skill_folder.yaml.scalars")
local text = require("posthog.llm.skill_folder.text")

local MOST_DEEP = 512 -- as JSON has it, which it is to become

--- @class posthog.llm.YamlNode a place is a byte, from 1
--- @field kind "scalar"|"list"|"map"
--- @field style "empty"|"plain"|"quoted"|"block"|"flow" "block" of a scalar: | or >
--- @field line integer
--- @field first integer
--- @field stop integer the place after it; of a block scalar the start of a line
--- @field value? any of a scalar
--- @field raw? string of a scalar: the text, whatever it means
--- @field column? integer of a list or map in block style, from 0
--- @field items? posthog.llm.YamlItem[] of a list
--- @field entries? posthog.llm.YamlEntry[] of a map

--- @class posthog.llm.YamlItem
--- @field first integer of its dash or, in flow style, of itself
--- @field node posthog.llm.YamlNode
--- @field comma? integer in flow style, of the comma after it

--- @class posthog.llm.YamlEntry
--- @field key string
--- @field line integer
--- @field first integer
--- @field colon integer its place; of a key alone, in flow style, the last one of the key
--- @field node posthog.llm.YamlNode
--- @field comma? integer in flow style, of the comma after it

--- @class posthog.llm.YamlDocument
--- @field source string
--- @field root posthog.llm.YamlNode
--- @field comments { first: integer, stop: integer }[] in their order
--- @field stop integer where it ends: after the last line, or before a line ...

local Reader = {}
Reader.__index = Reader

--- The number of a line, from 1, and its first place.
function Reader:line_at(at)
  local starts = self.starts
  local low, high = 1, #starts
  while low < high do
    local middle = math.ceil((low + high) / 2)
    if starts[middle] <= at then
      low = middle
    else
      high = middle - 1
    end
  end
  return low, starts[low]
end

function Reader:column(at)
  local _, start = self:line_at(at)
  return at - start
end

--- @param at integer
--- @param message string
--- @param opened? integer where what is wrong begins, if that is elsewhere
function Reader:fail(at, message, opened)
  local before = self.first_line - 1
  if opened and self:line_at(opened) ~= self:line_at(at) then
    message = ("%s (it begins in line %d)"):format(message, self:line_at(opened) + before)
  end
  error({ message = message, line = self:line_at(at) + before }, 0)
end

function Reader:char(at)
  return self.source:sub(at, at)
end

function Reader:is_end(at)
  return at > #self.source
end

function Reader:add_comment(at)
  local stop = self.source:find("\n", at, true) or #self.source + 1
  self.comments[#self.comments + 1] = { first = at, stop = stop }
  return stop
end

--- The next place that holds something, from the start of a line on.
function Reader:next_token(start)
  local source = self.source
  while true do
    local at = source:match("^ *()", start)
    if source:find("^\t", at) then
      self:fail(at, "a tab in the indentation: use spaces")
    elseif at == start and source:find("^%%", at) then
      self:fail(at, "a directive (%) is not supported: leave the line out")
    elseif source:find("^#", at) then
      at = self:add_comment(at)
    end
    if not source:find("^\n", at) then
      return at
    end
    start = at + 1
  end
end

--- The start of the next line, where the present one has no more than a comment.
--- @return integer? start nil: there is something else
--- @return integer at of it
function Reader:next_line(stop)
  local source = self.source
  local at = source:match("^[ \t]*()", stop)
  if source:find("^#", at) and (at > stop or source:find("^[ \t\n]", at - 1)) then
    at = self:add_comment(at)
  end
  if at <= #source and not source:find("^\n", at) then
    return nil, at
  end
  return math.min(at, #source) + 1, at
end

--- The next token behind a value, which has to be the last one in its line.
function Reader:after(stop, what)
  if stop > 1 and self:char(stop - 1) == "\n" then -- of a block scalar
    return self:next_token(stop)
  end
  local start, at = self:next_line(stop)
  if start then
    return self:next_token(start)
  elseif self.source:find("^:[ \t\n]", at) or self.source:find("^:$", at) then
    self:fail(at, '": " in a text without quotes: put the whole text into quotes')
  elseif self:char(at) == "#" then
    self:fail(at, "a comment begins with a blank before its #")
  end
  self:fail(at, what)
end

local REFUSED = {
  ["&"] = "an anchor (%s) is not supported: leave it out, or put a text that begins so into quotes",
  ["*"] = "an alias (%s) is not supported: write the value itself, or put a text that begins so "
    .. "into quotes",
  ["!"] = "the type %s is not supported: leave it out, or put a text that begins so into quotes",
  ["?"] = 'a key that is not a string: write "name: value" in a line',
  ["-"] = "a list cannot begin here: put its first - into the next line",
  [":"] = "a name is missing before the colon",
}
local MISPLACED = "a text cannot begin with %s: put it into quotes"

--- Refuses what no plain scalar begins with.
function Reader:refuse(at, char)
  local word = self.source:match("^[^%s,%[%]{}]*", at)
  local message = REFUSED[char] or MISPLACED
  self:fail(at, message:format(REFUSED[char] and scalars.shown(word) or char))
end

local INDICATORS = "^[,%[%]{}#&*!|>'\"%%@`]"

--- Whether a plain scalar may begin here.
function Reader:begins_plain(at, in_flow)
  local source = self.source
  if source:find("^[?:-]", at) then
    local behind = in_flow and "^[ \t\n,%[%]{}]" or "^[ \t\n]"
    return at < #source
      and not source:find(behind, at + 1)
      and (not in_flow or self:char(at) == "-")
  end
  return not source:find(INDICATORS, at)
end

function Reader:scalar(at, style, stop, raw, has_lines)
  return {
    kind = "scalar",
    style = style,
    line = self:line_at(at) + self.first_line - 1,
    first = at,
    stop = stop,
    raw = raw,
    value = raw,
    has_lines = has_lines,
  }
end

--- A node that nothing was written for.
function Reader:empty(at)
  local node = self:scalar(at, "empty", at, "")
  node.value = scalars.meaning("")
  return node
end

--- A plain scalar or one in quotes.
--- @param at integer
--- @param indent integer the least column of its further lines
--- @param in_flow? boolean
function Reader:inline_scalar(at, indent, in_flow)
  local char = self:char(at)
  if char == '"' or char == "'" then
    local raw, stop, has_lines = scalars.quoted(self.source, at, self.failing)
    return self:scalar(at, "quoted", stop, raw, has_lines)
  elseif not self:begins_plain(at, in_flow) then
    self:refuse(at, char)
  end
  local raw, stop, has_lines = scalars.plain(self.source, at, indent, in_flow, self.failing)
  local node = self:scalar(at, "plain", stop, raw, has_lines)
  node.value = scalars.meaning(raw)
  return node
end

local TYPES = { str = true, int = true, float = true, null = true, bool = true }

--- A scalar with a type before it, such as !!float 1.0.
function Reader:tagged(at, indent, in_flow)
  local kind, first = self.source:match("^!!(%a+)[ \t]+()", at)
  if not TYPES[kind] or not first or self.source:find("^[\n#,%]}!&*]", first) then
    self:refuse(at, "!")
  end
  local node = self:inline_scalar(first, indent, in_flow)
  local value, reason = scalars.tagged(kind, node.raw)
  if value == nil then
    self:fail(at, reason)
  end
  node.value, node.first = value, at
  return node
end

--- @param at integer
--- @param parent integer column of what it belongs to
function Reader:block_scalar(at, parent)
  local header_stop
  local function comment(stop)
    local start, found = self:next_line(stop)
    return start or self:fail(found, "the text of | or > begins in the line below")
  end
  local raw, stop
  raw, stop, header_stop = scalars.block(self.source, at, parent, comment, self.failing)
  local node = self:scalar(at, "block", stop, raw, true)
  node.header_stop = header_stop
  return node
end

--- The place of the colon that makes a key of the scalar before it.
function Reader:colon(node, in_flow)
  local at = self.source:match("^[ \t]*():", node.stop)
  if at and (in_flow or at == #self.source or self.source:find("^[ \t\n]", at + 1)) then
    return at
  end
end

function Reader:go_deeper(at)
  self.depth = self.depth + 1
  if self.depth > MOST_DEEP then
    self:fail(at, ("the values nest more than %d levels deep"):format(MOST_DEEP))
  end
end

--- Over white space and comments inside of [ ] or { }.
function Reader:skip_in_flow(at, opened)
  local source = self.source
  while true do
    at = source:match("^[ \t\n]*()", at)
    if self:is_end(at) then
      local open = self:char(opened)
      local message = ("the %s has no end: its %s is missing"):format(
        open,
        open == "[" and "]" or "}"
      )
      self:fail(at, message, opened)
    elseif self:char(at) ~= "#" then
      return at
    elseif not source:find("^[ \t\n]", at - 1) then
      self:fail(at, "a comment begins with a blank before its #")
    end
    at = self:add_comment(at)
  end
end

function Reader:flow_node(at, indent)
  local char = self:char(at)
  if char == "[" or char == "{" then
    return self:flow(at, indent)
  elseif char == "!" then
    return self:tagged(at, indent, true)
  end
  return self:inline_scalar(at, indent, true)
end

--- Adds an entry to a map, whose key is not there yet.
function Reader:add_entry(map, key, colon, node)
  map.places = map.places or {}
  if map.places[key.raw] then
    self:fail(key.first, ("duplicate key %q: remove one of the two"):format(scalars.shown(key.raw)))
  end
  map.places[key.raw] = true
  map.entries[#map.entries + 1] = {
    key = key.raw,
    line = key.line,
    first = key.first,
    colon = colon,
    node = node,
  }
end

--- The value of a key inside of [ ] or { }.
function Reader:flow_value(colon, indent, opened)
  local at = self:skip_in_flow(colon + 1, opened)
  if self.source:find("^[,%]}]", at) then
    return self:empty(colon + 1)
  end
  return self:flow_node(at, indent)
end

local MISSING = "a comma or a %s is missing here"

--- One member, up to the place after it.
function Reader:flow_member(collection, at, indent)
  local node = self:flow_node(at, indent)
  local colon = self:colon(node, true)
  if colon and node.has_lines then
    local close = self:char(collection.first) == "[" and "]" or "}"
    self:fail(colon, MISSING:format(close), collection.first)
  elseif colon and (node.kind ~= "scalar" or self:char(at) == "!") then
    self:fail(at, REFUSED["?"])
  elseif collection.kind == "map" then
    if node.kind ~= "scalar" then
      self:fail(at, REFUSED["?"])
    end
    local value = colon and self:flow_value(colon, indent, collection.first)
      or self:empty(node.stop)
    self:add_entry(collection, node, colon or node.stop - 1, value)
    return value.stop
  elseif colon then -- [name: value]
    local map = { kind = "map", style = "flow", line = node.line, first = at, entries = {} }
    local value = self:flow_value(colon, indent, collection.first)
    self:add_entry(map, node, colon, value)
    map.stop, map.is_pair = value.stop, true
    node = map
  end
  collection.items[#collection.items + 1] = { first = at, node = node }
  return node.stop
end

--- A list or map in [ ] or { }.
function Reader:flow(first, indent)
  self:go_deeper(first)
  local is_list = self:char(first) == "["
  local collection = {
    kind = is_list and "list" or "map",
    style = "flow",
    line = self:line_at(first) + self.first_line - 1,
    first = first,
  }
  collection[is_list and "items" or "entries"] = {}
  local close = is_list and "]" or "}"
  local at = self:skip_in_flow(first + 1, first)
  while self:char(at) ~= close do
    at = self:skip_in_flow(self:flow_member(collection, at, indent), first)
    if self:char(at) == "," then
      local members = collection.items or collection.entries
      members[#members].comma = at
      at = self:skip_in_flow(at + 1, first)
    elseif self:char(at) ~= close then
      self:fail(at, MISSING:format(close), first)
    end
  end
  self.depth, collection.stop = self.depth - 1, at + 1
  return collection
end

function Reader:is_dash(at)
  return self.source:find("^%-[ \t\n]", at) ~= nil or self.source:find("^%-$", at) ~= nil
end

local TOO_DEEP = "indented deeper than what it belongs to: a text of several lines goes into "
  .. "quotes, or below | or >"

--- A value that has a place of its own, in the next lines; nil where there is none.
--- @param at integer of the next token
--- @param parent integer column of what it belongs to
--- @param in_map? boolean a list may stand in the parent's column
--- @return posthog.llm.YamlNode? node
--- @return integer at of the next token
function Reader:value_below(at, parent, in_map)
  local column = self:is_end(at) and -1 or self:column(at)
  if column > parent then
    return self:block_node(at, parent)
  elseif column == parent and in_map and self:is_dash(at) then
    return self:block_list(at, true)
  end
  return nil, at
end

--- A list, whose dashes stand in a column.
--- @param at integer
--- @param in_map? boolean the column is that of the names, too
function Reader:block_list(at, in_map)
  self:go_deeper(at)
  local column = self:column(at)
  local list = { kind = "list", style = "block", first = at, column = column, items = {} }
  list.line = self:line_at(at) + self.first_line - 1
  repeat
    local dash, node = at
    local first = self.source:match("^ *()", dash + 1)
    local start = self:next_line(first)
    if self.source:find("^\t", first) then
      self:fail(first, "a tab after the dash: use spaces")
    elseif start then
      node, at = self:value_below(self:next_token(start), column)
    else
      node, at = self:block_node(first, column)
    end
    node = node or self:empty(dash + 1)
    list.items[#list.items + 1] = { first = dash, node = node }
    list.stop = node.stop
  until self:is_end(at) or self:column(at) ~= column or not self:is_dash(at)
  self.depth = self.depth - 1
  local next_column = self:is_end(at) and -1 or self:column(at)
  if next_column > column then
    self:fail(at, TOO_DEEP)
  elseif next_column == column and not in_map then
    self:fail(at, "an item of a list begins with a dash and a blank")
  end
  return list, at
end

--- One line "name: value", and the lines that belong to it.
--- @return integer at of the next token
function Reader:block_entry(map, at)
  local source, column = self.source, map.column
  if self:is_dash(at) then
    self:fail(at, "an item of a list where a name is expected: indent it, or remove the dash")
  elseif source:find("^[%[{]", at) then
    self:fail(at, REFUSED["?"])
  end
  local key = self:inline_scalar(at, column + 1)
  local colon = self:colon(key)
  if not colon or key.has_lines then
    self:fail(at, 'a line that is not "name: value": a text of several lines is indented')
  end
  local first = source:match("^[ \t]*()", colon + 1)
  local start = self:next_line(colon + 1)
  local node
  if start then
    node, at = self:value_below(self:next_token(start), column, true)
  else
    node, at = self:block_node(first, column, true)
  end
  node = node or self:empty(colon + 1)
  self:add_entry(map, key, colon, node)
  map.stop = node.stop
  return at
end

function Reader:block_map(at)
  self:go_deeper(at)
  local map = { kind = "map", style = "block", first = at, column = self:column(at), entries = {} }
  map.line = self:line_at(at) + self.first_line - 1
  repeat
    at = self:block_entry(map, at)
  until self:is_end(at) or self:column(at) ~= map.column
  self.depth = self.depth - 1
  if not self:is_end(at) and self:column(at) > map.column then
    self:fail(at, TOO_DEEP)
  end
  return map, at
end

local AFTER_VALUE = "there is text after the %s: put the whole value into quotes"
local GOES_ON = '": " in a text without quotes that goes on from a line above: put the text into '
  .. "quotes, or begin this line further left"
local AFTER_QUOTE = "there is text after the quote that ends the value: put all of it into the "
  .. "quotes, with \\\" or '' for a quote inside"

--- @param at integer
--- @param parent integer column of what it belongs to, -1 at the top
--- @param in_line? boolean it stands in the line of its name
--- @return posthog.llm.YamlNode node
--- @return integer at of the next token
function Reader:block_node(at, parent, in_line)
  local char = self:char(at)
  local node
  if self:is_dash(at) and not in_line then
    return self:block_list(at)
  elseif char == "|" or char == ">" then
    node = self:block_scalar(at, parent)
    return node, self:after(node.stop)
  elseif char == "[" or char == "{" then
    node = self:flow(at, parent + 1)
  elseif char == "!" then
    node = self:tagged(at, parent + 1)
  else
    node = self:inline_scalar(at, parent + 1)
    if not in_line and not node.has_lines and self:colon(node) then
      return self:block_map(at)
    end
  end
  if self:colon(node) and not in_line and (char == "[" or char == "{" or char == "!") then
    self:fail(at, REFUSED["?"])
  end
  if node.style == "plain" and node.has_lines and self:colon(node) then
    self:fail(self:colon(node), GOES_ON, at)
  end
  local what = node.style == "quoted" and AFTER_QUOTE
    or AFTER_VALUE:format(self:char(node.stop - 1))
  return node, self:after(node.stop, what)
end

local NO_END_OF_LINE = "%s ends a line for some readers of YAML: write %s in double quotes"
--- Characters that YAML does not take, or takes for the end of a line.
local FOREIGN = {
  { "\r", "a carriage return that ends no line: remove it" },
  { "[%z\1-\8\11-\31\127]", "a control character: remove it" },
  { "\194\133", NO_END_OF_LINE:format("U+0085", "\\N") },
  { "\194[\128-\159]", "a control character: remove it" },
  { "\226\128\168", NO_END_OF_LINE:format("U+2028", "\\L") },
  { "\226\128\169", NO_END_OF_LINE:format("U+2029", "\\P") },
  { "\239\187\191", "a byte order mark inside of the text: remove it" },
  { "\239\191[\190\191]", "a character that is none (U+FFFE, U+FFFF): remove it" },
}

--- Any byte that may be part of one; all but these is the ASCII of texts.
local MAYBE_FOREIGN = "[%z\1-\8\11-\31\127-\255]"

function Reader:check_characters()
  local source = self.source
  local is_ascii = not source:find(MAYBE_FOREIGN)
  if not is_ascii and not json_value.is_text(source) then
    local _, line = text.check(source)
    self:fail(self.starts[line], "it is not UTF-8: save it as UTF-8")
  end
  for _, foreign in ipairs(is_ascii and {} or FOREIGN) do
    local at = source:find(foreign[1])
    if at then
      self:fail(at, foreign[2])
    end
  end
  local second = ("\n" .. source .. "\n"):find("\n%-%-%-[ \t\n]")
  if second then
    self:fail(second, "a second document (---) is not supported: remove the line")
  end
end

function Reader:document(is_ended)
  self:check_characters()
  local root, at
  at = self:next_token(1)
  if self:is_end(at) and is_ended then
    self:fail(at, "a line ... ends the front matter before its first name: remove it")
  elseif self:is_end(at) then
    root = { kind = "map", style = "block", line = self.first_line, column = 0, entries = {} }
    root.first, root.stop = at, at
  else
    root, at = self:block_node(at, -1)
  end
  if not self:is_end(at) then
    local is_less = root.column and self:column(at) < root.column
    self:fail(at, is_less and "indented less than the names before it" or "text that has no name")
  end
  return { source = self.source, root = root, comments = self.comments, stop = #self.source + 1 }
end

local reader = {}

--- Reads one document, up to a line `...` if there is one.
--- @param source string lines end in \n
--- @param first_line? integer the number of its first line, by default 1
--- @return posthog.llm.YamlDocument? document
--- @return { message: string, line: integer }? err
function reader.read(source, first_line)
  local ended = ("\n" .. source):find("\n%.%.%.[ \t\r\n]") or ("\n" .. source):find("\n%.%.%.$")
  local own = source:sub(1, (ended or #source + 1) - 1)
  local self = setmetatable({ source = own, first_line = first_line or 1 }, Reader)
  self.starts, self.comments, self.depth = { 1 }, {}, 0
  for at in own:gmatch("\n()") do
    self.starts[#self.starts + 1] = at
  end
  function self.failing(at, message, opened)
    return self:fail(at, message, opened)
  end
  local ok, result = pcall(self.document, self, ended ~= nil)
  if ok then
    return result
  elseif type(result) ~= "table" then
    error(result, 0)
  end
  return nil, result
end

return reader
