--- posthog-llm emulator: runs the local emulator of PostHog until Ctrl-C, or in the background, in
--- the manner of ssh-agent.

local clock = require("posthog.llm.host.clock")
local display = require("posthog.llm.cli.display")
local errors = require("posthog.llm.util.errors")
local exits = require("posthog.llm.cli.exits")
local parser = require("posthog.llm.cli.parser")

local KEY, PROJECT = "phx_emulator_all", "112358" -- of the emulator, see doc/emulator.md
local PROFILES = { "reference", "current" }
local BACKGROUND = "POSTHOG_EMULATOR" -- the variable with the prefix of the one in the background
local POLL = 1 -- seconds between two checks whether it still runs

local function output_of(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("*a") or ""
  pipe:close()
  return text
end

local function exists(path)
  local file = io.open(path)
  return file and file:close() and true or false
end

--- The folder with the launcher: in a checkout, or installed by `make install` or LuaRocks.
--- @return string?
local function folder()
  local here = debug.getinfo(1, "S").source:match("^@(.*)posthog/llm/cli/emulator%.lua$") or ""
  local tree = here:match("^(.*)share/lua/5%.%d/$")
  local folders = { (here:match("^(.*)lua/$") or "") .. "spec/emulator" }
  if tree then
    folders[2] = tree .. "share/posthog-llm/emulator"
    local rocks = display.quote(tree .. "lib/luarocks") .. "/rocks-5.*/posthog-llm/*/spec/emulator"
    folders[3] = output_of("ls -d " .. rocks .. " 2>/dev/null"):match("[^\n]+")
  end
  for _, path in ipairs(folders) do
    if exists(path .. "/start") then
      return path
    end
  end
end

local function failure(message)
  return nil, errors.new({ kind = "file", message = message })
end

--- @return table<string, string>? values the ones that the launcher prints
--- @return string? why it did not start, in one line
local function start(launcher, args)
  -- $PPID of the shell is this process.
  local parent = args.background and "session" or "$PPID"
  local words = { "sh", display.quote(launcher .. "/start"), "--parent " .. parent }
  for _, option in ipairs({ "profile", "port" }) do
    if args[option] then
      words[#words + 1] = ("--%s %s"):format(option, display.quote(tostring(args[option])))
    end
  end
  words[#words + 1] = args.tls and "--tls" or nil
  words[#words + 1] = "2>&1" -- its words are part of our error
  local values, words_said = {}, {}
  for line in output_of(table.concat(words, " ")):gmatch("[^\n]+") do
    local name, value = line:match("^(%l[%l_]*)=(.*)$")
    if name then
      values[name] = value
    else
      words_said[#words_said + 1] = line:gsub("^emulator: ", "")
    end
  end
  if values.prefix then
    return values
  end
  return nil, table.concat(words_said, "; ")
end

--- Prints variables for a shell: `export`, or `unset` for those without a value.
--- @param variables { [1]: string, [2]: string? }[]
local function show(context, variables)
  local document = {}
  for _, variable in ipairs(variables) do
    local name, value = variable[1], variable[2]
    document[name] = value
    if not context.json then
      local word = value and display.word(value)
      context.out:line(word and ("export %s=%s"):format(name, word) or "unset " .. name)
    end
  end
  if context.json then
    context.out:json(document)
  end
  return context.out:flush()
end

local function variables_of(values, is_background)
  local list = {
    { "POSTHOG_HOST", values.tls_url or values.url },
    { "POSTHOG_PROJECT_ID", PROJECT },
    { "POSTHOG_PERSONAL_API_KEY", KEY },
  }
  list[#list + 1] = values.ca_file and { "SSL_CERT_FILE", values.ca_file }
  list[#list + 1] = is_background and { BACKGROUND, values.prefix } or nil
  return list
end

local function stop(launcher, prefix)
  output_of(
    ("sh %s %s 2>/dev/null"):format(display.quote(launcher .. "/stop"), display.quote(prefix))
  )
end

--- Stops the emulator in the background that the environment names.
local function stop_background(context, launcher)
  local prefix = os.getenv(BACKGROUND) or ""
  if prefix == "" then
    return failure(("--stop: %s is not set: no emulator was started here"):format(BACKGROUND))
  end
  local was_running = exists(prefix .. "/nginx.pid")
  stop(launcher, prefix)
  local names = { BACKGROUND, "POSTHOG_HOST", "POSTHOG_PROJECT_ID", "POSTHOG_PERSONAL_API_KEY" }
  if (os.getenv("SSL_CERT_FILE") or ""):find(prefix, 1, true) == 1 then
    names[#names + 1] = "SSL_CERT_FILE"
  end
  local list = {}
  for i, name in ipairs(names) do
    list[i] = { name }
  end
  local ok, err = show(context, list)
  if ok then
    context:note(was_running and "the emulator was stopped" or "the emulator had ended already")
  end
  return not ok and 1 or nil, err
end

--- Waits until Ctrl-C, or until the emulator ends.
local function watch(context, launcher, values)
  local running = true
  while running and clock.sleep(POLL) ~= false do
    running = exists(values.prefix .. "/nginx.pid")
  end
  stop(launcher, values.prefix)
  if not running then
    return failure("the emulator has ended unexpectedly")
  end
  context:note("stopped")
end

local function emulator(context, args)
  if args.stop and args.background then
    error(exits.usage("--stop and --background exclude each other"), 0)
  end
  local launcher = folder()
  if not launcher then
    return failure(
      "the emulator is not installed: run this from a checkout, or after `make install`"
    )
  elseif args.stop then
    return stop_background(context, launcher)
  end
  local values, why = start(launcher, args)
  if not values then
    return failure("the emulator did not start: " .. why)
  end
  local ok, err = show(context, variables_of(values, args.background))
  local how = args.background and "posthog-llm emulator --stop" or "Ctrl-C"
  context:note(
    "the emulator has the API version ",
    args.profile or "reference",
    "; ",
    how,
    " stops it"
  )
  if not ok then
    stop(launcher, values.prefix)
    return nil, err
  elseif not args.background then
    return watch(context, launcher, values)
  end
end

--- @type posthog.llm.cli.Command
return {
  name = "emulator",
  summary = "run a local emulator of PostHog",
  text = "Run a local emulator of PostHog until Ctrl-C, or in the background until --stop or until "
    .. "the terminal is closed. When it is ready, print the commands of a shell that set its "
    .. "variables. All its data is lost when it ends.",
  options = {
    { "--background", "Return as soon as it is ready." },
    { "--stop", "Stop the one in the background." },
    {
      "--profile",
      "The version of the API: reference (v1) or current (v2).",
      value = "NAME",
      choices = PROFILES,
    },
    { "--tls", "Serve TLS, with a certificate of its own." },
    {
      "--port",
      "Port of plain HTTP; default: a free one.",
      value = "N",
      convert = parser.convert.port,
    },
  },
  examples = {
    { 'eval "$(posthog-llm emulator --background)"', "start it, and use it in this shell" },
    { "posthog-llm skills list", "uses it now" },
    { 'eval "$(posthog-llm emulator --stop)"', "stop it, and unset the variables" },
  },
  run = emulator,
}
