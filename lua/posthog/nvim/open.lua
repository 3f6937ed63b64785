--- Opens one buffer of the plugin from another: it belongs to the same account.

local account = require("posthog.nvim.account")
local message = require("posthog.nvim.message")

local open = {}

-- No text of a command: a name of the server may hold a line end, and a command after it.
local AS_IT_IS = { file = false, bar = false }

--- Opens a buffer by a command of Neovim. What it fails with is raised as it is told, without its
--- way.
local function open_as(name, from, command, options)
  account.pass_on(name, from)
  local ran, err = pcall(vim.cmd[command], options)
  account.pass_on(name, nil) -- one that is loaded already has its own
  if not ran then
    error(message.of_error(err), 0)
  end
end

--- @param name string
--- @param from? posthog.nvim.Account default: that of the settings
function open.edit(name, from)
  open_as(name, from, "edit", { args = { name }, magic = AS_IT_IS })
end

--- The same where no command is there to fail: what is wrong is told.
--- @param name string
--- @param from? posthog.nvim.Account default: that of the settings
function open.try(name, from)
  local ran, err = pcall(open.edit, name, from)
  if not ran then
    message.error(message.of_error(err))
  end
end

--- Shows a text beside the present window, both in diff mode.
--- @param name string
--- @param from? posthog.nvim.Account
function open.diff(name, from)
  local had_diff = vim.wo.diff
  vim.cmd("diffthis")
  local ran, err = pcall(open_as, name, from, "diffsplit", {
    args = { name },
    magic = AS_IT_IS,
    mods = { vertical = true, split = "belowright" },
  })
  if not ran then
    vim.wo.diff = had_diff
    error(err, 0)
  end
end

return open
