--- How well calls overlap: many calls of 50 ms with some in flight, and forty
--- pages of 50 ms one after the other or read ahead.
---
---   make bench BENCHES=gather
---
--- A call spends its time waiting, so both Luas are measured at the same time.

local here = arg[0]:match("^(.*)/[^/]*$") or "."
package.path = here .. "/?.lua;" .. package.path

local measure = require("measure")
local server = require("server")

local LUAS = { "5.4", "luajit" }
local WAIT = 0.05 -- seconds a call
local PAGES, PAGE_SIZE = 40, 10

local CALLS = {
  { "1 in flight, HTTP/1.1", "url", count = 10, in_flight = 1 },
  { "8 in flight, HTTP/1.1", "url", count = 200, in_flight = 8 },
  { "16 in flight, HTTP/1.1", "url", count = 200, in_flight = 16 },
  { "32 in flight, HTTP/1.1", "url", count = 200, in_flight = 32 },
  { "16 in flight, TLS HTTP/2", "tls_url", count = 200, in_flight = 16 },
  { "32 in flight, TLS HTTP/2", "tls_url", count = 200, in_flight = 32 },
}
local AHEAD = { 0, 4, 8 }

--- Starts one on each Lua, then waits for them.
--- @return table<string, { wall: number, cpu: number }> by Lua
local function run(words)
  local pipes, results = {}, {}
  for _, lua in ipairs(LUAS) do
    local command = ("%s/../tools/lua %s %s/gathered.lua %s 2>&1"):format(here, lua, here, words)
    pipes[lua] = assert(io.popen(command, "r"))
  end
  for _, lua in ipairs(LUAS) do
    local text = pipes[lua]:read("*a")
    pipes[lua]:close()
    local wall, cpu = text:match("^(%S+) (%S+)\n$")
    assert(wall, text)
    results[lua] = { wall = tonumber(wall), cpu = tonumber(cpu) }
  end
  return results
end

--- @return table<string, { wall: number[], cpu: number[] }>[] by case and Lua
local function take_turns(commands)
  local seen = {}
  for turn = 1, measure.TURNS do
    for i, words in ipairs(commands) do
      seen[i] = seen[i] or {}
      for lua, result in pairs(run(words)) do
        seen[i][lua] = seen[i][lua] or { wall = {}, cpu = {} }
        seen[i][lua].wall[turn], seen[i][lua].cpu[turn] = result.wall, result.cpu
      end
    end
  end
  return seen
end

local function milliseconds(list)
  local middle, low, high = measure.quartiles(list)
  return ("%.0f (%.0f to %.0f)"):format(middle * 1e3, low * 1e3, high * 1e3)
end

local function overlap(web)
  local commands, rows = {}, {}
  for i, case in ipairs(CALLS) do
    commands[i] = ("calls %d %d %s %s"):format(
      case.count,
      case.in_flight,
      web[case[2]],
      web.ca_file
    )
  end
  for i, seen in ipairs(take_turns(commands)) do
    local case = CALLS[i]
    local ideal = math.ceil(case.count / case.in_flight) * WAIT
    rows[i] = { case[1], ("%d"):format(case.count), ("%.0f"):format(ideal * 1e3) }
    for _, lua in ipairs(LUAS) do
      local wall = seen[lua].wall
      local row = rows[i]
      row[#row + 1] = milliseconds(wall)
      row[#row + 1] = ("%.0f%%"):format(ideal / measure.median(wall) * 100)
      row[#row + 1] = ("%.0f"):format(measure.median(seen[lua].cpu) * 1e6 / case.count)
    end
  end
  print("\n## Calls of 50 ms at the same time\n")
  measure.table({
    "wall ms",
    "calls",
    "ideal",
    "Lua 5.4",
    "of the ideal",
    "CPU us a call",
    "LuaJIT",
    "of the ideal",
    "CPU us a call",
  }, rows)
end

local function paging(web)
  local commands, rows = {}, {}
  for i, ahead in ipairs(AHEAD) do
    commands[i] = ("pages %d %d %s %s"):format(ahead, PAGE_SIZE, web.url, web.ca_file)
  end
  for i, seen in ipairs(take_turns(commands)) do
    -- The first page tells how many there are.
    local ideal = (1 + math.ceil((PAGES - 1) / (AHEAD[i] + 1))) * WAIT
    rows[i] = { ("prefetch = %d"):format(AHEAD[i]), ("%.0f"):format(ideal * 1e3) }
    for _, lua in ipairs(LUAS) do
      local row = rows[i]
      row[#row + 1] = milliseconds(seen[lua].wall)
      row[#row + 1] = ("%.0f%%"):format(ideal / measure.median(seen[lua].wall) * 100)
    end
  end
  print(("\n## %d pages of 50 ms, HTTP/1.1\n"):format(PAGES))
  measure.table({ "wall ms", "ideal", "Lua 5.4", "of the ideal", "LuaJIT", "of the ideal" }, rows)
end

local web = server.start()
local ok, err = pcall(function()
  overlap(web)
  paging(web)
end)
web:stop()
if not ok then
  error(err, 0)
end
