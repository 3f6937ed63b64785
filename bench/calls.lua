--- What a call costs: CPU time of the process, user and system, and wall time,
--- for calls one after the other on a connection that is open already; and the
--- memory that a page of 20 MB takes.
---
---   make bench BENCHES=calls
---
--- Each contender runs in a process of its own, all in turns; each ratio is one
--- turn's, so that a change of the machine's pace meets all alike.

local here = arg[0]:match("^(.*)/[^/]*$") or "."
package.path = here .. "/?.lua;" .. package.path

local measure = require("measure")
local routes = require("routes")
local server = require("server")

local ROOT = here .. "/.."

--- The libcurl of lua-curl, where it is another one than the library's: both run with it too. It is
--- built for that by `make build-bench`.
local SAME = ROOT .. "/build/bench/same"
local OTHER = (measure.first_line(here .. "/libcurl_of_lua_curl") or ""):match("^(.-)%.so")

local LUA_CURL =
  { what = "lua-curl + cjson, LuaJIT", name = "curl", lua = "luajit", needs = "curl" }

--- Where `program` is not given, it is bench/callers/<name>.lua on that Lua, with the core in the
--- folder `core`. `slow` divides the number of calls, within reason.
local CONTENDERS = {
  { what = "libcurl alone, C, not decoded", program = ROOT .. "/build/bench/floor", bytes = true },
  { what = "posthog-llm, Lua 5.4", name = "posthog", lua = "5.4" },
  { what = "posthog-llm, LuaJIT", name = "posthog", lua = "luajit" },
  LUA_CURL,
  { what = "lua-http + cjson, LuaJIT", name = "http", lua = "luajit", needs = "http.client" },
  { what = "luasocket, kept + cjson, Lua 5.4", name = "socket", lua = "5.4", needs = "ssl" },
  { what = "luasocket, kept + cjson, LuaJIT", name = "socket", lua = "luajit", needs = "ssl" },
  {
    what = "luasocket, http.request + cjson, Lua 5.4",
    name = "request",
    lua = "5.4",
    needs = "ssl.https",
    slow = 50,
  },
  {
    what = "Python http.client + json",
    program = "python3 " .. here .. "/callers/python.py",
    needs_command = "python3 -c 'import http.client, ssl'",
  },
  { what = "curl spawned + cjson, LuaJIT", name = "spawn", lua = "luajit", slow = 50 },
}

local ON_SAME -- the library with the libcurl of lua-curl
if OTHER then
  ON_SAME = {
    what = ("posthog-llm on %s, LuaJIT"):format(OTHER),
    name = "posthog",
    lua = "luajit",
    core = SAME,
    needs_command = ("test -f %s/posthog/llm/core.so"):format(SAME),
  }
  table.insert(CONTENDERS, 4, ON_SAME)
  table.insert(CONTENDERS, 2, {
    what = ("%s alone, C, not decoded"):format(OTHER),
    program = SAME .. "/floor",
    bytes = true,
    needs_command = ("test -f %s/floor"):format(SAME),
  })
end

local CASES = {
  { "GET of 1 KB, HTTP/1.1", "url", "small", count = 1000, warm = 200 },
  { "GET of 1 KB, TLS", "tls_url", "small", count = 1000, warm = 200 },
  { "page of 280 KB, HTTP/1.1", "url", "page", count = 40, warm = 10 },
  { "page of 280 KB, TLS", "tls_url", "page", count = 40, warm = 10 },
}
local MEMORY = { "page of 20 MB", "url", "big", count = 1, warm = 1, warm_route = "small" }

local FEWEST = 10 -- calls of a slow one

local function is_here(contender)
  if contender.needs_command then
    return measure.succeeds(contender.needs_command)
  elseif contender.needs then
    local probe = ('%s/tools/lua %s -e \'require("%s") require("cjson")\''):format(
      ROOT,
      contender.lua,
      contender.needs
    )
    return measure.succeeds(probe)
  end
  return true
end

--- The words after the number of calls, which are the same for all programs.
local function words_of(contender, case, web, warm)
  local warm_route = case.warm_route or case[3]
  local words = { warm, web[case[2]], warm_route, case[3], web.ca_file }
  if contender.program then
    words[3], words[4] = routes.all[warm_route].path, routes.all[case[3]].path
    for _, header in ipairs(routes.HEADERS) do
      words[#words + 1] = header[1] .. ": " .. header[2]
    end
  end
  for i, word in ipairs(words) do
    words[i] = measure.quote(tostring(word))
  end
  return table.concat(words, " ")
end

--- The caller of a contender, with the core of this checkout or with one of its own.
local function caller_of(contender)
  local lua = ("%s/tools/lua %s"):format(ROOT, contender.lua)
  if contender.core then
    local paths = "LUA_PATH='%s/lua/?.lua;%s/lua/?/init.lua;;' LUA_CPATH='%s/?.so;;' %s"
    lua = paths:format(ROOT, ROOT, contender.core, contender.lua)
  end
  return ("%s %s/caller.lua %s"):format(lua, here, contender.name)
end

--- @return { cpu: number, wall: number, grown: number } seconds a call, and bytes
local function run(contender, case, web)
  local slow = contender.slow or 1
  local count = math.min(case.count, math.max(FEWEST, math.floor(case.count / slow)))
  local warm = math.ceil(case.warm / slow)
  local program = contender.program or caller_of(contender)
  local command = ("%s %d %s"):format(program, count, words_of(contender, case, web, warm))
  local cpu, wall, kilobytes, length = measure.numbers_of(command)
  local wanted = web.lengths[routes.all[case[3]].text]
  assert(length == wanted[contender.bytes and "bytes" or "rows"], command .. ": another body")
  return { cpu = cpu / count, wall = wall / count, grown = kilobytes * 1024 }
end

--- All contenders, so many turns; the first of them changes.
--- @return table<table, table[]> runs by contender
local function take_turns(contenders, case, web, turns)
  local runs = {}
  for turn = 1, turns do
    for i = 1, #contenders do
      local contender = contenders[(turn + i - 2) % #contenders + 1]
      runs[contender] = runs[contender] or {}
      runs[contender][turn] = run(contender, case, web)
    end
  end
  return runs
end

local function pick(runs, value)
  local list = {}
  for i, one in ipairs(runs) do
    list[i] = value(one, i)
  end
  return list
end

--- The library on the same Lua; on 5.4 for what runs on none.
local function rival_of(contender, contenders)
  for _, other in ipairs(contenders) do
    if other.name == "posthog" and other.lua == (contender.lua or "5.4") then
      return other
    end
  end
end

local function compare(contenders, case, web)
  local runs = take_turns(contenders, case, web, measure.TURNS)
  local function ratio(mine, others)
    return mine == others and "1"
      or measure.ratio(pick(mine, function(one, turn)
        return one.cpu / others[turn].cpu
      end))
  end
  local rows = {}
  for i, contender in ipairs(contenders) do
    local mine = runs[contender]
    local cpu = pick(mine, function(one)
      return one.cpu * 1e6
    end)
    local wall = pick(mine, function(one)
      return one.wall * 1e6
    end)
    rows[i] = {
      contender.what,
      ("%.0f"):format(measure.median(cpu)),
      ratio(mine, runs[contenders[1]]),
      ratio(mine, runs[rival_of(contender, contenders)]),
      ("%.0f"):format(measure.median(wall)),
    }
  end
  print(("\n### %s\n"):format(case[1]))
  measure.table(
    { "microseconds a call", "CPU", "to libcurl alone", "to posthog-llm", "wall" },
    rows
  )
  if ON_SAME and runs[ON_SAME] and runs[LUA_CURL] then
    local words = "\nBoth on %s, lua-curl + cjson takes %s of posthog-llm's CPU."
    print(words:format(OTHER, ratio(runs[LUA_CURL], runs[ON_SAME])))
  end
end

local function compare_memory(contenders, web)
  local runs = take_turns(contenders, MEMORY, web, 3)
  local size = web.lengths[routes.all.big.text].bytes
  local rows = {}
  for i, contender in ipairs(contenders) do
    local grown = measure.median(pick(runs[contender], function(one)
      return one.grown
    end))
    rows[i] = {
      contender.what,
      ("%.1f"):format(grown / 1e6),
      ("%.2f"):format(grown / size),
    }
  end
  print(("\n## Memory of a page of %.1f MB, fetched and decoded\n"):format(size / 1e6))
  measure.table({ "the process grows by, at most", "MB", "times the body" }, rows)
end

-- Waking a process on another CPU costs twice as much as on this one, and the
-- system would decide anew for each process which it is. $PPID of the shell is
-- this program, and what it starts stays where it is.
local pinned = measure.succeeds("taskset -p -c 0 $PPID")
local web = server.start()
local ok, err = pcall(function()
  local present, absent = {}, {}
  for _, contender in ipairs(CONTENDERS) do
    table.insert(is_here(contender) and present or absent, contender)
  end
  print("\n## One call after the other\n")
  print("TLS is HTTP/2 for libcurl's users and lua-http, HTTP/1.1 for luasocket and Python.")
  print(pinned and "All, and the server, on one CPU." or "Not on one CPU: there is no taskset.")
  for _, contender in ipairs(absent) do
    print("Left out, not installed: " .. contender.what)
  end
  for _, case in ipairs(CASES) do
    compare(present, case, web)
  end
  compare_memory(present, web)
end)
web:stop()
if not ok then
  error(err, 0)
end
