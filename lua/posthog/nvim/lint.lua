--- What PostHog, or the Agent Skills format, would refuse of a SKILL.md, as diagnostics.

local config = require("posthog.nvim.config")
local lines = require("posthog.nvim.lines")

local lint = {}

local api = vim.api

local DELAY = 300 -- milliseconds after a change

local namespace = api.nvim_create_namespace("posthog.lint")

--- @type table<integer, uv.uv_timer_t> by buffer
local timers = {}

--- Shows what is found in a buffer.
--- @param number integer
--- @param name string of the skill
--- @param source? string the buffer's text, where it is at hand
--- @return string? refusal the first error, with its line
function lint.check(number, name, source)
  local list, refusal = {}, nil
  local findings = require("posthog.llm.skill_folder.lint").text(source or lines.text(number), name)
  for _, finding in ipairs(findings) do
    local is_error = finding.level == "error"
    local line = math.min(finding.line or 1, api.nvim_buf_line_count(number))
    list[#list + 1] = {
      lnum = line - 1,
      col = 0,
      severity = vim.diagnostic.severity[is_error and "ERROR" or "WARN"],
      source = "posthog",
      code = finding.code,
      message = finding.message,
    }
    if is_error and not refusal then
      refusal = ("SKILL.md:%d: %s"):format(line, finding.message)
    end
  end
  vim.diagnostic.set(namespace, number, list)
  return refusal
end

--- Checks a buffer now, and again after each change, while it exists.
--- @param number integer
--- @param name string of the skill
function lint.attach(number, name)
  if not config.get().lint then
    return
  end
  lint.check(number, name)
  if timers[number] then
    return
  end
  local timer = vim.uv.new_timer()
  timers[number] = timer
  local function later()
    timer:start(DELAY, 0, function()
      vim.schedule(function()
        if timers[number] and api.nvim_buf_is_loaded(number) then
          lint.check(number, name)
        end
      end)
    end)
  end
  local function stop()
    timers[number] = nil
    timer:close()
  end
  api.nvim_buf_attach(number, false, {
    on_lines = function()
      if not timers[number] then
        return true
      end
      later()
    end,
    on_detach = stop,
  })
end

return lint
