--- Counts calls within a sliding window, per key or for all keys. A refused call is not counted.

local responses = require("server.responses")
local settings = require("server.settings").values

local throttle = {}

local history = {}

function throttle.reset()
  history = {}
end

--- The times of the calls that count against the limit `name`; throws a 429 when it is used up.
local function counted(ctx, name, now)
  local limit, window = settings[name], settings.rate_window
  local owner = settings.rate_limit_by == "key" and ctx.key_text or "organization"
  local bucket = name .. "/" .. owner
  local kept = {}
  for _, at in ipairs(history[bucket] or {}) do
    if at > now - window then
      kept[#kept + 1] = at
    end
  end
  history[bucket] = kept
  if #kept >= limit then
    error(responses.throttled(math.ceil(window - (now - kept[1])), settings.retry_after))
  end
  return kept
end

--- Throws a 429 when one of the limits, names of settings, is used up by this key.
function throttle.check(ctx, names)
  local now, counts = ngx.now(), {}
  for name in names:gmatch("%S+") do
    if settings[name] > 0 then
      counts[#counts + 1] = counted(ctx, name, now)
    end
  end
  for _, kept in ipairs(counts) do
    kept[#kept + 1] = now
  end
end

return throttle
