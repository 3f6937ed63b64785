--- posthog-llm emulator: the local emulator of PostHog, until Ctrl-C or in the
--- background, as ssh-agent does it.

local clock = require("posthog.llm.host.clock")
local errors = require("posthog.llm.util.errors")
local exits = require("posthog.llm.cli.exits")
local parser = require("posthog.llm.cli.parser")

local KEY, PROJECT = "phx_emulator_all", "112358" -- the emulator's own, doc/emulator.md
local PROFILES = { "reference", "current" }
local BACKGROUND = "POSTHOG_EMULATOR" -- the variable that names one in the background
local POLL = 1 -- seconds between two checks whether it is there

local function quote(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

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

--- The folder with the launcher: of a checkout, where `make install` puts it,
--- or where LuaRocks does.
--- @return string?
local function folder()
  local here = debug.getinfo(1, "S").source:match("^@(.*)posthog/llm/cli/emulator%.lua$") or ""
  local tree = here:match("^(.*)share/lua/5%.%d/$")
  local places = { (here:match("^(.*)lua/$") or "") .. "spec/emulator" }
  if tree then
    places[2] = tree .. "share/posthog-llm/emulator"
    local rocks = quote(tree .. "lib/luarocks") .. "/rocks-5.*/posthog-llm/*/spec/emulator"
    places[3] = output_of("ls -d " .. rocks .. " 2>/dev/null"):match("[^\n]+")
  end
  for _, place in ipairs(places) do
    if exists(place .. "/start") then
      return place
    end
  end
end

local function failure(message)
  return nil, errors.new({ kind = "file", message = message })
end

--- @return table<string, string>? values what the launcher prints
local function start(place, args)
  -- $PPID of the shell is this process.
  local parent = args.background and "session" or "$PPID"
  local words = { "sh", quote(place .. "/start"), "--parent " .. parent }
  for _, option in ipairs({ "profile", "port" }) do
    if args[option] then
      words[#words + 1] = ("--%s %s"):format(option, quote(tostring(args[option])))
    end
  end
  words[#words + 1] = args.tls and "--tls" or nil
  local values = {}
  for name, value in output_of(table.concat(words, " ")):gmatch("(%l[%l_]*)=([^\n]*)\n") do
    values[name] = value
  end
  return values.prefix and values or nil
end

--- Prints variables for a shell: `export`, or `unset` where there is no value.
--- @param variables { [1]: string, [2]: string? }[]
local function show(context, variables)
  local document = {}
  for _, variable in ipairs(variables) do
    local name, value = variable[1], variable[2]
    document[name] = value
    if not context.json then
      local word = value and (value:find("[^%w_./:%-]") and quote(value) or value)
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

local function stop(place, prefix)
  output_of(("sh %s %s 2>/dev/null"):format(quote(place .. "/stop"), quote(prefix)))
end

--- Ends the one in the background that the environment names.
local function stop_background(context, place)
  local prefix = os.getenv(BACKGROUND) or ""
  if prefix == "" then
    return failure(("--stop: %s is not set: no emulator was started here"):format(BACKGROUND))
  end
  local was_there = exists(prefix .. "/nginx.pid")
  stop(place, prefix)
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
    context:note(was_there and "the emulator is stopped" or "the emulator had ended already")
  end
  return not ok and 1 or nil, err
end

--- Waits until Ctrl-C, or until it is gone.
local function watch(context, place, values)
  local there = true
  while there and clock.sleep(POLL) ~= false do
    there = exists(values.prefix .. "/nginx.pid")
  end
  stop(place, values.prefix)
  if not there then
    return failure("the emulator has ended")
  end
  context:note("stopped")
end

local function emulator(context, args)
  if args.stop and args.background then
    error(exits.usage("--stop and --background exclude each other"), 0)
  end
  local place = folder()
  if not place then
    return failure("the emulator is not installed: run this in a checkout, or after `make install`")
  elseif args.stop then
    return stop_background(context, place)
  end
  local values = start(place, args)
  if not values then
    return failure("the emulator did not start")
  end
  local ok, err = show(context, variables_of(values, args.background))
  local how = args.background and "posthog-llm emulator --stop" or "Ctrl-C"
  context:note("the emulator plays ", args.profile or "reference", "; ", how, " stops it")
  if not ok then
    stop(place, values.prefix)
    return nil, err
  elseif not args.background then
    return watch(context, place, values)
  end
end

--- @type posthog.llm.cli.Command
return {
  name = "emulator",
  summary = "run a local emulator of PostHog",
  text = "Run a local emulator of PostHog until Ctrl-C, or in the background until --stop or the "
    .. "end of the terminal. When it is ready, it prints what to set in the environment, for a "
    .. "shell. All its data is lost when it ends.",
  options = {
    { "--background", "Return when it is ready." },
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
    { "posthog-llm skills list", "this asks it now" },
    { 'eval "$(posthog-llm emulator --stop)"', "stop it, and unset what was set" },
  },
  run = emulator,
}
