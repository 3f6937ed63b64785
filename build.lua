-- Compiles the C core for Neovim, in place. lazy.nvim runs this file by itself after it has
-- installed or updated the plugin; by hand it is
--
--   nvim -l build.lua

local folder = debug.getinfo(1, "S").source:match("^@(.*)build%.lua$")
local build = dofile(folder .. "lua/posthog/nvim/build.lua")

local built, result = pcall(build.run)
local message = built and result.message or "posthog-llm is not built: " .. result
if package.loaded["lazy"] and not built then
  error(message, 0) -- its window shows it
elseif not (vim.tbl_contains(vim.v.argv, "-l") or vim.tbl_contains(vim.v.argv, "--headless")) then
  vim.notify(message, built and vim.log.levels.INFO or vim.log.levels.ERROR)
else
  io.stderr:write(message, "\n")
  if not built then
    vim.cmd("cquit 1")
  end
end
