--- Completion for fish: a condition that determines the command from the words before the cursor,
--- and which of its arguments the present word is; then a line for each completion.

local words = require("posthog.llm.cli.completions.words")

local HEAD = [[
# Prints the command that was typed so far, a bar, and the number of its arguments.
function __posthog_llm_position
    set -l path
    set -l at 0
    set -l value
    set -l typed (commandline -opc)
    set -e typed[1]
    for word in $typed
        if set -q value[1]
            set -e value
            set -l value
            continue
        end
        switch "$path|$word"
            case @VALUES@
                set value yes
            case '*|-*'
            case @COMMANDS@
                set path (string trim "$path $word")
            case '*'
                set at (math $at + 1)
        end
    end
    echo "$path|$at"
end

# Whether this command was typed; with a number, whether this argument of it is next.
function __posthog_llm_at
    set -l position (string split '|' (__posthog_llm_position))
    test "$argv[1]" = "$position[1]"; or return
    not set -q argv[2]; or test "$argv[2]" = '*'; or test "$argv[2]" = "$position[2]"
end

# Names of the server, for the word at the cursor.
function __posthog_llm_names
    set -l typed (commandline -opc) (commandline -ct)
    type -q posthog-llm; and posthog-llm __complete $argv[1] $typed[2..-1] 2>/dev/null
end

complete -c posthog-llm -f
]]

local VALUES = { file = " -F", folder = " -a '(__fish_complete_directories)'" }
local FILES = { file = true, folder = true }
local NAMES = " -k -a '(__posthog_llm_names %s)'"

local function quote(text)
  return "'" .. text:gsub("[\\']", "\\%0") .. "'"
end

--- The completions of a value, as options of `complete`.
--- @return string[]
local function values(thing)
  if thing.choices then
    return { " -a " .. quote(table.concat(thing.choices, " ")) }
  end
  local texts = {}
  for kind in (thing.takes or ""):gmatch("%S+") do
    texts[#texts + 1] = VALUES[kind] or NAMES:format(kind)
  end
  return texts
end

local function option_line(option, condition)
  local line = "complete -c posthog-llm" .. condition
  for _, name in ipairs(words.names(option)) do
    line = line .. (name:find("^%-%-") and " -l " .. name:sub(3) or " -s " .. name:sub(2))
  end
  if option.value then
    line = line .. (FILES[option.takes] and " -r" or " -x") .. table.concat(values(option))
  end
  return line .. " -d " .. quote(words.description(option))
end

--- @param commands posthog.llm.cli.Command
--- @return string
return function(commands)
  local taking, names, lines = {}, {}, {}
  for _, entry in ipairs(words.of(commands)) do
    local is_command = "__posthog_llm_at " .. quote(entry.path)
    local here = entry.path == "" and "" or " -n " .. quote(is_command)
    for _, option in ipairs(entry.options) do
      local first = option[1] == "-V --version" and " -n \"__posthog_llm_at '' 0\"" or here
      lines[#lines + 1] = option_line(option, first)
      for _, name in ipairs(option.value and words.names(option) or {}) do
        taking[#taking + 1] = quote((entry.path == "" and "*" or entry.path) .. "|" .. name)
      end
    end
    local function at(number)
      local condition = "__posthog_llm_at " .. quote(entry.path) .. " " .. quote(number)
      return "complete -c posthog-llm -n " .. quote(condition)
    end
    for _, command in ipairs(entry.commands) do
      names[#names + 1] = quote(entry.path .. "|" .. command[1])
      lines[#lines + 1] = ("%s -a %s -d %s"):format(at("0"), command[1], quote(command[2]))
    end
    for i, argument in ipairs(entry.arguments) do
      for _, value in ipairs(values(argument)) do
        lines[#lines + 1] = at(argument.many and "*" or tostring(i - 1)) .. value
      end
    end
  end
  local lists = { VALUES = taking, COMMANDS = names }
  local head = HEAD:gsub("@(%u+)@", function(name)
    return table.concat(lists[name], " ")
  end)
  return head .. table.concat(lines, "\n") .. "\n"
end
