--- Sends a response: as a server should, or as a fault wants it.

local connection = require("server.connection")
local faults = require("server.faults")
local gzip = require("server.gzip")
local log = require("server.log")

local send = {}

local NONE = {}
local PIECE = 65536 -- bytes that are sent at a time
local BREATH = 0.001 -- seconds in which others have a turn

local function bare(response)
  return response.status == 204 or response.status == 304
end

--- No body follows, though its length may be announced.
local function without_body(ctx, response)
  return bare(response) or ctx.method == "HEAD"
end

local function announce(response)
  ngx.status = response.status
  for name, value in pairs(response.headers) do
    ngx.header[name] = value
  end
end

local function finish(ctx, status)
  if ctx.entry then
    log.finish(ctx.entry, status)
  end
end

--- Closes the connection, or over HTTP/2 the stream, without a response.
function send.nothing(ctx, action)
  finish(ctx, 0)
  if action and action.reset then
    connection.end_by_reset()
  end
  return ngx.exit(444)
end

--- Writes a body that is made while it goes out, never more of it at a time than a piece.
local function stream(pieces)
  local waiting = 0
  for piece in pieces() do
    if not ngx.print(piece) then
      return
    end
    waiting = waiting + #piece
    if waiting >= PIECE then
      if not ngx.flush(true) then
        return
      end
      waiting = 0
    end
  end
end

--- The whole body of a response, where it cannot go out in pieces.
local function whole(response)
  if response.pieces then
    local parts = {}
    for piece in response.pieces() do
      parts[#parts + 1] = piece
    end
    response.body, response.pieces = table.concat(parts), nil
  end
  return response.body
end

function send.response(ctx, response)
  announce(response)
  if not bare(response) then
    if response.pieces then
      ngx.header["Content-Length"] = response.length -- nil: chunked
    else
      ngx.header["Content-Length"] = #response.body
    end
  end
  finish(ctx, response.status)
  if without_body(ctx, response) then
    return ngx.exit(ngx.OK)
  elseif response.pieces then
    stream(response.pieces)
  elseif response.body ~= "" then
    ngx.print(response.body)
  end
  return ngx.exit(ngx.OK)
end

--- The first n bytes, or all but the last -n.
local function part(text, n)
  return text:sub(1, n >= 0 and n or #text + n)
end

--- A text again and again, as much as is sent at a time.
local function filled(text)
  return text:rep(math.ceil(PIECE / math.max(1, #text)))
end

--- The body as it goes out, and what follows it again and again.
--- @return string body
--- @return string? piece
local function payload(response, action)
  local body, piece = whole(response), nil
  if action.endless then
    piece = filled(action.endless)
    if action.gzip then
      local start, own = gzip.endless(body)
      local _, repeated = gzip.endless(piece)
      return start .. own, filled(repeated)
    end
  elseif action.gzip then
    body = gzip.whole(body)
  end
  if action.cut then
    body = part(body, action.cut)
  end
  return body .. (action.append or ""), piece
end

--- The two ways to the client, both functions that take bytes and tell whether he is still there.
local function by_nginx(bytes)
  return bytes == "" or ngx.print(bytes) and ngx.flush(true)
end

local function by_socket()
  local socket = assert(ngx.req.socket(true)) -- HTTP/1.1 only
  return function(bytes)
    return bytes == "" or socket:send(bytes)
  end
end

--- Writes bytes in pieces with pauses, or at once; false when nothing more can be sent.
local function drip(ctx, write, bytes, how)
  if not how then
    return write(bytes)
  end
  for from = 1, #bytes, how.bytes do
    if not write(bytes:sub(from, from + how.bytes - 1)) then
      return false
    end
    if not faults.wait(ctx, how.every) then
      return false
    end
  end
  return true
end

--- Writes the body and what comes after it.
--- @return boolean whole
local function write_body(ctx, write, body, piece, action)
  local delay = action.delay or NONE
  local shown = action.truncate and part(body, action.truncate) or body
  local half = delay.body and math.floor(#shown / 2) or 0
  local surplus = action.surplus
  if surplus and not delay.surplus then -- in one write with the end of the body
    shown, surplus = shown .. surplus, nil
  end
  local on = drip(ctx, write, shown:sub(1, half), action.drip)
    and faults.wait(ctx, delay.body)
    and drip(ctx, write, shown:sub(half + 1), action.drip)
  while on and piece do
    on = write(piece) and faults.wait(ctx, BREATH)
  end
  if on and surplus then
    on = faults.wait(ctx, delay.surplus) and write(surplus)
  end
  return on and not action.truncate
end

--- Head and body, or both in one, as the fault wrote them; then closes.
local function send_raw(ctx, response, action)
  finish(ctx, action.head and response.status or 0)
  if action.reset then
    connection.end_by_reset()
  end
  local write = by_socket()
  if action.raw then
    drip(ctx, write, action.raw, action.drip)
  else
    local body, piece = payload(response, action)
    local values = { length = #body, status = response.status }
    local head = action.head:gsub("{(%l+)}", values)
    if drip(ctx, write, head, action.drip) then
      write_body(ctx, write, body, piece, action)
    end
  end
  return ngx.exit(444)
end

--- @param action table of the fault
function send.faulty(ctx, response, action)
  if action.raw or action.head then
    return send_raw(ctx, response, action)
  end
  ngx.req.clear_header("Accept-Encoding") -- else nginx would compress what is meant as it is
  local body, piece = payload(response, action)
  announce(response)
  if action.gzip then
    ngx.header["Content-Encoding"] = "gzip"
  end
  if not (bare(response) or action.chunked or piece or ngx.header["Content-Length"]) then
    ngx.header["Content-Length"] = #body
  end
  if without_body(ctx, response) then
    body, piece = "", nil
  end
  finish(ctx, response.status)
  if write_body(ctx, by_nginx, body, piece, action) then
    return ngx.exit(ngx.OK)
  end
  if action.reset then
    connection.end_by_reset()
  end
  return ngx.exit(444)
end

return send
