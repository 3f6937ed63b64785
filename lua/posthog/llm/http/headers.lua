--- The header fields of requests: as they are sent, and as a hook sees them.

local core = require("posthog.llm.util.core")
local redact = require("posthog.llm.http.redact")

local headers = {}

--- @class posthog.llm.Terms
--- @field lines string[] of headers
--- @field core userdata what the core keeps of them, and of settings.transfer

--- What stays the same from one request to the next, by whether there is a body.
--- It is kept as long as the key is the same.
--- @return posthog.llm.Terms
function headers.terms(state, key, has_body)
  local kept = state.terms
  if kept.key ~= key then
    kept.key, kept[true], kept[false] = key, nil, nil
  end
  local terms = kept[has_body]
  if not terms then
    local lines = {
      "Authorization: Bearer " .. key,
      "Accept: application/json",
      "User-Agent: " .. state.user_agent,
      has_body and "Content-Type: application/json" or nil,
      has_body and "Expect:" or nil, -- no extra round trip before a large body
    }
    terms = { lines = lines, core = core.request_config(state.settings.transfer, lines) }
    kept[has_body] = terms
  end
  return terms
end

--- The header lines of a call that has some of its own.
function headers.merge(lines, own)
  local all, replaced = {}, {}
  for name, value in pairs(own) do
    replaced[name:lower()] = true
    local text = tostring(value)
    all[#all + 1] = text == "" and name .. ";" or name .. ": " .. text -- "Name:" would send none
  end
  for _, line in ipairs(lines) do
    if not replaced[line:match("^[^:;]+"):lower()] then
      all[#all + 1] = line
    end
  end
  return all
end

--- What a hook sees of the headers: everything but the key.
function headers.shown(lines, key)
  local shown = {}
  for _, line in ipairs(lines) do
    local name, value = line:match("^([^:;]+)[:;]%s*(.*)$")
    name = name:lower()
    if name ~= "authorization" and name ~= "expect" then
      shown[name] = value
    end
  end
  return redact.value(shown, key)
end

return headers
