--- Starts and steers a local emulator of PostHog from a test or bench, on any Lua.
---
---   local emulator = require("spec.emulator")
---   local e = emulator.start({ tls = true })
---   ... e.url ... e.tls_url ... e.ca_file ...
---   e:stop()
---
--- It needs io, os, lua-cjson and the curl command, and none of the library under test. A server
--- ends by itself, at the latest a second after the process that started it.

local cjson = require("cjson.safe").new()

local emulator = {}

--- The directory of this file, so that the launcher is found from anywhere.
local HERE = debug.getinfo(1, "S").source:match("^@(.*)init%.lua$") or "spec/emulator/"

local function quote(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

--- Runs a shell command and returns what it printed.
local function output_of(command)
  local pipe = assert(io.popen(command, "r"))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

--- @class posthog.Emulator
--- @field url string where plain HTTP is served, such as http://127.0.0.1:23456
--- @field tls_url string? where TLS with HTTP/2 is served; only with tls = true
--- @field ca_file string? PEM file of the authority that signed its certificate
--- @field pid string process id of the server
--- @field prefix string the server's directory
--- @field log_file string the log of requests as a file, one JSON object a line
local Emulator = {}
Emulator.__index = Emulator

--- Starts a server. Raises with the launcher's message when that fails.
--- @param options? { profile?: string, tls?: boolean, port?: integer }
--- @return posthog.Emulator
function emulator.start(options)
  options = options or {}
  -- $PPID of the shell that runs the launcher is this very process.
  local words = { "sh", quote(HERE .. "start"), "--parent", "$PPID" }
  if options.profile then
    words[#words + 1] = "--profile " .. quote(options.profile)
  end
  if options.port then
    words[#words + 1] = ("--port %d"):format(options.port)
  end
  if options.tls then
    words[#words + 1] = "--tls"
  end
  local text = output_of(table.concat(words, " ") .. " 2>&1")
  local values = {}
  for name, value in text:gmatch("(%l[%l_]*)=([^\n]*)\n") do
    values[name] = value
  end
  if not values.prefix then
    error("the emulator did not start:\n" .. text, 2)
  end
  return setmetatable({
    url = values.url,
    tls_url = values.tls_url,
    ca_file = values.ca_file,
    pid = values.pid,
    prefix = values.prefix,
    log_file = values.log,
  }, Emulator)
end

--- One call of a control route. Raises when the server is gone or does not like it.
local function control(self, method, route, value)
  if not self.prefix then
    error("this emulator has been stopped", 3)
  end
  local words = { "curl -q -sS --noproxy '*' --max-time 30 -w '\\n%{http_code}' -X", method }
  if value ~= nil then
    local name = self.prefix .. "/control.json"
    local file = assert(io.open(name, "wb"))
    file:write(assert(cjson.encode(value)))
    file:close()
    words[#words + 1] = "--data-binary " .. quote("@" .. name)
  end
  words[#words + 1] = quote(self.url .. "/__emulator/" .. route)
  local text = output_of(table.concat(words, " ") .. " 2>&1")
  local body, status = text:match("^(.*)\n(%d%d%d)%s*$")
  if status ~= "200" then
    error(("emulator: %s %s: %s"):format(method, route, text), 3)
  end
  return assert(cjson.decode(body))
end

--- Back to the state after the start: no rows, no faults, default settings, an empty log.
--- @param list? { match?: table, action: table }[] faults to be there from then on
function Emulator:reset(list)
  control(self, "POST", "reset", list)
end

--- Changes settings (doc/emulator.md lists them); without an argument only reads them.
--- @return table settings all of them
function Emulator:settings(changes)
  return control(self, changes and "POST" or "GET", "settings", changes)
end

--- Replaces the list of faults; an empty list removes them.
--- @param list { match?: table, action: table }[]
function Emulator:faults(list)
  control(self, "POST", "faults", list[1] and list or nil) -- cjson would send {} for no fault
end

--- The same with a single fault.
--- @param fault { match?: table, action: table } doc/emulator.md lists the members
function Emulator:fault(fault)
  control(self, "POST", "faults", { fault })
end

--- Does the writes that faults with `hold` have kept.
--- @return { released: integer }
function Emulator:release()
  return control(self, "POST", "release")
end

--- Fills in many rows at once.
--- @param wanted { project?: integer, skills?: integer, versions?: integer, category?: string,
---   datasets?: integer, items?: integer, dataset?: string, bytes?: integer }
--- @return { skills: string[], datasets: string[], items: string[] } made names and ids
function Emulator:seed(wanted)
  return control(self, "POST", "seed", wanted)
end

--- The requests that arrived since the last reset, or after entry `since`.
--- @return table[] entries
function Emulator:log(since)
  return control(self, "GET", ("log?since=%d"):format(since or 0))
end

--- Counts and rows, for assertions.
function Emulator:state()
  return control(self, "GET", "state")
end

--- Stops the server and removes its directory. A second call does nothing.
function Emulator:stop()
  if not self.prefix then
    return
  end
  local prefix = self.prefix
  self.prefix = nil
  output_of("sh " .. quote(HERE .. "stop") .. " " .. quote(prefix) .. " 2>&1")
end

return emulator
