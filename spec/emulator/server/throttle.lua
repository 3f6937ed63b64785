--- Counts calls within a sliding window, per key. A refused call is not counted.

local answers = require("server.answers")
local settings = require("server.settings").values

local throttle = {}

local history = {}

function throttle.reset()
  history = {}
end

--- Throws a 429 when the limit `name` of the settings is used up by this key.
function throttle.check(ctx, name)
  local limit = settings[name]
  if limit <= 0 then return end
  local now, window = ngx.now(), settings.rate_window
  local bucket = name .. "/" .. ctx.key_text
  local kept = {}
  for _, at in ipairs(history[bucket] or {}) do
    if at > now - window then kept[#kept + 1] = at end
  end
  history[bucket] = kept
  if #kept >= limit then
    error(answers.throttled(math.ceil(window - (now - kept[1])), settings.retry_after))
  end
  kept[#kept + 1] = now
end

return throttle
