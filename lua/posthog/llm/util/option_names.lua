--- How messages name options: by default as programs pass them; for the command, whose user gives
--- flags, by their flags.

local option_names = {}

--- @type table<string, string|false>? flags by option name; false: the command has no such flag
local flags

--- Makes messages name flags from now on.
--- @param names? table<string, string|false> nil: name the options themselves
function option_names.use(names)
  flags = names
end

--- @param option string "personal_api_key"
--- @return string? name "--key-file"; nil: the command's user cannot set it
function option_names.of(option)
  if not flags then
    return option
  end
  return flags[option] or nil
end

--- An option with its value, as the reader would write it.
--- @param option string "host"
--- @param value string "eu"
--- @return string 'host = "eu"', or "--host eu"
function option_names.set(option, value)
  if not flags then
    return ("%s = %q"):format(option, value)
  end
  return ("%s %s"):format(flags[option] or option, value)
end

--- How to set an option: "pass host", or "give --host".
function option_names.give(option)
  return (flags and "give " or "pass ") .. (option_names.of(option) or option)
end

--- An option's name within a sentence: "`force`", or "--force".
function option_names.code(option)
  return flags and (flags[option] or option) or "`" .. option .. "`"
end

--- The end of a sentence that offers one more remedy: ", or pass host".
--- @param words string with %s for the name
--- @param option string
--- @return string "" where there is no such option
function option_names.also(words, option)
  local name = option_names.of(option)
  return name and words:format(name) or ""
end

return option_names
