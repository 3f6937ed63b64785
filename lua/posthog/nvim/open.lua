--- Opens one buffer of the plugin from another: it belongs to the same account.

local account = require("posthog.nvim.account")

local open = {}

-- No text of a command: a name of the server may hold a line end, and a command after it.
local AS_IT_IS = { file = false, bar = false }

--- @param name string
--- @param from? posthog.nvim.Account default: that of the settings
function open.edit(name, from)
  account.pass_on(name, from)
  vim.cmd.edit({ args = { name }, magic = AS_IT_IS })
end

--- Shows a text beside the present window, both in diff mode.
--- @param name string
--- @param from? posthog.nvim.Account
function open.diff(name, from)
  account.pass_on(name, from)
  vim.cmd("diffthis")
  vim.cmd.diffsplit({
    args = { name },
    magic = AS_IT_IS,
    mods = { vertical = true, split = "belowright" },
  })
end

return open
