--- Changes values in YAML, and nothing else: comments, the order of names, names that are not spoken
--- of, and the way in which the other values are written, stay as they are. A comment that belongs
--- to what goes becomes a line of its own.

local json_value = require("posthog.llm.util.json_value")
local value_of = require("posthog.llm.skill_folder.yaml.value").of
local writer = require("posthog.llm.skill_folder.yaml.writer")

--- @class posthog.llm.YamlEditor
--- @field document posthog.llm.YamlDocument
--- @field source string
--- @field edits { first: integer, stop: integer, text: string, number: integer }[]
--- @field settled table<integer, table> the edits of indentations, by their places
local Editor = {}
Editor.__index = Editor

local editor = {}

--- Puts a text in place of what stands from one place up to another.
function Editor:put(first, stop, text)
  local number = #self.edits + 1
  self.edits[number] = { first = first, stop = stop, text = text, number = number }
  return self.edits[number]
end

function Editor:line_start(at)
  while at > 1 and self.source:byte(at - 1) ~= 10 do
    at = at - 1
  end
  return at
end

--- The start of the line below that in which something ends.
function Editor:line_stop(stop)
  if stop > 1 and self.source:byte(stop - 1) == 10 then
    return stop -- of a block scalar
  end
  return (self.source:find("\n", stop, true) or #self.source) + 1
end

--- The comments between two places.
--- @return string[]
function Editor:comments(first, stop)
  local all, found = self.document.comments, {}
  local low, high = 1, #all + 1 -- the first one from `first` on
  while low < high do
    local middle = math.floor((low + high) / 2)
    if all[middle].first < first then
      low = middle + 1
    else
      high = middle
    end
  end
  while all[low] and all[low].first < stop do
    found[#found + 1] = self.source:sub(all[low].first, all[low].stop - 1)
    low = low + 1
  end
  return found
end

local function as_lines(comments, indent)
  local lines = {}
  for i, comment in ipairs(comments) do
    lines[i] = indent .. comment .. "\n"
  end
  return table.concat(lines)
end

--- Comments below that stand deeper than a column: they would become text of a | above them.
function Editor:settle(at, column)
  local source = self.source
  while true do
    local first = source:match("^ *()#", at)
    if first and first - at > column then
      local edit = self.settled[at] or self:put(at, first, (" "):rep(column))
      edit.text = edit.text:sub(1, column)
      self.settled[at] = edit
    elseif first or not source:find("^[ \t]*\n", at) then
      return -- what follows a comment that is not deeper is no text either
    end
    at = (source:find("\n", at, true) or #source) + 1
  end
end

local function has_block(lines)
  return ("\n" .. lines):find("[^\n]: |%-\n") ~= nil
end

--- Takes out what stands in lines of its own.
function Editor:remove_lines(first, stop, column)
  local start, line_stop = self:line_start(first), self:line_stop(stop)
  self:put(start, line_stop, as_lines(self:comments(start, line_stop), (" "):rep(column)))
  self:settle(line_stop, column)
end

--- Puts a value into the line of its name, and lines below it.
function Editor:replace_in_block(entry, column, head, lines)
  local source, node = self.source, entry.node
  local start, stop = self:line_start(entry.first), self:line_stop(node.stop)
  local line_end = source:find("\n", entry.first, true) or #source + 1
  if node.first <= line_end and node.stop <= line_end then
    local first = (node.style == "empty" or head == "") and entry.colon + 1 or node.first
    local is_joined = first == entry.colon + 1 and head ~= ""
    self:put(first, node.stop, is_joined and " " .. head or head)
    self:put(stop, stop, lines)
  else
    local comments = self:comments(entry.colon, stop)
    local in_line = #self:comments(entry.colon, line_end) > 0 and table.remove(comments, 1)
    if not in_line and #self:comments(node.stop, stop) > 0 then
      in_line = table.remove(comments)
    end
    local text = as_lines(comments, (" "):rep(column)) .. source:sub(start, entry.colon)
    text = text .. (head ~= "" and " " .. head or "") .. (in_line and " " .. in_line or "")
    self:put(start, stop, text .. "\n" .. lines)
  end
  if head == "|-" or has_block(lines) then
    self:settle(stop, column)
  end
end

--- Comments inside of what goes from [ ] or { }.
function Editor:flow_comments(first, stop)
  local comments = self:comments(first, stop)
  if #comments == 0 then
    return ""
  end
  local indent = self.source:match("^ *", self:line_start(first)) .. "  "
  return " " .. as_lines(comments, indent):gsub("^ +", "") .. indent
end

function Editor:replace_in_flow(entry, value)
  local node, text = entry.node, writer.flow(value)
  if node.style ~= "empty" then
    self:put(node.first, node.stop, text .. self:flow_comments(node.first, node.stop))
  elseif entry.colon and self.source:sub(entry.colon, entry.colon) == ":" then
    self:put(node.first, node.first, " " .. text)
  else
    self:put(node.stop, node.stop, ": " .. text)
  end
end

--- Whether only blanks stand between a comma and the member after it.
function Editor:is_close(comma, member)
  return self.source:match("^ *()", comma + 1) == member.first
end

--- Takes members out of [ ] or { }, each with a comma.
--- @param members (posthog.llm.YamlEntry|posthog.llm.YamlItem)[]
--- @param gone table<integer, boolean> by their positions
function Editor:remove_from_flow(members, gone)
  for i, member in ipairs(members) do
    local following, before = members[i + 1], members[i - 1]
    local first, stop = member.first, member.node.stop
    if gone[i] and member.comma then
      self:put(first, stop, self:flow_comments(first, stop))
      local is_close = following and self:is_close(member.comma, following)
      self:put(member.comma, is_close and following.first or member.comma + 1, "")
    elseif gone[i] then
      local is_joined = before and not gone[i - 1] and self:is_close(before.comma, member)
      self:put(is_joined and before.comma or first, stop, self:flow_comments(first, stop))
    end
  end
end

--- Adds members behind one, or at the beginning.
--- @param collection posthog.llm.YamlNode
--- @param members (posthog.llm.YamlEntry|posthog.llm.YamlItem)[] of it
--- @param after integer position of the one before; 0: none
--- @param has_more boolean others stay behind
--- @param texts string[]
function Editor:add_to_flow(collection, members, after, has_more, texts)
  if #texts == 0 then
    return
  end
  local text = table.concat(texts, ", ")
  if after == 0 then
    self:put(collection.first + 1, collection.first + 1, text .. (has_more and ", " or ""))
    return
  end
  local node = members[after].node
  local is_bare = node.style == "empty" and self.source:sub(node.stop - 1, node.stop - 1) == ":"
  self:put(node.stop, node.stop, (is_bare and " , " or ", ") .. text)
end

local function is_list(value)
  return type(value) == "table" and json_value.is_array(value)
end

local function is_map(value)
  return type(value) == "table" and not is_list(value)
end

--- Whether two values are written the same.
local function same(a, b)
  return type(a) == type(b) and writer.flow(a) == writer.flow(b)
end

--- How many items two lists have in common, at the beginning and at the end.
local function common(old, new)
  local before, behind, least = 0, 0, math.min(#old, #new)
  while before < least and same(old[before + 1], new[before + 1]) do
    before = before + 1
  end
  while behind < least - before and same(old[#old - behind], new[#new - behind]) do
    behind = behind + 1
  end
  return before, behind
end

--- @param node posthog.llm.YamlNode a list
--- @param new any[] not empty
function Editor:edit_list(node, new)
  local old = value_of(node)
  local before, behind = common(old, new)
  local gone, texts, indent = {}, {}, (" "):rep(node.column or 0)
  for i = before + 1, #old - behind do
    gone[i] = true
  end
  for i = before + 1, #new - behind do
    local value = new[i]
    local is_text = type(value) == "string" and node.style == "block"
    texts[#texts + 1] = is_text and writer.text(value) or writer.flow(value)
  end
  if node.style == "flow" then
    self:remove_from_flow(node.items, gone)
    self:add_to_flow(node, node.items, before, behind > 0, texts)
    return
  end
  for i, item in ipairs(node.items) do
    if gone[i] then
      self:remove_lines(item.first, item.node.stop, node.column)
    end
  end
  local at = before == 0 and self:line_start(node.first)
    or self:line_stop(node.items[before].node.stop)
  for _, text in ipairs(texts) do
    self:put(at, at, indent .. "- " .. text .. "\n")
  end
end

--- Puts a value in place of another, by as small changes as can be.
function Editor:change(map, entry, value)
  local node = entry.node
  if node.kind == "map" and is_map(value) and next(value) ~= nil and #node.entries > 0 then
    self:edit_map(node, value)
  elseif node.kind == "list" and is_list(value) and #value > 0 and #node.items > 0 then
    self:edit_list(node, value)
  elseif map.style == "flow" then
    self:replace_in_flow(entry, value)
  elseif is_map(value) and next(value) ~= nil then
    self:replace_in_block(entry, map.column, "", writer.map(value, (" "):rep(map.column + 2)))
  else
    local quote = node.style == "quoted" and self.source:sub(node.first, node.first) or nil
    self:replace_in_block(entry, map.column, writer.value(value, (" "):rep(map.column + 2), quote))
  end
end

--- Adds names at the end of a map.
--- @param map posthog.llm.YamlNode
--- @param gone table<integer, boolean> positions of the entries that go
--- @param added { key: string, value: any }[]
function Editor:add(map, gone, added)
  local entries, texts = map.entries, {}
  if map.style == "flow" then
    local last = #entries
    while last > 0 and gone[last] do
      last = last - 1
    end
    for i, entry in ipairs(added) do
      texts[i] = writer.flow(entry.key) .. ": " .. writer.flow(entry.value)
    end
    self:add_to_flow(map, entries, last, false, texts)
    return
  end
  local at = #entries > 0 and self:line_stop(entries[#entries].node.stop) or self.document.stop
  local indent = (" "):rep(map.column)
  for _, entry in ipairs(added) do
    local is_lines = is_map(entry.value) and next(entry.value) ~= nil and map == self.document.root
    local text = is_lines
        and indent .. writer.text(entry.key) .. ":\n" .. writer.map(entry.value, indent .. "  ")
      or writer.entry(entry.key, entry.value, indent)
    self:put(at, at, text)
    if has_block(text) then
      self:settle(at, map.column)
    end
  end
end

--- @param map posthog.llm.YamlNode
--- @param wanted table<string, any> nil: the name goes
--- @param only? table<string, boolean> the names that are spoken of; nil: all
--- @param order? string[] of names that are new; nil: sorted
function Editor:edit_map(map, wanted, only, order)
  local gone, seen, added = {}, {}, {}
  for i, entry in ipairs(map.entries) do
    local value = wanted[entry.key]
    seen[entry.key] = true
    local is_meant = not only or only[entry.key]
    if is_meant and value == nil then
      gone[i] = true
      if map.style == "block" then
        self:remove_lines(entry.first, entry.node.stop, map.column)
      end
    elseif is_meant and not same(value, value_of(entry.node)) then
      self:change(map, entry, value)
    end
  end
  if map.style == "flow" then
    self:remove_from_flow(map.entries, gone)
  end
  for _, key in ipairs(order or writer.sorted_keys(wanted)) do
    if wanted[key] ~= nil and not seen[key] then
      added[#added + 1] = { key = key, value = wanted[key] }
    end
  end
  self:add(map, gone, added)
end

--- Changes in the order of their places; at one place, what is added before what is replaced.
local function comes_before(a, b)
  if a.first ~= b.first then
    return a.first < b.first
  elseif (a.stop == a.first) ~= (b.stop == b.first) then
    return a.stop == a.first
  end
  return a.number < b.number
end

--- The source with all changes.
function Editor:text()
  table.sort(self.edits, comes_before)
  local parts, at = {}, 1
  for _, edit in ipairs(self.edits) do
    parts[#parts + 1] = self.source:sub(at, edit.first - 1)
    parts[#parts + 1] = edit.text
    at = math.max(at, edit.stop)
  end
  parts[#parts + 1] = self.source:sub(at)
  return table.concat(parts)
end

--- A document's source with other values under some of its names.
--- @param document posthog.llm.YamlDocument whose root is a map
--- @param wanted table<string, any> by name; nil: the name goes
--- @param only table<string, boolean> the names that are spoken of: all others stay
--- @param order string[] in which new names come
--- @return string source
function editor.edit(document, wanted, only, order)
  local self = setmetatable({ document = document, source = document.source }, Editor)
  self.edits, self.settled = {}, {}
  self:edit_map(document.root, wanted, only, order)
  return self:text()
end

return editor
