--- Where and with what a run of the benches takes place: the head and the foot
--- of bench/results.md. No name of a host and no path is in it.
---
---   tools/lua 5.4 bench/about.lua start "make bench"      and: end

local here = arg[0]:match("^(.*)/[^/]*$") or "."
package.path = here .. "/?.lua;" .. package.path

local core = require("posthog.llm.core")
local first_line = require("measure").first_line

local function package_version(name)
  return first_line(("dpkg-query -W -f '${Version}\\n' %s"):format(name))
end

local function row(what, value)
  if value then
    print(("- %s: %s"):format(what, value))
  end
end

local function machine()
  local cpu = first_line("sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo")
    or first_line("sysctl -n machdep.cpu.brand_string")
    or first_line("uname -m")
  row("machine", ("%s, %s CPUs"):format(cpu, first_line("getconf _NPROCESSORS_ONLN") or "?"))
  row("system", first_line(". /etc/os-release; echo $PRETTY_NAME"))
  row("kernel", first_line("uname -srm"))
end

local function versions()
  row("Lua", first_line("lua5.4 -v 2>&1 | cut -d ' ' -f 1,2"))
  row("LuaJIT", first_line("luajit -v 2>&1 | cut -d ' ' -f 1,2"))
  row("the library is linked with", core.curl_version)
  row(
    "lua-curl is linked with",
    (first_line("luajit -e 'print(require([[curl]]).version())'") or ""):match("%S+ %S+")
  )
  row("compiler", (first_line("${CC:-cc} --version"):gsub("%s*%b()", "")))
  local nginx = first_line("PATH=$PATH:/usr/sbin:/usr/local/sbin; nginx -v 2>&1 | cat")
  row("the server is", nginx and nginx:match("nginx/%S+"))
  for _, name in ipairs({ "lua-cjson", "lua-curl", "lua-http", "lua-socket", "lua-sec" }) do
    row(name, package_version(name))
  end
  row("Python", first_line("python3 --version | cut -d ' ' -f 2"))
  row("Neovim", (first_line("nvim --version") or ""):match("v%S+"))
  row("curl", first_line("curl --version | cut -d ' ' -f 2"))
end

local function load_average()
  return (first_line("uptime") or ""):match("load averages?: *([%d.]+)")
end

if arg[1] == "end" then
  print("\nLoad average at the end: " .. (load_average() or "?") .. "\n")
else
  print(("# Results of `%s`\n"):format(arg[2]))
  print("What the tables mean is told in [doc/performance.md](../doc/performance.md).\n")
  row("date", os.date("!%Y-%m-%d"))
  machine()
  row("load average at the start", load_average())
  versions()
  print("")
end
