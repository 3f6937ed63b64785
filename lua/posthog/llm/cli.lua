--- The command posthog-llm: skills, datasets, items and spend from a shell. This file has what all
--- subcommands share; each group of subcommands is a file in cli/.

local Screen = require("posthog.llm.cli.screen")
local check = require("posthog.llm.util.check")
local commands = require("posthog.llm.cli.commands")
local errors = require("posthog.llm.util.errors")
local exits = require("posthog.llm.cli.exits")
local flags = require("posthog.llm.cli.flags")
local option_names = require("posthog.llm.util.option_names")
local parser = require("posthog.llm.cli.parser")
local terminal = require("posthog.llm.util.terminal")

local cli = {}

local SIGPIPE = 13
local BY_SIGNAL = 128 -- and its number: the exit code of a program that a signal has ended

--- Replaces check.raise, without a line of the program in the message: it was the user who gave an
--- invalid name or path.
local function raise_usage(text)
  error(exits.usage(text), 0)
end

local function catch(raised)
  if errors.is(raised) or exits.is_usage(raised) then
    return raised
  end
  return debug.traceback(tostring(raised), 2)
end

--- Whether a flag is given, for when the command line cannot be parsed, or need not be.
local function has(argv, flag)
  for _, word in ipairs(argv) do
    if word == flag or word == "--" then
      return word == flag
    end
  end
  return false
end

local function show_help(screen, text, argv)
  if not has(argv, "--no-pager") then
    screen:hold()
  end
  screen:raw(text)
end

--- @param argv string[]
--- @return integer code
local function run(argv)
  if argv[1] == "__complete" then -- for the completions of shells
    return require("posthog.llm.cli.complete").run(argv) or 0
  end
  local stdout, stderr = Screen.new(io.stdout, 1), Screen.new(io.stderr, 2)
  stderr.as_json = has(argv, "--json")
  local name, given
  local ran, code, err = xpcall(function()
    local args, command, text
    args, command, text, name = parser.parse(commands, argv, stdout.columns)
    if text then
      return show_help(stdout, text, argv)
    end
    local context = require("posthog.llm.cli.context").new(args, stdout, stderr)
    given = context.given
    if command.pages and not args.json and not args.no_pager then
      stdout:hold()
    end
    local code, err = command.run(context, args)
    context:close()
    return code, err
  end, catch)
  if not ran then
    code, err = nil, code
  end
  stdout:show(stderr)
  if err == nil then
    local flushed
    flushed, err = stdout:flush()
    err = not flushed and err or nil
  end
  if stdout.is_closed and (err == nil or errors.is(err) and err.kind == "file") then
    return BY_SIGNAL + SIGPIPE -- as the signal ends it, which may be ignored here
  end
  stderr:clear()
  local signal = terminal.interrupted()
  if err ~= nil then
    if exits.is_usage(err) then
      err.command = err.command or name
    end
    code = signal and BY_SIGNAL + signal or exits.of(err, given)
    local flag = exits.is_usage_error(err, given) and flags[err.option] or nil
    require("posthog.llm.cli.report").show(stderr, err, flag, code)
  end
  return signal and BY_SIGNAL + signal or code or 0
end

--- Runs the command with these arguments. Never raises.
--- @param argv string[]
--- @return integer code the exit code of the process, see exits.lua
function cli.main(argv)
  local raise = check.raise
  check.raise = raise_usage
  option_names.use(flags)
  local code = run(argv)
  option_names.use(nil)
  check.raise = raise
  return code
end

return cli
