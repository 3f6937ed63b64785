--- Completion for zsh: a function for each command, called by that of its parent.

local display = require("posthog.llm.cli.display")
local words = require("posthog.llm.cli.completions.words")

local ACTIONS = { file = "_files", folder = "_files -/" }

--- Names of the server, in its order; the words are those of the whole line.
local NAMES = [=[
_posthog-llm_values() {
  local kind
  local -a names
  for kind in "$@"; do
    case $kind in
      file) _files ;;
      folder) _files -/ ;;
      *)
        names=("${(@f)$(posthog-llm __complete $kind "${posthog_llm_typed[@]}" 2>/dev/null)}")
        [[ -n $names[1] ]] && compadd -V $kind -a names ;;
    esac
  done
}
]=]

--- Text within a specification of _arguments.
local function plain(text)
  return (text:gsub("[%[%]:\\]", "\\%0"))
end

local function action(thing)
  if thing.choices then
    return "(" .. table.concat(thing.choices, " ") .. ")"
  end
  return ACTIONS[thing.takes] or thing.takes and " _posthog-llm_values " .. thing.takes or " "
end

local function option_specs(lines, options)
  for _, option in ipairs(options) do
    local names = words.names(option)
    local exclusive = option.many and "*" or "(" .. table.concat(names, " ") .. ")"
    for _, name in ipairs(names) do
      local spec = ("%s%s[%s]"):format(exclusive, name, plain(words.description(option)))
      if option.value then
        spec = ("%s:%s:%s"):format(spec, plain(option.value), action(option))
      end
      lines[#lines + 1] = display.quote(spec)
    end
  end
end

local function name_of(path)
  return ("_posthog-llm " .. path):gsub(" $", ""):gsub(" ", "_")
end

local function group(entry, specs, lines)
  local described = {}
  for i, command in ipairs(entry.commands) do
    described[i] = display.quote(command[1] .. ":" .. plain(command[2]))
  end
  lines[#lines + 1] = "  local -a commands=(\n    " .. table.concat(described, "\n    ") .. "\n  )"
  specs[#specs + 1] = display.quote("1:command:->command")
  specs[#specs + 1] = display.quote("*::argument:->argument")
  local all = table.concat(specs, " \\\n    ")
  lines[#lines + 1] = "  _arguments -C -S \\\n    " .. all .. " && return"
  lines[#lines + 1] = "  case $state in"
  lines[#lines + 1] = "    command) _describe command commands ;;"
  lines[#lines + 1] = "    argument)\n      case $words[1] in"
  for _, command in ipairs(entry.commands) do
    local path = (entry.path .. " " .. command[1]):gsub("^ ", "")
    lines[#lines + 1] = ("        %s) %s ;;"):format(command[1], name_of(path))
  end
  lines[#lines + 1] = "      esac ;;\n  esac"
end

local function leaf(entry, specs, lines)
  for i, argument in ipairs(entry.arguments) do
    local position = argument.many and "*" or tostring(i) .. (argument.optional and ":" or "")
    specs[#specs + 1] = display.quote(("%s:%s:%s"):format(position, argument[1], action(argument)))
  end
  lines[#lines + 1] = "  _arguments -S \\\n    " .. table.concat(specs, " \\\n    ")
end

--- @param commands posthog.llm.cli.Command
--- @return string
return function(commands)
  local lines = { "#compdef posthog-llm\n", NAMES }
  local all = words.of(commands)
  for _, entry in ipairs(all) do
    local specs = {}
    option_specs(specs, entry.options)
    if entry.path ~= "" then
      option_specs(specs, commands.options)
    end
    lines[#lines + 1] = name_of(entry.path) .. "() {"
    lines[#lines + 1] = "  local state state_descr line curcontext=$curcontext"
    lines[#lines + 1] = "  typeset -A opt_args"
    if entry.path == "" then
      lines[#lines + 1] = '  local -a posthog_llm_typed=("${(@Q)words[2,CURRENT]}")'
    end
    (#entry.commands > 0 and group or leaf)(entry, specs, lines)
    lines[#lines + 1] = "}\n"
  end
  lines[#lines + 1] = "if [[ $zsh_eval_context[-1] = loadautofunc ]]; then"
  lines[#lines + 1] = '  _posthog-llm "$@"\nelse\n  compdef _posthog-llm posthog-llm\nfi\n'
  return table.concat(lines, "\n")
end
