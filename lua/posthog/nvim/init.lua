--- The public functions of the editor plugin; :help posthog.

--- The functions of the editor plugin: `require("posthog.nvim")`. They are for status lines: they
--- return at once, and ask the server nothing while the line is drawn. [In Neovim](../neovim.md)
--- tells how to install the plugin, `:help posthog` the rest.
---
--- <!-- pasted: in nvim -->
---
--- ```lua
--- vim.g.posthog = { wait = 500, spend = { budget = 2000 } }
--- ```
--- @class posthog.nvim
local nvim = {}

--- What the buffer of a skill's file or of an item stands at.
---
--- <!-- pasted: in nvim -->
---
--- ```lua
--- vim.o.statusline = "%f %{v:lua.require'posthog.nvim'.status()}"
--- local text = require("posthog.nvim").status(0) -- "" elsewhere
--- ```
--- @param buffer? integer number of a buffer; default: the present one
--- @return string text "pdf-forms 4"; "pdf-forms 4 (latest 6)"; with the state if it is not ready:
---   "pdf-forms 4, writing"; "" in other buffers
function nvim.status(buffer)
  local found = vim.b[buffer or 0].posthog
  if not found then
    return ""
  elseif found.state == "new" then
    return found.name .. " (new)"
  end
  local text = found.version and ("%s %d"):format(found.name, found.version) or found.name
  if found.latest and found.latest ~= found.version then
    text = ("%s (latest %d)"):format(text, found.latest)
  end
  if found.state ~= "ready" then
    text = ("%s, %s"):format(text, found.state)
  end
  return text
end

--- A line about what the user has spent, from a file in `stdpath("cache")` that all editors share.
--- One of them asks for a newer line when it is old.
---
--- <!-- pasted: in nvim -->
---
--- ```lua
--- vim.o.rulerformat = "%{v:lua.require'posthog.nvim'.spend()}"
--- local line = require("posthog.nvim").spend() -- "" at first
--- ```
--- @return string text "" where nothing is known yet
function nvim.spend()
  return require("posthog.nvim.spend").line()
end

return nvim
