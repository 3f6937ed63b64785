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

  --- What the cache and the client say of the same wrong arguments, one pair a line, and how long the
  --- cache takes to say it. Arguments that are right in name and path come last.
  function self.misuse()
    local long, version = ("n"):rep(70000), { version = 1 }
    local names = { "", ".", "a/b", "a\nb", 5, false, long, long:sub(1, 65500), long:sub(1, 4097) }
    local paths = { "", "../a", "a//b", "a\0b", 5, false, long, ("a/"):rep(3000) .. "b" }
    local of_options =
      { 5, { version = "2" }, { version = 0 }, { version = 1.5 }, { version = 2 ^ 63 } }
    local lines, skills = {}, options.client.skills
    local function add(method, call, of_client, ...)
      local began = ngx.now()
      local _, said = pcall(call, cache, ...)
      ngx.update_time()
      local seconds = ngx.now() - began
      local _, expected = pcall(of_client, skills, ...)
      lines[#lines + 1] = { method, tostring(said), tostring(expected), seconds }
    end
    for _, name in ipairs(names) do
      add("skill", cache.skill, skills.get, name)
      add("skill_json", cache.skill_json, skills.get, name, version)
      add("file", cache.file, skills.file, name, "a.md", version)
      if name then -- without a name, a purge is one of all
        add("purge", cache.purge, skills.get, name)
      end
    end
    for _, path in ipairs(paths) do
      add("file", cache.file, skills.file, "one", path)
    end
    for _, own in ipairs(of_options) do
      add("skill", cache.skill, skills.get, "one", own)
      add("skill_json", cache.skill_json, skills.get, "one", own)
      add("file", cache.file, skills.file, "one", "a.md", own)
    end
    local _, err = cache:skill(long:sub(1, 4096))
    local _, of_file = cache:file(long:sub(1, 4096), ("a/"):rep(2000) .. "b", version)
    ngx.print(json.encode({ lines = lines, kinds = { err.kind, of_file.kind } }))
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
