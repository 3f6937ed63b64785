--- Parses the arguments by the commands, which are data. Nothing is built: a word is looked up in
--- the command that the words before it name.

local exits = require("posthog.llm.cli.exits")

local parser = {}

--- @class posthog.llm.cli.Option
--- @field [1] string names, separated by spaces: "-n --note"
--- @field [2] string description
--- @field value? string name of its value; nil: a flag
--- @field takes? string what its value names, for completion: "file", "folder", "skill",
---   "dataset" or "version" (of the skill that is the first argument); or two of these
--- @field choices? string[]
--- @field convert? fun(text: string): any, string? returns the value, or nil and why it is invalid
--- @field many? boolean may be repeated; its value is a list
--- @field minor? boolean a help without room for all describes the others first

--- @class posthog.llm.cli.Argument
--- @field [1] string name
--- @field [2] string description
--- @field optional? boolean
--- @field many? boolean one or more; its value is a list
--- @field takes? string what it names, as that of an option
--- @field choices? string[]

--- @class posthog.llm.cli.Command
--- @field name string
--- @field summary string for the list of commands, without a full stop
--- @field text? string the description in its own help
--- @field commands? posthog.llm.cli.Command[]
--- @field arguments? posthog.llm.cli.Argument[]
--- @field options? posthog.llm.cli.Option[] the most important first: a help shows those that fit
--- @field minor? boolean as that of an option
--- @field examples? string[][] pairs of a command and what it does
--- @field pages? boolean what it prints may be long: on a terminal it goes through the pager
--- @field run? fun(context: posthog.llm.cli.Context, args: table): integer?, any returns an exit code, or nil and an error

--- Conversions for `convert`.
parser.convert = require("posthog.llm.cli.convert")

--- The options of every command that end the parsing.
local HELP = { "-h --help" }
local VERSION = { "-V --version" }

--- @class posthog.llm.cli.Parse
--- @field root posthog.llm.cli.Command
--- @field command posthog.llm.cli.Command that the words so far name
--- @field path string as typed: "posthog-llm skills push"
--- @field options table<string, posthog.llm.cli.Option> by each of their names
--- @field names string[] of the options, in the order of the commands
--- @field args table<string, any>
--- @field words string[] the arguments
--- @field argv string[]
--- @field at integer position in argv
--- @field columns? integer of the terminal
--- @field full? boolean show all of a help
local Parse = {}
Parse.__index = Parse

local function key_of(name)
  return (name:gsub("^%-+", ""):gsub("%-", "_"))
end

--- @return string of the names of an option the one for messages; an argument has but one
local function long_name(option)
  return option[1]:match("%-%-%S+") or option[1]:match("%S+")
end

function Parse:know(option)
  for name in option[1]:gmatch("%S+") do
    self.options[name] = option
    self.names[#self.names + 1] = name
  end
end

function Parse:enter(command, path)
  self.command, self.path = command, path
  for _, option in ipairs(command.options or {}) do
    self:know(option)
  end
end

function Parse:fail(message, ...)
  error(exits.usage(message:format(...), self.path), 0)
end

local function also(name)
  return name and ("\nDid you mean '%s'?"):format(name) or ""
end

function Parse:unknown_option(name)
  local near = #name > 2 and require("posthog.llm.cli.nearest").of(name, self.names)
  self:fail("unknown option '%s'%s", name, also(near))
end

--- Where a command of this name is, if it is not here: "skills pull".
local function elsewhere(command, name, path)
  for _, inner in ipairs(command.commands or {}) do
    local own = path .. inner.name
    local found = inner.name == name and own or elsewhere(inner, name, own .. " ")
    if found then
      return found
    end
  end
end

function Parse:unknown_command(word)
  local names = {}
  for i, inner in ipairs(self.command.commands) do
    names[i] = inner.name
  end
  local near = require("posthog.llm.cli.nearest").of(word, names)
  near = near or elsewhere(self.root, word, "")
  local err = exits.usage(("unknown command '%s'%s"):format(word, also(near)), self.path)
  err.keeps = true
  error(err, 0)
end

--- Whether the next word is the value of an option. Values may begin with one hyphen: "--from -7d".
local function is_value(word)
  return word ~= nil and not word:find("^%-%-") and word ~= "-h" and word ~= "-q"
end

--- @param option posthog.llm.cli.Option|posthog.llm.cli.Argument
--- @param text string
function Parse:value(option, text)
  local value = text
  if option.choices then
    local valid = {}
    for _, choice in ipairs(option.choices) do
      valid[choice] = true
    end
    if not valid[text] then
      local list = table.concat(option.choices, ", ")
      self:fail("%s: invalid value '%s': must be one of %s", long_name(option), text, list)
    end
  end
  if option.convert then
    local why
    value, why = option.convert(text)
    if value == nil then
      self:fail("%s: %s", long_name(option), why)
    end
  end
  return value
end

function Parse:set(option, text)
  local key = key_of(long_name(option))
  if not option.many then
    if self.args[key] ~= nil and option.value then
      self:fail("%s is given twice", long_name(option))
    end
    self.args[key] = option.value and self:value(option, text) or not option.value
  else
    local list = self.args[key] or {}
    list[#list + 1] = self:value(option, text)
    self.args[key] = list
  end
end

--- Ends parsing with a text to print instead of running a command.
function Parse:show(option)
  if option == VERSION then
    error({ text = "posthog-llm " .. require("posthog.llm.util.version") .. "\n" }, 0)
  end
  local help_text = require("posthog.llm.cli.help_text")
  error({ text = help_text.of(self.root, self.command, self.path, self.columns, self.full) }, 0)
end

--- @param name string "--limit" or "-y"
--- @param joined? string the value in the same word: "--limit=5"
function Parse:option(name, joined)
  local option = self.options[name]
  if not option then
    self:unknown_option(name)
  elseif option == HELP or option == VERSION then
    self:show(option)
  elseif not option.value then
    if joined then
      self:fail("%s takes no value", name)
    end
    self:set(option)
  elseif joined then
    self:set(option, joined)
  elseif is_value(self.argv[self.at + 1]) then
    self.at = self.at + 1
    self:set(option, self.argv[self.at])
  else
    self:fail("%s: a value is missing: %s %s", name, name, option.value)
  end
end

--- Options of one letter in one word: "-yq", "-n5".
function Parse:letters(word)
  local at = 2
  while at <= #word do
    local name, rest = "-" .. word:sub(at, at), word:sub(at + 1)
    local option = self.options[name]
    if not option then
      self:unknown_option(at == 2 and word or name)
    end
    local takes_rest = option.value and rest ~= ""
    self:option(name, takes_rest and rest or nil)
    at = takes_rest and #word + 1 or at + 1
  end
end

function Parse:word(word)
  if not self.command.commands then
    self.words[#self.words + 1] = word
    return
  end
  for _, inner in ipairs(self.command.commands) do
    if inner.name == word then
      return self:enter(inner, self.path .. " " .. word)
    end
  end
  self:unknown_command(word)
end

function Parse:read()
  local only_words = false
  while self.argv[self.at] do
    local word = self.argv[self.at]
    if only_words or not word:find("^%-.") then
      self:word(word)
    elseif word == "--" then
      only_words = true
    elseif word:find("^%-%-") then
      local name, value = word:match("^([^=]+)=(.*)$")
      self:option(name or word, value)
    else
      self:letters(word)
    end
    self.at = self.at + 1
  end
end

--- Distributes the words over the arguments; one with `many` takes all that the others leave.
function Parse:arguments()
  local list, words, at = self.command.arguments or {}, self.words, 1
  local needed = 0
  for _, argument in ipairs(list) do
    needed = needed + (argument.optional and 0 or 1)
    if needed > #words then
      self:fail("missing argument '%s'", argument[1])
    end
  end
  for _, argument in ipairs(list) do
    needed = needed - (argument.optional and 0 or 1)
    local left = #words - at + 1 - needed
    local key = key_of(argument[1])
    if argument.many then
      self.args[key] = {}
      for i = 1, left do
        self.args[key][i], at = self:value(argument, words[at]), at + 1
      end
    elseif left >= 1 then
      self.args[key], at = self:value(argument, words[at]), at + 1
    end
  end
  if words[at] then
    self:fail("too many arguments: '%s'", words[at])
  end
end

--- Whether the help is asked for behind the place of a mistake.
function Parse:wants_help()
  for at = self.at, #self.argv do
    if self.argv[at] == "--help" or self.argv[at] == "-h" then
      return true
    end
  end
  return false
end

function Parse:run()
  self:read()
  if self.command.commands then
    self:fail("a command is required")
  end
  self:arguments()
end

--- @return posthog.llm.cli.Parse
local function start(root, argv)
  local self = setmetatable({
    root = root,
    options = {},
    names = {},
    args = {},
    words = {},
    argv = argv,
    at = 1,
  }, Parse)
  self:know(HELP)
  self:know(VERSION)
  self:enter(root, root.name)
  return self
end

--- Reads an unfinished command line, as far as it can be understood.
--- @param root posthog.llm.cli.Command
--- @param argv string[]
--- @return table args the options
--- @return string[] words the arguments
function parser.read(root, argv)
  local self = start(root, argv)
  pcall(self.read, self)
  return self.args, self.words
end

--- @param root posthog.llm.cli.Command
--- @param argv string[]
--- @param columns? integer of the terminal, for help texts
--- @param is_full? boolean show all of a help, not what fits on a screen
--- @return table? args by the names of options and arguments, with _ for -
--- @return posthog.llm.cli.Command? command
--- @return string? text instead of both: a help text or the version
--- @return string? name the full name of the command, for errors
function parser.parse(root, argv, columns, is_full)
  local self = start(root, #argv > 0 and argv or { "--help" })
  self.columns, self.full = columns, is_full
  local ok, raised = pcall(self.run, self)
  if not ok and exits.is_usage(raised) and not raised.keeps and self:wants_help() then
    ok, raised = pcall(self.show, self, HELP)
  end
  if ok then
    return self.args, self.command, nil, self.path
  elseif type(raised) == "table" and raised.text then
    return nil, nil, raised.text
  end
  error(raised, 0)
end

return parser
