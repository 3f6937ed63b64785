--- Starts the installed Redis for a spec, with a directory and a port of its own.

local server = {}

local function output_of(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

--- @return string? reason why there is no Redis to test with
function server.missing()
  if output_of("command -v redis-server") == "" then
    return "Redis is not installed (Debian: redis-server)"
  end
  for path in ("/usr/share/lua/5.1/?.lua;" .. package.path):gmatch("[^;]+") do
    for _, name in ipairs({ "resty/redis", "nginx/redis" }) do
      local file = io.open((path:gsub("%?", name)))
      if file then
        file:close()
        return nil
      end
    end
  end
  return "lua-resty-redis is not installed (Debian: lua-nginx-redis)"
end

--- @class posthog.spec.Redis
--- @field port integer
--- @field directory string
--- @field options string
local Redis = {}
Redis.__index = Redis

-- Ends the server when the spec that started it has died.
local WATCH = [[
(
  while kill -0 %d 2>/dev/null && [ -d '%s' ]; do sleep 1; done
  [ ! -f '%s/pid' ] || kill -9 "$(cat '%s/pid')"; rm -rf '%s'
) >/dev/null 2>&1 </dev/null &
]]

--- @param options? string of redis-server
--- @return posthog.spec.Redis
function server.start(options)
  local directory = output_of('mktemp -d "${TMPDIR:-/tmp}/posthog-redis.XXXXXX"'):gsub("\n$", "")
  local self = setmetatable({ directory = directory, options = options or "" }, Redis)
  for _ = 1, 20 do
    self.port = 20000 + tonumber(output_of("od -An -N2 -tu2 /dev/urandom")) % 10000
    if self:run() then
      local owner = output_of("echo $PPID")
      os.execute(WATCH:format(owner, directory, directory, directory, directory))
      return self
    end
  end
  error("Redis did not start", 2)
end

--- Starts it, also again after kill(): with nothing of what it knew.
--- @return boolean whether it runs
function Redis:run()
  os.execute(
    (
      "redis-server --bind 127.0.0.1 --port %d --daemonize yes --save '' --dir '%s'"
      .. " --pidfile '%s/pid' --logfile '%s/log' %s >/dev/null 2>&1"
    ):format(self.port, self.directory, self.directory, self.directory, self.options)
  )
  for _ = 1, 50 do
    local said = output_of(
      ("redis-cli -h 127.0.0.1 -p %d info server 2>&1; cat '%s/log'"):format(
        self.port,
        self.directory
      )
    )
    local pid = output_of(("cat '%s/pid' 2>/dev/null"):format(self.directory)):match("%d+")
    if pid and (said:find("process_id:" .. pid, 1, true) or said:find("NOAUTH", 1, true)) then
      return true
    elseif said:find("Failed listening", 1, true) then
      return false
    end
    output_of("sleep 0.05")
  end
  return false
end

--- @return string what redis-cli prints
function Redis:cli(arguments)
  return (output_of(("redis-cli -h 127.0.0.1 -p %d %s 2>&1"):format(self.port, arguments)))
end

--- @param name string "STOP", "CONT", "KILL"
function Redis:signal(name)
  output_of(("kill -%s $(cat '%s/pid') 2>/dev/null"):format(name, self.directory))
end

function Redis:kill()
  self:signal("KILL")
  output_of(("sleep 0.1; rm -f '%s/pid' '%s/log'"):format(self.directory, self.directory))
end

function Redis:stop()
  self:kill()
  output_of(("rm -rf '%s'"):format(self.directory))
end

return server
