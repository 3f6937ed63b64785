--- Completion for bash: one function, which determines the command from the words before the
--- cursor, and which of its arguments the present word is.

local words = require("posthog.llm.cli.completions.words")

local TEMPLATE = [==[
_posthog-llm() {
    local IFS=$' \t\n' word path="" value="" prev="" cur="" glue="" at=0 n last=-1
    local -a typed=()
    COMPREPLY=()
    # bash divides words at ":" and "=", too: the line as it was typed.
    for ((n = 1; n <= COMP_CWORD; n++)); do
        word="${COMP_WORDS[n]}"
        if ((last >= 0)) && [[ -n $glue || $word = [:=]* ]]; then
            typed[last]+="$word"
        else
            typed[++last]="$word"
        fi
        glue=""
        [[ $word = *[:=] ]] && glue="yes"
    done
    for ((n = 0; n < last; n++)); do
        word="${typed[n]}"
        if [[ -n $value ]]; then
            value=""
        elif [[ $word = -* ]]; then
            case "$path|$word" in
                @VALUES@) value="yes" ;;
            esac
        else
            case "$path|$word" in
                @COMMANDS@) path="${path:+$path }$word" ;;
                *) at=$((at + 1)) ;;
            esac
        fi
        prev="$word"
    done
    cur="${typed[last]}"
    if [[ $cur = --*=* ]]; then
        value="yes" prev="${cur%%=*}" cur="${cur#*=}"
        typed[last]="$cur"
    fi
    if [[ -n $value ]]; then
        case "$path|$prev" in
@OF_OPTIONS@
        esac
        return 0
    fi
    if [[ $cur = -* ]]; then
        case "$path" in
@OPTIONS@
        esac
        return 0
    fi
    case "$path|$at" in
@ARGUMENTS@
    esac
}

_posthog-llm_files() {
    local IFS=$'\n'
    compopt -o filenames 2>/dev/null
    COMPREPLY+=($(compgen "$1" -- "$2"))
}

# Names of the server, quoted as the word at the cursor is; the part before its last ":" or "=" is
# no part of what bash replaces. Bash puts them within a quote as they are: left out is there what
# would end the quote, or be a command, since the server's names are somebody else's.
_posthog-llm_names() {
    local IFS=$'\n' name before="" bare
    local -a words=()
    for name in "${typed[@]}"; do
        bare="${name//[\\\"\']/}"
        words+=("$bare")
    done
    [[ $bare = *[:=]* ]] && before="${bare%"${bare##*[:=]}"}"
    compopt -o nosort 2>/dev/null
    while IFS= read -r name; do
        name="${name#"$before"}"
        case "$cur" in
            \'*) [[ $name = *\'* ]] && continue ;;
            \"*) [[ $name = *[\"\$\`\\\!]* ]] && continue ;;
            *) printf -v name %q "$name" ;;
        esac
        COMPREPLY+=("$name")
    done < <(posthog-llm __complete "$1" "${words[@]}" 2>/dev/null)
}

complete -F _posthog-llm -o bashdefault posthog-llm
]==]

local ACTIONS = {
  file = '_posthog-llm_files -f "$cur"',
  folder = '_posthog-llm_files -d "$cur"',
}

--- The completion of a value: one of some words, files, folders, names; nil: none.
local function values(thing)
  if thing.choices then
    return ('COMPREPLY=($(compgen -W "%s" -- "$cur"))'):format(table.concat(thing.choices, " "))
  elseif thing.takes then
    local actions = {}
    for kind in thing.takes:gmatch("%S+") do
      actions[#actions + 1] = ACTIONS[kind] or "_posthog-llm_names " .. kind
    end
    return table.concat(actions, "; ")
  end
end

--- @return string for `case`; the options of posthog-llm itself are valid with each subcommand
local function pattern(entry, name)
  return (entry.path == "" and "*" or '"' .. entry.path .. '"') .. '"|' .. name .. '"'
end

--- @param commands posthog.llm.cli.Command
--- @return string
return function(commands)
  local lists = { VALUES = {}, COMMANDS = {}, OF_OPTIONS = {}, OPTIONS = {}, ARGUMENTS = {} }
  local function add(list, text, ...)
    lists[list][#lists[list] + 1] = text:format(...)
  end
  local all = words.of(commands)
  local everywhere = {}
  for _, option in ipairs(all[1].options) do
    if option[1] ~= "-V --version" then
      everywhere[#everywhere + 1] = option[1]
    end
  end
  for _, entry in ipairs(all) do
    local names = {}
    for _, option in ipairs(entry.options) do
      names[#names + 1] = option[1]
      for _, name in ipairs(option.value and words.names(option) or {}) do
        add("VALUES", "%s", pattern(entry, name))
        if values(option) then
          add("OF_OPTIONS", "            %s) %s ;;", pattern(entry, name), values(option))
        end
      end
    end
    local rest = entry.path == "" and "" or " " .. table.concat(everywhere, " ", 2)
    add(
      "OPTIONS",
      '            "%s") COMPREPLY=($(compgen -W "%s%s" -- "$cur")) ;;',
      entry.path,
      table.concat(names, " "),
      rest
    )
    local inner = {}
    for i, command in ipairs(entry.commands) do
      inner[i] = command[1]
      add("COMMANDS", '"%s|%s"', entry.path, command[1])
    end
    if #inner > 0 then
      add("ARGUMENTS", '        "%s|0") %s ;;', entry.path, values({ choices = inner }))
    end
    for i, argument in ipairs(entry.arguments) do
      if values(argument) then
        local at = argument.many and '"*' or (i - 1) .. '"'
        add("ARGUMENTS", '        "%s|%s) %s ;;', entry.path, at, values(argument))
      end
    end
  end
  for _, name in ipairs({ "VALUES", "COMMANDS" }) do
    lists[name] = { table.concat(lists[name], "|\\\n                ") }
  end
  return (
    TEMPLATE:gsub("@([%u_]+)@", function(name)
      return table.concat(lists[name], "\n")
    end)
  )
end
