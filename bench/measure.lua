--- What the benches share: how often, medians, and where it was measured.

local core = require("posthog.llm.core")

local measure = {}

--- Repetitions of each measurement; what is compared takes turns.
measure.TURNS = tonumber(os.getenv("BENCH_TURNS")) or 11

--- @param list number[] is sorted by this
--- @return number median
--- @return number least
--- @return number most
function measure.median(list)
  table.sort(list)
  return list[math.floor((#list + 1) / 2)], list[1], list[#list]
end

--- @param list number[] is sorted by this
--- @return number median
--- @return number low a quarter of them is below
--- @return number high
function measure.quartiles(list)
  local median = measure.median(list)
  return median, list[math.ceil(#list / 4)], list[math.ceil(#list * 3 / 4)]
end

local function first_line(command)
  local pipe = io.popen(command .. " 2>/dev/null", "r")
  local line = pipe and pipe:read("*l")
  if pipe then
    pipe:close()
  end
  return line ~= "" and line or nil
end

local function machine()
  local cpu = first_line("sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo")
    or first_line("sysctl -n machdep.cpu.brand_string hw.model")
    or first_line("uname -m")
    or "some machine"
  local count = first_line("getconf _NPROCESSORS_ONLN") or "?"
  local load = first_line("uptime"):match("load averages?: *([%d.]+)") or "?"
  local system = first_line("uname -sr") or "?"
  return ("%s, %s CPUs, %s, load %s"):format(cpu, count, system, load)
end

--- @return string[] versions of what takes part in a call, beside Lua
function measure.parts_of_a_call()
  local parts = {}
  for part in core.curl_version:gmatch("%S+") do
    if part:find("^libcurl/") or part:find("SSL/") or part:find("^nghttp2/") then
      parts[#parts + 1] = part
    end
  end
  local nginx = first_line("PATH=$PATH:/usr/sbin:/usr/local/sbin; nginx -v 2>&1 | cat") or ""
  parts[#parts + 1] = nginx:match("nginx/%S+") or "nginx"
  return parts
end

--- Prints what is measured, with which versions, and on what.
--- @param title string
--- @param versions string[] of what takes part beside Lua
function measure.head(title, versions)
  local vm = jit and jit.version or _VERSION
  print(("\n%s: %s, %s"):format(title, vm, table.concat(versions, ", ")))
  print(machine())
end

return measure
