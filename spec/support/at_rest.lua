--- A program: says whether the collector rests while a text is decoded, in a heap of
--- so many kilobytes. Where it does not, it goes round in that time.
---
---   lua spec/support/at_rest.lua TEXT-KB HEAP-KB

local core = require("posthog.llm.core")

local text_size, heap_size = tonumber(arg[1]) * 1024, tonumber(arg[2])
local ROW = '{"id":1,"tags":["a",null]},'
local rows = math.floor(text_size / #ROW) - 1
local text = "[" .. ROW:rep(rows) .. (" "):rep(text_size - 3 - rows * #ROW) .. "0]"
assert(#text == text_size and core.decode("[]")) -- what is loaded at the first use is there

if _VERSION == "Lua 5.4" then
  collectgarbage("incremental")
end
collectgarbage("setpause", 105)
collectgarbage("setstepmul", 400)

local garbage, ballast = setmetatable({}, { __mode = "v" }), nil
for i = 1, 2 do -- what is garbage of the first time makes room in the second
  collectgarbage()
  while collectgarbage("count") < heap_size - 1.5 do
    ballast = { ballast, i .. ("x"):rep(700) }
  end
end
garbage[1] = {}
local count = collectgarbage("count")
local value = core.decode(text)
local is_at_rest = garbage[1] ~= nil
assert(#value == rows + 1 and (ballast or count > heap_size))
print(is_at_rest and "at rest" or "at work")
