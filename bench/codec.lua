--- Decode and encode beside lua-cjson, for each kind of text of the API, on
--- Lua 5.4 and LuaJIT; and how fast a decode could be at most, where making the
--- tables were all that it did:
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
local WHAT = {
  items = "page of 95 items",
  skill = "skill with code in its body",
  skills = "20 such skills in turn",
  prose = "skill of prose",
  spend = "spend report",
  dataset = "dataset",
  big = "page of 7000 items",
}
--- The texts of `tables` are the first ones of `decode`, with whose figures they
--- are compared. Nothing of the size of the last one is ever sent; and what its
--- tables alone cost depends more on what malloc was left with than on the calls.
local TEXTS = {
  decode = { "items", "skill", "prose", "spend", "dataset", "skills", "big" },
  encode = { "items", "skill", "prose", "spend", "dataset", "skills" },
  tables = { "items", "skill", "prose", "spend", "dataset" },
}
--- As bench/coded.lua names them: a codec and its verb. The last one is for
--- LuaJIT only, see src/json/shape.c.
local CONTENDERS = {
  decode = {
    ours = { "posthog.llm.core", "decode" },
    cjson = { "cjson", "decode" },
    stored = { "bench.tables", "store", texts = TEXTS.tables },
    constructed = { "bench.tables", "construct", texts = TEXTS.tables, only = "luajit" },
  },
  encode = {
    ours = { "posthog.llm.core", "encode" },
    cjson = { "cjson", "encode" },
  },
}
local ORDER = { "ours", "stored", "cjson", "constructed" }

local function bytes(count)
  return count < 1e4 and ("%d B"):format(count)
    or count < 1e6 and ("%.0f KB"):format(count / 1e3)
    or ("%.1f MB"):format(count / 1e6)
end

--- @return number[] CPU seconds of each text
local function run(lua, contender, files, texts)
  local command = ("%s/../tools/lua %s %s/coded.lua %s %s %s"):format(
    here,
    lua,
    here,
    contender[1],
    files,
    contender[2]
  )
  return { measure.numbers_of(command .. " " .. table.concat(texts, " ")) }
end

--- @return table<string, table<string, number[]>[]> CPU seconds by Lua, turn, contender and text
local function take_turns(web, verb)
  local seen = { ["5.4"] = {}, luajit = {} }
  for turn = 1, measure.TURNS do
    for _, lua in ipairs(LUAS) do
      local used = {}
      for i = 1, #ORDER do
        local name = ORDER[(turn + i) % #ORDER + 1]
        local contender = CONTENDERS[verb][name]
        if contender and (contender.only or lua) == lua then
          used[name] = run(lua, contender, web.files, contender.texts or TEXTS[verb])
        end
      end
      seen[lua][turn] = used
    end
  end
  return seen
end

--- @return string how many times as fast as lua-cjson
local function times_cjson(turns, name, i)
  local ratios = {}
  for turn, used in ipairs(turns) do
    ratios[turn] = used.cjson[i] / used[name][i]
  end
  return measure.ratio(ratios)
end

local function rate(turns, i, size)
  local seconds = {}
  for turn, used in ipairs(turns) do
    seconds[turn] = used.ours[i]
  end
  return ("%.0f"):format(size / 1e6 / measure.median(seconds))
end

--- Prints a table with a row for each text.
--- @param cells_of fun(i: integer, size: integer): string ... the row's other cells
local function print_table(web, texts, columns, cells_of)
  local rows = {}
  for i, text in ipairs(texts) do
    local size = web.lengths[text].bytes
    rows[i] = { ("%s, %s"):format(WHAT[text], bytes(size)), cells_of(i, size) }
  end
  measure.table(columns, rows)
end

local function compare(web, verb)
  local seen = take_turns(web, verb)
  local lua, luajit = seen["5.4"], seen.luajit
  print(("\n### %s\n"):format(verb))
  local columns = { "", "Lua 5.4, MB/s", "times cjson", "LuaJIT, MB/s", "times cjson" }
  print_table(web, TEXTS[verb], columns, function(i, size)
    return rate(lua, i, size),
      times_cjson(lua, "ours", i),
      rate(luajit, i, size),
      times_cjson(luajit, "ours", i)
  end)
  if CONTENDERS[verb].stored then
    print("\n### only the tables of a decode\n")
    columns = { "times cjson", "Lua 5.4", "LuaJIT", "LuaJIT, by constructors" }
    print_table(web, TEXTS.tables, columns, function(i)
      return times_cjson(lua, "stored", i),
        times_cjson(luajit, "stored", i),
        times_cjson(luajit, "constructed", i)
    end)
  end
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
