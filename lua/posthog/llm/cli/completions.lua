--- posthog-llm completions: prints the completion script of a shell.

local function print_completions(context, args)
  local write = require("posthog.llm.cli.completions." .. args.shell)
  context.out:raw(write(require("posthog.llm.cli.commands")))
end

--- @type posthog.llm.cli.Command
return {
  name = "completions",
  summary = "print a completion script for a shell",
  text = "Print the completion script of a shell for this command. `make install` installs it for "
    .. "all three shells. Names of skills and datasets, and versions, come from the server, which "
    .. "is asked once a minute and waited for a quarter of a second.",
  arguments = { { "shell", "bash, zsh or fish.", choices = { "bash", "zsh", "fish" } } },
  examples = {
    { 'eval "$(posthog-llm completions bash)"', "for bash, in ~/.bashrc" },
    {
      "mkdir -p ~/.zfunc && posthog-llm completions zsh > ~/.zfunc/_posthog-llm",
      "for zsh, with fpath=(~/.zfunc $fpath) before compinit in ~/.zshrc",
    },
    {
      "mkdir -p ~/.config/fish/completions\n"
        .. "posthog-llm completions fish > ~/.config/fish/completions/posthog-llm.fish",
      "for fish",
    },
  },
  run = print_completions,
}
