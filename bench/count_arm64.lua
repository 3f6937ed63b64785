--- How many instructions the codec takes a byte on arm64, beside x86-64: qemu-user runs
--- the same program of both, and bench/count_plugin.c counts. Two runs that differ in the
--- number of turns only, subtracted, leave out the start; the figures repeat to the last
--- digit.
---
---   make bench-count ARCH=arm64        counts, and writes a section of bench/counts.txt
---   make bench-check ARCH=arm64        counts, and compares with it

local HERE = arg[0]:match("^(.*)/[^/]*$") or "."
package.path = HERE .. "/?.lua;" .. package.path

local counts = require("counts")
local measure = require("measure")
local routes = require("routes")

local number, output_of = counts.number, measure.output_of

local TITLE = "# Instructions a byte of JSON on arm64"
local WORK = "build/bench/arm64"
local MOST = 1.08 -- times as many on arm64

local ARM64 = "qemu-aarch64 -L /usr/aarch64-linux-gnu %s build/bench/arm64/lua"
local X86_64 = "qemu-x86_64 %s build/bench/x86_64/lua"

-- Multiples of the turns after which bench/counted.lua runs the collector.
local TEXTS = {
  { name = "items", text = routes.make.items(), turns = 10 },
  { name = "skill", text = routes.make.skill(), turns = 20 },
  { name = "spend", text = routes.make.spend(), turns = 20 },
  { name = "small", text = routes.make.dataset(), turns = 2000 },
}

local function run(qemu, case, turns)
  local program = qemu:format("-plugin build/bench/count_plugin.so")
  local command = "env -i PATH=/usr/local/bin:/usr/bin:/bin %s bench/counted.lua %s %d %s 2>&1"
  local text = output_of(command:format(program, case, turns, WORK))
  local count = text:match("^instructions: (%d+)\n$")
  return count and tonumber(count) or error(("no count of %s:\n%s"):format(case, text), 0)
end

--- @return number instructions a byte
local function count(qemu, case, text)
  return (run(qemu, case, 2 * text.turns) - run(qemu, case, text.turns)) / text.turns / #text.text
end

--- What the counts depend on. The Lua of both is that of one release of Debian.
local function versions()
  return table.concat({
    output_of("lua5.4 -v 2>&1"):match("^%S+ %S+") or "Lua",
    output_of("${CC:-cc} --version"):match("^[^\n]*"):gsub("%s*%b()", ""),
    output_of("aarch64-linux-gnu-gcc --version"):match("^[^\n]*"):gsub("%s*%b()", ""),
    "qemu " .. (output_of("qemu-aarch64 --version"):match("version ([%d.]+)") or "?"),
  }, ", ")
end

--- Counts each case, and calls `take` with its name and both counts.
local function each_case(take)
  for _, verb in ipairs({ "decode", "encode" }) do
    for _, text in ipairs(TEXTS) do
      local case = verb .. "-" .. text.name
      take(case, count(ARM64, case, text), count(X86_64, case, text))
    end
  end
end

local function count_all()
  local lines = {
    TITLE .. " and on x86-64, on Lua 5.4, by qemu-user: make bench-count ARCH=arm64.",
    "# " .. versions(),
    ("#%-15s %10s %10s %12s"):format("", "arm64", "x86-64", "arm64/x86-64"),
  }
  each_case(function(case, arm64, x86_64)
    local line = "%-16s %10s %10s %12.2f"
    lines[#lines + 1] = line:format(case, number(arm64), number(x86_64), arm64 / x86_64)
    print(("%s, at most %.2f"):format(lines[#lines], MOST))
  end)
  counts.write(TITLE, lines)
  return true
end

--- The growth says something with the versions of the file alone, the ratio with any.
local function check_all()
  local kept = counts.read(TITLE)
  local comparable = counts.comparable(kept, versions())
  local passed, failed = 0, 0
  each_case(function(case, arm64, x86_64)
    local good = not comparable or counts.compare(case, "byte", arm64, (counts.of(kept, case)))
    local ratio = arm64 / x86_64
    local verdict = ratio > MOST and "FAILED" or "ok"
    print(("%-6s %-14s %9.2f x x86-64, at most %.2f"):format(verdict, case, ratio, MOST))
    if good and ratio <= MOST then
      passed = passed + 1
    else
      failed = failed + 1
    end
  end)
  print(("%d passed, %d failed"):format(passed, failed))
  return failed == 0
end

for _, text in ipairs(TEXTS) do
  local file = assert(io.open(("%s/%s.json"):format(WORK, text.name), "wb"))
  assert(file:write(text.text))
  file:close()
end
if not output_of("qemu-aarch64 --help"):find("-plugin", 1, true) then
  print("qemu-aarch64 here takes no plugins: Debian 12 has one that does, and from Debian 13 on")
  print("qemu-user is linked statically, which rules them out")
  print(("0 passed, 0 failed, %d skipped"):format(2 * #TEXTS))
  return
end
local ok, result = pcall(arg[1] == "check" and check_all or count_all)
if not ok then
  print(result)
end
os.exit(ok and result and 0 or 1)
