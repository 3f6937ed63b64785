--- Completion of :PostHog. Names are asked for once in a while, and never waited for long.

local complete = {}

local LONGEST_WAIT = 300 -- milliseconds
local MOST_AGE = 60 -- seconds

--- Names by kind, and when they were asked for.
local known = { skills = { at = -MOST_AGE }, datasets = { at = -MOST_AGE } }

--- Names from memory where they are fresh; an empty list where they do not come in time.
local function names(kind)
  local memory, now = known[kind], vim.uv.hrtime() / 1e9
  if memory.is_asking or now - memory.at < MOST_AGE then
    return memory.names or {}
  end
  memory.is_asking = true
  local ran = pcall(function()
    local client = require("posthog.nvim.account").current().client
    require("posthog.nvim.task").run(
      "names of " .. kind,
      function()
        local list = {}
        for row in client[kind]:each() do
          list[#list + 1] = row.name
        end
        table.sort(list)
        return list
      end,
      LONGEST_WAIT,
      function(_, err, list)
        if not err then
          memory.names, memory.at = list, vim.uv.hrtime() / 1e9
        end
      end
    )
  end)
  if not ran then -- no account
    memory.is_asking = false
  end
  return memory.names or {}
end

local ARGUMENTS = {
  open = function()
    return names("skills")
  end,
  dataset = function()
    return names("datasets")
  end,
  export = function(number, lead)
    return number == 1 and names("datasets") or vim.fn.getcompletion(lead, "file")
  end,
  import = function(number, lead)
    return number == 1 and vim.fn.getcompletion(lead, "file") or names("datasets")
  end,
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
  local offered = require("posthog.nvim.commands").names()
  if #given > 1 or (given[1] ~= "" and before:find("%s$")) then
    local list = ARGUMENTS[given[1]]
    offered = list and list(math.max(1, #given - 1), lead) or {}
  end
  return vim.tbl_filter(function(word)
    return vim.startswith(word, lead)
  end, offered)
end

return complete
