-- The command, the buffers and the maps of the plugin. Nothing else is loaded before one is used.
if vim.g.loaded_posthog then
  return
end
vim.g.loaded_posthog = 1

if vim.fn.has("nvim-0.10") == 0 then
  vim.api.nvim_create_user_command("PostHog", function()
    local words = "posthog: Neovim 0.10 or newer is needed (the library itself works from 0.7.2 on)"
    vim.api.nvim_echo({ { words, "ErrorMsg" } }, true, {})
  end, { nargs = "*", desc = "PostHog's skills, datasets and spend" })
  return
end

vim.api.nvim_create_user_command("PostHog", function(command)
  require("posthog.nvim.commands").run(command)
end, {
  nargs = "*",
  bang = true,
  complete = function(lead, line, position)
    return require("posthog.nvim.complete").words(lead, line, position)
  end,
  desc = "PostHog's skills, datasets and spend",
})

local group = vim.api.nvim_create_augroup("posthog", {})

--- Calls a handler in the plugin's buffers. By `:execute` an error of a handler is an error of the
--- command that led to it: shown without a traceback, and caught by `:try`.
local function on(events, handler)
  vim.api.nvim_create_autocmd(events, {
    group = group,
    pattern = "posthog://*",
    command = "execute v:lua.require'posthog.nvim.buffer'." .. handler,
  })
end

on("BufReadCmd", "on_read(+expand('<abuf>'), expand('<amatch>'))")
on("BufWriteCmd", "on_write(+expand('<abuf>'), expand('<amatch>'), v:cmdbang)")
on("BufReadPost", "on_recover(+expand('<abuf>'))") -- no other read of these buffers ends with it
on({ "FileReadCmd", "FileWriteCmd", "FileAppendCmd" }, "refuse(expand('<amatch>'))")

vim.api.nvim_create_autocmd("QuitPre", {
  group = group,
  pattern = "posthog://*",
  nested = true, -- a write that is confirmed meanwhile marks its text by an inner :write
  callback = function()
    require("posthog.nvim.buffer").on_quit()
  end,
})
vim.api.nvim_create_autocmd("VimLeavePre", {
  group = group,
  nested = true,
  callback = function()
    local buffer = package.loaded["posthog.nvim.buffer"]
    if buffer then
      buffer.on_leave()
    end
  end,
})
vim.api.nvim_create_autocmd("SessionLoadPost", {
  group = group,
  nested = true,
  callback = function()
    require("posthog.nvim.session").restore()
  end,
})

for name, command in pairs({
  ["<Plug>(PostHog)"] = "PostHog",
  ["<Plug>(PostHog-Merge)"] = "PostHog merge",
  ["<Plug>(PostHog-TakeMine)"] = "PostHog take mine",
  ["<Plug>(PostHog-TakeTheirs)"] = "PostHog take theirs",
  ["<Plug>(PostHog-Diff)"] = "PostHog diff",
}) do
  vim.keymap.set("n", name, "<Cmd>" .. command .. "<CR>")
end
