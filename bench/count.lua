--- How many instructions the codec takes a byte, a small GET a call, and the
--- command to start, by callgrind, on Lua 5.4: figures that no neighbour on the
--- machine changes. Two runs that differ in the number of turns only, subtracted,
--- leave out the start; of the command it is the start that counts.
---
---   make bench-count                         counts, and writes bench/counts.txt
---   make bench-check                         counts, and compares with that file
---   make bench-count PROFILE=decode-items    where a case spends them

local HERE = arg[0]:match("^(.*)/[^/]*$") or "."
package.path = HERE .. "/?.lua;" .. package.path

local core = require("posthog.llm.core")
local counts = require("counts")
local measure = require("measure")
local routes = require("routes")
local server = require("server")

local number, output_of = counts.number, measure.output_of

local TITLE = "# Instructions a byte of JSON or a GET of 1 KB"
-- Seen from the root of the checkout: the length of a path moves the stack,
-- whose address goes into the seed of Lua's hashes.
local WORK = "build/bench/count"

local TEXTS = {}
for _, name in ipairs({ "items", "skill", "prose", "spend" }) do
  TEXTS[name] = routes.make[name]()
end

-- Multiples of the turns after which bench/counted.lua runs the collector. What
-- the threads of a call do varies by a percent, so that one is counted thrice.
local CASES = {}
for _, verb in ipairs({ "decode", "encode" }) do
  for _, text in ipairs({ "items", "skill", "prose", "spend" }) do
    local name = verb .. "-" .. text
    local case = { name = name, peer = "cjson-" .. name, unit = "byte", of = #TEXTS[text] }
    case.turns, case.runs = text == "items" and 10 or 20, 1
    CASES[#CASES + 1] = case
  end
end
CASES[#CASES + 1] = { name = "get", peer = "floor", unit = "call", of = 1, turns = 300, runs = 3 }

--- The starts of the command, over that of a program that loads the library alone.
local LIBRARY = "-e 'require(\"posthog.llm\")'"
local STARTS = {
  { name = "start-version", words = "--version", most = 1.15 },
  { name = "start-status", words = "skills status --offline " .. WORK .. "/skill", most = 1.5 },
}
for _, start in ipairs(STARTS) do
  start.unit = "start"
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

local function program_of(name, turns)
  if name == "floor" then
    return floor(turns)
  end
  return ("lua5.4 bench/counted.lua %s %d %s %s"):format(name, turns, WORK, web.url)
end

--- A program under callgrind, with nothing of the caller's environment in it.
local function counting(program, name, turns)
  return (
    "env -i PATH=/usr/local/bin:/usr/bin:/bin LD_PRELOAD=build/bench/still_clock.so "
    .. "LUA_PATH='lua/?.lua;lua/?/init.lua;bench/?.lua;;' LUA_CPATH='build/5.4/?.so;;' valgrind "
    .. "--tool=callgrind --callgrind-out-file=%s/%s.%d %s 2>&1"
  ):format(WORK, name, turns, program)
end

--- @param program? string default: that of the case
--- @return integer instructions of a whole run
local function run(name, turns, program)
  local text = output_of(counting(program or program_of(name, turns), name, turns))
  local count = text:match("Collected : (%d+)")
  if not count or text:find("lua5.4:", 1, true) then
    error("no count of " .. name .. ":\n" .. text, 0)
  end
  return tonumber(count)
end

--- @return number instructions a byte, a call or a start
local function count(case, name)
  if case.words then
    local words = name and LIBRARY or "bin/posthog-llm " .. case.words
    return run(case.name, 1, "lua5.4 " .. words)
  end
  name = name or case.name
  local runs = {}
  for i = 1, case.runs do
    runs[i] = (run(name, 2 * case.turns) - run(name, case.turns)) / case.turns / case.of
  end
  table.sort(runs)
  return runs[math.floor((#runs + 1) / 2)]
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
    TITLE .. ", on Lua 5.4, user code only: make bench-count.",
    "# The peer is lua-cjson " .. require("cjson")._VERSION .. ", and bench/floor.c for the GET.",
    '# Of a start of the command they are all; the peer is require("posthog.llm") alone.',
    "# " .. versions(),
    ("#%-15s %10s %10s %10s"):format("", "ours", "peer", "peer/ours"),
  }
  for _, case in ipairs(CASES) do
    local ours, peer = count(case), count(case, case.peer)
    lines[#lines + 1] = ("%-16s %10s %10s %10.2f"):format(
      case.name,
      number(ours),
      number(peer),
      peer / ours
    )
    print(lines[#lines])
  end
  lines[#lines + 1] = ("#%-15s %10s %10s %10s"):format("", "ours", "peer", "ours/peer")
  print(lines[#lines])
  for _, start in ipairs(STARTS) do
    local ours, peer = count(start), count(start, LIBRARY)
    local line = "%-16s %10.0f %10.0f %10.2f"
    lines[#lines + 1] = line:format(start.name, ours, peer, ours / peer)
    print(("%s, at most %.2f"):format(lines[#lines], start.most))
  end
  counts.write(TITLE, lines)
end

--- Whether a start takes no more than it may, beside that of the library alone.
--- @return boolean
local function check_start(start, kept)
  local ratio = count(start) / count(start, LIBRARY)
  local verdict = ratio > start.most and "FAILED" or "ok"
  local words = "%-6s %-14s %9.2f x the library alone, at most %.2f, kept %.2f"
  print(words:format(verdict, start.name, ratio, start.most, kept or 0 / 0))
  return verdict ~= "FAILED"
end

local function check_all()
  local kept = counts.read(TITLE)
  if not counts.comparable(kept, versions()) then
    print(("0 passed, 0 failed, %d skipped"):format(#CASES + #STARTS))
    return true
  end
  local passed = 0
  for _, case in ipairs(CASES) do
    local ok = counts.compare(case.name, case.unit, count(case), (counts.of(kept, case.name)))
    passed = passed + (ok and 1 or 0)
  end
  for _, start in ipairs(STARTS) do
    local ok = check_start(start, (select(2, counts.of(kept, start.name))))
    passed = passed + (ok and 1 or 0)
  end
  local all = #CASES + #STARTS
  print(("%d passed, %d failed"):format(passed, all - passed))
  return passed == all
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
output_of(("mkdir -p %s/skill"):format(WORK))
write(WORK .. "/skill/SKILL.md", "---\nname: skill\ndescription: One.\n---\n# Skill\n")
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
