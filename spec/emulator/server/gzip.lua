--- Compression, by the zlib that nginx is linked with. nginx's own leaves small bodies alone.

local ffi = require("ffi")

ffi.cdef([[
typedef struct {
  const char *next_in; unsigned int avail_in; unsigned long total_in;
  char *next_out; unsigned int avail_out; unsigned long total_out;
  const char *msg; void *state, *zalloc, *zfree, *opaque;
  int data_type; unsigned long adler, reserved;
} emulator_z_stream;
int deflateInit2_(emulator_z_stream *z, int level, int method, int window_bits, int memory_level,
  int strategy, const char *version, int size);
int deflate(emulator_z_stream *z, int flush);
int deflateEnd(emulator_z_stream *z);
unsigned long compressBound(unsigned long size);
const char *zlibVersion(void);
]])

local gzip = {}

local BEST, DEFLATED, GZIP_WINDOW, MEMORY = 9, 8, 15 + 16, 8
local FULL_FLUSH, FINISH, STREAM_END = 3, 4, 1

--- @param text string
--- @param open? boolean leaves the stream open behind a part that can be repeated
--- @return string compressed
local function compress(text, open)
  local z = ffi.new("emulator_z_stream")
  assert(
    ffi.C.deflateInit2_(
      z,
      BEST,
      DEFLATED,
      GZIP_WINDOW,
      MEMORY,
      0,
      ffi.C.zlibVersion(),
      ffi.sizeof(z)
    ) == 0
  )
  local size = tonumber(ffi.C.compressBound(#text)) + 64
  local room = ffi.new("char[?]", size)
  z.next_in, z.avail_in, z.next_out, z.avail_out = text, #text, room, size
  local result = ffi.C.deflate(z, open and FULL_FLUSH or FINISH)
  ffi.C.deflateEnd(z)
  assert(result == (open and 0 or STREAM_END))
  return ffi.string(room, size - z.avail_out)
end

--- @param text string
--- @return string
function gzip.whole(text)
  return compress(text)
end

local HEADER = 10 -- bytes of a gzip header without a name

--- The parts of an endless stream: its start, and a piece to be sent again and again.
--- @param text string what each piece stands for
--- @return string start
--- @return string piece
function gzip.endless(text)
  local stream = compress(text, true)
  return stream:sub(1, HEADER), stream:sub(HEADER + 1)
end

return gzip
