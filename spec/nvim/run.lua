-- Runs one scenario in Neovim and leaves: status 0 when it held.
--
--   SCENARIO="publishes by :w" nvim --headless -u NONE -c "luafile spec/nvim/run.lua"

dofile("spec/nvim/patience.lua")

local list = require(os.getenv("SCENARIOS") or "spec.nvim.scenarios")
local wanted = os.getenv("SCENARIO")
local scenario = list[tonumber(wanted)]
for _, one in ipairs(list) do -- a name: a list that is made of a table has another order in each process
  scenario = one.name == wanted and one or scenario
end
local ok, why = xpcall(scenario.run, debug.traceback)
if not ok then
  io.stderr:write("\nFAILED: ", tostring(why), "\n")
end
vim.cmd(ok and "qall!" or "cquit 3")
