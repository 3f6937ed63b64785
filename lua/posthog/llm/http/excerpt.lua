--- What an error shows of a text of the server: its start, without the key.

local redact = require("posthog.llm.http.redact")

local excerpt = {}

--- The start of a text, whose key is redacted already.
--- @param text string
--- @param settings posthog.llm.Settings
--- @return string
function excerpt.cut(text, settings)
  local most = settings.max_excerpt_bytes
  if #text <= most then
    return text
  end
  while most > 0 and text:find("^[\128-\191]", most + 1) do -- in the middle of a character
    most = most - 1
  end
  return text:sub(1, most) .. "... (cut, max_excerpt_bytes)"
end

--- The start of a body that is not JSON. The key is redacted before the text is cut, so that no part
--- of a key at the end remains.
--- @param transfer userdata a finished one
--- @param key string
--- @param settings posthog.llm.Settings
--- @return string
function excerpt.body(transfer, key, settings)
  local text = redact.excerpt(transfer, settings.max_excerpt_bytes, key)
  return (excerpt.cut(text, settings):gsub("[%z\1-\8\11\12\14-\31\127]", "?"))
end

return excerpt
