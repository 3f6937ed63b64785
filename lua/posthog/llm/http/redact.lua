--- Removes the key from what users see, in case a server echoes it: as it is, and with any of its
--- characters escaped as in URLs (%5F), in JSON and JavaScript (\u005f, \x5f, \/) and in HTML
--- (&#95;, &#x5f;).

local core = require("posthog.llm.util.core")

local redact = {}

local REDACTED = "[key]"

--- The longest escape of one character that is recognised, in bytes, without leading zeros in HTML.
redact.LONGEST_ESCAPE = 6

--- @param text string
--- @param key string
--- @return string
function redact.text(text, key)
  return core.redact(text, key, REDACTED)
end

--- @param value any a table is changed in place, its keys too
--- @param key string
--- @return any
function redact.value(value, key)
  if type(value) == "string" then
    return redact.text(value, key)
  elseif type(value) ~= "table" then
    return value
  end
  local renamed = {}
  for name, field in pairs(value) do
    local redacted = redact.value(name, key)
    value[name] = redact.value(field, key)
    if redacted ~= name then
      renamed[name] = redacted
    end
  end
  for name, redacted in pairs(renamed) do
    value[name], value[redacted] = nil, value[name]
  end
  return value
end

return redact
