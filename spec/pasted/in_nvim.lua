--- Runs the blocks of a page that need Neovim as one program, in Neovim. Each ends when the tasks
--- that it has begun are done. What the present buffer holds then is what it shows.

local out, page, here = vim.env.out, vim.env.page, vim.env.root .. "/spec/pasted/"
local llm = require("posthog.llm")
local running

local function write(name, text)
  local file = assert(io.open(out .. "/" .. name, "a"))
  file:write(text, "\n")
  file:close()
end

--- What a user would be told is a problem of the block.
local function tell(text)
  write("codes", ("%s 1 %s"):format(running, (tostring(text):gsub("\n", " "))))
end

local go, open = llm.go, 0
function llm.go(fn, on_done) -- luacheck: ignore
  open = open + 1
  return go(fn, function(err, ...)
    open = open - 1
    if on_done then
      on_done(err, ...)
    elseif err then
      tell(err)
    end
  end)
end
vim.notify = tell -- luacheck: ignore

local function done()
  if running then
    if not vim.wait(10000, function()
      return open == 0
    end, 10) then
      tell("it is not done after ten seconds")
    end
    local lines = vim.api.nvim_buf_get_lines(0, 0, -1, true)
    write(running .. ".out", table.concat(lines, "\n"))
  end
end

local chunk = dofile(here .. "strict.lua")(out .. "/nvim.lua", page, {
  __pasted = function(n)
    done()
    running = n
  end,
})
local ok, err = pcall(chunk)
if not ok then
  tell(err)
end
done()
