--- The client's connection below HTTP: what nginx has no word for.

local base = require("resty.core.base")
local ffi = require("ffi")

ffi.cdef([[
struct emulator_linger { int onoff; int seconds; };
struct emulator_connection { void *data, *read, *write; int fd; };
struct emulator_request { uint32_t signature; struct emulator_connection *connection; };
int setsockopt(int fd, int level, int name, const void *value, unsigned int size);
]])

local connection = {}

local SIGNATURE = 0x50545448 -- of an ngx_http_request_t
local SOL_SOCKET, SO_LINGER = 1, 13 -- Linux
if jit.os ~= "Linux" then
  SOL_SOCKET, SO_LINGER = 0xFFFF, 0x80
end

--- Makes the end of this connection, whenever it comes, a reset: what is still on its way is lost.
function connection.end_by_reset()
  local request = ffi.cast("struct emulator_request *", base.get_request())
  assert(request.signature == SIGNATURE, "this nginx lays out its requests in another way")
  local at_once = ffi.new("struct emulator_linger", 1, 0)
  assert(
    ffi.C.setsockopt(request.connection.fd, SOL_SOCKET, SO_LINGER, at_once, ffi.sizeof(at_once))
      == 0
  )
end

return connection
