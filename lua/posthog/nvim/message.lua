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

--- @param text string
function message.info(text)
  vim.notify(PREFIX .. message.clean(text), vim.log.levels.INFO)
end

--- @param text string
function message.warn(text)
  vim.notify(PREFIX .. message.clean(text), vim.log.levels.WARN)
end

--- @param text string
function message.error(text)
  vim.notify(PREFIX .. message.clean(text), vim.log.levels.ERROR)
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
  return (text:gsub("^.*Vim%(%w+%):", ""):gsub("^" .. PREFIX, ""))
end

--- @param count integer
--- @param one string a word, such as "change"
--- @return string such as "1 change" or "2 changes"
function message.count(count, one)
  return ("%d %s%s"):format(count, one, count == 1 and "" or "s")
end

return message
