--- A Redis that several machines share, in nginx: by lua-resty-redis, which is loaded when the
--- first one is made. One command, or one pipeline, is one round trip over a connection of the
--- worker's pool.
---
--- A Redis that does not answer costs little: after a failure, one call a second tries it, and all
--- others fail at once. The error log has a line a minute about it, and one when it is back.

local check = require("posthog.llm.util.check")
local core = require("posthog.llm.util.core")

local unpack = unpack or table.unpack

--- A Redis that several machines share, in nginx.
--- @class posthog.llm.RedisOptions
--- @field host? string a name or an address; default "127.0.0.1"
--- @field port? integer default 6379
--- @field password? string
--- @field username? string of Redis 6's access control lists; default: Redis's own default user
--- @field database? integer default 0
--- @field prefix? string of all its keys; default "posthog-llm:"
--- @field timeout? number seconds for a connection or for an answer; default 0.5
--- @field protected address? string of the host, as looked up before: for an nginx without a `resolver`

--- @class posthog.llm.Redis
--- @field prefix string
--- @field name string "redis 127.0.0.1:6379", for messages
--- @field private _options posthog.llm.RedisOptions
--- @field private _library table
--- @field private _pool table
--- @field private _address? string of a host's name, for an nginx without a `resolver`
--- @field private _by_address? string the same once it is needed
--- @field private _notes table a lua_shared_dict, or what works like one in this worker
--- @field private _tries_at number on core.now's clock: before it, every call fails at once
--- @field private _away? string why it does not answer
local Redis = { __name = "posthog.llm.Redis" }
Redis.__index = Redis

local redis = {}

redis.DEFAULTS = {
  host = "127.0.0.1",
  port = 6379,
  database = 0,
  prefix = "posthog-llm:",
  timeout = 0.5,
}
local AGAIN = 1 -- seconds between two tries of a Redis that does not answer
local QUIET = 60 -- seconds between two lines in the log
local IDLE = 32 -- connections that a worker keeps
local IDLE_SECONDS = 60

local function text(value, what, level)
  check.type(value, "string", what, level + 1)
  if value == "" or value:find("%c") then
    check.fail(level + 1, "%s: is empty or contains a control character", what)
  end
  return value
end

local CHECKS = {
  host = text,
  password = text,
  username = text,
  prefix = text,
  port = function(value, what, level)
    return (check.integer(value, what, level + 1, 1, 65535))
  end,
  database = function(value, what, level)
    return (check.integer(value, what, level + 1, 0))
  end,
  timeout = check.seconds,
}

--- Checks the option `redis` and fills in the defaults.
--- @param value any as the caller passed it
--- @param what string its name in the message
--- @param level integer as for error()
--- @return posthog.llm.RedisOptions options a copy
function redis.check(value, what, level)
  check.type(value, "table", what, level + 1)
  check.known(value, CHECKS, what, level + 1)
  local options = {}
  for name, default in pairs(redis.DEFAULTS) do
    options[name] = default
  end
  for name, field in pairs(value) do
    options[name] = CHECKS[name](field, what .. "." .. name, level + 1)
  end
  if options.username and not options.password then
    check.fail(level + 1, "%s.username: needs a password beside it", what)
  end
  return options
end

--- lua-resty-redis by its name in OpenResty, and by that in Debian.
local function library()
  local ok, found = pcall(require, "resty.redis")
  if not ok then
    ok, found = pcall(require, "nginx.redis")
  end
  return ok and found or nil
end

--- What a dictionary does of nginx, for one worker.
local function own_notes()
  local times = {}
  return {
    add = function(_, key, _, seconds)
      local now = core.now()
      if (times[key] or 0) > now then
        return false
      end
      times[key] = now + seconds
      return true
    end,
    delete = function(_, key)
      times[key] = nil
    end,
  }
end

--- No I/O: host/redis_check.lua tries whether it can be used.
--- @param options posthog.llm.RedisOptions of redis.check
--- @param dict? table a lua_shared_dict: the workers of a machine log their lines together
--- @return posthog.llm.Redis?
--- @return string? err
function redis.new(options, dict)
  if not rawget(_G, "ngx") then
    return nil, "redis: needs nginx or OpenResty"
  end
  local loaded = library()
  if not loaded then
    return nil, "redis: lua-resty-redis is not installed (Debian: lua-nginx-redis)"
  end
  local name = ("redis %s:%d"):format(options.host, options.port)
  local account =
    ngx.encode_base64(ngx.sha1_bin((options.username or "") .. "\0" .. (options.password or "")))
  return setmetatable({
    prefix = options.prefix,
    name = name,
    _options = options,
    _library = loaded,
    _pool = { pool = ("posthog %s %d %s"):format(name, options.database, account) },
    _notes = dict or own_notes(),
    _tries_at = 0,
  }, Redis)
end

--- The address of its host, for an nginx that has no `resolver`.
--- @param address? string
function Redis:set_address(address)
  self._address = address
end

--- What is the same for all that were made of the same options.
--- @return string
function Redis:identity()
  return self._pool.pool .. " " .. self.prefix
end

--- Whether it answered the last call, as far as this worker knows.
--- @return boolean
function Redis:answers()
  return self._away == nil
end

local function log(self, level, ...)
  if self._notes:add("log " .. self.name, true, QUIET) then
    ngx.log(level, "posthog.llm: ", self.name, ": ", ...)
  end
end

--- The commands that make a new connection usable.
local function greet(self, connection)
  local options = self._options
  local ok, err = true, nil
  if options.password and options.username then
    ok, err = connection:auth(options.username, options.password)
  elseif options.password then
    ok, err = connection:auth(options.password)
  end
  if ok and options.database ~= 0 then
    ok, err = connection:select(options.database)
  end
  return ok, err
end

--- As nginx takes it: an IPv6 address in brackets.
local function bracketed(host)
  return host:find("^[%x.]*:[%x:.]*$") and "[" .. host .. "]" or host
end

local function open(self, connection)
  local options = self._options
  local host = bracketed(self._by_address or options.host)
  local ok, err = connection:connect(host, options.port, self._pool)
  if ok or not tostring(err):find("no resolver", 1, true) then
    return ok, err
  elseif not self._address then
    return nil, "no address is known of it: nginx needs a resolver, or a reload once there is one"
  end
  self._by_address = self._address
  return connection:connect(bracketed(self._by_address), options.port, self._pool)
end

--- @return table? connection
--- @return string? err
--- @return boolean? reused
local function connect(self)
  local connection, err = self._library:new()
  if not connection then
    return nil, err
  end
  connection:set_timeout(self._options.timeout * 1000)
  local ok
  ok, err = open(self, connection)
  if not ok then
    return nil, err
  end
  local reused = (connection:get_reused_times() or 0) > 0
  if not reused then
    ok, err = greet(self, connection)
    if not ok then
      connection:close()
      return nil, err
    end
  end
  return connection, nil, reused
end

--- Runs `use` with a connection. One that Redis closed while it was idle is replaced.
local function with_connection(self, use)
  for _ = 1, IDLE + 1 do
    local connection, err, reused = connect(self)
    if not connection then
      return nil, err, true
    end
    local reply
    reply, err = use(connection)
    if reply ~= nil then
      connection:set_keepalive(IDLE_SECONDS * 1000, IDLE)
      return reply, err
    end
    connection:close()
    if not reused or err == "timeout" then
      return nil, err, true
    end
  end
  return nil, "closes its connections", true
end

--- Takes note that it does not answer as it should; the log says so once a minute.
--- @param err string
function Redis:fail(err)
  self._away = tostring(err)
  self._tries_at = core.now() + AGAIN
  log(self, ngx.ERR, self._away, "; without it until it answers")
end

local function found_back(self)
  self._away = nil
  self._notes:delete("log " .. self.name)
  log(self, ngx.WARN, "answers again")
  self._notes:delete("log " .. self.name)
end

--- @param use fun(connection: table): any, string?
--- @return any? reply false: Redis refused it
--- @return string? err
--- @return boolean? away Redis does not answer
local function run(self, use)
  local now = core.now()
  if self._away then
    if now < self._tries_at then
      return nil, self._away, true
    end
    self._tries_at = now + AGAIN
  end
  local reply, err, away = with_connection(self, use)
  if away then
    self:fail(err)
    return nil, self._away, true
  elseif self._away and reply ~= false then
    found_back(self)
  end
  if reply == false then
    log(self, ngx.ERR, err)
  end
  return reply, err
end

--- One command.
--- @param name string in lower case
--- @param ... string|number
--- @return any? reply ngx.null where Redis has none; nil: it was refused, or Redis does not answer
--- @return string? err
--- @return boolean? away Redis does not answer
function Redis:command(name, ...)
  local arguments, count = { ... }, select("#", ...)
  local reply, err, away = run(self, function(connection)
    return connection[name](connection, unpack(arguments, 1, count))
  end)
  return reply or nil, err, away
end

--- A script of Redis's, with its digest, by which Redis knows it after the first time.
--- @param source string
--- @param accepts? fun(reply: any): boolean whether it may be an answer of the script
--- @return posthog.llm.RedisScript
function redis.new_script(source, accepts)
  local digest = ngx.sha1_bin(source):gsub(".", function(byte)
    return ("%02x"):format(byte:byte())
  end)
  --- @class posthog.llm.RedisScript
  return { text = source, digest = digest, accepts = accepts }
end

--- Runs a script.
--- @param script posthog.llm.RedisScript
--- @param keys string[]
--- @param ... string|number its ARGV
--- @return any? reply as of Redis:command
--- @return string? err
--- @return boolean? away Redis does not answer
function Redis:script(script, keys, ...)
  local arguments, count = { #keys, unpack(keys) }, select("#", ...)
  local total = #keys + 1 + count
  for i = 1, count do
    arguments[#keys + 1 + i] = (select(i, ...))
  end
  local reply, err, away = run(self, function(connection)
    local reply, err = connection:evalsha(script.digest, unpack(arguments, 1, total))
    if reply == false and tostring(err):find("NOSCRIPT", 1, true) then
      reply, err = connection:eval(script.text, unpack(arguments, 1, total))
    end
    if reply and script.accepts and not script.accepts(reply) then
      return nil, "its answer is not that of the script"
    end
    return reply, err
  end)
  return reply or nil, err, away
end

return redis
