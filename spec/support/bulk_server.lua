--- A server of large responses, for spec/support/bulk.lua: a program of its own, so that nothing of
--- what it holds counts as the client's.
---
---   <lua> spec/support/bulk_server.lua      prints its port; ends with its standard input
---
--- What it sends stands in the path that it is asked for, as a segment
--- `bulk-STATUS-KIND-BYTES-END-FRAMING`:
---   KIND     html; json: an object with one long text; broken: JSON whose end is missing;
---            list: an object with a list of texts of 1000 bytes, and the segment as its id;
---            unended: that, without its end; silent: nothing is ever sent;
---            rows: lines of an export, numbered from 1 in `item_id`, with the segment as
---            `dataset_id`
---   BYTES    of the body; of rows no less than that, in whole lines
---   END      whole; lost: closes before the last tenth; early: the same, but the end of a line and
---            announced as whole; hang: sends nothing more there; slow: each piece after 50 ms
---   FRAMING  length; chunks; close: ends with the connection
--- `?to=URL` is a Location.

local uv = require("luv")

local PIECE = 256 * 1024

local ROW = '{"dataset_id":"%s","dataset_revision":3,"item_id":"i%d","version":1,"archived":false,'
  .. '"input":{"n":%d,"text":"%s"},"expected_output":%d,"source_output":null,"metadata":{},'
  .. '"client_item_id":null,"item_created_at":"2026-11-01T00:00:00+00:00",'
  .. '"version_created_at":"2026-11-02T00:00:00+00:00"}\n'
local BARE = #ROW - #"%s%d%d%d%s"

local function row(number, dataset)
  return ROW:format(dataset, number, number, ("x"):rep(200 + number % 100), number * 2)
end

local function length_of_row(number)
  return BARE + 2 * #tostring(number) + #tostring(number * 2) + 200 + number % 100
end

--- By kind: a function of the bytes that have to be there and of the segment, which returns one that gives piece after
--- piece, and how many bytes these are.
local KINDS = {}

local FILLING = ("x"):rep(PIECE)

local function filled(before, after)
  return function(bytes)
    local left, begun = bytes - #before - #after, false
    return function()
      if not begun then
        begun = true
        return before
      elseif left > 0 then
        local n = math.min(left, PIECE)
        left = left - n
        return n == PIECE and FILLING or ("x"):rep(n)
      elseif left == 0 then
        left = -1
        return after
      end
    end,
      bytes
  end
end

KINDS.html = filled("<!DOCTYPE html><p>", "</p>")
KINDS.json = filled('{"detail":"', '"}')
KINDS.broken = filled('{"detail":"', "")

--- Texts that differ, so that each is a string of its own.
local function listed(after)
  return function(bytes, id)
    local count = math.ceil(bytes / 1000)
    local number = 0
    local before = ('{"id":"%s","detail":['):format(id)
    return function()
      local parts = { number == 0 and before or nil }
      for _ = 1, math.min(64, count - number) do
        number = number + 1
        local comma = number < count and "," or ""
        parts[#parts + 1] = ('"%08d%s"%s'):format(number, FILLING:sub(1, 989 + 1 - #comma), comma)
      end
      if number == count then
        number = number + 1
        parts[#parts + 1] = after
      end
      return parts[1] and table.concat(parts)
    end,
      #before + 1000 * count + #after
  end
end

KINDS.list = listed("]}")
KINDS.unended = listed("")

function KINDS.rows(bytes, dataset)
  local total, rows = 0, 0
  while total < bytes do
    rows = rows + 1
    total = total + length_of_row(rows) + #dataset
  end
  local number = 0
  return function()
    local lines, size = {}, 0
    while number < rows and size < PIECE do
      number = number + 1
      lines[#lines + 1] = row(number, dataset)
      size = size + #lines[#lines]
    end
    return size > 0 and table.concat(lines) or nil
  end,
    total
end

--- Cuts a source before its last tenth.
local function broken_off(source, total, at_line)
  local left = math.floor(total * 0.9)
  return function()
    local piece = left > 0 and source()
    if not piece then
      return nil
    elseif #piece >= left then
      piece = piece:sub(1, left)
      if at_line then
        piece = piece:match("^(.*\n)") or piece
      end
      left = 0
    else
      left = left - #piece
    end
    return piece
  end
end

local function head_of(status, framing, length, location)
  local lines = { ("HTTP/1.1 %s Any"):format(status), "Content-Type: application/json" }
  if framing == "length" then
    lines[#lines + 1] = "Content-Length: " .. length
  elseif framing == "chunks" then
    lines[#lines + 1] = "Transfer-Encoding: chunked"
  end
  if location then
    lines[#lines + 1] = "Location: " .. location
  end
  lines[#lines + 1] = "Connection: close"
  return table.concat(lines, "\r\n") .. "\r\n\r\n"
end

local function unescape(text)
  return (text:gsub("%%(%x%x)", function(code)
    return string.char(tonumber(code, 16))
  end))
end

local function finish(socket)
  if not socket:is_closing() then
    socket:shutdown(function()
      if not socket:is_closing() then
        socket:close()
      end
    end)
  end
end

--- Sends the rest of a source, a piece whenever the one before is on its way.
local function send(socket, source, framing, ending)
  local timer
  local function step()
    local piece = source()
    if socket:is_closing() then
      return
    elseif piece then
      local text = framing == "chunks" and ("%x\r\n%s\r\n"):format(#piece, piece) or piece
      socket:write(text, function(err)
        if err then
          return finish(socket)
        elseif ending == "slow" then
          timer = timer or uv.new_timer()
          timer:start(50, 0, step)
        else
          step()
        end
      end)
    elseif ending == "hang" then
      return
    elseif framing == "chunks" and ending ~= "lost" then
      socket:write("0\r\n\r\n", function()
        finish(socket)
      end)
    else
      finish(socket)
    end
  end
  step()
end

local function answer(socket, target)
  local segment, status, kind, bytes, ending, framing =
    target:match("(bulk%-(%d+)%-(%l+)%-(%d+)%-(%l+)%-(%l+))")
  if kind == "silent" then
    return
  end
  local source, total = KINDS[kind](tonumber(bytes), segment)
  local length = total
  if ending == "lost" or ending == "early" or ending == "hang" then
    source = broken_off(source, total, ending == "early")
    if ending == "early" then -- how long it is has to be known
      local pieces = {}
      for piece in source do
        pieces[#pieces + 1] = piece
      end
      local text = table.concat(pieces)
      length = #text
      source = function()
        local whole = text
        text = nil
        return whole
      end
    end
  end
  local location = target:match("[?&]to=([^&]*)")
  socket:write(head_of(status, framing, length, location and unescape(location)))
  send(socket, source, framing, ending)
end

uv.new_signal():start("sigpipe") -- of a client that has seen enough
local listener = uv.new_tcp()
assert(listener:bind("127.0.0.1", 0))
assert(listener:listen(64, function()
  local socket, text = uv.new_tcp(), ""
  listener:accept(socket)
  socket:read_start(function(err, bytes)
    if err or not bytes then
      return not socket:is_closing() and socket:close()
    end
    text = text .. bytes
    if text:find("\r\n\r\n", 1, true) then
      local target = text:match("^%u+ (%S+)")
      text = ""
      answer(socket, target)
    end
  end)
end))

io.stdout:write(listener:getsockname().port, "\n")
io.stdout:flush()

local input = uv.new_pipe(false)
input:open(0)
input:read_start(function(_, bytes)
  if not bytes then
    os.exit(0)
  end
end)
uv.run()
