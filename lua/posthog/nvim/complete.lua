--- Completion of :PostHog. Names are asked for once in a while, and never waited for long.

local complete = {}

local LONGEST_WAIT = 300 -- milliseconds
local MOST_AGE = 60 -- seconds

local COMMANDS = {
  "archive",
  "cancel",
  "build",
  "delete",
  "diff",
  "history",
  "merge",
  "new",
  "open",
  "publish",
  "rename",
  "take",
}
complete.COMMANDS = COMMANDS

local names, names_at = nil, 0

--- Names of skills, from memory where they are fresh; an empty list where they do not come in time.
local function skill_names()
  local now = vim.uv.hrtime() / 1e9
  if names and now - names_at < MOST_AGE then
    return names
  end
  pcall(function()
    local client = require("posthog.nvim.account").current().client
    require("posthog.nvim.task").run(
      "names of skills",
      function()
        local list = {}
        for skill in client.skills:each() do
          list[#list + 1] = skill.name
        end
        table.sort(list)
        return list
      end,
      LONGEST_WAIT,
      function(_, err, list)
        if not err then
          names, names_at = list, vim.uv.hrtime() / 1e9
        end
      end
    )
  end)
  return names or {}
end

local ARGUMENTS = {
  open = skill_names,
  new = function()
    return {}
  end,
  take = function()
    return { "both", "mine", "theirs" }
  end,
  diff = function()
    return { "latest" }
  end,
}

--- @param lead string
--- @param line string
--- @param position integer
--- @return string[]
function complete.words(lead, line, position)
  local before = line:sub(1, position)
  local given = vim.split(vim.trim(before:gsub("^%s*%S+%s*", "", 1)), "%s+")
  local offered = COMMANDS
  if #given > 1 or (given[1] ~= "" and before:find("%s$")) then
    local list = ARGUMENTS[given[1]]
    offered = list and list() or {}
  end
  return vim.tbl_filter(function(word)
    return vim.startswith(word, lead)
  end, offered)
end

return complete
