--- Runs a script of Redis's in this Lua, on hashes in memory and at a time that the spec sets.

local script_redis = {}

local COMMANDS = {}
local chunks = {} -- compiled, by source

function COMMANDS.TIME(self)
  return { ("%d"):format(math.floor(self.now / 1000)), ("%d"):format(self.now % 1000 * 1000) }
end

function COMMANDS.HGETALL(self, key)
  local flat = {}
  for field, value in pairs(self.hashes[key] or {}) do
    flat[#flat + 1] = field
    flat[#flat + 1] = value
  end
  return flat
end

function COMMANDS.HSET(self, key, field, value)
  self.hashes[key] = self.hashes[key] or {}
  self.hashes[key][field] = tostring(value)
  return 1
end

function COMMANDS.HDEL(self, key, field)
  (self.hashes[key] or {})[field] = nil
  return 1
end

function COMMANDS.PEXPIRE(self, key, ms)
  self.expiry[key] = self.now + tonumber(ms)
  return 1
end

local Redis = {}
Redis.__index = Redis

--- @param now integer ms
function script_redis.new(now)
  return setmetatable({ now = now, hashes = {}, expiry = {} }, Redis)
end

function Redis:flush()
  self.hashes, self.expiry = {}, {}
end

function Redis:run(source, keys, ...)
  for key, at in pairs(self.expiry) do
    if at <= self.now then
      self.hashes[key], self.expiry[key] = nil, nil
    end
  end
  local arguments = { ... }
  for i, value in ipairs(arguments) do
    arguments[i] = tostring(value)
  end
  local function call(name, ...)
    return COMMANDS[name](self, ...)
  end
  chunks[source] = chunks[source]
    or assert((loadstring or load)("local KEYS, ARGV, redis = ...\n" .. source, "=script"))
  return chunks[source](keys, arguments, { call = call })
end

return script_redis
