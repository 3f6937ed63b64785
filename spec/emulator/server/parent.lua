--- Ends the server when the process that asked for it is gone, however it died.

local ffi = require("ffi")

ffi.cdef([[
int kill(int pid, int signal);
int getppid(void);
]])

local parent = {}

--- Whether the process runs. A zombie, dead but not yet waited for, does not; only /proc tells.
local function alive(pid)
  if ffi.C.kill(pid, 0) ~= 0 then
    return false
  end
  local file = io.open("/proc/" .. pid .. "/stat")
  if not file then
    return true
  end
  local stat = file:read("*a") or ""
  file:close()
  return not stat:find("^.*%) Z")
end

local SIGTERM = 15
local EVERY = 0.5 -- seconds

--- @param pid integer whom to watch
--- @param prefix string the directory to remove at the end
function parent.watch(pid, prefix)
  local master = ffi.C.getppid()
  assert(ngx.timer.every(EVERY, function(premature)
    if premature or alive(pid) then
      return
    end
    os.execute("rm -rf '" .. prefix .. "'")
    ffi.C.kill(master, SIGTERM)
  end))
end

return parent
