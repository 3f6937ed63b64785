--- SKILL.md: front matter in YAML, as the Agent Skills format has it, and the
--- body in Markdown. Fields have the names of the API.

local errors = require("posthog.llm.util.errors")
local json = require("posthog.llm.json")
local json_text = require("posthog.llm.util.json_text")
local json_value = require("posthog.llm.util.json_value")
local text = require("posthog.llm.skill_folder.text")
local tools = require("posthog.llm.skill_folder.tools")
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
    return tools.split(text_of(node))
  end
  local list = {}
  for i, item in ipairs(node.items) do
    list[i] = item.node.kind == "scalar" and item.node.raw or nil
    if not list[i] then
      return nil, "a list of names is expected"
    end
  end
  return list
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

--- @class posthog.llm.SkillDocument a SKILL.md that was read
--- @field source string
--- @field fields posthog.llm.SkillMd
--- @field yaml posthog.llm.YamlDocument
--- @field parts { first: integer, last: integer, body: integer } places in the source: of the front
---   matter, of the line that ends it, and of the body
--- @field rest string what stands in the front matter after a line `...`
--- @field rest_line? integer of that line, where more than comments follows it
--- @field lines table<string, integer> of the keys
--- @field unknown string[] keys that the API has no field for
--- @field body_line integer

--- Takes the fields over from the front matter.
--- @param document posthog.llm.SkillDocument
--- @return true? ok
--- @return posthog.llm.Error? err
local function read_fields(document)
  for _, entry in ipairs(document.yaml.root.entries) do
    document.lines[entry.key] = entry.line
    local field = FIELDS[entry.key]
    if field then
      local value, wrong = (READERS[entry.key] or text_of)(entry.node)
      if wrong then
        return invalid(entry.line, entry.key .. ": " .. wrong)
      end
      document.fields[field] = value
    else
      document.unknown[#document.unknown + 1] = entry.key
    end
  end
  return true
end

--- Reads a SKILL.md.
--- @param source string
--- @return posthog.llm.SkillMd? fields
--- @return posthog.llm.Error? err kind "invalid"; `line` is the place
--- @return posthog.llm.SkillDocument? document
function skill_md.read(source)
  local parts, wrong = divide(source)
  if not parts then
    return invalid(1, wrong)
  end
  local head = text.unix(parts.head)
  local read, bad = yaml.read(head, 2)
  if not read then
    return invalid(bad.line, "the front matter is invalid or unsupported YAML: " .. bad.message)
  elseif read.root.kind ~= "map" then
    return invalid(read.root.line, "the front matter has no names and values")
  end
  local fields = { body = source:sub(parts.body) }
  local document = { source = source, fields = fields, yaml = read, parts = parts }
  document.lines, document.unknown, document.rest = {}, {}, head:sub(read.stop)
  document.body_line = text.line_of(source, parts.body)
  if document.rest:gsub("^[^\n]*", ""):find("\n[ \t]*[^%s#]") then
    document.rest_line = text.line_of(head, read.stop) + 1
  end
  local ok, err = read_fields(document)
  if not ok then
    return errors.failure(err)
  end
  return fields, nil, document
end

--- The line in which a tool is named; of `allowed-tools` where it is not found as it is.
--- @param document posthog.llm.SkillDocument
--- @param tool string
--- @return integer? line
function skill_md.tool_line(document, tool)
  local line = tools.line(document.yaml, tool)
  return line and line + 1
end

--- What stands under a key; nil where the field says nothing.
--- @param present? posthog.llm.YamlNode what stands there now
local function value_of(key, fields, present)
  local value = fields[FIELDS[key]]
  if value == nil or value == "" or value == json.null then
    return nil
  elseif type(value) ~= "table" then
    return value
  elseif next(value) == nil then
    return nil
  elseif key == "allowed-tools" and (not present or present.kind ~= "list") then
    return tools.join(value, present and present.raw)
  end
  return value
end

--- The lines of one key; "" where the field says nothing.
local function lines_of(key, fields)
  local value = value_of(key, fields)
  if value == nil then
    return ""
  elseif key == "metadata" then
    return "metadata:\n" .. yaml.map(value, "  ")
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
  return ("---\n%s---\n\n%s"):format(head_of(fields), text.file(text.server(fields.body or "")))
end

--- The fields as the server keeps them, so that two can be compared.
--- @param fields table
--- @return table
function skill_md.normal(fields)
  local normal = { body = text.server(fields.body or ""), metadata = fields.metadata }
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

--- The front matter with other fields.
--- @param document posthog.llm.SkillDocument
--- @param old table normal
--- @param new table normal
--- @return string head
--- @return integer line of a name that changes
local function update_head(document, old, new)
  local wanted, changed, nodes = {}, {}, {}
  local line
  for _, entry in ipairs(document.yaml.root.entries) do
    nodes[entry.key] = entry.node
  end
  for _, key in ipairs(KEYS) do
    if lines_of(key, old) ~= lines_of(key, new) then
      changed[key], wanted[key] = true, value_of(key, new, nodes[key])
      line = line or document.lines[key]
    end
  end
  if next(changed) == nil then
    return document.yaml.source, 1
  end
  return yaml.edit(document.yaml, wanted, changed, KEYS), line or document.yaml.root.line
end

--- The line of what a text would lose of the one before it: a comment, or a value of no meaning here.
--- @param old posthog.llm.SkillDocument
--- @param new posthog.llm.SkillDocument
--- @return integer? line
local function lost_line(old, new)
  local kept = {}
  for _, comment in ipairs(new.yaml.comments) do
    local words = new.yaml.source:sub(comment.first, comment.stop - 1)
    kept[words] = (kept[words] or 0) + 1
  end
  for _, comment in ipairs(old.yaml.comments) do
    local words = old.yaml.source:sub(comment.first, comment.stop - 1)
    kept[words] = (kept[words] or 0) - 1
    if kept[words] < 0 then
      return text.line_of(old.yaml.source, comment.first) + 1
    end
  end
  local values = {}
  for _, entry in ipairs(new.yaml.root.entries) do
    values[entry.key] = json_text.sorted(yaml.value(entry.node))
  end
  for _, entry in ipairs(old.yaml.root.entries) do
    local is_unknown = not FIELDS[entry.key]
    if is_unknown and values[entry.key] ~= json_text.sorted(yaml.value(entry.node)) then
      return entry.line
    end
  end
end

local LOSES =
  "the front matter cannot take the new fields without losing this line: change it by hand"
local CANNOT = "the front matter cannot take the new fields as it is written: change it by hand"

--- A SKILL.md that says these fields, as like the present one as can be: what did not change stays
--- as it is written, comments and unknown keys always.
--- @param fields table
--- @param present? string the file as it is
--- @param document? posthog.llm.SkillDocument the same, read
--- @return string? updated
--- @return posthog.llm.Error? err kind "invalid"; `line` would be lost
--- @return posthog.llm.SkillDocument? read of what was updated
function skill_md.update(fields, present, document)
  local _
  if present and not document then
    _, _, document = skill_md.read(present)
  end
  if not document then
    return text.with_newline(skill_md.render(fields), present and text.newline(present) or "\n")
  end
  local parts, source = document.parts, document.source
  local old, new = skill_md.normal(document.fields), skill_md.normal(fields)
  local head, changed_line = update_head(document, old, new)
  local updated = source:sub(1, parts.first - 1)
    .. head
    .. document.rest
    .. source:sub(parts.last, parts.body - 1)
    .. text.replace(text.server(fields.body or ""), document.fields.body)
  updated = text.with_newline(updated, (text.newline(source)))
  local again, _, read = skill_md.read(updated)
  if not again or skill_md.canonical(again) ~= skill_md.canonical(fields) then
    return invalid(changed_line, CANNOT)
  end
  local line = lost_line(document, read)
  if line then
    return invalid(line, LOSES)
  end
  return updated, nil, read
end

return skill_md
