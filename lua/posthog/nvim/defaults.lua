--- The settings of the plugin and what they are where the user has not set them. Needs no Neovim,
--- as the reference is made from it.

--- The settings of the editor plugin, `vim.g.posthog`. A key does not belong into it, and is not
--- read from it.
--- @class posthog.nvim.Config
--- @field project? string|integer id; default: where the key is from
--- @field host? string "us", "eu" or a URL; default: where the key is from
--- @field key_command? string[]|string a list, or a text for the shell, that prints the key; it is
---   run once
--- @field key_file? string path of a file whose first line is the key
--- @field wait? integer milliseconds that `:e` and `:w` wait for the server; default 1000
--- @field quit_wait? integer milliseconds that `:wqa` waits; default 30000
--- @field items? integer rows of a dataset that its list loads at a time; default 200
--- @field lint? boolean diagnostics in SKILL.md; default true
--- @field spend? posthog.nvim.SpendConfig of the line that `spend()` returns

--- Of the line that `spend()` returns.
--- @class posthog.nvim.SpendConfig
--- @field refresh? number seconds after which the line is asked for anew; default 900
--- @field from? string start of the time that it is about; default "-30d"
--- @field budget? number dollars for that time
--- @field max_per_day? integer calls that all editors of the user make within a day; default 150

return {
  settings = { wait = 1000, quit_wait = 30000, items = 200, lint = true },
  spend = { refresh = 900, from = "-30d", max_per_day = 150 },
}
