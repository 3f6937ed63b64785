--- One codec of bench/codec.lua on one Lua, in a process of its own, so that
--- none finds the memory that another one left:
---
---   tools/lua 5.4 bench/coded.lua CODEC FILES VERB TEXT ...
---
--- CODEC is cjson, or posthog.llm.core. Prints for each TEXT of the directory
--- FILES the CPU seconds that VERB, decode or encode, takes of it, line by line.
--- Of CODEC bench.tables, VERB is store or construct, and what it returns is
--- measured.

local codec, FILES, VERB = require(arg[1]), arg[2], arg[3]
local SECONDS = 0.03 -- at least, of each text
local BYTES = 100000 -- at least, between two looks at the clock

local function seconds(fn, arguments, batch)
  for i = 1, #arguments do
    fn(arguments[i]) -- the first one finds neither keys nor memory
  end
  collectgarbage()
  collectgarbage()
  local count, start = 0, os.clock()
  local used
  repeat
    for _ = 1, batch do
      for i = 1, #arguments do
        fn(arguments[i])
      end
    end
    count = count + batch
    used = os.clock() - start
  until used >= SECONDS
  return used / count
end

local function text_of(name)
  local file = assert(io.open(("%s/%s.json"):format(FILES, name), "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

local results = {}
for i = 4, #arg do
  local text = text_of(arg[i])
  local fn, arguments = codec[VERB], {}
  for line in text:gmatch("[^\n]+") do
    arguments[#arguments + 1] = VERB == "encode" and codec.decode(line) or line
  end
  if VERB ~= "decode" and VERB ~= "encode" then
    fn = fn(text)
  end
  local used = seconds(fn, arguments, math.ceil(BYTES / #text))
  results[#results + 1] = ("%.9f"):format(used)
end
print(table.concat(results, " "))
