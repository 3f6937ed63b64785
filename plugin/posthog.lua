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

-- By `:execute`, an error of a handler is an error of the command that led to it: shown without a
-- traceback, and caught by `:try`.
vim.cmd([[
  augroup posthog
    autocmd!
    autocmd BufReadCmd posthog://* execute v:lua.require'posthog.nvim.buffer'.on_read(+expand('<abuf>'), expand('<amatch>'))
    autocmd BufWriteCmd posthog://* execute v:lua.require'posthog.nvim.buffer'.on_write(+expand('<abuf>'), expand('<amatch>'), v:cmdbang)
    autocmd FileReadCmd,FileWriteCmd,FileAppendCmd,SourceCmd posthog://* execute v:lua.require'posthog.nvim.buffer'.refuse(expand('<amatch>'))
    autocmd SessionLoadPost * ++nested call v:lua.require'posthog.nvim.session'.restore()
    autocmd QuitPre posthog://* ++nested lua require("posthog.nvim.buffer").on_quit()
  augroup END
]])

for name, command in pairs({
  ["<Plug>(PostHog)"] = "PostHog",
  ["<Plug>(PostHog-Merge)"] = "PostHog merge",
  ["<Plug>(PostHog-TakeMine)"] = "PostHog take mine",
  ["<Plug>(PostHog-TakeTheirs)"] = "PostHog take theirs",
  ["<Plug>(PostHog-Diff)"] = "PostHog diff",
}) do
  vim.keymap.set("n", name, "<Cmd>" .. command .. "<CR>")
end
