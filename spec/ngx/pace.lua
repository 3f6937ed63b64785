--- What the nginx of spec/pace_ngx_spec.lua serves. A worker's time goes
--- FASTER times as fast as everybody's, so that a minute passes in a test.

local clock = require("posthog.llm.clock")
local handlers = require("spec.ngx.handlers")
local rate_limit = require("posthog.llm.http.rate_limit")

local FASTER = 30

local pace = {}

local now, sleep = clock.now, clock.sleep

local function hurry()
  clock.now = function()
    return now() * FASTER
  end
  clock.sleep = function(seconds)
    return sleep(seconds / FASTER)
  end
end

--- GET /paced?per_minute=&dict=&deadline=&fast=1&key=: one call, and which worker made it.
function pace.call()
  local arg = ngx.req.get_uri_args()
  if arg.fast then
    hurry()
  end
  local client = handlers.client({
    pace = { per_minute = tonumber(arg.per_minute), dict = arg.dict },
    deadline = tonumber(arg.deadline),
    personal_api_key = arg.key,
    max_retries = 0,
  })
  local value, err = client.datasets:list({ limit = 1 })
  local words = value and "went" or tostring(err)
  ngx.shared.results:incr(value and "went" or err.kind, 1, 0)
  ngx.shared.results:incr("by " .. ngx.worker.pid(), 1, 0)
  client:close()
  ngx.say(words)
end

local new = rate_limit.new

--- Makes a minute `seconds` long, for all clients to come.
local function shorten(seconds)
  rate_limit.new = function(...)
    local limits = new(...)
    for _, class in ipairs({ "rest", "spend" }) do
      for _, window in ipairs(limits[class].windows) do
        window.seconds = window.seconds * seconds / 60
      end
    end
    return limits
  end
end

--- GET /shared?port=&per_minute=&seconds=&deadline=&key=&password=&prefix=&ahead=: one call, counted
--- in Redis, in minutes of so many seconds. `ahead` sets the worker's clock, from then on.
function pace.shared()
  local arg = ngx.req.get_uri_args()
  shorten(tonumber(arg.seconds) or 60)
  if arg.ahead then
    local ahead = tonumber(arg.ahead)
    clock.now = function()
      return now() + ahead
    end
  end
  local client = handlers.client({
    pace = {
      per_minute = tonumber(arg.per_minute),
      redis = { port = tonumber(arg.port), password = arg.password, prefix = arg.prefix },
    },
    deadline = tonumber(arg.deadline),
    personal_api_key = arg.key,
    max_retries = 0,
  })
  local value, err = client.datasets:list({ limit = 1 })
  client:close()
  ngx.status = value and 200 or 502
  ngx.say(value and "went" or tostring(err))
end

--- GET /dict?dict=: keys and values as JSON.
function pace.dict()
  local dict, all = ngx.shared[ngx.var.arg_dict], {}
  for _, key in ipairs(dict:get_keys(0)) do
    all[key] = dict:get(key)
  end
  ngx.say(require("cjson").encode(all))
end

--- GET /empty?dict=
function pace.empty()
  local dict = ngx.shared[ngx.var.arg_dict]
  dict:flush_all()
  dict:flush_expired()
  ngx.say("done")
end

return pace
