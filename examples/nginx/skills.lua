--- Answers requests for skills by posthog.llm.cache.
---
--- The header X-Cache says where an answer came from: hit, stale (an old copy: it is being replaced,
--- or PostHog does not answer), miss, waited or shared.

local llm = require("posthog.llm")
local llm_cache = require("posthog.llm.cache")

local skills = {}

local cache

--- Makes the cache, once, in init_by_lua. No I/O but a look at Redis, if there is one.
--- @param options table of posthog.llm.cache, without the client
--- @param pace? table|boolean keeps all workers within the limits of the key
function skills.setup(options, pace)
  options.client = llm.new({ max_retries = 1, pace = pace })
  cache = llm_cache.new(options)
end

local STATUS = {
  not_found = 404,
  rate_limited = 503,
  timeout = 504,
}

--- The cache has logged what went wrong, with the call, the host and the kind of the error: one line
--- a minute. So there is none for each request.
local function fail(err)
  if err.retry_after then
    ngx.header.retry_after = math.ceil(err.retry_after)
  end
  return ngx.exit(STATUS[err.kind] or 502)
end

--- @param version? string of the query
--- @return table? options
--- @return boolean? invalid
local function version_of(version)
  if not version then
    return nil
  end
  local number = version:match("^%d+$") and #version < 10 and tonumber(version)
  if not number or number < 1 then
    return nil, true
  end
  return { version = number }
end

--- Answers with a skill as JSON.
function skills.serve(name, version)
  local options, invalid = version_of(version)
  if invalid then
    return ngx.exit(400)
  end
  local text, err, from = cache:skill_json(name, options)
  if not text then
    return fail(err)
  end
  ngx.header.content_type = "application/json"
  ngx.header.x_cache = from
  ngx.print(text)
end

--- Answers with the content of a file. Whoever publishes skills chooses their content and its type,
--- so no browser shall take it for a page of this site.
function skills.serve_file(name, path)
  if path:find("%c") or ("/" .. path .. "/"):find("/%.?%.?/") then
    return ngx.exit(400)
  end
  local file, err, from = cache:file(name, path)
  if not file then
    return fail(err)
  end
  ngx.header.content_type = "text/plain; charset=utf-8"
  ngx.header.x_content_type_options = "nosniff"
  ngx.header.x_cache = from
  ngx.print(file.content)
end

--- Answers 200 while this machine can serve.
function skills.health()
  local stats = cache:stats()
  ngx.header.content_type = "application/json"
  ngx.print(llm.json.encode({ status = "ok", redis = stats.redis, free_bytes = stats.free_bytes }))
end

function skills.metrics()
  ngx.header.content_type = "text/plain; version=0.0.4"
  ngx.print(cache:metrics())
end

--- Forgets a skill, or all.
function skills.purge(name)
  if ngx.req.get_method() ~= "POST" then
    ngx.header.allow = "POST"
    return ngx.exit(405)
  elseif name and not name:find("^[a-z0-9-]+$") then
    return ngx.exit(400)
  end
  local done, err = cache:purge(name)
  if not done then
    ngx.log(ngx.WARN, tostring(err))
    return ngx.exit(502)
  end
  ngx.say("done")
end

return skills
