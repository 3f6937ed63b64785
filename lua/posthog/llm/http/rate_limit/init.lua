--- Stays below a server's limits of requests (doc/api.md 0.6), so that a long
--- run waits a little now and then rather than be refused.
---
--- All clients of one key to one host share the count, as far as they have the
--- same limits. Keys are only in the upvalue `accounts`, where no walk over
--- fields finds them.

local clock = require("posthog.llm.host.clock")
local errors = require("posthog.llm.util.errors")
local queue = require("posthog.llm.http.rate_limit.queue")
local memory = require("posthog.llm.http.rate_limit.memory")

local rate_limit = {}

--- Seconds until a waiting request checks whether its time has changed.
local LONGEST_NAP = 0.25
--- Accounts; beyond that, idle ones are forgotten.
local MANY = 100

--- @class posthog.llm.RateClass
--- @field name string
--- @field path string a pattern of its paths
--- @field one string
--- @field many string
--- @field limits table<string, integer> what the cloud allows a key
--- @field longest number seconds: a longer Retry-After is ignored

--- What is counted separately: the first one whose pattern matches the path.
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

--- From the longest to the shortest: of two that hold back as long, the
--- shorter one is named.
local WINDOWS = {
  { name = "per_day", seconds = 86400, word = "a day" },
  { name = "per_hour", seconds = 3600, word = "an hour" },
  { name = "per_minute", seconds = 60, word = "a minute" },
}

--- @class posthog.llm.RateLimit
--- @field origin string
--- @field dict? string
--- @field spend posthog.llm.RateRules
--- @field rest posthog.llm.RateRules

--- @class posthog.llm.RateRules
--- @field id string the same for the same rules
--- @field keep number seconds that a request counts
--- @field windows posthog.llm.RateWindow[]

local function rules_of(class, limits, dict)
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
  words[#words + 1] = dict
  return {
    id = table.concat(words, " "),
    keep = longest + queue.MARGIN,
    windows = windows,
  }
end

--- @param option table|boolean as in posthog.llm.Options: true, or limits in place of the cloud's
--- @param origin string
--- @return posthog.llm.RateLimit
function rate_limit.new(option, origin)
  local own = option == true and {} or option
  local rest = (own.per_minute or own.per_hour) and own or nil
  local self = { origin = origin, dict = own.dict }
  for _, class in ipairs(CLASSES) do
    local limits = class.name == "rest" and rest or own[class.name] or class.limits
    self[class.name] = rules_of(class, limits, own.dict)
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

--- @class posthog.llm.RateAccount what one key may do at one host
--- @field queues table<string, posthog.llm.RateQueue> by the rules' id
--- @field blocks table<string, posthog.llm.RateTimes> by class and dict

--- @type table<string, table<string, posthog.llm.RateAccount>> by origin and key
local accounts = {}
local known, many = 0, MANY

local function is_idle(account, now)
  for _, requests in pairs(account.queues) do
    if not requests:idle(now) then
      return false
    end
  end
  return true
end

--- A program may use many keys, one after another.
local function forget_idle(now)
  for _, keys in pairs(accounts) do
    for key, account in pairs(keys) do
      if is_idle(account, now) then
        keys[key] = nil
        known = known - 1
      end
    end
  end
  many = math.max(MANY, 2 * known)
end

local function account_of(origin, key)
  local keys = accounts[origin]
  local account = keys and keys[key]
  if not account then
    if known >= many then
      forget_idle(clock.now())
    end
    account = { queues = {}, blocks = {} }
    accounts[origin] = keys or {}
    accounts[origin][key] = account
    known = known + 1
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

--- @return posthog.llm.RateQueue?
--- @return string? err
local function queue_of(self, key, class)
  local account, rules = account_of(self.origin, key), self[class.name]
  local requests = account.queues[rules.id]
  if requests then
    return requests
  end
  local id = class.name .. " " .. (self.dict or "")
  local err
  if not account.blocks[id] then
    account.blocks[id], err = new_times(self, 0, key, class.name)
  end
  local times = not err and new_times(self, rules.keep, key, rules.id)
  if not times then
    return nil, err
  end
  requests = queue.new(rules.windows, times, account.blocks[id])
  account.queues[rules.id] = requests
  return requests
end

local function invalid(err)
  return errors.new({ kind = "invalid", option = "pace", message = err })
end

--- Waits until a request may go out.
--- @param self posthog.llm.RateLimit
--- @param key string
--- @param path string
--- @param seconds number that it may take
--- @param pause fun(state: table, seconds: number): boolean? waits; not true: the call was given up
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
    if not pause(state, math.min(at - now, LONGEST_NAP)) then
      requests:give_up(position, clock.now())
      return errors.new({ kind = "cancelled", message = "given up while held back " .. why })
    end
    now = clock.now()
    if now - at > queue.MARGIN then -- those after it relied on the time that has passed
      requests:give_up(position, now)
      position, at, why = requests:take(now, expires)
    else
      at, why = requests:recheck(position, now)
      if at >= expires then
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

--- What is left of the limits of all requests but those for spend, as far as this
--- program, or those that share its count, has used them.
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

--- Learns from a 429: no request of its class is sent before the time that the
--- server gave, which counts no longer than the longest window.
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
