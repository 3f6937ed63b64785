--- A client that only collects: what one connection brings, byte for byte, and how it ends.

local uv = require("luv")

local wire = {}

--- Sends a request over plain HTTP/1.1 and reads until the server is done.
--- @param url string of the server
--- @param request string request line, header fields and body
--- @param stop? fun(text: string): boolean ends it earlier, by what has come
--- @return string text all that came
--- @return "end"|"open" how "open" where stop ended it
function wire.fetch(url, request, stop)
  local text, how = "", nil
  local socket = uv.new_tcp()
  local function done(word)
    how = how or word
    if not socket:is_closing() then
      socket:close()
    end
  end
  socket:connect("127.0.0.1", tonumber(url:match("%d+$")), function(refused)
    assert(not refused, refused)
    socket:write(request)
    socket:read_start(function(err, bytes)
      if err or not bytes then
        done("end") -- libuv takes some resets for an end in order
      else
        text = text .. bytes
        if stop and stop(text) then
          done("open")
        end
      end
    end)
  end)
  local guard = uv.new_timer()
  guard:start(20000, 0, function()
    done("open")
  end)
  while not how do
    uv.run("once")
  end
  guard:close()
  uv.run("nowait")
  return text, how
end

return wire
