--- All commands, and the options that every command takes.

local commands = {}
local NAMES = {
  "login",
  "logout",
  "doctor",
  "skills",
  "datasets",
  "items",
  "spend",
  "api",
  "emulator",
  "completions",
  "help",
}
for i, name in ipairs(NAMES) do
  commands[i] = require("posthog.llm.cli." .. name)
end

--- @type posthog.llm.cli.Command
return {
  name = "posthog-llm",
  text = "PostHog's LLM skills, datasets and spend.",
  options = {
    { "--json", "JSON on standard output, and nothing else." },
    { "-q --quiet", "No progress, no notes." },
    {
      "--key-file",
      "File with the personal API key; - for standard input.",
      value = "FILE",
      takes = "file",
    },
    { "--project", "The project, instead of POSTHOG_PROJECT_ID.", value = "ID" },
    { "--host", "us, eu or a URL, instead of POSTHOG_HOST.", value = "HOST" },
  },
  commands = commands,
  examples = {
    { "posthog-llm skills list", "all skills" },
    { "posthog-llm spend --from -7d", "what the last week cost" },
    { "posthog-llm help datasets import", "how to do something" },
  },
  epilog = "The key is taken from `posthog-llm login` or POSTHOG_PERSONAL_API_KEY, unless "
    .. "--key-file is given.",
}
