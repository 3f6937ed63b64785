--- The commands of posthog-llm as its data has them.

local commands = require("posthog.llm.cli.commands")

local command_tree = {}

local function visit_all(visit, list, before)
  for _, entry in ipairs(list) do
    local words = {}
    for i, word in ipairs(before) do
      words[i] = word
    end
    words[#words + 1] = entry.name
    visit(entry, words)
    visit_all(visit, entry.commands or {}, words)
  end
end

--- Calls `visit` with the command itself, each group and each command, and the words that name it
--- behind posthog-llm.
--- @param visit fun(entry: table, words: string[])
function command_tree.each(visit)
  visit(commands, {})
  visit_all(visit, commands.commands, {})
end

return command_tree
