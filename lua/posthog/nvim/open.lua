--- Opens one buffer of the plugin from another: it belongs to the same account.

local account = require("posthog.nvim.account")
local message = require("posthog.nvim.message")

local open = {}

-- No text of a command: a name of the server may hold a line end, and a command after it.
local AS_IT_IS = { file = false, bar = false }

--- Runs a command of Neovim. What it fails with is raised as it is told, without its way.
local function run(command, options)
  local ran, err = pcall(vim.cmd[command], options)
  if not ran then
    error(message.of_error(err), 0)
  end
end

--- @param name string
--- @param from? posthog.nvim.Account default: that of the settings
function open.edit(name, from)
  account.pass_on(name, from)
  run("edit", { args = { name }, magic = AS_IT_IS })
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
  account.pass_on(name, from)
  vim.cmd("diffthis")
  run("diffsplit", {
    args = { name },
    magic = AS_IT_IS,
    mods = { vertical = true, split = "belowright" },
  })
end

return open
