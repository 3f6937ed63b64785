--- Skills from a cache that all workers share.
---
--- What is younger than `fresh` is served as it is. What is older is served
--- too, and refreshed in the background. At most one request a skill goes to the
--- server at a time, however many ask for it: the others wait for its result.

local llm = require("posthog.llm")

local skills = {
  fresh = 60, -- seconds
}

-- What is served. A skill has more, such as the name and the e-mail address of
-- whoever made the version, which is not for everybody.
local PUBLIC = {
  "name",
  "description",
  "body",
  "files",
  "version",
  "license",
  "compatibility",
  "allowed_tools",
  "metadata",
  "updated_at",
}

local KEPT = 3600 -- seconds that an old copy is better than none
local FAILED = 2 -- seconds until a failure is tried again
local PATIENCE = 10 -- seconds for a call, retries included
local LOOK = 0.01 -- seconds between two looks for what another request fetches

local cache = ngx.shared.skills

-- No I/O yet: that begins with the first call, in the worker that makes it.
local client = llm.new({ deadline = PATIENCE })

local STATUS = {
  not_found = 404,
  rate_limited = 503,
  timeout = 504,
}

local function public(skill)
  local shown = {}
  for _, field in ipairs(PUBLIC) do
    shown[field] = skill[field]
  end
  return shown
end

--- Fetches a skill, on behalf of all who wait for it. Holds the lock.
local function fetch(name)
  local skill, err = client.skills:get(name)
  if skill then
    cache:set("text:" .. name, llm.json.encode(public(skill)), KEPT)
    cache:set("fresh:" .. name, true, skills.fresh)
  else
    if err.kind == "not_found" then
      cache:delete("text:" .. name)
    else
      ngx.log(ngx.WARN, "skill ", name, ": ", tostring(err))
      cache:set("fresh:" .. name, true, FAILED) -- an old copy, if there is one, will do
    end
    cache:set("failure:" .. name, STATUS[err.kind] or 502, FAILED)
  end
  cache:delete("lock:" .. name)
end

--- Whether this request is the one to fetch the skill. The lock goes by itself
--- should the worker die.
local function lock(name)
  return cache:add("lock:" .. name, true, PATIENCE + 1)
end

--- @return string? text JSON
--- @return string|integer from where it came, or the status of the failure
local function find(name)
  local text = cache:get("text:" .. name)
  if text then
    if cache:get("fresh:" .. name) then
      return text, "HIT"
    elseif lock(name) then
      local ok = ngx.timer.at(0, function()
        fetch(name)
      end)
      if not ok then -- nginx is ending
        cache:delete("lock:" .. name)
      end
    end
    return text, "STALE"
  end
  local from = "WAITED"
  local till = ngx.now() + PATIENCE
  while ngx.now() < till do
    local failure = cache:get("failure:" .. name)
    if failure then
      return nil, failure
    elseif lock(name) then
      fetch(name)
      from = "MISS"
    else
      llm.sleep(LOOK)
    end
    text = cache:get("text:" .. name)
    if text then
      return text, from
    end
  end
  return nil, 504
end

--- Answers the request with the skill of that name.
function skills.serve(name)
  local text, from = find(name)
  if not text then
    return ngx.exit(from)
  end
  ngx.header.content_type = "application/json"
  ngx.header.x_cache = from
  ngx.print(text)
end

return skills
