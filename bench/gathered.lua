--- One measurement of bench/gather.lua, in a process of its own:
---
---   tools/lua 5.4 bench/gathered.lua calls COUNT IN_FLIGHT BASE CA_FILE
---   tools/lua 5.4 bench/gathered.lua pages PREFETCH SIZE BASE CA_FILE
---
--- Prints the wall and CPU seconds, on connections that are open already.

local here = arg[0]:match("^(.*)/[^/]*$") or "."
package.path = here .. "/?.lua;" .. package.path

local llm = require("posthog.llm")
local posthog = dofile(here .. "/callers/posthog.lua")

local what, base, ca_file = arg[1], arg[4], arg[5]
local first, second = tonumber(arg[2]), tonumber(arg[3])

local client = posthog.client(base, ca_file, { max_connections = 64 })

local function calls(count, in_flight)
  local functions = {}
  for i = 1, count do
    functions[i] = function()
      return client.datasets:get("wait-50")
    end
  end
  local _, errors = llm.gather(functions, { concurrency = in_flight })
  local _, err = next(errors or {})
  assert(not err, tostring(err))
end

local function pages(prefetch, size)
  local rows = 0
  for _ in client.datasets:each({ limit = size, prefetch = prefetch }) do
    rows = rows + 1
  end
  assert(rows == 40 * size)
end

local function measured(fn, ...)
  local wall, cpu = posthog.now(), os.clock()
  fn(...)
  print(("%.6f %.6f"):format(posthog.now() - wall, os.clock() - cpu))
end

if what == "calls" then
  calls(second, second)
  measured(calls, first, second)
else
  calls(first + 1, first + 1)
  measured(pages, first, second)
end
