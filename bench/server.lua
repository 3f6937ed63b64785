--- A web server on loopback that serves the fixtures as the API would: a
--- dataset, a page of items, and a dataset that takes 200 ms.

local fixtures = require("fixtures")

local server = {}

local HERE = debug.getinfo(1, "S").source:match("^@(.*)server%.lua$") or "bench/"

local function quote(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

local function output_of(command)
  local pipe = assert(io.popen(command, "r"))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

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
local Server = {}
Server.__index = Server

--- The text of each route.
server.texts = { dataset = fixtures.dataset(), items = fixtures.items(100) }

--- @return bench.Server
function server.start()
  local prefix = output_of('d=$(mktemp -d "${TMPDIR:-/tmp}/posthog-bench.XXXXXX") && '
    .. 'mkdir "$d/files" && printf %s "$d"')
  assert(prefix ~= "", "no directory for temporary files")
  for name, text in pairs(server.texts) do
    write(("%s/files/%s.json"):format(prefix, name), text)
  end
  -- $PPID of the shell that runs the launcher is this very process.
  local launch = ("sh %s %s $PPID 2>&1"):format(quote(HERE .. "serve"), quote(prefix))
  local text = output_of(launch)
  local self = { prefix = prefix }
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
