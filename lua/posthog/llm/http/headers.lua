--- The header fields of requests, as they are sent and as a hook gets them.

local core = require("posthog.llm.util.core")
local redact = require("posthog.llm.http.redact")

local headers = {}

--- @class posthog.llm.RequestConfig
--- @field lines string[] of headers
--- @field core userdata the core's object made from them and settings.transfer

--- The part of a request that stays the same from one to the next, with or without a body. Cached
--- until the key changes.
--- @return posthog.llm.RequestConfig
function headers.request_config(state, key, has_body)
  local configs = state.request_configs
  if configs.key ~= key then
    configs.key, configs[true], configs[false] = key, nil, nil
  end
  local config = configs[has_body]
  if not config then
    local lines = {
      "Authorization: Bearer " .. key,
      "Accept: application/json",
      "User-Agent: " .. state.user_agent,
      has_body and "Content-Type: application/json" or nil,
      has_body and "Expect:" or nil, -- no extra round trip before a large body
    }
    config = { lines = lines, core = core.request_config(state.settings.transfer, lines) }
    configs[has_body] = config
  end
  return config
end

--- The header lines of a call that has headers of its own, which replace the library's.
function headers.merge(lines, own)
  local all, replaced = {}, {}
  for name, value in pairs(own) do
    replaced[name:lower()] = true
    local text = tostring(value)
    -- libcurl sends an empty value for "Name;" and nothing for "Name:".
    all[#all + 1] = text == "" and name .. ";" or name .. ": " .. text
  end
  for _, line in ipairs(lines) do
    if not replaced[line:match("^[^:;]+"):lower()] then
      all[#all + 1] = line
    end
  end
  return all
end

--- The headers that a hook gets: without the key, and without the empty Expect.
function headers.for_hook(lines, key)
  local fields = {}
  for _, line in ipairs(lines) do
    local name, value = line:match("^([^:;]+)[:;]%s*(.*)$")
    name = name:lower()
    if name ~= "authorization" and name ~= "expect" then
      fields[name] = value
    end
  end
  return redact.value(fields, key)
end

return headers
