--- The purges of other machines: one worker a machine looks for them twice a second.

local stats = require("posthog.llm.cache.stats")

local watch = {}

local EVERY = 0.5 -- seconds
local MISSED = 5 -- seconds without a look: another worker, or Lua state, takes over

local function look(premature, parts, key)
  local dict = parts.store.dict
  if premature or not dict:add("look " .. key, true, EVERY * 0.8) then
    return
  end
  for _, name in ipairs(parts.shared:purges() or {}) do
    stats.count(dict, "purges")
    parts.store:purge(name ~= "" and name or nil)
  end
end

--- Starts to look, once a worker. Not every phase can: then the next call does.
--- @param parts posthog.llm.CacheParts
function watch.start(parts)
  local pid = ngx.worker.pid()
  if parts.watched_by == pid or ngx.get_phase() == "init" then
    return
  end
  -- With `lua_code_cache off` every request has a Lua state of its own: one of them is enough.
  local dict, key = parts.store.dict, parts.account
  local mine = ("watch %s %d"):format(key, pid)
  if not dict:add(mine, true, MISSED) then
    return
  end
  local ok = ngx.timer.every(EVERY, function(premature)
    dict:set(mine, true, MISSED)
    look(premature, parts, key)
  end)
  if ok then
    parts.watched_by = pid
  end
end

return watch
