--- The body of a response that is read while it arrives (src/net/engine_stream.h). While nothing
--- reads, the transfer pauses and the server waits, so a body of any length needs little memory.

local hosts = require("posthog.llm.host")

--- @class posthog.llm.Stream
--- @field private transfer userdata
--- @field private in_flight table<userdata, boolean> the client's set: closing the client ends the
---   stream
--- @field private fail fun(kind: string, words: string, stage?: string): posthog.llm.Error
--- @field private ended boolean
--- @field most integer maximum bytes of a line: the client's max_response_bytes
local Stream = {}
Stream.__index = Stream

local stream = {}

--- @param transfer userdata with a 2xx response
--- @param in_flight table<userdata, boolean> the client's set of transfers
--- @param most integer maximum bytes of a line
--- @param fail fun(kind: string, words: string, stage?: string): posthog.llm.Error
--- @return posthog.llm.Stream
function stream.new(transfer, in_flight, most, fail)
  in_flight[transfer] = true
  return setmetatable({
    transfer = transfer,
    in_flight = in_flight,
    most = most,
    fail = fail,
    ended = false,
  }, Stream)
end

--- Discards what has not been read and closes the connection. May be called more than once.
function Stream:close()
  self.ended = true
  self.in_flight[self.transfer] = nil
  self.transfer:cancel()
end

--- Waits for the next piece in the way of the current host.
--- @return string? bytes never empty; nil without an error: the response is complete
--- @return posthog.llm.Error? err
function Stream:read()
  if self.ended then
    return nil
  end
  local transfer, host = self.transfer, hosts.current()
  local unable = host.unavailable()
  if unable then
    return nil, unable
  end
  while true do
    local bytes, kind, words, _, _, stage = transfer:read()
    if bytes and bytes ~= "" then
      return bytes
    elseif not bytes then
      self:close()
      return nil, kind and self.fail(kind, words, stage)
    end
    host.wait(transfer)
  end
end

--- The error of a line that is longer than the limit.
local function too_long(self, number)
  local words = "line %d of the response is over the limit max_response_bytes (%d bytes)"
  self:close()
  local err = self.fail("too_large", words:format(number, self.most))
  err.option, err.line = "max_response_bytes", number
  return err
end

--- An iterator over the lines of the body, without line ends. When the response fails, an
--- incomplete last line is not returned.
--- @return fun(): string?, posthog.llm.Error? next_line
function Stream:lines()
  local rest, at, number = "", 1, 0
  local parts, size = {}, 0 -- of a line that continues in the next piece
  local failure -- once set, every call returns it

  local function complete(text)
    number = number + 1
    parts[#parts + 1] = text
    local line = table.concat(parts)
    parts, size = {}, 0
    return line
  end

  return function()
    while not failure do
      local last = rest:find("\n", at, true)
      local length = size + (last or #rest + 1) - at
      if length > self.most then
        failure = too_long(self, number + 1)
      elseif last then
        local text = rest:sub(at, last - 1)
        at = last + 1
        return complete(text)
      end
      if not failure then
        parts[#parts + 1], size = rest:sub(at), length
        local bytes, err = self:read()
        rest, at, failure = bytes or "", 1, err
        if not bytes and not err then
          return size > 0 and complete("") or nil
        end
      end
    end
    rest, parts = "", {}
    return nil, failure
  end
end

return stream
