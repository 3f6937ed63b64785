--- Who fetches an entry for this machine: one at a time. The lock ends by itself, and at once when
--- the worker that holds it has died. (lua-resty-lock, which waits in the same way, is not in
--- Debian, and knows nothing of workers that died.)

local ffi = require("ffi")

ffi.cdef([[int posthog_kill(int, int) __asm__("kill");]])

local lock = {}

local ESRCH = 3
local taken = 0 -- locks by this worker

local function is_dead(pid)
  return ffi.C.posthog_kill(pid, 0) ~= 0 and ffi.errno() == ESRCH
end

--- @param dict table
--- @param id string
--- @param seconds number until it ends by itself
--- @return string? token nil: another holds it
function lock.take(dict, id, seconds)
  local key = "lock " .. id
  taken = taken + 1
  local token = ("%d %d"):format(ngx.worker.pid(), taken)
  if dict:add(key, token, seconds) then
    return token
  end
  local pid = tonumber((dict:get(key) or ""):match("^%d+"))
  if pid and is_dead(pid) then
    dict:delete(key)
    return dict:add(key, token, seconds) and token or nil
  end
end

--- @param dict table
--- @param id string
--- @param token string
function lock.release(dict, id, token)
  local key = "lock " .. id
  if dict:get(key) == token then
    dict:delete(key)
  end
end

return lock
