--- An example plugin: look through PostHog's skills, and at what you spend.
---
---     :PosthogSkills    picks a skill and one of its files, and opens it
---     :PosthogSpend     shows the spend of the last 30 days in a float
---
--- It reads top to bottom, and still the editor never stops: every function
--- below runs inside llm.go, where a call yields until its response is there.

local M = {}

local client

local function get_client()
  client = client or require("posthog.llm").new() -- the key and so on: from the environment
  return client
end

--- Waits for a function that takes a callback, such as vim.ui.select.
local function await(start)
  local co, answer, asleep = coroutine.running(), nil, false
  start(function(value)
    answer = { value }
    if asleep then
      coroutine.resume(co)
    end
  end)
  if not answer then
    asleep = true
    coroutine.yield()
  end
  return answer[1]
end

local function pick(items, prompt, format_item)
  return await(function(callback)
    vim.ui.select(items, { prompt = prompt, format_item = format_item }, callback)
  end)
end

--- The value of a call; a failure ends the task, and `run` shows it.
local function must(value, err)
  if value == nil then
    error(err, 0)
  end
  return value
end

local function run(task)
  return require("posthog.llm").go(task, function(err)
    if err and err.kind ~= "cancelled" then
      vim.notify(tostring(err), vim.log.levels.ERROR)
    end
  end)
end

--- @return integer buffer one that is of no file and goes when it is hidden
local function scratch(text, filetype)
  local buffer = vim.api.nvim_create_buf(false, true)
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, vim.split(text, "\n", { plain = true }))
  vim.bo[buffer].bufhidden = "wipe"
  vim.bo[buffer].filetype = filetype
  vim.bo[buffer].modifiable = false
  return buffer
end

local BODY = "SKILL.md"

--- Picks a skill, then its body or one of its files, and opens that.
function M.skills()
  return run(function()
    local skills = {}
    for skill in get_client().skills:each() do
      skills[#skills + 1] = skill
    end
    local picked = pick(skills, "Skill", function(skill)
      return ("%s: %s"):format(skill.name, skill.description or "")
    end)
    if not picked then
      return
    end

    local skill = must(client.skills:get(picked.name))
    local paths = { BODY }
    for _, file in ipairs(skill.files or {}) do
      paths[#paths + 1] = file.path
    end
    table.sort(paths, function(a, b)
      return a == BODY and b ~= BODY or b ~= BODY and a < b
    end)
    local path = #paths == 1 and BODY or pick(paths, skill.name)
    if not path then
      return
    end

    local text = path == BODY and skill.body or must(client.skills:file(skill.name, path)).content
    vim.api.nvim_win_set_buf(0, scratch(text, path:match("%.md$") and "markdown" or ""))
  end)
end

local function spend_lines(spend)
  local summary = spend.summary
  local lines = {
    ("%s to %s"):format(summary.date_from:sub(1, 10), summary.date_to:sub(1, 10)),
    ("%12.4f USD  %8d calls  in all"):format(summary.total_cost_usd, summary.event_count),
  }
  for _, row in ipairs(spend.by_model.items) do
    local model = row.model or "no model"
    lines[#lines + 1] = ("%12.4f USD  %8d calls  %s"):format(
      row.cost_usd,
      row.generation_count,
      model
    )
  end
  return lines
end

--- Shows the spend in a float; q closes it.
function M.spend()
  return run(function()
    local lines = spend_lines(must(get_client().spend:get()))
    local width = 0
    for _, line in ipairs(lines) do
      width = math.max(width, vim.fn.strdisplaywidth(line))
    end
    local buffer = scratch(table.concat(lines, "\n"), "")
    vim.api.nvim_open_win(buffer, true, {
      relative = "editor",
      style = "minimal",
      border = "rounded",
      width = width,
      height = #lines,
      row = math.max(0, math.floor((vim.o.lines - #lines) / 2) - 1),
      col = math.max(0, math.floor((vim.o.columns - width) / 2)),
    })
    vim.keymap.set("n", "q", "<Cmd>close<CR>", { buffer = buffer })
  end)
end

function M.commands()
  vim.api.nvim_create_user_command("PosthogSkills", function()
    M.skills()
  end, { desc = "Pick and open one of PostHog's skills" })
  vim.api.nvim_create_user_command("PosthogSpend", function()
    M.spend()
  end, { desc = "Show what you spend on LLMs" })
end

return M
