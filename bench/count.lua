--- How many instructions the codec takes a byte and a small GET a call, by
--- callgrind, on Lua 5.4: figures that no neighbour on the machine changes.
--- Two runs that differ in the number of turns only, subtracted, leave out the
--- start.
---
---   make bench-count                         counts, and writes bench/counts.txt
---   make bench-check                         counts, and compares with that file
---   make bench-count PROFILE=decode-items    where a case spends them

local HERE = arg[0]:match("^(.*)/[^/]*$") or "."
package.path = HERE .. "/?.lua;" .. package.path

local core = require("posthog.llm.core")
local measure = require("measure")
local routes = require("routes")
local server = require("server")

local output_of = measure.output_of

local KEPT = HERE .. "/counts.txt"
-- Seen from the root of the checkout: the length of a path moves the stack,
-- whose address goes into the seed of Lua's hashes.
local WORK = "build/bench/count"
local REPORT_ABOVE, FAIL_ABOVE = 3, 10 -- % of growth

local TEXTS = {}
for _, name in ipairs({ "items", "skill", "spend" }) do
  TEXTS[name] = routes.make[name]()
end

-- Multiples of the turns after which bench/counted.lua runs the collector. What
-- the threads of a call do varies by a percent, so that one is counted thrice.
local CASES = {}
for _, verb in ipairs({ "decode", "encode" }) do
  for _, text in ipairs({ "items", "skill", "spend" }) do
    local name = verb .. "-" .. text
    local case = { name = name, peer = "cjson-" .. name, unit = "byte", of = #TEXTS[text] }
    case.turns, case.runs = text == "items" and 10 or 20, 1
    CASES[#CASES + 1] = case
  end
end
CASES[#CASES + 1] = { name = "get", peer = "floor", unit = "call", of = 1, turns = 300, runs = 3 }

local function read(name)
  local file = io.open(name, "rb")
  local text = file and file:read("*a")
  if file then
    file:close()
  end
  return text
end

local function write(name, text)
  local file = assert(io.open(name, "wb"))
  assert(file:write(text))
  file:close()
end

local web

local function floor(turns)
  local path = routes.all.small.path
  local command = ("build/bench/floor %d 1 %s %s %s ''"):format(turns, web.url, path, path)
  for _, header in ipairs(routes.HEADERS) do
    command = ("%s '%s: %s'"):format(command, header[1], header[2])
  end
  return command
end

--- The command of a case with nothing of the caller's environment in it.
local function command_of(name, turns)
  local program = name == "floor" and floor(turns)
    or ("lua5.4 bench/counted.lua %s %d %s %s"):format(name, turns, WORK, web.url)
  return (
    "env -i PATH=/usr/local/bin:/usr/bin:/bin LD_PRELOAD=build/bench/still_clock.so "
    .. "LUA_PATH='lua/?.lua;lua/?/init.lua;bench/?.lua;;' LUA_CPATH='build/5.4/?.so;;' valgrind "
    .. "--tool=callgrind --callgrind-out-file=%s/%s.%d %s 2>&1"
  ):format(WORK, name, turns, program)
end

--- @return integer instructions of a whole run
local function run(name, turns)
  local text = output_of(command_of(name, turns))
  local count = text:match("Collected : (%d+)")
  if not count or text:find("lua5.4:", 1, true) then
    error("no count of " .. name .. ":\n" .. text, 0)
  end
  return tonumber(count)
end

--- @return number instructions a byte, or a call
local function count(case, name)
  local counts = {}
  for i = 1, case.runs do
    counts[i] = (run(name, 2 * case.turns) - run(name, case.turns)) / case.turns / case.of
  end
  table.sort(counts)
  return counts[math.floor((#counts + 1) / 2)]
end

local function number(value)
  return (value < 1000 and "%.2f" or "%.0f"):format(value)
end

--- What else the counts depend on.
local function versions()
  local cc = output_of("${CC:-cc} --version 2>/dev/null"):match("^[^\n]*"):gsub("%s*%b()", "")
  local libc = output_of("ldd --version 2>/dev/null"):match("^[^\n]-([%d.]+)\n") or "?"
  return table.concat({
    output_of("lua5.4 -v 2>&1"):match("^%S+ %S+") or "Lua",
    core.curl_version:match("libcurl/%S+"),
    cc,
    "libc " .. libc,
    (output_of("uname -m"):gsub("%s", "")),
  }, ", ")
end

local function count_all()
  local lines = {
    "# Instructions a byte of JSON or a GET of 1 KB, on Lua 5.4, user code only: make bench-count.",
    "# The peer is lua-cjson " .. require("cjson")._VERSION .. ", and bench/floor.c for the GET.",
    "# " .. versions(),
    ("#%-15s %10s %10s %10s"):format("", "ours", "peer", "peer/ours"),
  }
  for _, case in ipairs(CASES) do
    local ours, peer = count(case, case.name), count(case, case.peer)
    lines[#lines + 1] = ("%-16s %10s %10s %10.2f"):format(
      case.name,
      number(ours),
      number(peer),
      peer / ours
    )
    print(lines[#lines])
  end
  write(KEPT, table.concat(lines, "\n") .. "\n")
end

--- @return boolean whether it passes
local function check(case, kept)
  if not kept then
    print(("FAILED %s is not in %s: make bench-count"):format(case.name, KEPT))
    return false
  end
  local now = count(case, case.name)
  local growth = (now / kept - 1) * 100
  local verdict = growth > FAIL_ABOVE and "FAILED" or growth > REPORT_ABOVE and "grew" or "ok"
  print(
    ("%-6s %-14s %9s a %s, kept %s (%+.1f %%)"):format(
      verdict,
      case.name,
      number(now),
      case.unit,
      number(kept),
      growth
    )
  )
  return verdict ~= "FAILED"
end

local function check_all()
  local text = assert(read(KEPT), KEPT .. " is missing: make bench-count writes it")
  local kept_by, here = text:match("\n# (Lua [^\n]*)"), versions()
  if kept_by ~= here then
    print(("%s has the counts of\n  %s, which say nothing of\n  %s"):format(KEPT, kept_by, here))
    print(("0 passed, 0 failed, %d skipped"):format(#CASES))
    return true
  end
  local passed = 0
  for _, case in ipairs(CASES) do
    local kept = tonumber(text:match("\n" .. case.name:gsub("%-", "%%-") .. " +(%S+)"))
    passed = passed + (check(case, kept) and 1 or 0)
  end
  print(("%d passed, %d failed"):format(passed, #CASES - passed))
  return passed == #CASES
end

local function profile(name)
  for _, case in ipairs(CASES) do
    if name == case.name or name == case.peer then
      local turns = 10 * case.turns -- so that the start does not show
      run(name, turns)
      local file = ("%s/%s.%d"):format(WORK, name, turns)
      local annotate = "callgrind_annotate --auto=no --threshold=97 %s %s | "
        .. "sed -n '/^Ir/,$p' | sed 's| \\[.*/| [|' | head -n 40"
      print("self\n" .. output_of(annotate:format("", file)))
      print("with what they call\n" .. output_of(annotate:format("--inclusive=yes", file)))
      print("the whole of it: " .. file)
      return
    end
  end
  error("no case " .. name, 0)
end

output_of("mkdir -p " .. WORK)
for name, text in pairs(TEXTS) do
  write(("%s/%s.json"):format(WORK, name), text)
end
web = server.start()
local ok, result = pcall(function()
  if arg[1] == "check" then
    return check_all()
  elseif arg[1] == "profile" then
    return profile(arg[2])
  end
  return count_all()
end)
web:stop()
if not ok then
  print(result)
end
os.exit(ok and result ~= false and 0 or 1)
