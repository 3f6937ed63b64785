--- A web server on loopback that serves the texts of bench/routes.lua as the
--- API would; besides, a dataset that takes as many ms as its id says
--- (wait-50), and pages of datasets that take 50 ms each.

local measure = require("measure")
local routes = require("routes")

local quote, output_of = measure.quote, measure.output_of

local server = {}

local HERE = debug.getinfo(1, "S").source:match("^@(.*)server%.lua$") or "bench/"

local function write(name, text)
  local file = assert(io.open(name, "wb"))
  assert(file:write(text))
  file:close()
end

--- @class bench.Server
--- @field url string
--- @field tls_url string
--- @field ca_file string
--- @field pid string
--- @field files string directory of the texts, <name>.json
--- @field lengths table<string, { bytes: integer, rows: integer }> of each text; a text that is no
---   page has the bytes of its id in place of rows
local Server = {}
Server.__index = Server

--- @return bench.Server
function server.start()
  local prefix = output_of(
    'd=$(mktemp -d "${TMPDIR:-/tmp}/posthog-bench.XXXXXX") && '
      .. 'mkdir "$d/files" && printf %s "$d"'
  )
  assert(prefix ~= "", "no directory for temporary files")
  local lengths = {}
  for name, make in pairs(routes.make) do
    local text = make()
    local _, rows = text:gsub('"ref_trace_id":', "")
    local id = text:match('"id":"([^"]*)')
    lengths[name] = { bytes = #text, rows = rows > 0 and rows or id and #id }
    write(("%s/files/%s.json"):format(prefix, name), text)
  end
  -- $PPID of the shell that runs the launcher is this very process.
  local launch = ("sh %s %s $PPID 2>&1"):format(quote(HERE .. "serve"), quote(prefix))
  local text = output_of(launch)
  local self = { prefix = prefix, files = prefix .. "/files", lengths = lengths }
  for name, value in text:gmatch("(%l[%l_]*)=([^\n]*)\n") do
    self[name] = value
  end
  if not self.pid then
    error("the server did not start:\n" .. text, 2)
  end
  return setmetatable(self, Server)
end

function Server:stop()
  output_of(("kill %s; rm -rf %s"):format(self.pid, quote(self.prefix)))
end

return server
