--- What the nginx of the specs of posthog.llm.cache serves.

local handlers = require("spec.ngx.handlers")
local json = require("posthog.llm.json")
local llm_cache = require("posthog.llm.cache")

local served = {}

local now = ngx.now

--- From now on this machine's copies age by so many seconds more, in all workers: a test need not
--- wait for it. What ends by nginx's dictionary or by Redis does not age with them.
local function grow_older(seconds)
  ngx.shared.age:incr("seconds", seconds, 0)
end

ngx.now = function() -- luacheck: ignore 122
  return now() + (ngx.shared.age:get("seconds") or 0)
end

--- @param options table of cache.new
function served.new(options)
  options.dict = options.dict or "skills"
  options.client = options.client
    or handlers.client({ max_connections = 8, project_id = options.project_id })
  options.project_id = nil
  local cache = llm_cache.new(options)
  local self = {}

  local STATUS = { not_found = 404, rate_limited = 503, timeout = 504 }

  local function answer(text, err, from)
    ngx.header.x_from = from
    if not text then
      ngx.status = STATUS[err.kind] or 502
      ngx.say(tostring(err))
    else
      ngx.header.content_type = "application/json"
      ngx.print(text)
    end
  end

  function self.skill()
    answer(cache:skill_json(ngx.var.skill, { version = tonumber(ngx.var.arg_version) }))
  end

  function self.file()
    local options_of_file = { version = tonumber(ngx.var.arg_version) }
    local file, err, from = cache:file(ngx.var.skill, ngx.var.path, options_of_file)
    answer(file and json.encode(file), err, from)
  end

  function self.purge()
    local done, err = cache:purge(ngx.var.arg_name)
    answer(done and "done", err)
  end

  function self.older()
    grow_older(tonumber(ngx.var.arg_seconds))
    ngx.say("done")
  end

  function self.stats()
    ngx.print(json.encode(cache:stats()))
  end

  function self.metrics()
    ngx.print(cache:metrics())
  end

  function self.memory()
    collectgarbage()
    ngx.print(ngx.worker.pid(), " ", collectgarbage("count"))
  end

  function self.in_phase()
    local text, err, from = cache:skill_json(ngx.var.arg_name)
    ngx.header.x_from = from or "none"
    ngx.header.x_kind = err and err.kind
    ngx.header.x_length = text and #text
  end

  return self
end

return served
