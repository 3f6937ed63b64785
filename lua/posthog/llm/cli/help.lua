--- posthog-llm help: what `--help` shows, by the words of a command.

local parser = require("posthog.llm.cli.parser")

local function help(context, args)
  local words = {}
  for i, word in ipairs(args.words) do
    words[i] = word
  end
  words[#words + 1] = "--help"
  local commands = require("posthog.llm.cli.commands")
  local _, _, shown = parser.parse(commands, words, context.out.columns)
  context.out:raw(shown)
end

--- @type posthog.llm.cli.Command
return {
  name = "help",
  summary = "show the help of a command",
  arguments = {
    { "words", "Of the command, such as: skills push.", optional = true, many = true },
  },
  examples = {
    { "posthog-llm help", "all commands" },
    { "posthog-llm help skills", "those of a group" },
    { "posthog-llm help datasets import", "the options of one, with examples" },
  },
  run = help,
}
