--- A version cannot be taken back: a plugin that writes at every pause would use them up.

local pace = {}

local MOST, SECONDS = 10, 60

--- @type table<string, number[]> times of writes, by the name of the skill
local times = {}

local function recent(name)
  local now, list = vim.uv.hrtime() / 1e9, {}
  for _, at in ipairs(times[name] or {}) do
    list[#list + 1] = now - at < SECONDS and at or nil
  end
  times[name] = list
  return list, now
end

--- @param name string of a skill
--- @return string? reason why nothing is published now
function pace.refusal(name)
  if #recent(name) >= MOST then
    local words = "%d versions of %s were published within a minute: "
      .. "is something saving by itself?"
    return words:format(MOST, name)
  end
end

--- @param name string
function pace.count(name)
  local list, now = recent(name)
  list[#list + 1] = now
end

return pace
