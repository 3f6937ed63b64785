--- Types of LuaCATS: reads one from the start of a text, and writes it for people.

local types = {}

--- @class tools.reference.Type
--- @field kind "union"|"list"|"name"|"generic"|"literal"|"function"|"table"
--- @field text string as it stands in the source, without the `?` at its end
--- @field optional? boolean a `?` stood behind it, or nil is in the union
--- @field of? tools.reference.Type list: of what
--- @field parts? tools.reference.Type[] union; generic: its arguments; function: its parameters and
---   results
--- @field fields? tools.reference.Value[] table: those that are named

local read -- read(text, at) -> type, position behind it

local function skip(text, at)
  return text:match("^%s*()", at)
end

local function expect(text, at, what)
  at = skip(text, at)
  if text:sub(at, at) ~= what then
    error({ why = ("a %s is missing at %q"):format(what, text:sub(at, at + 20)) })
  end
  return at + 1
end

--- A list of `name?: type`, or of types alone.
local function read_members(text, at, close)
  local members = {}
  at = skip(text, at)
  while text:sub(at, at) ~= close do
    local name, mark, behind = text:match("^%[?([%w_.]+)%]?(%??)%s*:%s*()", at)
    local member = { name = name, text = "" }
    if name then
      member.type, at = read(text, behind)
    elseif text:find("^[%w_.]+%??%s*[,)]", at) and close == ")" then -- a parameter without a type
      member.name, mark, at = text:match("^([%w_.]+)(%??)()", at)
    else
      member.type, at = read(text, at)
    end
    member.optional = mark == "?" or member.type and member.type.optional or false
    members[#members + 1] = member
    at = skip(text, at)
    if text:sub(at, at) == "," then
      at = skip(text, at + 1)
    elseif text:sub(at, at) ~= close then
      error({ why = ("a %s is missing at %q"):format(close, text:sub(at, at + 20)) })
    end
  end
  return members, at + 1
end

local function types_of(members)
  local parts = {}
  for _, member in ipairs(members) do
    parts[#parts + 1] = member.type
  end
  return parts
end

local function read_function(text, at)
  local members
  members, at = read_members(text, expect(text, at + 3, "("), ")")
  local found = { kind = "function", members = members, parts = types_of(members), results = {} }
  local behind = text:match("^%s*:%s*()", at)
  while behind do
    local name_behind = text:match("^[%w_]+%??:%s*()", behind) -- a named result
    local result
    result, at = read(text, name_behind or behind)
    found.results[#found.results + 1] = result
    found.parts[#found.parts + 1] = result
    behind = text:match("^,%s*()%S", at)
  end
  return found, at
end

local function read_unit(text, at)
  local first = text:sub(at, at)
  if text:find("^fun%s*%(", at) then
    return read_function(text, at)
  elseif first == "{" then
    local members, behind = read_members(text, at + 1, "}")
    return { kind = "table", fields = members, parts = types_of(members) }, behind
  elseif first == "(" then
    local found, behind = read(text, at + 1)
    return found, expect(text, behind, ")")
  elseif first == '"' then
    local behind = text:match('^"[^"]*"()', at)
    return { kind = "literal", parts = {} }, behind
  end
  local name, behind = text:match("^([%w_.]+)()", at)
  if not name then
    error({ why = "a type is expected" })
  end
  if text:sub(behind, behind) == "<" then
    local members
    members, behind = read_members(text, behind + 1, ">")
    return { kind = "generic", name = name, parts = types_of(members) }, behind
  end
  return { kind = "name", name = name, parts = {} }, behind
end

--- A unit with what may stand behind it: [] and ?.
local function read_one(text, at)
  local start = at
  local found
  found, at = read_unit(text, at)
  found.text = text:sub(start, at - 1)
  while true do
    if text:sub(at, at + 1) == "[]" then
      at = at + 2
      found = { kind = "list", of = found, parts = { found }, text = text:sub(start, at - 1) }
    elseif text:sub(at, at) == "?" then
      found.optional = true
      at = at + 1
    else
      return found, at
    end
  end
end

function read(text, at)
  local start = at
  local found
  found, at = read_one(text, at)
  local parts = { found }
  while text:find("^|", at) do
    parts[#parts + 1], at = read_one(text, at + 1)
  end
  if #parts == 1 then
    return found, at
  end
  local union = { kind = "union", parts = {}, text = text:sub(start, at - 1) }
  for _, part in ipairs(parts) do
    union.optional = union.optional or part.optional or part.name == "nil"
    if part.name ~= "nil" then
      union.parts[#union.parts + 1] = part
    end
  end
  return union, at
end

--- @param text string
--- @return tools.reference.Type? found
--- @return string rest what follows the type
--- @return string? why it cannot be read
function types.read(text)
  local ok, found, at = pcall(read, text, 1)
  if not ok then
    return nil, text, type(found) == "table" and found.why or tostring(found)
  end
  return found, text:match("^%s*(.-)%s*$", at)
end

--- Calls a function with each class that a type names.
--- @param found tools.reference.Type
--- @param visit fun(name: string)
function types.each_class(found, visit)
  if found.kind == "name" and found.name:find("%a%.%a") then
    visit(found.name)
  end
  for _, part in ipairs(found.parts) do
    types.each_class(part, visit)
  end
end

--- The last part of a class's name.
function types.short(name)
  return (name:match("[^.]+$"))
end

--- How a type is written inside of code: with short names.
local function as_code(found)
  return (
    found.text:gsub("posthog%.[%w_]+%.([%w_.]+)", types.short):gsub("posthog%.llm%f[^%w.]", "llm")
  )
end

--- A type in Markdown.
--- @param found tools.reference.Type
--- @param link fun(name: string): string? the address of a class
--- @return string
function types.markdown(found, link)
  if found.kind == "union" then
    local parts = {}
    for i, part in ipairs(found.parts) do
      parts[i] = types.markdown(part, link)
    end
    return table.concat(parts, " or ")
  elseif found.kind == "list" then
    return "list of " .. types.markdown(found.of, link)
  elseif found.kind == "name" then
    local address = link(found.name)
    if address then
      return ("[%s](%s)"):format(types.short(found.name), address)
    end
    return found.name
  elseif found.kind == "function" then
    return ("`%s`"):format((as_code(found):gsub("^fun", "function")))
  end
  return ("`%s`"):format(as_code(found))
end

return types
