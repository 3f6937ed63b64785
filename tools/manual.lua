-- Writes the manual of the command out of its commands' data:
--
--   tools/lua 5.4 tools/manual.lua markdown > doc/cli.md
--   tools/lua 5.4 tools/manual.lua man > doc/posthog-llm.1

local commands = require("posthog.llm.cli.commands")
local exits = require("posthog.llm.cli.exits")
local help_text = require("posthog.llm.cli.help_text")
local version = require("posthog.llm.util.version")

local NAME = commands.name
local DATE = "2026-11-22" -- of this version

local KEY = "A personal API key of PostHog. Key, project and host are taken from one place, the "
  .. "first that has a key: `POSTHOG_PERSONAL_API_KEY` and the variables beside it; those of "
  .. "posthog-cli, `POSTHOG_CLI_API_KEY`; the login that `posthog-llm login` or "
  .. "`posthog-cli login` has kept. `--project` and `--host` win over it. `--key-file` takes the "
  .. "key from the first line of a file or of standard input, in place of the first variable; it "
  .. "is never taken from an argument, which others could see: "
  .. "`posthog-llm --key-file ~/.config/posthog.key skills list`, "
  .. "`pass posthog | posthog-llm --key-file - spend`. Spend is that of the key's owner and needs "
  .. "no project. `posthog-llm doctor` tells where they are from and whether they do."

local OUTPUT = "What was asked for goes to standard output; bars, notes and errors to standard "
  .. "error. With `--json` standard output is one JSON document, or for lists a line of JSON each, "
  .. "and nothing else; the keys of objects are sorted. Bars and colours are for terminals only. "
  .. "Control characters that come from the server or a file are shown as escapes on a terminal. "
  .. "In a pipe or a file the texts of skills and items and JSON are exact: `less` shows them "
  .. "safely, `less -R` may not."

local PAGER = "On a terminal a text that is longer than the screen goes through the pager that "
  .. "`PAGER` names, with its arguments; where it is not set, through `less`, if that is "
  .. "installed. `--no-pager`, `PAGER=cat` and an empty `PAGER` do without. A pager that fails is "
  .. "reported, and the text printed."

local JSON = {
  "Each line of standard output is one JSON object with sorted keys. A command on one thing prints "
    .. "one object: what the server sent, or what was done. A list prints a line for each row, as "
    .. "they come. A command on several folders prints a line for each, with its `dir`. Help, "
    .. "completions and the version stay the text that they are.",
  "Each line of standard error is an object too, with one of these keys: `error`, what went wrong; "
    .. "`note`, a text, none with `--quiet`; `response`, the `status` and `headers` of `api "
    .. "--include`. There are no bars. An error has these fields, those that are known:",
}

local JSON_ERROR = {
  { "message", "One line for people, as without `--json`." },
  {
    "kind",
    "`usage`, an invalid command line; else that of the library: `invalid`, `auth`, `forbidden`, "
      .. "`not_found`, `conflict`, `rate_limited`, `server`, `network`, `tls`, `timeout`, "
      .. "`redirect`, `decode`, `too_large`, `cancelled`, `file`.",
  },
  { "exit_code", "The exit code that the command has for it." },
  { "about", "The folder, of several; or the option to blame." },
  { "help", "usage: the command that helps." },
  { "call, host, status, request_id, attempts", "The call of the library, and the response." },
  { "type, code, attr, detail", "What the server says." },
  { "current_version, current_item_id", "conflict: what is there." },
  { "ambiguous", "true: the write may or may not have happened." },
  { "retry_after", "Seconds to wait." },
  { "path, file, line, position", "Where it is, in a file or a value." },
  { "problems, conflicts", "Lists of `path`, `line` and `message`, of a folder." },
}

local CTRL_C = "Ctrl-C and SIGTERM end a command between two steps, and it says what was done and "
  .. "what was not; the second one kills."

local ENVIRONMENT = {
  { "POSTHOG_PERSONAL_API_KEY", "The key, where `--key-file` is not given." },
  { "POSTHOG_PROJECT_ID", "The project, where `--project` is not given." },
  { "POSTHOG_HOST", "`us`, `eu` or a URL, where `--host` is not given. The default is `us`." },
  {
    "POSTHOG_CLI_API_KEY, POSTHOG_CLI_PROJECT_ID, POSTHOG_CLI_HOST",
    "The same of posthog-cli, where the first is not set; `POSTHOG_CLI_TOKEN` and "
      .. "`POSTHOG_CLI_ENV_ID` are older names.",
  },
  { "POSTHOG_HOME", "The folder of the login, in place of `~/.posthog`." },
  { "SSL_CERT_FILE", "The certificates to trust (PEM), not the system's." },
  { "https_proxy, all_proxy, no_proxy", "The proxy for https." },
  {
    "XDG_CACHE_HOME",
    "The folder of `posthog-llm`, the names for completions, in place of `~/.cache`.",
  },
  { "PAGER", "The command that shows long texts on a terminal; empty or `cat`: none." },
  { "LESS", "Options of less; where it is not set, the command sets `FRX`." },
  { "NO_COLOR", "No colours, when it is set and not empty." },
  { "TERM", "With `dumb` there are neither colours, bars nor a pager." },
}

local FILES = {
  { "~/.posthog/credentials.json", "The login, as posthog-cli has it: for its owner alone." },
  {
    "~/.cache/posthog-llm",
    "Names that a shell has completed: for a minute, for their owner alone, without the key.",
  },
  { "SKILL.md", "What makes a folder a skill: front matter of YAML, then the body." },
  { ".posthog-skill.json", "In a skill's folder: the version that it was pulled from." },
  {
    ".posthog-skills.json",
    "In a root of such folders: the server's list, so that it is read once.",
  },
  { "FILE.journal", "Beside a file that is imported: what was sent of it, and what came back." },
  { "FILE.rejects.jsonl", "The records of it that were rejected, and why." },
}

--- What the examples of the commands need to be there.
local TRY = {
  'eval "$(posthog-llm emulator --background)"',
  "mkdir -p skills/pdf-forms/references",
  "cat > skills/pdf-forms/SKILL.md <<'END'",
  "---",
  "name: pdf-forms",
  "description: Fill PDF forms from a table of values.",
  "---",
  "# PDF forms",
  "",
  "Read references/fields.md first.",
  "END",
  'echo "One line a field." > skills/pdf-forms/references/fields.md',
  'echo "In points." > skills/pdf-forms/references/sizes.md',
  'echo "Mind the fonts." > skills/pdf-forms/notes.md',
  "posthog-llm skills push skills/pdf-forms",
  "printf 'input,output\\nWhat is 2 + 2?,4\\n' > golden.csv",
  "printf 'question,answer\\nWhat is 3 + 3?,6\\n' > q.csv",
  'echo \'{"input": "Where?", "_rejected": {"record": 3}}\' > mended.rejects.jsonl',
  'echo \'{"input": "Who?", "output": null}\' > more.jsonl',
  "posthog-llm datasets import golden golden.csv --create",
}

--- The document as a list of blocks: { "section"|"command"|"text"|"lines"|"synopsis", text }
--- and { "list", { { term, text } } }.

local function add(blocks, kind, content)
  if content and (type(content) == "string" or content[1]) then
    blocks[#blocks + 1] = { kind, content }
  end
end

local function words_of(argument)
  local word = argument.many and argument[1] .. "..." or argument[1]
  return argument.optional and "[" .. word .. "]" or word
end

local function fill(text, columns, indent)
  return table.concat(help_text.fill(text, columns, indent), "\n")
end

local function synopsis(path, command)
  local words = { path }
  for _, option in ipairs(command.options or {}) do
    local short = help_text.option(option):gsub("^%-%w, ", "")
    words[#words + 1] = ("[%s]%s"):format(short, option.many and "..." or "")
  end
  for _, argument in ipairs(command.arguments or {}) do
    words[#words + 1] = words_of(argument)
  end
  if command.commands then
    words[#words + 1] = "COMMAND ..."
  end
  return fill(table.concat(words, " "), 74, "    ")
end

local function list_of(rows, term, list)
  list = list or {}
  for _, row in ipairs(rows or {}) do
    list[#list + 1] = { term(row), row[2] }
  end
  return list
end

local function add_examples(blocks, command)
  local lines = {}
  for _, example in ipairs(command.examples or {}) do
    lines[#lines + 1] = "# " .. example[2]
    lines[#lines + 1] = example[1]
  end
  add(blocks, "lines", lines)
end

local function add_commands(blocks, list, path)
  for _, command in ipairs(list) do
    local here = path .. " " .. command.name
    add(blocks, "command", here)
    if not command.commands then
      add(blocks, "synopsis", { synopsis(here, command) })
    end
    add(blocks, "text", command.text or help_text.sentence(command.summary))
    if command.commands then
      add_examples(blocks, command)
      add_commands(blocks, command.commands, here)
    else
      local arguments = list_of(command.arguments, words_of)
      add(blocks, "list", list_of(command.options, help_text.option, arguments))
      add_examples(blocks, command)
    end
  end
end

local function document()
  local blocks = {}
  add(blocks, "section", "Synopsis")
  add(blocks, "synopsis", { synopsis(NAME, commands) })
  add(blocks, "section", "Description")
  add(blocks, "text", commands.text)
  add(blocks, "text", OUTPUT)
  add(blocks, "text", PAGER)
  add(blocks, "text", CTRL_C)
  add(blocks, "section", "Options of every command")
  add(blocks, "list", list_of(commands.options, help_text.option))
  add(blocks, "section", "JSON")
  add(blocks, "text", JSON[1])
  add(blocks, "text", JSON[2])
  add(
    blocks,
    "list",
    list_of(JSON_ERROR, function(row)
      return row[1]
    end)
  )
  add(blocks, "section", "The key")
  add(blocks, "text", KEY)
  add(blocks, "section", "Try it")
  add(blocks, "text", "The examples below are made to be pasted one after the other, after this:")
  add(blocks, "lines", TRY)
  add(
    blocks,
    "text",
    "The first line starts the local emulator of PostHog; leave it out when your "
      .. "own key is in the environment."
  )
  add_examples(blocks, commands)
  add(blocks, "section", "Commands")
  add_commands(blocks, commands.commands, NAME)
  add(blocks, "section", "Exit status")
  add(
    blocks,
    "list",
    list_of(exits.LIST, function(row)
      return tostring(row[1])
    end)
  )
  local function first(row)
    return row[1]
  end
  add(blocks, "section", "Environment")
  add(blocks, "list", list_of(ENVIRONMENT, first))
  add(blocks, "section", "Files")
  add(blocks, "list", list_of(FILES, first))
  return blocks
end

local markdown = {}

--- Text of Markdown: what is not between backticks is to mean nothing there.
local function plain(text)
  return ("`" .. text .. "`")
    :gsub("`([^`]*)`", function(outside)
      return "`" .. outside:gsub("[<*|]", "\\%0") .. "`"
    end)
    :sub(2, -2)
end

function markdown.section(text)
  return "## " .. text
end

function markdown.command(text)
  return "### " .. text
end

function markdown.text(text)
  return fill(plain(text), 100)
end

function markdown.lines(lines)
  return "```sh\n" .. table.concat(lines, "\n") .. "\n```"
end

function markdown.synopsis(lines)
  return "```text\n" .. table.concat(lines, "\n") .. "\n```"
end

function markdown.list(list)
  local lines = { "| | |", "|---|---|" }
  for _, row in ipairs(list) do
    lines[#lines + 1] = ("| `%s` | %s |"):format(row[1], plain(row[2]))
  end
  return table.concat(lines, "\n")
end

local man = {}

--- Text of roff.
local function roff(text)
  text = text:gsub("\\", "\\e"):gsub("%-", "\\-"):gsub("`([^`]*)`", "\\fB%1\\fR")
  return (text:gsub("^[.']", "\\&%0"):gsub("\n([.'])", "\n\\&%1"))
end

function man.section(text)
  return ".SH " .. text:upper()
end

function man.command(text)
  return ".SS " .. roff(text)
end

function man.text(text)
  return ".PP\n" .. roff(fill(text, 70))
end

function man.lines(lines)
  return ".PP\n.nf\n.RS 4\n" .. roff(table.concat(lines, "\n")) .. "\n.RE\n.fi"
end

man.synopsis = man.lines

function man.list(list)
  local lines = {}
  for _, row in ipairs(list) do
    lines[#lines + 1] = ".TP\n\\fB" .. roff(row[1]) .. "\\fR\n" .. roff(row[2])
  end
  return table.concat(lines, "\n")
end

local writers = {
  markdown = function(blocks)
    local parts = { "# " .. NAME, "Made from the help texts by `make manual`." }
    for i, block in ipairs(blocks) do
      parts[i + 2] = markdown[block[1]](block[2])
    end
    return table.concat(parts, "\n\n") .. "\n"
  end,
  man = function(blocks)
    local parts = {
      '.\\" Made from the help texts by `make manual`.',
      ('.TH %s 1 %s "%s %s"'):format(NAME:upper():gsub("%-", "\\-"), DATE, NAME, version),
      ".SH NAME\n" .. roff(NAME) .. " \\- " .. commands.text:gsub("%.$", "") .. "\n.nh\n.ad l",
    }
    for i, block in ipairs(blocks) do
      parts[i + 3] = man[block[1]](block[2])
    end
    -- A heading begins a paragraph by itself.
    return (table.concat(parts, "\n"):gsub("(%.S[HS] [^\n]*\n)%.PP\n", "%1")) .. "\n"
  end,
}

io.write(writers[arg[1]](document()))
