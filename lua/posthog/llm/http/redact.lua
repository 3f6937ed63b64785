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

--- The start of a response's body. The key is redacted before the body is cut, so that no part of a
--- key at the cut remains.
--- @param transfer userdata a finished one
--- @param most integer bytes; a longer body returns a few more, so that the caller notices the cut
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

--- Redacts header fields. Their names are in lower case, and so is a key within a name.
--- @param headers table<string, string> changed in place
--- @param key string
--- @return table<string, string>
function redact.headers(headers, key)
  redact.value(headers, key)
  local lower_key, renamed = key:lower(), {}
  for name in pairs(headers) do
    local redacted = redact.text(name, lower_key)
    if redacted ~= name then
      renamed[name] = redacted
    end
  end
  for name, redacted in pairs(renamed) do
    headers[name], headers[redacted] = nil, headers[name]
  end
  return headers
end

local SHORTEST = 4 -- bytes: a shorter match at the end of a text is not taken for a part of the key

--- Redacts a text that was cut elsewhere, as libcurl cuts its messages to 255 bytes: the start of a
--- key at the end of the text is redacted too.
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

--- Redacts the texts of an error, and the body of the response in it.
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
