--- How far a long task is: a progress message of Neovim where it has them, else a line now and then.

local message = require("posthog.nvim.message")

local progress = {}

--- Seconds between two lines.
progress.every = 0.5

--- @class posthog.nvim.Progress
--- @field title string
--- @field id? integer of the message
--- @field shown number when the last one was shown
local Progress = {}
Progress.__index = Progress

local HAS_MESSAGES = vim.fn.has("nvim-0.12") == 1

--- @param title string
--- @return posthog.nvim.Progress
function progress.new(title)
  return setmetatable({ title = title, shown = -progress.every }, Progress)
end

local function echo(self, text, status, percent)
  local options = {
    kind = "progress",
    source = "posthog",
    title = self.title,
    status = status,
    percent = percent,
    id = self.id,
  }
  self.id = vim.api.nvim_echo({ { message.clean(text) } }, status ~= "running", options)
end

--- @param done integer
--- @param total? integer
function Progress:report(done, total)
  local now = vim.uv.hrtime() / 1e9
  if now - self.shown < progress.every then
    return
  end
  self.shown = now
  local text = total and ("%d of %d"):format(done, total) or tostring(done)
  if HAS_MESSAGES then
    echo(self, text, "running", total and total > 0 and math.floor(100 * done / total) or nil)
  else
    message.glimpse(("%s: %s"):format(self.title, text))
  end
end

--- @param text string
--- @param has_failed boolean
function Progress:finish(text, has_failed)
  if HAS_MESSAGES then
    echo(self, text, has_failed and "failed" or "success", nil)
  end
  if has_failed then
    message.error(text)
  elseif not HAS_MESSAGES then
    message.info(text)
  end
end

return progress
