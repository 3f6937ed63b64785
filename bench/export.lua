--- Reads an export of any size and shows the time and the memory that it takes.
---
---   tools/lua 5.4 bench/export.lua                            250 MB from a server of its own
---   tools/lua 5.4 bench/export.lua URL BYTES plain|uv         from the one of spec/support/bulk.lua

local bulk = require("spec.support.bulk")
local llm = require("posthog.llm")
local process = require("spec.support.process")

local url, bytes, host = arg[1], tonumber(arg[2] or 250 * 1000000), arg[3] or "plain"
local server = not url and bulk.start()
local uv = host == "uv" and require("luv")

local function run()
  local client = llm.new({
    host = url or server.url,
    personal_api_key = "phx_bench",
    project_id = 1,
    profile = "current",
  })
  local id = bulk.id("rows", bytes, { framing = "chunks" })
  local rows, from = 0, os.clock()
  local next_row = client.datasets:export_read(id, 1) -- Lua 5.1 waits in no `for` inside of llm.go
  local row = next_row()
  while row do
    rows = rows + 1
    assert(row.id == "i" .. rows)
    row = next_row()
  end
  print(
    ("%s, %s host: %d rows of %.0f MB, %.2f s of CPU time, peak %.0f MiB"):format(
      jit and "LuaJIT" or _VERSION,
      host,
      rows,
      bytes / 1e6,
      os.clock() - from,
      (process.peak() or 0) / 1024
    )
  )
  client:close()
end

if uv then
  llm.go(run, function(err)
    if err then
      io.stderr:write(tostring(err), "\n")
      os.exit(1)
    end
    uv.stop()
  end)
  uv.run()
else
  run()
end
if server then
  server:stop()
end
