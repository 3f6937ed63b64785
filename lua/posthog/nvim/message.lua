--- What the plugin tells the user. Texts of the server are shown without control characters.

local message = {}

local PREFIX = "posthog: "

--- One line, without control characters.
--- @param text string
--- @return string
function message.clean(text)
  return (
    text:gsub("%s*\n%s*", " "):gsub("%c", function(c)
      return ("\\%d"):format(c:byte())
    end)
  )
end

local LEVELS = vim.log.levels
local HIGHLIGHTS = { [LEVELS.WARN] = "WarningMsg", [LEVELS.ERROR] = "ErrorMsg" }
local REST = " ... :messages"

--- Is vim.notify Neovim's own, and not a plugin's?
local function is_plain()
  local source = debug.getinfo(vim.notify, "S").source -- 0.12 has it without its source
  return vim.startswith(source, "@vim/") or source:find("^=?%?$") ~= nil
end

--- Divides a text into parts that fit into the last line, between words where it can.
--- @return string[]
local function divide(text, room)
  local parts = {}
  while vim.fn.strdisplaywidth(text) > room do
    local count = room -- characters, each of which takes one column at least
    while count > 1 and vim.fn.strdisplaywidth(vim.fn.strcharpart(text, 0, count)) > room do
      count = count - 1
    end
    local part = vim.fn.strcharpart(text, 0, count)
    local words = part:match("^(.*%S)%s+%S*$")
    part = words and #words > #part / 2 and words or part
    parts[#parts + 1] = part
    text = text:sub(#part + 1):gsub("^%s+", "")
  end
  parts[#parts + 1] = text
  return parts
end

--- Puts a text into the last line, on a fresh one: a text that is longer, or a second one, would have
--- Neovim ask for Enter, and take a key for it that was typed into the text. Nor is it an error to
--- Neovim, which forgets what was typed then.
local function show(text, highlight, is_kept)
  local room = vim.v.echospace
  local parts = #vim.api.nvim_list_uis() > 0 and room > 2 * #REST and divide(text, room) or { text }
  for _, part in ipairs(is_kept and parts or {}) do
    vim.cmd.redraw()
    vim.api.nvim_echo({ { part, highlight } }, true, {})
  end
  if #parts > 1 or not is_kept then
    local rest = #parts > 1 and REST or ""
    local first = divide(parts[1], room - #rest)[1]
    vim.cmd.redraw()
    vim.api.nvim_echo({ { first .. rest, highlight } }, false, {})
  end
end

local function tell(text, level)
  text = PREFIX .. message.clean(text)
  if not is_plain() then
    vim.notify(text, level)
  elseif vim.fn.mode() == "c" then -- the line is the user's, who would not see it there
    vim.api.nvim_create_autocmd("CmdlineLeave", {
      once = true,
      callback = vim.schedule_wrap(function()
        show(text, HIGHLIGHTS[level], true)
      end),
    })
  else
    show(text, HIGHLIGHTS[level], true)
  end
end

--- @param text string
function message.info(text)
  tell(text, LEVELS.INFO)
end

--- @param text string
function message.warn(text)
  tell(text, LEVELS.WARN)
end

--- @param text string
function message.error(text)
  tell(text, LEVELS.ERROR)
end

--- Shows a text for a moment: it is not kept among the messages.
--- @param text string
function message.glimpse(text)
  show(message.clean(text), nil, false)
end

--- A command that makes the command at hand fail with this text, for `:execute`.
--- @param text string
--- @return string
function message.as_command(text)
  return "echoerr '" .. (PREFIX .. message.clean(text)):gsub("'", "''") .. "'"
end

--- What is wrong, of an error of whatever kind: without the places of code that it came through.
--- @param err any
--- @return string
function message.of_error(err)
  local text = tostring(err):gsub("%s*\n%s*stack traceback:.*", "")
  text = text:gsub("^.*Vim%(%w+%):", ""):gsub("^" .. PREFIX, "")
  return (text:gsub("^[^\n]-:%d+: posthog%.llm: ", "")) -- of a wrong argument
end

--- @param count integer
--- @param one string a word, such as "change"
--- @return string such as "1 change" or "2 changes"
function message.count(count, one)
  return ("%d %s%s"):format(count, one, count == 1 and "" or "s")
end

return message
