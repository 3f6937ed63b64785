--- A TCP server for what no well-behaved server does. It runs in this process, and only inside of
--- scripted.step().
---
---   local server = scripted.start(function(connection, number, head) ... end)
---
--- The function is called for every request, with its number on that connection and its text up to
--- the empty line; it calls connection:write(bytes), :close() (the end of the stream) or :reset().

local uv = require("luv")

local scripted = {}

local Connection = {}
Connection.__index = Connection

function Connection:write(bytes)
  self.socket:write(bytes)
end

function Connection:close()
  if not self.socket:is_closing() then
    self.socket:shutdown(function()
      if not self.socket:is_closing() then
        self.socket:close()
      end
    end)
  end
end

function Connection:reset()
  self.socket:close_reset()
end

local Server = {}
Server.__index = Server

local function read(server, connection, bytes)
  connection.text = connection.text .. bytes
  while true do
    local head, rest = connection.text:match("^(.-\r\n\r\n)(.*)$")
    if not head then
      return
    end
    local length = tonumber(head:lower():match("\r\ncontent%-length: *(%d+)")) or 0
    if #rest < length then
      return
    end
    connection.text = rest:sub(length + 1)
    connection.requests = connection.requests + 1
    server.requests[#server.requests + 1] = head .. rest:sub(1, length)
    server.script(connection, connection.requests, head)
  end
end

local function accept(server)
  local connection = setmetatable({ text = "", requests = 0, socket = uv.new_tcp() }, Connection)
  server.listener:accept(connection.socket)
  server.connections[#server.connections + 1] = connection
  connection.socket:read_start(function(err, bytes)
    if bytes then
      read(server, connection, bytes)
    elseif not err then
      connection:close()
    end
  end)
end

--- Without a script it listens and never accepts: connections are made by the system alone.
--- @param script? fun(connection: table, number: integer, head: string)
function scripted.start(script)
  local server = setmetatable({ script = script, requests = {}, connections = {} }, Server)
  server.listener = uv.new_tcp()
  assert(server.listener:bind("127.0.0.1", 0))
  assert(server.listener:listen(64, function()
    if script then
      accept(server)
    end
  end))
  server.port = server.listener:getsockname().port
  server.url = ("http://127.0.0.1:%d"):format(server.port)
  server.tls_url = ("https://localhost:%d"):format(server.port)
  return server
end

--- Lets all servers do what is due.
function scripted.step()
  uv.run("nowait")
end

function Server:stop()
  for _, connection in ipairs(self.connections) do
    if not connection.socket:is_closing() then
      connection.socket:close()
    end
  end
  self.listener:close()
  uv.run("nowait")
end

--- Whether a descriptor is readable now.
function scripted.readable(fd)
  local poll, readable = uv.new_poll(fd), false
  poll:start("r", function()
    readable = true
  end)
  uv.run("nowait")
  poll:close()
  uv.run("nowait")
  return readable
end

return scripted
