--- The commands as data for completion; the modules for the shells turn it into scripts.

local words = {}

--- @class posthog.llm.cli.Words
--- @field path string "skills push"; "" for posthog-llm itself
--- @field summary? string
--- @field commands { [1]: string, [2]: string }[] names and summaries
--- @field arguments posthog.llm.cli.Argument[]
--- @field options posthog.llm.cli.Option[] without those of every command

local HELP = { "-h --help", "Show this help." }

--- @param root posthog.llm.cli.Command
--- @return posthog.llm.cli.Words[] posthog-llm first, then each subcommand
function words.of(root)
  local list = {}
  local function add(command, path)
    local entry = {
      path = path,
      summary = command.summary,
      commands = {},
      arguments = command.arguments or {},
      options = { HELP },
    }
    for _, option in ipairs(command.options or {}) do
      entry.options[#entry.options + 1] = option
    end
    if path == "" then
      entry.options[#entry.options + 1] = { "-V --version", "Show the version." }
    end
    list[#list + 1] = entry
    for i, inner in ipairs(command.commands or {}) do
      entry.commands[i] = { inner.name, inner.summary }
      add(inner, (path .. " " .. inner.name):gsub("^ ", ""))
    end
  end
  add(root, "")
  return list
end

--- @param option posthog.llm.cli.Option
--- @return string[] "-q", "--quiet"
function words.names(option)
  local names = {}
  for name in option[1]:gmatch("%S+") do
    names[#names + 1] = name
  end
  return names
end

--- @param option posthog.llm.cli.Option
--- @return string without the full stop
function words.description(option)
  return (option[2]:gsub("%.$", ""))
end

return words
