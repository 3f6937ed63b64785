--- Removes the key from what users see, in case a server echoes it: as it is, and with any of its
--- characters escaped as in URLs (%5F), in JSON and JavaScript (\u005f, \x5f, \/) and in HTML
--- (&#95;, &#x5f;).

local core = require("posthog.llm.util.core")

local redact = {}

local REDACTED = "[key]"

--- @param text string
--- @param key string
--- @return string
function redact.text(text, key)
  return core.redact(text, key, REDACTED)
end

--- The start of a response's body. What is looked through is the body, not the
--- start of it, so that no part of a key across its end is left.
--- @param transfer userdata a finished one
--- @param most integer bytes; of a longer body a few more come, so that it can be told
--- @param key string
--- @return string
function redact.excerpt(transfer, most, key)
  return transfer:excerpt(most, key, REDACTED)
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

--- Header fields: their names are in lower case, and so is a key in one.
--- @param headers table<string, string> changed in place
--- @param key string
--- @return table<string, string>
function redact.headers(headers, key)
  redact.value(headers, key)
  local small, renamed = key:lower(), {}
  for name in pairs(headers) do
    local redacted = redact.text(name, small)
    if redacted ~= name then
      renamed[name] = redacted
    end
  end
  for name, redacted in pairs(renamed) do
    headers[name], headers[redacted] = nil, headers[name]
  end
  return headers
end

local SHORTEST = 4 -- bytes of a key that are taken for its start

--- A text that somebody else has cut, as libcurl cuts what it says to 255 bytes:
--- the start of a key at its end goes too.
--- @param text string
--- @param key string
--- @return string
function redact.cut_text(text, key)
  text = redact.text(text, key)
  for length = math.min(#key - 1, #text), SHORTEST, -1 do
    if text:sub(-length) == key:sub(1, length) then
      return text:sub(1, -length - 1) .. REDACTED
    end
  end
  return text
end

--- An error: its texts, and the body of the response.
--- @param err posthog.llm.Error changed in place
--- @param key string
function redact.error(err, key)
  for name, value in pairs(err) do
    if type(value) == "string" or name == "body" then
      err[name] = redact.value(value, key)
    end
  end
end

return redact
