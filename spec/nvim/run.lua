-- Runs one scenario in Neovim and leaves: status 0 when it held.
--
--   SCENARIO=3 nvim --headless -u NONE -c "luafile spec/nvim/run.lua"

local scenario =
  require(os.getenv("SCENARIOS") or "spec.nvim.scenarios")[tonumber(os.getenv("SCENARIO"))]
local ok, why = xpcall(scenario.run, debug.traceback)
if not ok then
  io.stderr:write("\nFAILED: ", tostring(why), "\n")
end
vim.cmd(ok and "qall!" or "cquit 3")
