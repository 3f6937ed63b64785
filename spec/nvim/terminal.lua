--- A second Neovim in a terminal of this one: keys are typed into it as bytes, and its screen is read.

-- luacheck: globals vim

local terminal = {}

local LONGEST = 20000 -- milliseconds that anything may take

--- @class spec.nvim.Terminal
--- @field job integer
--- @field buffer integer that shows the screen
--- @field channel integer of RPC, for what the screen does not show
local Terminal = {}
Terminal.__index = Terminal

local function run_in_terminal(command, options)
  if vim.fn.has("nvim-0.11") == 1 then
    options.term = true
    return vim.fn.jobstart(command, options)
  end
  return vim.fn.termopen(command, options)
end

--- Starts Neovim with the plugin, 80 columns wide.
--- @param settings? table vim.g.posthog
--- @param options? { env?: table<string, string>, arguments?: string[], keeps_files?: boolean }
---   keeps_files: it has swap files and remembers things, as an editor at home does
--- @return spec.nvim.Terminal
function terminal.start(settings, options)
  options = options or {}
  vim.o.columns, vim.o.lines = 80, 26
  vim.o.cmdheight, vim.o.laststatus, vim.o.showtabline = 1, 0, 0
  vim.cmd("enew")
  local socket = vim.fn.tempname()
  local arguments = { vim.v.progpath, "--listen", socket, "-u", "NONE" }
  vim.list_extend(arguments, options.keeps_files and {} or { "-i", "NONE", "-n" })
  vim.list_extend(arguments, { "--cmd", "set runtimepath^=" .. vim.fn.getcwd() })
  vim.list_extend(arguments, { "--cmd", "luafile spec/nvim/patience.lua" })
  vim.list_extend(arguments, { "--cmd", "runtime plugin/posthog.lua" })
  local json = vim.json.encode(settings or vim.empty_dict())
  local set = ("let g:posthog = json_decode('%s')"):format(json)
  vim.list_extend(arguments, { "--cmd", set })
  vim.list_extend(arguments, options.arguments or {})
  local made = setmetatable({ buffer = vim.api.nvim_get_current_buf() }, Terminal)
  made.job = run_in_terminal(arguments, {
    env = vim.tbl_extend("force", { TERM = "xterm-256color" }, options.env or {}),
    on_exit = function(_, status)
      made.status = status
    end,
  })
  assert(made.job > 0)
  made:wait(function()
    local ran, channel = pcall(vim.fn.sockconnect, "pipe", socket, { rpc = true })
    made.channel = ran and channel > 0 and channel or nil
    return made.channel
  end, "it does not listen")
  return made
end

--- What the screen shows, without blank lines at the end.
--- @return string
function Terminal:screen()
  local lines = vim.api.nvim_buf_get_lines(self.buffer, 0, -1, false)
  return (table.concat(lines, "\n"):gsub("%s+$", ""))
end

--- Waits until something holds.
--- @param holds fun(): any
--- @param words? string
function Terminal:wait(holds, words)
  if not vim.wait(LONGEST, holds, 5) then
    error(("%s; the screen shows:\n%s"):format(words or "it never came true", self:screen()), 2)
  end
end

--- Types keys.
--- @param keys string such as "ihello<Esc>"
function Terminal:type(keys)
  vim.fn.chansend(self.job, vim.keycode(keys))
end

--- Types keys one by one, as a person does.
--- @param text string
function Terminal:type_slowly(text)
  for key in text:gmatch(".") do
    vim.fn.chansend(self.job, key)
    vim.wait(15)
  end
end

--- Waits until the screen shows something.
--- @param text string
function Terminal:shows(text)
  self:wait(function()
    return self:screen():find(text, 1, true)
  end, ("%q is not shown"):format(text))
end

--- Calls a function of the other's API, once no prompt waits for a key, where none would answer.
function Terminal:request(method, ...)
  self:wait(function()
    local mode = vim.rpcrequest(self.channel, "nvim_get_mode")
    return not mode.blocking or mode.mode:sub(1, 1) ~= "r" or method == "nvim_get_mode"
  end, "a prompt waits for a key")
  return vim.rpcrequest(self.channel, method, ...)
end

--- Evaluates Lua there.
function Terminal:lua(code)
  return self:request("nvim_exec_lua", "return " .. code, {})
end

--- Its mode, and whether it waits for a key, as at a hit-enter prompt.
--- @return string mode
--- @return boolean is_blocking
function Terminal:mode()
  local found = self:request("nvim_get_mode")
  return found.mode, found.blocking
end

--- Presses Enter until no prompt waits for it, and something holds.
--- @param holds fun(): any
--- @param words string
function Terminal:dismiss(holds, words)
  local quiet = 0
  self:wait(function()
    local found = vim.rpcrequest(self.channel, "nvim_get_mode")
    local is_prompt = found.blocking and found.mode:sub(1, 1) == "r"
    quiet = is_prompt and 0 or quiet + 1
    if is_prompt then
      self:type("<CR>")
    end
    vim.wait(50)
    return quiet >= 6 and holds()
  end, words)
end

--- What :messages shows there, on one line.
--- @return string
function Terminal:messages()
  return (self:request("nvim_exec2", "messages", { output = true }).output:gsub("\n", " "))
end

--- The lines of its present buffer.
--- @return string
function Terminal:text()
  return table.concat(self:request("nvim_buf_get_lines", 0, 0, -1, false), "\n")
end

return terminal
