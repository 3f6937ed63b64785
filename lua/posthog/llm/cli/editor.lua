--- Lets the user edit a text in an editor of their choice.

local core_file = require("posthog.llm.util.file_system")
local digest = require("posthog.llm.util.digest")
local clock = require("posthog.llm.host.clock")
local errors = require("posthog.llm.util.errors")
local exits = require("posthog.llm.cli.exits")

local editor = {}

local PRIVATE = 384 -- the mode 0600

--- The command of the editor, which may have arguments.
--- @param context posthog.llm.cli.Context
--- @return string
local function command_of(context)
  for _, name in ipairs({ "VISUAL", "EDITOR" }) do
    local value = os.getenv(name)
    if value and value:find("%S") then
      return value
    end
  end
  if not context:can_ask() then
    error(exits.usage("no editor: set EDITOR, or use `items update` in scripts"), 0)
  end
  return "vi"
end

local function file_error(path, why)
  local message = ("%s: cannot be written: %s"):format(path, tostring(why))
  return errors.new({ kind = "file", message = message, file = path })
end

--- Writes a text to a new file that nobody else can read.
--- @param name string the beginning of its name
--- @param ending string
--- @param text string
--- @return string? path
--- @return posthog.llm.Error? err
function editor.keep(name, ending, text)
  local folder = os.getenv("TMPDIR")
  folder = folder and folder:find("^/") and folder:gsub("/+$", "") or "/tmp"
  local chance = digest.sha256(("%.9f %s"):format(clock.now(), tostring({}))):sub(1, 8)
  local path = ("%s/%s-%s%s"):format(folder, name, chance, ending)
  local ok, why = core_file.create_file(path, text, PRIVATE)
  if not ok then
    return nil, file_error(path, why)
  end
  return path
end

--- Opens the editor on a file and waits until it is closed.
--- @param context posthog.llm.cli.Context
--- @param path string
--- @return string? text of the file then
--- @return posthog.llm.Error? err the editor failed
function editor.open(context, path)
  local command = command_of(context)
  context.out:flush()
  context.err:clear()
  local quoted = "'" .. path:gsub("'", "'\\''") .. "'"
  local a, how, code = os.execute(command .. " " .. quoted)
  if type(a) == "number" then -- Lua 5.1 returns the status of wait(2)
    code = a > 255 and math.floor(a / 256) or a
  elseif how == "signal" then
    code = 128 + code
  end
  if code ~= 0 then
    local words = "the editor (%s) ended with code %d; nothing was sent"
    return nil, errors.new({ kind = "cancelled", message = words:format(command, code) })
  end
  local file, why = io.open(path, "rb")
  local text = file and file:read("*a")
  if file then
    file:close()
  end
  if not text then
    local message = ("%s: cannot be read: %s; nothing was sent"):format(path, tostring(why))
    return nil, errors.new({ kind = "file", message = message, file = path })
  end
  return text
end

return editor
