--- Decode and encode beside lua-cjson, for each kind of text of the API:
---
---   tools/lua 5.4 bench/json.lua
---
--- Both codecs take turns within one process; the ratio is the median over
--- the turns, so that a change of the machine's pace meets both alike.

local here = arg[0]:match("^(.*)/[^/]*$") or "."
package.path = here .. "/?.lua;" .. package.path

local cjson = require("cjson")
local core = require("posthog.llm.core")
local fixtures = require("fixtures")
local measure = require("measure")

local SECONDS = 0.06 -- CPU time that one turn of one codec takes at least

local function seconds(fn, argument, count)
  local start = os.clock()
  for _ = 1, count do
    fn(argument)
  end
  return os.clock() - start
end

local function compare(what, ours, theirs, our_argument, their_argument, bytes)
  local count = 1
  while count < 2 ^ 20 and seconds(theirs, their_argument, count) < SECONDS do
    count = count * 2
  end
  local mine, other, ratios = {}, {}, {}
  for turn = 1, measure.TURNS do
    collectgarbage()
    mine[turn] = seconds(ours, our_argument, count)
    collectgarbage()
    other[turn] = seconds(theirs, their_argument, count)
    ratios[turn] = other[turn] / mine[turn]
  end
  local size = bytes * count / 1e6
  print(
    ("%-24s %10d %9.0f %9.0f %7.2f %6.2f-%.2f"):format(
      what,
      bytes,
      size / measure.median(mine),
      size / measure.median(other),
      measure.quartiles(ratios)
    )
  )
end

local texts = {
  { "items, 100", fixtures.items(100) },
  { "dataset", fixtures.dataset() },
  { "skill, 200 KB", fixtures.skill(200000) },
  { "spend, 120 KB", fixtures.spend(230) },
  { "items, 20 MB", fixtures.items(7300), decode_only = true },
}

measure.head("JSON beside lua-cjson, MB/s", { "lua-cjson " .. cjson._VERSION })
print(
  ("%-24s %10s %9s %9s %7s %11s"):format("", "bytes", "ours", "cjson", "ratio", "quartiles")
)
for _, text in ipairs(texts) do
  local name, body = text[1], text[2]
  compare("decode " .. name, core.decode, cjson.decode, body, body, #body)
end
for _, text in ipairs(texts) do
  local name, body = text[1], text[2]
  if not text.decode_only then
    local ours, theirs = core.decode(body), cjson.decode(body)
    compare("encode " .. name, core.encode, cjson.encode, ours, theirs, #body)
  end
end
