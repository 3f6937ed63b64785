--- Reads a file piece by piece or line by line, within bounded memory, and
--- hashes what it has read.

local atomic_file = require("posthog.llm.util.atomic_file")
local digest = require("posthog.llm.util.digest")
local failure = require("posthog.llm.dataset_file.failure")

local PIECE = 64 * 1024 -- bytes
local LONGEST = 64 * 1024 * 1024 -- bytes of a line; the API takes 20 MB in a request

local BOM = "\239\187\191"

--- @class posthog.llm.dataset_file.Bytes
--- @field path string
--- @field size integer bytes read so far
--- @field number integer of the line that was read last
--- @field private limit number bytes
--- @field private file file*
--- @field private hasher userdata
--- @field private kept string read and not yet given away
--- @field private at integer where in it the rest begins
local Bytes = {}
Bytes.__index = Bytes

local bytes = {}

--- @param path string
--- @param limit? integer bytes that are read at most
--- @return posthog.llm.dataset_file.Bytes?
--- @return posthog.llm.Error?
function bytes.open(path, limit)
  local file, message = io.open(path, "rb")
  if not file then
    return atomic_file.failure(path, "cannot be read", message)
  end
  local self = setmetatable(
    { path = path, size = 0, number = 0, file = file, hasher = digest.hasher(), kept = "", at = 1 },
    Bytes
  )
  self.limit = limit or math.huge
  local first, err = self:piece()
  if err then
    self:close()
    return nil, err
  end
  first = first or ""
  if first:sub(1, 2) == "\254\255" or first:sub(1, 2) == "\255\254" then
    self:close()
    return nil, failure(path, "is UTF-16; save it as UTF-8")
  end
  self.kept, self.at = first, first:sub(1, 3) == BOM and 4 or 1
  return self
end

--- The next piece: what peeking ahead has left, or as much as is read at once.
--- @return string? piece nil: the end, or err
--- @return posthog.llm.Error? err
function Bytes:piece()
  if self.at <= #self.kept then
    local rest = self.kept:sub(self.at)
    self.kept, self.at = "", 1
    return rest
  elseif not self.file or self.size >= self.limit then
    return nil
  end
  local piece, message = self.file:read(math.min(PIECE, self.limit - self.size))
  if message then
    return atomic_file.failure(self.path, "cannot be read", message)
  elseif piece then
    self.size = self.size + #piece
    self.hasher:add(piece)
  end
  return piece
end

--- The next line without its line feed; a carriage return stays.
--- @return string? line nil: the end, or err
--- @return posthog.llm.Error? err
--- @return boolean? ended whether a line feed followed
function Bytes:line()
  local parts, length = {}, 0
  while true do
    local last = self.kept:find("\n", self.at, true)
    if last then
      parts[#parts + 1] = self.kept:sub(self.at, last - 1)
      self.at = last + 1
      self.number = self.number + 1
      return table.concat(parts), nil, true
    end
    local rest = self.kept:sub(self.at)
    self.kept, self.at = "", 1
    parts[#parts + 1], length = rest, length + #rest
    if length > LONGEST then
      return nil, failure(self.path, "line %d has more than %d bytes", self.number + 1, LONGEST)
    end
    local piece, err = self:piece()
    if err then
      return nil, err
    elseif not piece then
      if length == 0 then
        return nil
      end
      self.number = self.number + 1
      return table.concat(parts), nil, false
    end
    self.kept = piece
  end
end

--- Whether it can be read once more: no pipe, no terminal.
function Bytes:can_return()
  return self.file ~= nil and self.file:seek() ~= nil
end

--- The digest of all that was read so far.
function Bytes:sha256()
  return self.hasher:hex()
end

function Bytes:close()
  local file = self.file
  self.file = nil
  if file then
    file:close()
  end
end

return bytes
