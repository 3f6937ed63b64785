--- posthog-llm help: prints the same as `--help` of a command.

local parser = require("posthog.llm.cli.parser")

local function help(context, args)
  local words = {}
  for i, word in ipairs(args.words) do
    words[i] = word
  end
  words[#words + 1] = "--help"
  local commands = require("posthog.llm.cli.commands")
  local _, _, text = parser.parse(commands, words, context.out.columns, args.full)
  context.out:raw(text)
end

--- @type posthog.llm.cli.Command
return {
  name = "help",
  summary = "show the help of a command",
  arguments = {
    { "words", "The command, such as: skills push.", optional = true, many = true },
  },
  options = {
    { "--full", "All of it, also what does not fit on a screen of 24 lines." },
  },
  examples = {
    { "posthog-llm help skills", "the commands of a group" },
    { "posthog-llm help datasets import", "the options of one, with examples" },
    { "posthog-llm help --full datasets import", "all of them" },
    { "posthog-llm help --full", "all commands, and the options of every command" },
  },
  pages = true,
  run = help,
}
