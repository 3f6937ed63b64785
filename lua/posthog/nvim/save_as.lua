--- A text written under another name of the plugin's: it creates, and never writes over what exists.

local account = require("posthog.nvim.account")
local buffer = require("posthog.nvim.buffer")
local config = require("posthog.nvim.config")
local lines = require("posthog.nvim.lines")
local message = require("posthog.nvim.message")
local task = require("posthog.nvim.task")
local uri = require("posthog.nvim.uri")

local save_as = {}

--- @param number integer the buffer whose text it is
--- @param name string
--- @return string command for :execute
function save_as.run(number, name)
  local at, reason = uri.parse(name)
  local source = at and buffer.source(at)
  if not source or at.version then
    return message.as_command(reason or "a list, or an old version, cannot be written: " .. name)
  end
  local state = buffer.state(number)
  local text, from = lines.text(number), state and state.account or account.current()
  local failure
  local tick = vim.api.nvim_buf_get_changedtick(number)
  local function create()
    local found = source.load(from.client, at)
    if not found.is_new then
      error(("%s exists: open it to change it"):format(name), 0)
    end
    return source.save(from.client, found, text, { at = at })
  end
  local function finish(is_late, err, outcome)
    failure = err and message.of_error(err)
    if outcome and outcome.action == "conflict" then
      failure, outcome = ("%s exists: open it to change it"):format(name), nil
    end
    if not outcome then
      if is_late then
        message.error(failure)
      end
      return
    end
    message.info(source.written(outcome.document))
    if vim.api.nvim_buf_is_valid(number) and vim.api.nvim_buf_get_name(number) == name then
      buffer.adopt(number, at, from, outcome.document, tick)
    end
  end
  if not task.run("write " .. name, create, config.get().quit_wait, finish) then
    failure = failure or "the server has not confirmed it yet"
  end
  return failure and message.as_command(failure) or ""
end

return save_as
