--- A contender of bench/codec.lua that cannot be beaten: the tables of a text,
--- built from C with every size known and no text to read. What a decoder takes
--- more than this is its own; the rest is Lua's.

local core = require("posthog.llm.core")
local new_tape = require("bench.replay")

local tables = {}

local load = loadstring or load -- luacheck: ignore loadstring

--- @class bench.Recorder
--- @field tape userdata
--- @field kept any[] the keys, and the constructors
--- @field place table<any, integer> where each is in `kept`
--- @field construct boolean are objects made by one call of a generated function each?
local Recorder = {}
Recorder.__index = Recorder

function Recorder:keep(name, make)
  local at = self.place[name]
  if not at then
    at = #self.kept + 1
    self.kept[at] = make and make() or name
    self.place[name] = at
  end
  self.tape:add("kept", at)
end

--- @param keys string[]
--- @return fun(...): table
local function constructor(keys)
  local names, members = {}, {}
  for i, key in ipairs(keys) do
    names[i] = "a" .. i
    members[i] = ("[%q]=a%d"):format(key, i)
  end
  local text = "return function(%s) return {%s} end"
  local make = assert(load(text:format(table.concat(names, ","), table.concat(members, ","))))()
  if jit then -- luacheck: ignore jit
    require("jit").off(make)
  end
  return make
end

function Recorder:list(list)
  self.tape:add("list", #list)
  for i, value in ipairs(list) do
    self:value(value)
    self.tape:add("element", i)
  end
end

function Recorder:map(map)
  local keys = {}
  for key in pairs(map) do
    keys[#keys + 1] = key
  end
  if not self.construct then
    self.tape:add("map", #keys)
    for _, key in ipairs(keys) do
      self:keep(key)
      self:value(map[key])
      self.tape:add("member")
    end
    return
  end
  table.sort(keys)
  self:keep("{" .. table.concat(keys, "\0"), function()
    return constructor(keys)
  end)
  for _, key in ipairs(keys) do
    self:value(map[key])
  end
  self.tape:add("call", #keys)
end

function Recorder:value(value)
  local kind = type(value)
  if kind == "table" then
    local is_list = getmetatable(value) == core.array_mt
    self[is_list and "list" or "map"](self, value)
  elseif kind == "number" then
    self.tape:add(math.type and math.type(value) == "integer" and "integer" or "number", value)
  elseif kind == "boolean" then
    self.tape:add(kind, value and 1 or 0)
  elseif kind == "string" then
    self.tape:add(kind, value)
  else
    assert(value == core.null, "a text of the benches has no such value")
    self.tape:add("null")
  end
end

local function recorded(text, construct)
  local value = core.decode(text)
  local self = setmetatable({ tape = new_tape(), kept = {}, place = {} }, Recorder)
  self.construct = construct
  self:value(value)
  return self.tape:bind(self.kept, core.array_mt)
end

--- @param text string
--- @return fun(): any value that decoding it gives, member stored by member
function tables.store(text)
  return recorded(text, false)
end

--- @param text string
--- @return fun(): any value the same, each object by a call of a function for its keys
function tables.construct(text)
  return recorded(text, true)
end

return tables
