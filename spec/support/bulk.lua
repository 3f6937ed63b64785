--- Starts and stops the server of large responses, spec/support/bulk_server.lua.

local bulk = {}

local Server = {}
Server.__index = Server

local LUA = os.getenv("LUA") or "lua5.4"

--- @return boolean there is luv for this Lua
function bulk.can()
  return (pcall(require, "luv"))
end

--- @return table server with `url`
function bulk.start()
  local name = os.tmpname()
  local pipe = assert(io.popen(("%s spec/support/bulk_server.lua >%s"):format(LUA, name), "w"))
  local port
  repeat
    local file = assert(io.open(name))
    port = file:read("*l")
    file:close()
    if not port then
      os.execute("sleep 0.02")
    end
  until port
  os.remove(name)
  return setmetatable({ pipe = pipe, url = "http://127.0.0.1:" .. port }, Server)
end

--- The id of a row, or a segment of another path, which gets a response.
--- @param kind "html"|"json"|"broken"|"rows"
--- @param bytes integer
--- @param options? { status?: integer, ending?: string, framing?: string }
--- @return string
function bulk.id(kind, bytes, options)
  options = options or {}
  return ("bulk-%d-%s-%d-%s-%s"):format(
    options.status or 200,
    kind,
    bytes,
    options.ending or "whole",
    options.framing or "length"
  )
end

function Server:stop()
  self.pipe:close()
end

return bulk
