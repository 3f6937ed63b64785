--- All commands, and the options that every command takes.

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
--- Loads the module of a command when more than its name is asked for: a command that runs needs
--- no other.
local unloaded = {}

function unloaded.__index(command, field)
  local whole = require("posthog.llm.cli." .. command.name)
  setmetatable(command, nil)
  for name, value in pairs(whole) do
    command[name] = value
  end
  return command[field]
end

local commands = {}
for i, name in ipairs(NAMES) do
  commands[i] = setmetatable({ name = name }, unloaded)
end

--- @type posthog.llm.cli.Command
return {
  name = "posthog-llm",
  text = "PostHog's LLM skills, datasets and spend.",
  options = {
    { "--json", "JSON on standard output, and nothing else." },
    { "-q --quiet", "No progress, no notes." },
    { "--no-pager", "Print long texts on the terminal without PAGER." },
    {
      "--key-file",
      "File with the personal API key, - for standard input; else POSTHOG_PERSONAL_API_KEY or "
        .. "the login of `posthog-llm login`.",
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
}
