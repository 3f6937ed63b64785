--- Builds the argparse parser from the commands, which are data, and parses the arguments.

local exits = require("posthog.llm.cli.exits")
local help_text = require("posthog.llm.cli.help_text")
local needs = require("posthog.llm.cli.needs")

local parser = {}

local NAME = "posthog-llm"

--- @class posthog.llm.cli.Option
--- @field [1] string names, separated by spaces: "-n --note"
--- @field [2] string description
--- @field value? string name of its value; nil: a flag
--- @field takes? "file"|"folder" what its value names, for completion
--- @field choices? string[]
--- @field convert? fun(text: string): any, string? returns the value, or nil and why it is invalid
--- @field many? boolean may be repeated; its value is a list

--- @class posthog.llm.cli.Argument
--- @field [1] string name
--- @field [2] string description
--- @field optional? boolean
--- @field many? boolean one or more; its value is a list
--- @field takes? "file"|"folder" what it names, for completion
--- @field choices? string[]

--- @class posthog.llm.cli.Command
--- @field name string
--- @field summary string for the list of commands, without a full stop
--- @field text? string the description in its own help
--- @field commands? posthog.llm.cli.Command[]
--- @field arguments? posthog.llm.cli.Argument[]
--- @field options? posthog.llm.cli.Option[]
--- @field examples? string[][] pairs of a command and what it does
--- @field run? fun(context: posthog.llm.cli.Context, args: table): integer?, any returns an exit code, or nil and an error

--- Conversions for `convert`.
parser.convert = {}

local function whole(text, least)
  local n = tonumber(text)
  if n and n >= least and n == math.floor(n) and n < 2 ^ 53 then
    return math.tointeger and math.tointeger(n) or n
  end
end

--- @return integer?
function parser.convert.count(text)
  local n = whole(text, 1)
  return n, not n and ("invalid number '%s': a whole number above 0"):format(text) or nil
end

--- @return integer?
function parser.convert.count_or_none(text)
  local n = whole(text, 0)
  return n, not n and ("invalid number '%s': a whole number, 0 or above"):format(text) or nil
end

--- @return integer?
function parser.convert.port(text)
  local n = whole(text, 1)
  if n and n <= 65535 then
    return n
  end
  return nil, ("invalid port '%s': a number from 1 to 65535"):format(text)
end

--- @return number?
function parser.convert.seconds(text)
  local n = tonumber(text)
  if n and n >= 0 and n < 1e6 then
    return n
  end
  return nil, ("invalid time '%s': seconds, such as 10"):format(text)
end

--- @return string[]
function parser.convert.names(text)
  local names = {}
  for name in text:gmatch("[^,]+") do
    names[#names + 1] = name
  end
  return names
end

--- @return number?
function parser.convert.dollars(text)
  local n = tonumber((text:gsub("^%$", "")))
  if n and n >= 0 and n < 1e12 then
    return n
  end
  return nil, ("invalid amount '%s': dollars, such as 50"):format(text)
end

local function add_option(element, option)
  local made
  if option.value then
    made = element:option(option[1]):argname(option.value)
    if option.many then
      made:count("*")
    end
  else
    made = element:flag(option[1])
  end
  made:description(option[2])
  if option.choices then
    made:choices(option.choices)
  end
  if option.convert then
    made:convert(function(text)
      local value, why = option.convert(text)
      if value == nil then
        return nil, ("%s: %s"):format(option[1]:match("%S+$"), why)
      end
      return value
    end)
  end
end

local function add_argument(element, argument)
  local made = element:argument(argument[1]):description(argument[2])
  if argument.choices then
    made:choices(argument.choices):argname("<" .. argument[1] .. ">")
  end
  if argument.many then
    made:args(argument.optional and "*" or "+")
  elseif argument.optional then
    made:args("?")
  end
end

local fill

--- @param path string the command's own names, without NAME
local function add_command(element, command, page, path)
  local made = element:command(command.name):summary(command.summary)
  made:add_help(false)
  fill(made, command, page, path)
end

--- Ends parsing with a text to print instead of running a command.
local function show(text)
  error({ text = text }, 0)
end

--- @param page { root: posthog.llm.cli.Command, columns?: integer, by_path: table<string, posthog.llm.cli.Command> }
function fill(element, command, page, path)
  page.by_path[path] = command
  element.path = path
  element:flag("-h --help"):action(function()
    local words = path == "" and NAME or NAME .. " " .. path
    show(help_text.of(page.root, command, words, page.columns))
  end)
  for _, argument in ipairs(command.arguments or {}) do
    add_argument(element, argument)
  end
  for _, option in ipairs(command.options or {}) do
    add_option(element, option)
  end
  if command.commands then
    element:require_command(true):command_target("command" .. select(2, path:gsub("%S+", "")))
    for _, inner in ipairs(command.commands) do
      add_command(element, inner, page, (path .. " " .. inner.name):gsub("^ ", ""))
    end
  end
end

--- @param root posthog.llm.cli.Command
--- @param columns? integer of the terminal, for help texts
--- @return table argparse's parser
--- @return table<string, posthog.llm.cli.Command> by_path
local function build(root, columns)
  local made = needs.module("argparse")(NAME):add_help(false)
  made:flag("-V --version"):action(function()
    show(require("posthog.llm")._VERSION .. "\n")
  end)
  local page = { root = root, columns = columns, by_path = {} }
  fill(made, root, page, "")
  function made.error(element, message)
    error(exits.usage(message, ("%s %s"):format(NAME, element.path):gsub(" $", "")), 0)
  end
  return made, page.by_path
end

--- @return table<string, boolean> takes whether an option takes a value, by its long name
local function longs_of(command, takes)
  for _, option in ipairs(command.options or {}) do
    for name in option[1]:gmatch("%-%-%S+") do
      takes[name] = option.value ~= nil
    end
  end
  return takes
end

--- Turns "--from -30d" into "--from=-30d": argparse would take -30d for the options -3, -0 and -d.
--- @return string[]
local function join_values(root, argv)
  local joined, command, takes = {}, root, longs_of(root, {})
  local i = 1
  while i <= #argv do
    local word, value = argv[i], argv[i + 1]
    if word == "--" then
      break
    elseif takes[word] and value and value:find("^%-[^-]") and value ~= "-h" and value ~= "-q" then
      word, i = word .. "=" .. value, i + 1
    elseif takes[word] and value then
      joined[#joined + 1] = word
      word, i = value, i + 1
    elseif not word:find("^%-") then
      for _, inner in ipairs(command.commands or {}) do
        if inner.name == word then
          command, takes = inner, longs_of(inner, takes)
          break
        end
      end
    end
    joined[#joined + 1] = word
    i = i + 1
  end
  for rest = i, #argv do
    joined[#joined + 1] = argv[rest]
  end
  return joined
end

--- @param root posthog.llm.cli.Command
--- @param argv string[]
--- @param columns? integer of the terminal, for help texts
--- @return table? args by the names of options and arguments, with _ for -
--- @return posthog.llm.cli.Command? command
--- @return string? text instead of both: a help text or the version
--- @return string? name the full name of the command, for errors
function parser.parse(root, argv, columns)
  local made, by_path = build(root, columns)
  if #argv == 0 then
    return nil, nil, help_text.of(root, root, NAME, columns)
  end
  local ok, args = pcall(made.parse, made, join_values(root, argv))
  if not ok then
    if type(args) == "table" and args.text then
      return nil, nil, args.text
    end
    error(args, 0)
  end
  local path = {}
  while args["command" .. #path] do
    path[#path + 1] = args["command" .. #path]
  end
  local words = table.concat(path, " ")
  return args, by_path[words], nil, NAME .. " " .. words
end

return parser
