--- The program whose instructions bench/count.lua counts: one thing, so many
--- times.
---
---   lua5.4 bench/counted.lua CASE TIMES FILES [URL]      in the root of the checkout
---
--- CASE is decode-, encode-, cjson-decode- or cjson-encode- and the name of a
--- text in the directory FILES; or get, a call to the server at URL.

local CASE, TIMES, FILES, URL = arg[1], tonumber(arg[2]), arg[3], arg[4]

-- As often as the collector starts by itself when a page of items is encoded.
local PER_COLLECTION = 5

local function text_of(name)
  local file = assert(io.open(("%s/%s.json"):format(FILES, name), "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

local function get()
  local call = dofile("bench/callers/posthog.lua").open(URL)
  local route = require("routes").all.small
  for _ = 1, TIMES do
    call(route)
  end
end

--- The collector runs at fixed turns: left to itself it may run once more or
--- less in a run, by the size of something else.
local function code(codec, verb, name)
  local fn, argument = codec[verb], text_of(name)
  if verb == "encode" then
    argument = codec.decode(argument)
  end
  collectgarbage("stop")
  for turn = 1, TIMES do
    fn(argument)
    if turn % PER_COLLECTION == 0 then
      collectgarbage()
    end
  end
end

if CASE == "get" then
  get()
else
  local peer, verb, name = CASE:match("^(%l*)%-?(%l%lcode)%-(%l+)$")
  assert(verb, "no such case")
  code(require(peer == "" and "posthog.llm.core" or peer), verb, name)
end
