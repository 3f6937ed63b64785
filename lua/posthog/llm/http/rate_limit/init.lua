--- Keeps a client within the server's rate limits (doc/api.md 0.6), so that a long run waits now
--- and then instead of being refused.
---
--- All clients with the same key, host and limits share the count. Keys are stored only in the
--- upvalue `accounts`, which cannot be reached through the fields of any object.

local clock = require("posthog.llm.host.clock")
local errors = require("posthog.llm.util.errors")
local queue = require("posthog.llm.http.rate_limit.queue")
local memory = require("posthog.llm.http.rate_limit.memory")
local sha256 = require("posthog.llm.util.digest").sha256
local turns = require("posthog.llm.http.rate_limit.turns")

local rate_limit = {}

--- Seconds until a waiting request checks whether its time has changed.
local PAUSE_STEP = 0.25
--- Above this number of accounts, idle ones are removed.
local MAX_ACCOUNTS = 100

--- @class posthog.llm.RateClass
--- @field name string
--- @field path string a pattern of its paths
--- @field one string "one request", for messages
--- @field many string "%d requests"
--- @field limits table<string, integer> the cloud's limits for a key
--- @field longest number seconds: the most by which a Retry-After holds requests back

--- Classes of requests that are counted separately: a path is in the first one whose pattern
--- matches.
--- @type posthog.llm.RateClass[]
local CLASSES = {
  {
    name = "spend",
    path = "/llm_analytics/[^/]+/spend/?$",
    one = "one spend request",
    many = "%d spend requests",
    limits = { per_minute = 10, per_hour = 60, per_day = 200 },
    longest = 86400,
  },
  {
    name = "rest",
    path = "",
    one = "one request",
    many = "%d requests",
    limits = { per_minute = 480, per_hour = 4800 },
    longest = 3600,
  },
}

--- From the longest to the shortest: when two hold a request back equally long, the error names the
--- shorter one.
local WINDOWS = {
  { name = "per_day", seconds = 86400, word = "a day" },
  { name = "per_hour", seconds = 3600, word = "an hour" },
  { name = "per_minute", seconds = 60, word = "a minute" },
}

--- @class posthog.llm.RateLimit
--- @field origin string
--- @field dict? string
--- @field store? posthog.llm.PaceStore
--- @field redis? posthog.llm.RedisOptions
--- @field spend posthog.llm.RateRules
--- @field rest posthog.llm.RateRules

--- @class posthog.llm.RateRules
--- @field id string the same for the same rules
--- @field keep number seconds for which a request counts
--- @field windows posthog.llm.RateWindow[]

local function rules_of(class, limits, place)
  local words, windows, longest = { class.name }, {}, 0
  for _, window in ipairs(WINDOWS) do
    local most = limits[window.name]
    words[#words + 1] = tostring(most)
    if most then
      local many = most > 1 and class.many:format(most) or class.one
      windows[#windows + 1] = {
        most = most,
        seconds = window.seconds,
        words = ("to stay within %s %s"):format(many, window.word),
      }
      longest = math.max(longest, window.seconds)
    end
  end
  words[#words + 1] = place
  return {
    id = table.concat(words, " "),
    keep = longest + queue.MARGIN,
    windows = windows,
  }
end

--- @type table<table, string> a number for each store of a program's
local numbers = setmetatable({}, { __mode = "k" })
local last_number = 0

--- Where requests are counted, as a text that is the same for the same place.
--- @return string? place nil: in the memory of this process
local function place_of(option)
  local store, server = option.store, option.redis
  if store then
    if not numbers[store] then
      last_number = last_number + 1
      numbers[store] = "store " .. last_number
    end
    return numbers[store]
  elseif server then
    local account = sha256((server.username or "") .. "\0" .. (server.password or ""))
    local words = "redis %s:%d/%d %s %s"
    return words:format(server.host, server.port, server.database, server.prefix, account)
  end
  return option.dict
end

--- @param option table|boolean as in posthog.llm.Options: true, or limits in place of the cloud's
--- @param origin string
--- @return posthog.llm.RateLimit
function rate_limit.new(option, origin)
  local own = option == true and {} or option
  local rest = (own.per_minute or own.per_hour) and own or nil
  local self = { origin = origin, dict = own.dict, store = own.store, redis = own.redis }
  local place = place_of(own)
  for _, class in ipairs(CLASSES) do
    local limits = class.name == "rest" and rest or own[class.name] or class.limits
    self[class.name] = rules_of(class, limits, place)
  end
  return self
end

local function class_of(path)
  for _, class in ipairs(CLASSES) do
    if path:find(class.path) then
      return class
    end
  end
end

--- @class posthog.llm.RateAccount the requests of one key to one host
--- @field queues table<string, posthog.llm.RateQueue|posthog.llm.Turns> by the rules' id
--- @field blocks table<string, posthog.llm.RateTimes> by class and dict

--- @type table<string, table<string, posthog.llm.RateAccount>> by origin and key
local accounts = {}
local account_count, max_accounts = 0, MAX_ACCOUNTS

local function is_idle(account, now)
  for _, requests in pairs(account.queues) do
    if not requests:idle(now) then
      return false
    end
  end
  return true
end

--- Removes idle accounts: a program may use many keys, one after another.
local function forget_idle(now)
  for _, keys in pairs(accounts) do
    for key, account in pairs(keys) do
      if is_idle(account, now) then
        keys[key] = nil
        account_count = account_count - 1
      end
    end
  end
  max_accounts = math.max(MAX_ACCOUNTS, 2 * account_count)
end

local function account_of(origin, key)
  local keys = accounts[origin]
  local account = keys and keys[key]
  if not account then
    if account_count >= max_accounts then
      forget_idle(clock.now())
    end
    account = { queues = {}, blocks = {} }
    accounts[origin] = keys or {}
    accounts[origin][key] = account
    account_count = account_count + 1
  end
  return account
end

--- @return posthog.llm.RateTimes?
--- @return string? err
local function new_times(self, keep, ...)
  if self.dict then
    return require("posthog.llm.http.rate_limit.dict").new(self.dict, keep, self.origin, ...)
  end
  return memory.new(keep)
end

--- Counts in a store, under a name that shows nothing of the key.
--- @return posthog.llm.Turns?
--- @return string? err
local function new_turns(self, key, class, rules)
  local store, err = self.store, nil
  if self.redis then
    store, err = require("posthog.llm.http.rate_limit.redis").new(self.redis)
  end
  if not store then
    return nil, err
  end
  local name = sha256(table.concat({ "posthog-llm pace", self.origin, key, class.name }, "\0"))
  return turns.new(store, name, rules.windows)
end

--- Counts in times that this process can read itself.
--- @return posthog.llm.RateQueue?
--- @return string? err
local function new_queue(self, key, class, account)
  local rules = self[class.name]
  local id = class.name .. " " .. (self.dict or "")
  local err
  if not account.blocks[id] then
    account.blocks[id], err = new_times(self, 0, key, class.name)
  end
  local times = not err and new_times(self, rules.keep, key, rules.id)
  if not times then
    return nil, err
  end
  return queue.new(rules.windows, times, account.blocks[id])
end

--- @return posthog.llm.RateQueue|posthog.llm.Turns|nil
--- @return string? err
local function queue_of(self, key, class)
  local account, rules = account_of(self.origin, key), self[class.name]
  local known = account.queues[rules.id]
  if known then
    return known
  end
  local requests, err
  if self.store or self.redis then
    requests, err = new_turns(self, key, class, rules)
  else
    requests, err = new_queue(self, key, class, account)
  end
  account.queues[rules.id] = requests
  return requests, err
end

local function invalid(err)
  return errors.new({ kind = "invalid", option = "pace", message = err })
end

--- The longest time to wait, in seconds, of a request that goes out at once or not at all: too short
--- for a wait, and not zero, at which none would go.
rate_limit.NO_WAIT = 1e-6

--- Waits until a request may go out.
--- @param self posthog.llm.RateLimit
--- @param key string
--- @param path string
--- @param seconds number the longest time to wait
--- @param pause fun(state: table, seconds: number): boolean? waits; not true: the call was
---   cancelled
--- @param state table
--- @return posthog.llm.Error? err nil: it may go now
function rate_limit.pass(self, key, path, seconds, pause, state)
  local requests, err = queue_of(self, key, class_of(path))
  if not requests then
    return invalid(err)
  end
  local now = clock.now()
  local expires = now + seconds
  local position, at, why = requests:take(now, expires)
  while position and at > now do
    if not pause(state, math.min(at - now, PAUSE_STEP)) then
      requests:give_up(position, clock.now())
      return errors.new({ kind = "cancelled", message = "cancelled while held back " .. why })
    end
    now = clock.now()
    if now - at > queue.MARGIN then -- requests after it have relied on the time that has passed
      requests:give_up(position, now)
      position, at, why = requests:take(now, expires)
    else
      at, why = requests:recheck(position, now)
      if not at then
        return invalid(why)
      elseif at >= expires then
        requests:give_up(position, now)
        position = nil
      end
    end
  end
  if position == false then
    return invalid(at)
  elseif not position then
    return errors.new({
      kind = "rate_limited",
      option = "pace",
      message = ("held back %s, for longer than the call's deadline allows"):format(why),
      retry_after = at - now,
    })
  end
end

--- What is left of the limits of all requests except those for spend, by the count of this program
--- and of those that share it.
--- @param self posthog.llm.RateLimit
--- @param key string
--- @return { left: integer, most: integer, seconds: number }[]?
--- @return number? wait seconds until the end of the wait that the server asked for
function rate_limit.left(self, key)
  local requests = queue_of(self, key, class_of(""))
  if requests then
    return requests:left(clock.now())
  end
end

--- Learns from a 429: no request of its class is sent before the time that the server gave, or
--- before the end of the longest window when that is earlier.
--- @param self posthog.llm.RateLimit
--- @param key string
--- @param path string of the refused request
--- @param seconds? number Retry-After
function rate_limit.learn(self, key, path, seconds)
  local class = class_of(path)
  local requests = seconds and seconds > 0 and queue_of(self, key, class)
  if requests then
    local now = clock.now()
    requests:block(now + math.min(seconds, class.longest), now)
  end
end

return rate_limit
