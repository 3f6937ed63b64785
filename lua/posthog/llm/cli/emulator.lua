--- posthog-llm emulator: the local stand-in for PostHog, until Ctrl-C.

local clock = require("posthog.llm.host.clock")
local errors = require("posthog.llm.util.errors")
local parser = require("posthog.llm.cli.parser")

local KEY, PROJECT = "phx_emulator_all", "112358" -- the emulator's own, doc/emulator.md
local PROFILES = { "reference", "current" }
local LOOK = 1 -- seconds between two looks whether it is there

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
  local words = { "sh", quote(place .. "/start"), "--parent $PPID" }
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

local function show(context, values)
  local variables = {
    { "POSTHOG_HOST", values.tls_url or values.url },
    { "POSTHOG_PROJECT_ID", PROJECT },
    { "POSTHOG_PERSONAL_API_KEY", KEY },
    { "SSL_CERT_FILE", values.ca_file },
  }
  local document = {}
  for _, variable in ipairs(variables) do
    local name, value = variable[1], variable[2]
    document[name] = value
    if value and not context.json then
      local word = value:find("[^%w_./:%-]") and quote(value) or value
      context.out:line(("export %s=%s"):format(name, word))
    end
  end
  if context.json then
    context.out:json(document)
  end
  return context.out:flush()
end

local function emulator(context, args)
  local place = folder()
  if not place then
    return failure("the emulator is not installed: run this in a checkout, or after `make install`")
  end
  local values = start(place, args)
  if not values then
    return failure("the emulator did not start")
  end
  local ok, err = show(context, values)
  context:note("the emulator plays ", args.profile or "reference", "; Ctrl-C stops it")
  local there = ok
  while there and clock.sleep(LOOK) ~= false do
    there = exists(values.prefix .. "/nginx.pid")
  end
  output_of(("sh %s %s"):format(quote(place .. "/stop"), quote(values.prefix)))
  if not ok then
    return nil, err
  elseif not there then
    return failure("the emulator has ended")
  end
  context:note("stopped")
end

--- @type posthog.llm.cli.Command
return {
  name = "emulator",
  summary = "run a local stand-in for PostHog",
  text = "Run a local stand-in for PostHog until Ctrl-C. It prints first what to set in the "
    .. "environment, for a shell, and forgets all at its end.",
  options = {
    {
      "--profile",
      "The generation of the API: reference, or current.",
      value = "NAME",
      choices = PROFILES,
    },
    { "--tls", "Serve TLS, with a certificate of its own." },
    {
      "--port",
      "For plain HTTP; a free one, if not given.",
      value = "N",
      convert = parser.convert.port,
    },
  },
  examples = {
    { "posthog-llm emulator > emulator.env &", "start it" },
    { ". ./emulator.env && posthog-llm skills list", "use it from then on" },
  },
  run = emulator,
}
