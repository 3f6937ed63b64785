--- What this process holds, as Linux shows it; nil elsewhere.

local process = {}

local function field(name)
  local file = io.open("/proc/self/status")
  if not file then
    return nil
  end
  local text = file:read("*a")
  file:close()
  return tonumber(text:match("\n" .. name .. ":%s*(%d+)"))
end

--- Memory in use, in KiB.
function process.memory()
  return field("VmRSS")
end

--- The most that it ever was, in KiB.
function process.peak()
  return field("VmHWM")
end

function process.threads()
  return field("Threads")
end

--- Open descriptors.
function process.descriptors()
  local pid = field("Pid")
  if not pid then
    return nil
  end
  local name = os.tmpname() -- not a pipe, which would be a descriptor too
  os.execute("ls /proc/" .. pid .. "/fd | wc -l >" .. name)
  local file = assert(io.open(name))
  local n = tonumber(file:read("*l"))
  file:close()
  os.remove(name)
  return n
end

return process
