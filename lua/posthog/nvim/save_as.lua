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
  local text = lines.text(number)
  local failure
  local function create()
    local client = account.current().client
    local found = source.load(client, at)
    if not found.is_new then
      error(("%s exists: open it to change it"):format(name), 0)
    end
    return source.save(client, found, text, { at = at })
  end
  local in_time = task.run(
    "write " .. name,
    create,
    config.get().quit_wait,
    function(_, err, outcome)
      failure = err and tostring(err)
      if outcome then
        message.info(source.written(outcome.document))
      end
    end
  )
  if not in_time then
    failure = failure or "the server has not confirmed it yet"
  end
  return failure and message.as_command(failure) or ""
end

return save_as
