--- Starts a Redis of a spec's own, on a port of the loopback, with nothing on disk.

local server = require("spec.ngx.server")

local redis = {}

--- @class posthog.spec.Redis
--- @field port integer
--- @field pid string
--- @field options string
local Redis = {}
Redis.__index = Redis

--- @return string? reason why there is none to test with
function redis.missing()
  if server.output_of("command -v redis-server") == "" then
    return "redis-server is not installed"
  end
  local found = server.output_of("ls /usr/share/lua/5.1/nginx/redis.lua 2>/dev/null")
  found = found .. server.output_of("find / -path '*/resty/redis.lua' -maxdepth 6 2>/dev/null")
  if found == "" then
    return "lua-resty-redis is not installed (Debian: lua-nginx-redis)"
  end
end

local function free_port()
  return 20000 + tonumber(server.output_of("od -An -N2 -tu2 /dev/urandom")) % 10000
end

-- Ends it when the spec that started it has died.
local WATCH = [[
(while kill -0 %s 2>/dev/null && kill -0 %s 2>/dev/null; do sleep 1; done; kill -9 %s) \
  >/dev/null 2>&1 </dev/null &]]

--- @param options? string of the command, such as "--requirepass sesame"
--- @return posthog.spec.Redis
function redis.start(options)
  local self = setmetatable({ options = options or "" }, Redis)
  for _ = 1, 20 do
    self.port = free_port()
    if self:run() then
      return self
    end
  end
  error("redis-server did not start", 2)
end

--- Starts it at its port, also again.
function Redis:run(options)
  self.options = options or self.options
  local directory = server.output_of('mktemp -d "${TMPDIR:-/tmp}/posthog-redis.XXXXXX"')
  directory = directory:gsub("\n", "")
  local command = "cd '%s' && redis-server --port %d --bind 127.0.0.1 --save '' --appendonly no %s"
  server.output_of(
    ("(" .. command .. " >'%s/log' 2>&1 </dev/null & echo $! >'%s/pid')"):format(
      directory,
      self.port,
      self.options,
      directory,
      directory
    )
  )
  self.pid = server.output_of(("cat '%s/pid'"):format(directory)):match("%d+")
  self.directory = directory
  local owner = server.output_of("echo $PPID"):match("%d+")
  os.execute(WATCH:format(owner, self.pid, self.pid))
  return server.eventually(20, function()
    local log = server.output_of(("cat '%s/log'"):format(directory))
    assert(not log:find("FATAL"), log)
    return log:find("Ready to accept connections", 1, true)
      or log:find("Address already in use", 1, true)
  end) and not server.output_of(("cat '%s/log'"):format(directory)):find("in use", 1, true)
end

function Redis:signal(name)
  server.output_of(("kill -%s %s"):format(name, self.pid))
end

--- Ends it at once, with all it has.
function Redis:kill()
  if self.pid then
    self:signal("CONT")
    self:signal("KILL")
    server.eventually(20, function()
      return server.output_of(("kill -0 %s 2>&1"):format(self.pid)) ~= ""
    end)
    server.output_of(("rm -rf '%s'"):format(self.directory))
    self.pid = nil
  end
end

--- A command, by the client of the system.
function Redis:command(words)
  local password = self.options:match("%-%-requirepass (%S+)")
  local auth = password and ("-a %s --no-auth-warning "):format(password) or ""
  return (server.output_of(("redis-cli -p %d %s%s 2>&1"):format(self.port, auth, words)))
end

return redis
