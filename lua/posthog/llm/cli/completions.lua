--- posthog-llm completions: what makes a shell complete the command's words.

--- What argparse writes for bash breaks the names of files at spaces.
local FILES = "COMPREPLY=%(%$%(compgen %-f %-%- \"%$cur\"%)%)"
local WHOLE = "local IFS=$'\\n'; compopt -o filenames 2>/dev/null; "

--- @param shell string
local function printer(shell)
  return function(context)
    local parser = require("posthog.llm.cli.parser")
    local made = parser.build(require("posthog.llm.cli.commands"))
    local text = made["get_" .. shell .. "_complete"](made)
    if shell == "bash" then
      text = text:gsub(FILES, WHOLE .. "%0")
    end
    context.out:raw(text)
  end
end

local EXAMPLES = {
  bash = { 'eval "$(posthog-llm completions bash)"', "in ~/.bashrc" },
  zsh = {
    "posthog-llm completions zsh > ~/.zfunc/_posthog-llm",
    "with fpath=(~/.zfunc $fpath) before compinit in ~/.zshrc",
  },
  fish = {
    "posthog-llm completions fish > ~/.config/fish/completions/posthog-llm.fish",
    "read from then on",
  },
}

local commands = {}
for i, shell in ipairs({ "bash", "zsh", "fish" }) do
  commands[i] = {
    name = shell,
    summary = "for " .. shell,
    text = ("Print what makes %s complete the command's words. `make install` puts it where "
      .. "%s looks."):format(shell, shell),
    examples = { EXAMPLES[shell] },
    run = printer(shell),
  }
end

--- @type posthog.llm.cli.Command
return {
  name = "completions",
  summary = "print what makes a shell complete the command",
  commands = commands,
}
