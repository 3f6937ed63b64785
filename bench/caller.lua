--- One contender of bench/calls.lua, in a process of its own:
---
---   tools/lua 5.4 bench/caller.lua NAME COUNT WARM_COUNT BASE WARM_ROUTE ROUTE CA_FILE
---
--- NAME is one of bench/callers. After WARM_COUNT calls, which open the
--- connection, it prints of COUNT calls
---   <CPU seconds> <wall seconds> <kilobytes the process grew by, at most> <length>
--- where the length is the rows of the last answer, or the bytes of its id.

local here = arg[0]:match("^(.*)/[^/]*$") or "."
package.path = here .. "/?.lua;" .. package.path

local routes = require("routes")

local name, count, warm_count = arg[1], tonumber(arg[2]), tonumber(arg[3])
local base, warm_route, route = arg[4], routes.all[arg[5]], routes.all[arg[6]]
local ca_file = arg[7] ~= "" and arg[7] or nil

local caller = dofile(("%s/callers/%s.lua"):format(here, name))
local cpu = caller.cpu or os.clock
local now = caller.now or require("ticks").now

--- @return integer 0 where the system does not tell
local function kilobytes(what)
  local file = io.open("/proc/self/status")
  if not file then
    return 0
  end
  local text = file:read("*a")
  file:close()
  return tonumber(text:match(what .. ":%s*(%d+)"))
end

local get = caller.open(base, ca_file)
for _ = 1, warm_count do
  get(warm_route)
end
collectgarbage()
collectgarbage()
local resident = kilobytes("VmRSS")
local value
local wall, used = now(), cpu()
for _ = 1, count do
  value = get(route)
end
used, wall = cpu() - used, now() - wall
local peak = kilobytes("VmHWM")
print(("%.6f %.6f %d %d"):format(used, wall, peak - resident, #(value.results or value.id)))
