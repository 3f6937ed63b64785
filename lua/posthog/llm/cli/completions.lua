--- posthog-llm completions: what makes a shell complete the command's words.

local SHELLS = { "bash", "zsh", "fish" }

--- What argparse writes for bash breaks the names of files at spaces.
local FILES = "COMPREPLY=%(%$%(compgen %-f %-%- \"%$cur\"%)%)"
local WHOLE = "local IFS=$'\\n'; compopt -o filenames 2>/dev/null; "

local function completions(context, args)
  local parser = require("posthog.llm.cli.parser")
  local made = parser.build(require("posthog.llm.cli.commands"))
  local text = made["get_" .. args.shell .. "_complete"](made)
  if args.shell == "bash" then
    text = text:gsub(FILES, WHOLE .. "%0")
  end
  context.out:raw(text)
end

--- @type posthog.llm.cli.Command
return {
  name = "completions",
  summary = "print what makes a shell complete the command",
  text = "Print what makes bash, zsh or fish complete the command's words. "
    .. "`make install` puts it where they look.",
  arguments = { { "shell", "bash, zsh or fish.", choices = SHELLS } },
  examples = {
    { 'eval "$(posthog-llm completions bash)"', "in ~/.bashrc" },
    {
      "posthog-llm completions zsh > ~/.zfunc/_posthog-llm",
      "zsh, with `fpath=(~/.zfunc $fpath)` before `compinit` in ~/.zshrc",
    },
    {
      "posthog-llm completions fish > ~/.config/fish/completions/posthog-llm.fish",
      "fish",
    },
  },
  run = completions,
}
