--- Decode and encode beside lua-cjson, for each kind of text of the API, on
--- Lua 5.4 and LuaJIT:
---
---   make bench BENCHES=codec
---
--- Codecs and Luas take turns; each ratio is one turn's, so that a change of the
--- machine's pace meets both alike.

local here = arg[0]:match("^(.*)/[^/]*$") or "."
package.path = here .. "/?.lua;" .. package.path

local measure = require("measure")
local server = require("server")

local LUAS = { "5.4", "luajit" }
local CODECS = { "posthog.llm.core", "cjson" }
local WHAT = {
  items = "page of 95 items",
  skill = "skill with a long body",
  spend = "spend report",
  dataset = "dataset",
  big = "page of 7000 items",
}
--- Nothing of the size of the last one is ever sent.
local TEXTS = {
  decode = { "items", "skill", "spend", "dataset", "big" },
  encode = { "items", "skill", "spend", "dataset" },
}

local function bytes(count)
  return count < 1e4 and ("%d B"):format(count)
    or count < 1e6 and ("%.0f KB"):format(count / 1e3)
    or ("%.1f MB"):format(count / 1e6)
end

--- @return number[] CPU seconds of each text
local function run(lua, codec, files, verb)
  local command = ("%s/../tools/lua %s %s/coded.lua %s %s %s"):format(
    here,
    lua,
    here,
    codec,
    files,
    verb
  )
  return { measure.numbers_of(command .. " " .. table.concat(TEXTS[verb], " ")) }
end

--- @return table<string, { ours: number[], ratio: number[] }[]> by Lua and text
local function take_turns(web, verb)
  local seen = { ["5.4"] = {}, luajit = {} }
  for turn = 1, measure.TURNS do
    for _, lua in ipairs(LUAS) do
      local first, second = CODECS[turn % 2 + 1], CODECS[2 - turn % 2]
      local used = {}
      used[first] = run(lua, first, web.files, verb)
      used[second] = run(lua, second, web.files, verb)
      for i = 1, #TEXTS[verb] do
        local ours, theirs = used[CODECS[1]][i], used[CODECS[2]][i]
        local kept = seen[lua][i] or { ours = {}, ratio = {} }
        kept.ours[turn], kept.ratio[turn] = ours, theirs / ours
        seen[lua][i] = kept
      end
    end
  end
  return seen
end

local function compare(web, verb)
  local seen = take_turns(web, verb)
  local rows = {}
  for i, text in ipairs(TEXTS[verb]) do
    local size = web.lengths[text].bytes
    local row = { ("%s, %s"):format(WHAT[text], bytes(size)) }
    for _, lua in ipairs(LUAS) do
      local kept = seen[lua][i]
      row[#row + 1] = ("%.0f"):format(size / 1e6 / measure.median(kept.ours))
      row[#row + 1] = measure.ratio(kept.ratio)
    end
    rows[i] = row
  end
  print(("\n### %s\n"):format(verb))
  measure.table({ "", "Lua 5.4, MB/s", "times cjson", "LuaJIT, MB/s", "times cjson" }, rows)
end

local web = server.start()
local ok, err = pcall(function()
  print("\n## JSON beside lua-cjson")
  compare(web, "decode")
  compare(web, "encode")
end)
web:stop()
if not ok then
  error(err, 0)
end
