--- Changes the fields of a SKILL.md at random, and checks what an update of the file keeps.

local json = require("posthog.llm.json")
local json_text = require("posthog.llm.util.json_text")
local skill_md = require("posthog.llm.skill_folder.skill_md")
local text = require("posthog.llm.skill_folder.text")
local yaml = require("posthog.llm.skill_folder.yaml")

local skill_changes = {}

local TEXTS = {
  "",
  "new",
  "two: parts # here",
  "lines\nof\n\n  text",
  'it\'s "so"',
  "1.0",
  "yes",
  ("long "):rep(40),
  "- a",
  "tail:",
  "é\226\128\168\127",
}
local TOOLS = { "Read", "Write", "Bash(git:*)", "Bash(git add:*)", "a,b", "Edit" }

local function pick(random, list)
  return list[random(#list)]
end

local function new_value(random, depth)
  local kind = random(9)
  if kind <= 5 or depth > 2 then
    return pick(random, TEXTS)
  elseif kind == 6 then
    return pick(random, { 1, 0.5, true, false, json.null })
  elseif kind == 7 then
    local list = json.array({})
    for i = 1, random(3) - 1 do
      list[i] = new_value(random, depth + 1)
    end
    return list
  end
  local map = json.object({})
  for _ = 1, random(3) - 1 do
    map[pick(random, { "a", "b", "k e y", "c" })] = new_value(random, depth + 1)
  end
  return map
end

--- A copy with some of it changed.
local function changed(random, value, depth)
  if type(value) ~= "table" or random(6) == 1 then
    return random(2) == 1 and new_value(random, depth) or value
  end
  local is_list = getmetatable(value) == getmetatable(json.array({}))
  local copy = is_list and json.array({}) or json.object({})
  local keys = {}
  for key in pairs(value) do
    keys[#keys + 1] = key
  end
  table.sort(keys)
  for _, key in ipairs(keys) do
    local kind = random(5)
    local member = value[key]
    if kind == 1 then
      member = changed(random, member, depth + 1)
    end
    if is_list and kind ~= 2 then
      copy[#copy + 1] = member
    elseif kind ~= 2 then
      copy[key] = member
    end
  end
  if random(4) == 1 then
    local member = new_value(random, depth + 1)
    if is_list then
      copy[#copy + 1] = member
    else
      copy[pick(random, { "new", "zz", "a", "b: c" })] = member
    end
  end
  return copy
end

--- Other fields than these.
--- @param random fun(n: integer): integer
--- @param fields table normal
--- @return table
function skill_changes.make(random, fields)
  local new = { body = random(3) == 1 and "new\n\nbody" or fields.body }
  for _, field in ipairs({ "name", "description", "license", "compatibility" }) do
    new[field] = random(3) == 1 and pick(random, TEXTS) or fields[field]
  end
  new.allowed_tools = fields.allowed_tools
  if random(3) == 1 then
    new.allowed_tools = json.array({})
    for _, tool in ipairs(fields.allowed_tools) do
      if random(3) > 1 then
        table.insert(new.allowed_tools, tool)
      end
    end
    if random(2) == 1 then
      table.insert(new.allowed_tools, random(#new.allowed_tools + 1), pick(random, TOOLS))
    end
  end
  new.metadata = random(2) == 1 and changed(random, fields.metadata, 0) or fields.metadata
  if type(new.metadata) ~= "table" or not next(new.metadata) or new.metadata[1] ~= nil then
    new.metadata = json.object({})
  end
  return skill_md.normal(new)
end

local function comments_of(document)
  local list = {}
  for i, comment in ipairs(document.yaml.comments) do
    list[i] = document.yaml.source:sub(comment.first, comment.stop - 1)
  end
  table.sort(list)
  return table.concat(list, "\n")
end

--- The keys that the API has no field for, in their order, with what stands under them.
local function unknown_of(document)
  local list = {}
  for _, entry in ipairs(document.yaml.root.entries) do
    for _, key in ipairs(document.unknown) do
      if entry.key == key then
        list[#list + 1] = key .. json_text.sorted(yaml.value(entry.node))
      end
    end
  end
  return table.concat(list, "\n")
end

--- Updates a file, and checks that it says the new fields and has lost nothing.
--- @param source string that can be read
--- @param new table normal fields
--- @return boolean done false: it was refused, with a line
function skill_changes.check(source, new)
  local _, _, document = skill_md.read(source)
  local updated, err = skill_md.update(new, source)
  if not updated then
    assert(err.line and err.message ~= "", "no line")
    return false
  end
  local fields, wrong, again = skill_md.read(updated)
  assert(fields, wrong and wrong.message)
  assert(skill_md.canonical(fields) == skill_md.canonical(new), "other fields")
  assert(comments_of(document) == comments_of(again), "other comments")
  assert(document.rest == again.rest, "another rest")
  assert(unknown_of(document) == unknown_of(again), "other unknown keys, or values of them")
  local _, other = text.newline(updated)
  assert(not other, "mixed line ends")
  assert(skill_md.update(new, updated) == updated, "another update changes it again")
  return true
end

return skill_changes
