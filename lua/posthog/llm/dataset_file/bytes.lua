--- Reads a file or standard input piece by piece or line by line, within bounded
--- memory; unpacks what is gzip, and hashes what was read.

local atomic_file = require("posthog.llm.util.atomic_file")
local clock = require("posthog.llm.host.clock")
local digest = require("posthog.llm.util.digest")
local errors = require("posthog.llm.util.errors")
local file_system = require("posthog.llm.util.file_system")
local failure = require("posthog.llm.dataset_file.failure")
local foreign = require("posthog.llm.dataset_file.foreign")
local gunzip = require("posthog.llm.dataset_file.gunzip")

local PIECE = 64 * 1024 -- bytes
local SHORTEST, LONGEST_NAP = 0.001, 0.02 -- seconds between two looks for more of standard input
local LONGEST = 64 * 1024 * 1024 -- bytes of a line; the API takes 20 MB in a request

local BOM = "\239\187\191"

--- @class posthog.llm.dataset_file.Bytes
--- @field path string for messages
--- @field is_stdin boolean
--- @field compression? "gzip"
--- @field size integer bytes of the file read so far
--- @field number integer of the line that was read last
--- @field on_wait? fun() called before a wait for more of standard input
--- @field private limit number bytes
--- @field private file? file*
--- @field private hasher userdata
--- @field private packed? posthog.llm.dataset_file.Gunzip
--- @field private kept string read and not yet given away
--- @field private at integer where in it the rest begins
--- @field private unpacked integer bytes of text that were read so far
local Bytes = {}
Bytes.__index = Bytes

local bytes = {
  HEAD = 32 * 1024, -- bytes that are looked at before the first record, where there are so many
}

--- Waits until there is more of standard input, while others may do something else.
--- @return integer? bytes to read
--- @return posthog.llm.Error? err
local function await_input(self)
  local nap = SHORTEST
  while true do
    local count = file_system.input_at_hand()
    if count ~= 0 then
      return count or PIECE
    elseif self.on_wait then
      self.on_wait()
    end
    if clock.sleep(nap) == false then
      local words = "reading standard input was given up"
      return nil, errors.new({ kind = "cancelled", message = words })
    end
    nap = math.min(LONGEST_NAP, nap * 2)
  end
end

--- The next bytes of the file as they are.
--- @return string? raw nil: the end, or err
--- @return posthog.llm.Error? err
local function raw_piece(self)
  if not self.file or self.size >= self.limit then
    return nil
  end
  local most = math.min(PIECE, self.limit - self.size)
  if self.file == io.stdin then
    local count, err = await_input(self)
    if not count then
      return nil, err
    end
    most = math.min(most, count)
  end
  local raw, message = self.file:read(most)
  if message then
    return atomic_file.failure(self.path, "cannot be read", message)
  elseif raw then
    self.size = self.size + #raw
    self.hasher:add(raw)
  end
  return raw
end

--- The next piece of text.
local function next_piece(self)
  local text, err
  if self.packed then
    text, err = self.packed:piece()
  else
    text, err = raw_piece(self)
  end
  self.unpacked = self.unpacked + #(text or "")
  return text, err
end

--- Reads the beginning, which tells what the file is.
--- @return posthog.llm.Error? err
local function read_head(self)
  local raw, err = raw_piece(self)
  if raw and raw:sub(1, 2) == gunzip.MAGIC then
    self.compression = "gzip"
    self.packed, err = gunzip.new(self.path, raw, function()
      return raw_piece(self)
    end)
    raw = ""
  end
  self.kept, self.unpacked = raw or "", #(raw or "")
  while not err and #self.kept < bytes.HEAD do
    local text
    text, err = next_piece(self)
    if not text then
      break
    end
    self.kept = self.kept .. text
  end
  local message = not err and foreign.find(self.kept)
  return message and failure(self.path, "%s", message) or err
end

--- @param path string "-": standard input
--- @param limit? integer bytes that are read at most
--- @return posthog.llm.dataset_file.Bytes?
--- @return posthog.llm.Error?
function bytes.open(path, limit)
  local is_stdin = path == "-"
  local file, message = io.stdin, nil
  if not is_stdin then
    file, message = io.open(path, "rb")
  end
  if not file then
    return atomic_file.failure(path, "cannot be read", message)
  end
  return bytes.of(file, path, limit)
end

--- @param file file* or what can be read, sought in and closed like one
--- @param path string
--- @param limit? integer
--- @return posthog.llm.dataset_file.Bytes?
--- @return posthog.llm.Error?
function bytes.of(file, path, limit)
  local is_stdin = path == "-"
  local self = setmetatable({
    path = is_stdin and "standard input" or path,
    is_stdin = is_stdin,
    size = 0,
    number = 0,
    file = file,
    hasher = digest.hasher(),
    limit = limit or math.huge,
  }, Bytes)
  local err = read_head(self)
  if err then
    self:close()
    return nil, err
  end
  self.at = self.kept:sub(1, 3) == BOM and 4 or 1
  return self
end

--- What was read already and stays to be read; at first the beginning of the file.
--- @return string text
function Bytes:ahead()
  return self.kept:sub(self.at)
end

--- How much of the text was given away.
--- @return integer bytes
function Bytes:position()
  return self.unpacked - (#self.kept - self.at + 1)
end

--- The next piece: what peeking ahead has left, or as much as is read at once.
--- @return string? piece nil: the end, or err
--- @return posthog.llm.Error? err
function Bytes:piece()
  if self.at <= #self.kept then
    local rest = self.kept:sub(self.at)
    self.kept, self.at = "", 1
    return rest
  end
  return next_piece(self)
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
  return not self.is_stdin and self.file ~= nil and self.file:seek() ~= nil
end

--- The digest of all that was read of the file so far.
function Bytes:sha256()
  return self.hasher:hex()
end

function Bytes:close()
  local file = self.file
  self.file = nil
  if file and not self.is_stdin then
    file:close()
  end
end

return bytes
