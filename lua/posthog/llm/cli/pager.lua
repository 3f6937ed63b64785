--- Shows a text that is longer than the terminal through the user's pager: that of PAGER, else less
--- where it is installed.

local display = require("posthog.llm.util.display")

local pager = {}

--- less as it is without options of the user's: it ends by itself where a text fits, shows colours,
--- and leaves the text on the screen.
local SET_UP = 'LESS="${LESS-FRX}" LV="${LV--c}"; export LESS LV; '
local DEFAULT = "command -v less >/dev/null 2>&1 && exec less; exec cat"
local BY_SIGNAL = 128 -- and its number: how a shell reports that a signal ended a program

--- @return string? command for a shell; nil: the user wants no pager
local function command_of()
  local named = os.getenv("PAGER")
  if named == nil then
    return DEFAULT
  end
  named = named:match("^%s*(.-)%s*$")
  return named ~= "" and named ~= "cat" and named or nil
end

--- Whether a text has more lines than the terminal, on which a long one takes several.
local function is_long(text, columns, rows)
  local count = 0
  for line in text:gmatch("([^\n]*)\n") do
    local width = display.width((line:gsub("\27%[[%d;]*m", "")))
    count = count + math.max(1, math.ceil(width / columns))
    if count >= rows then
      return true
    end
  end
  return false
end

--- @return integer status as a shell has it: more than 128 where a signal has ended the command
local function status_of(command)
  local result, how, code = os.execute(command)
  if how then
    return how == "signal" and BY_SIGNAL + code or code
  end
  -- Lua 5.1 returns the status of wait(2) alone.
  return result >= 256 and math.floor(result / 256) or result > 0 and BY_SIGNAL + result or 0
end

--- Runs a command with a text as its standard input: from a file, so that it may end before it has
--- read all. The shell's own way of waiting leaves Ctrl-C to the pager.
--- @return integer? status nil: there is no file for it
local function run(command, text)
  local made, path = pcall(os.tmpname) -- readable for nobody else
  if not made then
    return nil
  end
  local file = io.open(path, "wb")
  local written = file and file:write(text)
  if file then
    written = file:close() and written
  end
  local status = written and status_of(("{ %s%s\n} <'%s'"):format(SET_UP, command, path))
  os.remove(path)
  return status
end

--- @param screen posthog.llm.cli.Screen
--- @param text string
--- @param other posthog.llm.cli.Screen for a note
--- @return boolean shown false: it is up to the caller
function pager.show(screen, text, other)
  if not screen.rows or not is_long(text, screen.columns, screen.rows) then
    return false
  end
  local command = command_of()
  if not command then
    return false
  end
  screen:flush()
  local status = run(command, text)
  if status and (status == 0 or status > BY_SIGNAL) then
    return true
  end
  local name = command == DEFAULT and "less" or "PAGER=" .. command
  local words = "posthog-llm: the pager (%s) has failed with %s; --no-pager does without"
  other:line(words:format(name, status or "no file"))
  return false
end

return pager
