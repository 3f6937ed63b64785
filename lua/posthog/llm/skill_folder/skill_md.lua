--- SKILL.md: front matter in YAML, as the Agent Skills format has it, and the
--- body in Markdown. Fields have the names of the API.

local errors = require("posthog.llm.util.errors")
local json = require("posthog.llm.json")
local json_value = require("posthog.llm.util.json_value")
local text = require("posthog.llm.skill_folder.text")
local yaml = require("posthog.llm.skill_folder.yaml")

local skill_md = {}

--- The API's name of each key, in the order in which they are written.
local KEYS = { "name", "description", "license", "compatibility", "allowed-tools", "metadata" }
local FIELDS = { ["allowed-tools"] = "allowed_tools" }
for _, key in ipairs(KEYS) do
  FIELDS[key] = FIELDS[key] or key
end

--- @class posthog.llm.SkillMd fields as the API names them; an absent one is nil
--- @field name? string
--- @field description? string
--- @field license? string
--- @field compatibility? string
--- @field allowed_tools? string[]
--- @field metadata? table
--- @field body string what follows the front matter

--- Names divided by spaces or commas, outside of brackets: `Bash(git add:*) Read`.
local function split_tools(raw)
  local tools, depth, first, at = {}, 0, 1, 1
  local function add(word)
    tools[#tools + 1] = word ~= "" and word or nil
  end
  while true do
    local found, _, char = raw:find("([%s,()])", at)
    if not found then
      break
    elseif char == "(" then
      depth = depth + 1
    elseif char == ")" then
      depth = math.max(0, depth - 1)
    elseif depth == 0 then
      add(raw:sub(first, found - 1))
      first = found + 1
    end
    at = found + 1
  end
  local last = raw:sub(first)
  add(depth > 0 and text.trim(last) or last)
  return tools
end

local function text_of(node)
  if node.kind ~= "scalar" then
    return nil, "a text is expected"
  end
  return node.value ~= json.null and node.raw or ""
end

local function tools_of(node)
  if node.kind == "map" then
    return nil, "names are expected, divided by spaces"
  elseif node.kind == "scalar" then
    return split_tools(text_of(node))
  end
  local tools = {}
  for i, item in ipairs(node.items) do
    tools[i] = item.node.kind == "scalar" and item.node.raw or nil
    if not tools[i] then
      return nil, "a list of names is expected"
    end
  end
  return tools
end

local function metadata_of(node)
  if node.kind == "scalar" and node.value == json.null then
    return json.object({})
  elseif node.kind ~= "map" then
    return nil, "names and values are expected"
  end
  return yaml.value(node)
end

local READERS = { ["allowed-tools"] = tools_of, metadata = metadata_of }

--- The front matter and the body: byte positions in the text.
--- @return table? parts
--- @return string? reason
local function divide(source)
  local bom = source:match("^\239\187\191") or ""
  local first = source:match("^%-%-%-[ \t]*\r?\n()", #bom + 1)
  if not first then
    return nil, "there is no front matter: the first line has to be ---"
  end
  local at = first
  while at <= #source do
    local stop = source:match("^[^\n]*\n?()", at)
    if source:find("^%-%-%-[ \t]*\r?\n", at) or source:find("^%-%-%-[ \t]*$", at) then
      return { head = source:sub(first, at - 1), first = first, last = at, body = stop }
    end
    at = stop
  end
  return nil, "the front matter has no end: a line --- is missing"
end

local function invalid(line, message)
  return errors.failure(errors.new({
    kind = "invalid",
    message = ("SKILL.md:%d: %s"):format(line, message),
    path = "SKILL.md",
    line = line,
    reason = message,
  }))
end

--- Reads a SKILL.md.
--- @param source string
--- @return posthog.llm.SkillMd? fields
--- @return posthog.llm.Error? err kind "invalid"; `line` is the place
--- @return { lines: table<string, integer>, unknown: string[], body_line: integer, parts: table, node: table }? about
function skill_md.read(source)
  local parts, wrong = divide(source)
  if not parts then
    return invalid(1, wrong)
  end
  local document, bad = yaml.read(text.unix(parts.head), 2)
  if not document then
    return invalid(bad.line, "the front matter is invalid or unsupported YAML: " .. bad.message)
  end
  local node = document.root
  if node.kind ~= "map" then
    return invalid(node.line, "the front matter has no names and values")
  end
  local fields = { body = source:sub(parts.body) }
  local about = { lines = {}, unknown = {}, parts = parts, node = node }
  about.body_line = text.line_of(source, parts.body)
  for _, entry in ipairs(node.entries) do
    about.lines[entry.key] = entry.line
    local field = FIELDS[entry.key]
    if field then
      fields[field], wrong = (READERS[entry.key] or text_of)(entry.node)
      if wrong then
        return invalid(entry.line, entry.key .. ": " .. wrong)
      end
    else
      about.unknown[#about.unknown + 1] = entry.key
    end
  end
  return fields, nil, about
end

--- The tools in one text where it reads back as the same, else as a list.
local function tools_value(tools)
  local joined = table.concat(tools, " ")
  local again = split_tools(joined)
  for i = 1, math.max(#again, #tools) do
    if again[i] ~= tools[i] then
      return tools
    end
  end
  return joined
end

local function metadata_lines(metadata)
  local names, lines = {}, { "metadata:\n" }
  for name in pairs(metadata) do
    names[#names + 1] = name
  end
  table.sort(names)
  for i, name in ipairs(names) do
    lines[i + 1] = yaml.entry(name, metadata[name], "  ")
  end
  return table.concat(lines)
end

--- The lines of one key; "" where the field says nothing.
local function lines_of(key, fields)
  local value = fields[FIELDS[key]]
  if value == nil or value == "" or value == json.null then
    return ""
  elseif key == "metadata" then
    return next(value) ~= nil and metadata_lines(value) or ""
  elseif key == "allowed-tools" then
    value = #value > 0 and tools_value(value) or nil
    return value and yaml.entry(key, value) or ""
  end
  return yaml.entry(key, value)
end

local function head_of(fields)
  local lines = {}
  for i, key in ipairs(KEYS) do
    lines[i] = lines_of(key, fields)
  end
  return table.concat(lines)
end

--- A SKILL.md that reads back as these fields.
--- @param fields posthog.llm.SkillMd or a skill as the server gave it
--- @return string
function skill_md.render(fields)
  return ("---\n%s---\n\n%s"):format(head_of(fields), text.file((text.trim(fields.body or ""))))
end

--- The fields as the server keeps them, so that two can be compared.
--- @param fields table
--- @return table
function skill_md.normal(fields)
  local normal = { body = (text.trim(fields.body or "")), metadata = fields.metadata }
  if not json_value.is_object(normal.metadata) then
    normal.metadata = json.object({}) -- no server has it otherwise
  end
  for _, name in ipairs({ "name", "description", "license", "compatibility" }) do
    normal[name] = type(fields[name]) == "string" and (text.trim(fields[name])) or ""
  end
  normal.allowed_tools = {}
  for _, tool in ipairs(type(fields.allowed_tools) == "table" and fields.allowed_tools or {}) do
    if type(tool) == "string" then
      normal.allowed_tools[#normal.allowed_tools + 1] = (text.trim(tool))
    end
  end
  return normal
end

--- A text that is the same for the same fields.
--- @param fields table
--- @return string
function skill_md.canonical(fields)
  return skill_md.render(skill_md.normal(fields))
end

--- The source lines of a key, as two byte positions in the front matter.
local function place_of(head, entries, i)
  local starts = { 1 }
  for at in head:gmatch("\n()") do
    starts[#starts + 1] = at
  end
  local following = entries[i + 1]
  local last = following and starts[following.line - 1] or #head + 1
  return starts[entries[i].line - 1], last - 1
end

--- The front matter with other fields: the lines of keys that stay the same,
--- comments and keys of no meaning here stay as they are.
local function update_head(about, old, new)
  local head, entries = about.parts.head, about.node.entries
  if about.node.style == "flow" or #entries == 0 then
    return head_of(new)
  end
  local parts = { head:sub(1, place_of(head, entries, 1) - 1) }
  local seen = {}
  for i, entry in ipairs(entries) do
    local first, last = place_of(head, entries, i)
    local kept, lines = head:sub(first, last), FIELDS[entry.key] and lines_of(entry.key, new)
    seen[entry.key] = true
    local same = not lines or lines == lines_of(entry.key, old)
    parts[#parts + 1] = same and kept or lines
  end
  local all = table.concat(parts)
  for _, key in ipairs(KEYS) do
    all = all .. (seen[key] and "" or lines_of(key, new))
  end
  return all
end

--- A SKILL.md that says these fields, as like the present one as can be.
--- @param fields table
--- @param present? string the file as it is
--- @return string
function skill_md.update(fields, present)
  local old, _, about
  if present then
    old, _, about = skill_md.read(present)
  end
  if not old then
    return skill_md.render(fields)
  end
  local parts = about.parts
  local head = update_head(about, skill_md.normal(old), skill_md.normal(fields))
  local body = (text.trim(fields.body or ""))
  local updated = present:sub(1, parts.first - 1)
    .. head
    .. present:sub(parts.last, parts.body - 1)
    .. text.replace(body, old.body)
  local again = skill_md.read(updated)
  if not again or skill_md.canonical(again) ~= skill_md.canonical(fields) then
    return skill_md.render(fields) -- front matter that cannot be edited line by line
  end
  return updated
end

return skill_md
