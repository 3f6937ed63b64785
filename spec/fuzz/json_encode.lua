-- Encoding whatever a program may hold: a text that is read back and written alike, or a message
-- and a path that leads to a value. The bytes of the input say how the value is built.

local cjson = require("cjson")
local core = require("posthog.llm.core")
local json = require("spec.support.json")

local load = loadstring or load -- luacheck: ignore

local MOST_VALUES, DEEPEST = 2000, 600
local NAMES = { "a", "id", "b_c", "results" }
local BIG = core.decode("[123456789012345678901234567890]")[1]

local Builder = {}
Builder.__index = Builder

function Builder:byte()
  self.at = self.at + 1
  return self.data:byte(self.at) or 0
end

function Builder:text()
  local length = self:byte() % 32
  self.at = self.at + length
  return self.data:sub(self.at - length + 1, self.at)
end

--- @param each fun(t: table, i: integer)
function Builder:table(each)
  local t = {}
  self.open[#self.open + 1] = t
  for i = 1, self:byte() % 8 do
    each(t, i)
  end
  self.open[#self.open] = nil
  return t
end

function Builder:list()
  return self:table(function(t, i)
    t[i] = self:value()
  end)
end

function Builder:map()
  return self:table(function(t)
    local name = self:byte()
    t[NAMES[name % 8] or self:text()] = self:value()
  end)
end

local NO_JSON = { print, coroutine.create(print), io.stdout, 0 / 0, 1 / 0 }

--- @type (fun(builder: table): any)[]
local MAKE = {
  function(b)
    return b:list()
  end,
  function(b)
    return b:map()
  end,
  function(b)
    return core.array(b:list())
  end,
  function(b)
    return core.object(b:map())
  end,
  function(b)
    return b:text()
  end,
  function(b)
    return b:byte() - 128
  end,
  function(b)
    return (b:byte() - 128) / (b:byte() + 1) * 2 ^ ((b:byte() - 128) * 8)
  end,
  function(b)
    return b:byte() % 2 == 0
  end,
  function()
    return core.null
  end,
  function()
    return BIG
  end,
  function(b)
    return setmetatable(b:list(), cjson.empty_array_mt)
  end,
  function(b)
    return setmetatable(b:list(), cjson.array_mt)
  end,
  function(b)
    return b:table(function(t)
      t[b:byte() / 2] = b:value()
    end)
  end, -- holes, fractions
  function(b)
    return b:table(function(t)
      t[b:byte() % 2 == 0 and b:text() or b:byte()] = 1
    end)
  end,
  function(b)
    return b.open[b:byte() % 8 + 1]
  end, -- itself, or what holds it
  function(b)
    return NO_JSON[b:byte() % 8 + 1]
  end,
  function(b) -- deep
    local t = b:value()
    for _ = 1, b:byte() * 3 do
      t = { t }
    end
    return t
  end,
}

function Builder:value()
  self.count = self.count + 1
  if self.count > MOST_VALUES or #self.open > DEEPEST then
    return 1
  end
  return MAKE[self:byte() % #MAKE + 1](self)
end

--- Asserts that there is something at the path, where it is one that Lua can read.
local function follow(value, path)
  if path == "" or not path:find("^[%w_.%[%]]+$") then
    return
  end
  local find = load("local v = ... return v" .. (path:find("^%[") and path or "." .. path))
  assert(not find or find(value) ~= nil, path)
end

return function(data)
  local value = setmetatable({ data = data, at = 0, count = 0, open = {} }, Builder):value()
  local text, message, path = core.encode(value)
  if message then
    assert(text == nil and #message > 0 and type(path) == "string", message)
    follow(value, path)
    local again, same, way = core.encode(value)
    assert(again == nil and same == message and way == path, same)
    return
  end
  local read = json.decode(text)
  local written = json.encode(read)
  assert(#written == #text, written)
  assert(json.identical(read, json.decode(written)), written)
  assert(core.encode(value) == text, text)
end
