--- Three nginx that share a pace in a Redis, for the specs of it.

local assert = require("luassert")

local emulator = require("spec.emulator")
local hooks = require("spec.support.hooks")
local redis_server = require("spec.ngx.redis")
local server = require("spec.ngx.server")

local pace_fleet = {}

local LOCATION = [[
    location = /shared { content_by_lua_block { require("spec.ngx.pace").shared() } }
]]
local QUIET = "lua_socket_log_errors off;" -- else nginx has a line for each try of a Redis that is away
-- POSTHOG_PACE_MINUTE=60 makes it the test of a true minute: ten of them.
local MINUTE = tonumber(os.getenv("POSTHOG_PACE_MINUTE")) or 4
local LIMIT = MINUTE == 60 and 100 or 42 -- of which a third is an integer
local SHARE = math.floor(LIMIT / 20)
pace_fleet.MINUTE, pace_fleet.LIMIT, pace_fleet.SHARE = MINUTE, LIMIT, SHARE
pace_fleet.TWO_THIRDS = math.floor(LIMIT * 2 / 3)

--- A request arrives so many seconds after its turn at most, on a busy machine; then those of the
--- next minute may follow at once.
local ON_ITS_WAY = 1

--- @class posthog.spec.PaceFleet
--- @field e table the emulator
--- @field redis posthog.spec.Redis
--- @field machines posthog.spec.Nginx[]
local Fleet = {}
Fleet.__index = Fleet

function pace_fleet.start()
  local self = setmetatable({ e = emulator.start(), machines = {} }, Fleet)
  for i = 1, 3 do
    self.machines[i] =
      server.start({ emulator = self.e, workers = 2, server = LOCATION, http = QUIET })
  end
  return self
end

--- Begins a test: nothing has been counted.
function Fleet:begin()
  self.e:reset()
  self.redis = redis_server.start()
end

function Fleet:finish()
  self.redis:kill()
end

function Fleet:stop()
  for _, machine in ipairs(self.machines) do
    machine:stop()
  end
  self.e:stop()
end

function Fleet:path(options)
  options = options or {}
  local words =
    { ("/shared?port=%d&per_minute=%d&seconds=%g"):format(self.redis.port, LIMIT, MINUTE) }
  options.deadline = options.deadline or 20 * MINUTE
  for name, value in pairs(options) do
    words[#words + 1] = ("%s=%s"):format(name, value)
  end
  return table.concat(words, "&")
end

--- Makes calls on all machines at the same time, and `meanwhile` what it says.
--- @return table<string, integer> statuses
function Fleet:crowd(each, options, meanwhile)
  local urls = {}
  for _, machine in ipairs(self.machines) do
    urls[#urls + 1] = ("'%s%s&n=[1-%d]'"):format(machine.url, self:path(options), each)
  end
  local output = os.tmpname()
  os.execute(
    (
      "curl -q -s -m %d --noproxy '*' -Z --parallel-immediate --parallel-max 300"
      .. " -w '\\n%%{http_code}\\n' %s >'%s' 2>/dev/null & echo $! >'%s.pid'"
    ):format(25 * MINUTE, table.concat(urls, " "), output, output)
  )
  if meanwhile then
    meanwhile()
  end
  server.output_of(("while kill -0 $(cat '%s.pid') 2>/dev/null; do sleep 0.1; done"):format(output))
  local file = assert(io.open(output))
  local text = file:read("*a")
  file:close()
  os.remove(output)
  os.remove(output .. ".pid")
  local statuses = {}
  for status in text:gmatch("\n(%d%d%d)\n") do
    statuses[status] = (statuses[status] or 0) + 1
  end
  return statuses, text
end

--- When requests came to the server, in ascending order.
function Fleet:times()
  local list = {}
  for i, entry in ipairs(self.e:log()) do
    list[i] = entry.at
  end
  table.sort(list)
  return list
end

--- The most requests that came in any time of this length.
function Fleet:most_in(seconds)
  local list = self:times()
  local most, first = 0, 1
  for i, at in ipairs(list) do
    while list[first] <= at - seconds do
      first = first + 1
    end
    most = math.max(most, i - first + 1)
  end
  return most
end

--- Asserts that no more requests had their turn in any minute.
--- @param bound number
--- @return integer most that came in a minute
function Fleet:within(bound)
  local most = self:most_in(MINUTE - ON_ITS_WAY)
  assert.is_true(most <= bound, most .. " in a minute")
  return self:most_in(MINUTE)
end

--- The fleet of one spec file. Its functions go into setup, teardown, before_each and after_each.
local function session()
  local t = { fleet = nil }

  function t.start()
    t.fleet = pace_fleet.start()
  end

  function t.stop()
    t.fleet:stop()
  end

  function t.reset()
    t.fleet:begin()
  end

  function t.finish()
    t.fleet:finish()
  end

  return t
end

--- A block of tests with their fleet, where there is what it takes.
--- @param busted table its functions, which only a spec file has
--- @param name string what is described
--- @param tests fun(t: table)
function pace_fleet.describe(busted, name, tests)
  if not rawget(_G, "jit") or os.getenv("SPEC_MODE") == "valgrind" then
    return
  end
  busted.describe(name, function()
    local missing = server.missing() or redis_server.missing()
    if missing then
      busted.pending("is left out: " .. missing)
      return
    end
    local t = session()
    hooks(t)(busted)
    tests(t)
  end)
end

function pace_fleet.sleep(seconds)
  server.output_of(("sleep %g"):format(seconds))
end

return pace_fleet
