--- Stays below a server's limits of requests (doc/api.md 0.6), so that a long
--- run waits a little now and then and is not refused.
---
--- All clients of one key to one host share the count, as far as they have the
--- same limits. Keys are only in the upvalue `accounts`, where no walk over
--- fields finds them.

local clock = require("posthog.llm.host.clock")
local errors = require("posthog.llm.util.errors")
local lines = require("posthog.llm.http.rate_limit.queue")
local memory = require("posthog.llm.http.rate_limit.memory")

local rate_limit = {}

--- Seconds until who waits looks whether his time has changed.
local LONGEST_NAP = 0.25
--- Accounts; with more of them those are forgotten that nothing counts for.
local MANY = 100

--- @class posthog.llm.PaceClass
--- @field name string
--- @field path string a pattern of its paths
--- @field one string
--- @field many string
--- @field limits table<string, integer> what the cloud allows a key
--- @field longest number seconds: no Retry-After of it is true beyond

--- What is counted apart, the first one whose pattern a path has.
--- @type posthog.llm.PaceClass[]
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

--- @class posthog.llm.Pace
--- @field origin string
--- @field dict? string
--- @field spend posthog.llm.PaceRules
--- @field rest posthog.llm.PaceRules

--- @class posthog.llm.PaceRules
--- @field id string the same for the same rules
--- @field keep number seconds that a request counts
--- @field windows posthog.llm.PaceWindow[]

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
    keep = longest + lines.SLACK,
    windows = windows,
  }
end

--- @param option table|boolean as in posthog.llm.Options: true, or limits in place of the cloud's
--- @param origin string
--- @return posthog.llm.Pace
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

--- @class posthog.llm.PaceAccount what one key may do at one host
--- @field lines table<string, posthog.llm.PaceLine> by the rules' id
--- @field blocks table<string, posthog.llm.PaceTimes> by class and dict

--- @type table<string, table<string, posthog.llm.PaceAccount>> by origin and key
local accounts = {}
local known, many = 0, MANY

local function is_idle(account, now)
  for _, line in pairs(account.lines) do
    if not line:idle(now) then
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
    account = { lines = {}, blocks = {} }
    accounts[origin] = keys or {}
    accounts[origin][key] = account
    known = known + 1
  end
  return account
end

--- @return posthog.llm.PaceTimes?
--- @return string? problem
local function new_times(self, keep, ...)
  if self.dict then
    return require("posthog.llm.http.rate_limit.dict").new(self.dict, keep, self.origin, ...)
  end
  return memory.new(keep)
end

--- @return posthog.llm.PaceLine?
--- @return string? problem
local function line_of(self, key, class)
  local account, rules = account_of(self.origin, key), self[class.name]
  local line = account.lines[rules.id]
  if line then
    return line
  end
  local id = class.name .. " " .. (self.dict or "")
  local problem
  if not account.blocks[id] then
    account.blocks[id], problem = new_times(self, 0, key, class.name)
  end
  local times = not problem and new_times(self, rules.keep, key, rules.id)
  if not times then
    return nil, problem
  end
  line = lines.new(rules.windows, times, account.blocks[id])
  account.lines[rules.id] = line
  return line
end

local function invalid(problem)
  return errors.new({ kind = "invalid", option = "pace", message = problem })
end

--- Waits until a request may go out.
--- @param self posthog.llm.Pace
--- @param key string
--- @param path string
--- @param seconds number that it may take
--- @param pause fun(state: table, seconds: number): boolean? waits; not true: the call was given up
--- @param state table
--- @return posthog.llm.Error? err nil: it may go now
function rate_limit.pass(self, key, path, seconds, pause, state)
  local line, problem = line_of(self, key, class_of(path))
  if not line then
    return invalid(problem)
  end
  local now = clock.now()
  local expires = now + seconds
  local place, at, why = line:take(now, expires)
  while place and at > now do
    if not pause(state, math.min(at - now, LONGEST_NAP)) then
      line:give_up(place, clock.now())
      return errors.new({ kind = "cancelled", message = "given up while held back " .. why })
    end
    now = clock.now()
    if now - at > lines.SLACK then -- those behind have counted on the time that is over
      line:give_up(place, now)
      place, at, why = line:take(now, expires)
    else
      at, why = line:look(place, now)
      if at >= expires then
        line:give_up(place, now)
        place = nil
      end
    end
  end
  if place == false then
    return invalid(at)
  elseif not place then
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
--- @param self posthog.llm.Pace
--- @param key string
--- @return { left: integer, most: integer, seconds: number }[]?
--- @return number? wait seconds until the server, which asked to wait, wants one again
function rate_limit.left(self, key)
  local line = line_of(self, key, class_of(""))
  if line then
    return line:left(clock.now())
  end
end

--- Takes notice of a 429: nothing of its class goes out before the time that
--- the server gave. A time beyond its longest window is none of its.
--- @param self posthog.llm.Pace
--- @param key string
--- @param path string of the refused request
--- @param seconds? number Retry-After
function rate_limit.learn(self, key, path, seconds)
  local class = class_of(path)
  local line = seconds and seconds > 0 and line_of(self, key, class)
  if line then
    local now = clock.now()
    line:block(now + math.min(seconds, class.longest), now)
  end
end

return rate_limit
