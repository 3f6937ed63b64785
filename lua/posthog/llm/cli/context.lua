--- The context of a subcommand: the client, the two output streams, and the options of every
--- command.

local errors = require("posthog.llm.util.errors")
local exits = require("posthog.llm.cli.exits")
local terminal = require("posthog.llm.util.terminal")

--- @class posthog.llm.cli.Context
--- @field out posthog.llm.cli.Screen standard output
--- @field err posthog.llm.cli.Screen standard error
--- @field json boolean print JSON, and nothing else
--- @field quiet boolean
--- @field pending? posthog.llm.cli.Table the table whose rows are not printed yet
--- @field given table<string, any> the client's options that the command line has set
local Context = {}
Context.__index = Context

local BOM = "^\239\187\191"

local function cannot_read(path, why)
  -- The message of io.open begins with the path.
  local text = why:find(path, 1, true) == 1 and why or path .. ": " .. why
  if path:find("ph[xacs]_") then -- arguments are visible to other users
    text = "the value looks like a key, not like the name of a file that contains one"
  end
  error(errors.new({ kind = "auth", message = "--key-file: " .. text }), 0)
end

--- Reads the key in the first line of a file. Raises if that fails.
--- @param path string - for standard input
--- @return string
local function read_key(path)
  local file, why = io.stdin, nil
  if path ~= "-" then
    file, why = io.open(path, "rb")
  elseif terminal.columns(0) then
    error(exits.usage("--key-file -: standard input is a terminal, which would display the key"), 0)
  end
  if not file then
    cannot_read(path, why)
  end
  local line
  line, why = file:read("*l")
  if path ~= "-" then
    file:close()
  end
  if terminal.interrupted() then
    error(errors.new({ kind = "cancelled", message = "interrupted" }), 0)
  end
  local key = line and line:gsub(BOM, ""):match("^%s*(.-)%s*$")
  if not key or key == "" then
    cannot_read(path, why or "there is no key in its first line")
  end
  return key
end

local LONG_DELAY = 1 -- seconds after which users expect an explanation

--- A hook that shows why the command waits, unless a progress bar is shown.
--- @param screen posthog.llm.cli.Screen
local function show_retries(screen)
  return function(retry)
    if retry.delay >= LONG_DELAY and not screen.has_status then
      local words = "%s; trying again in %.0f s"
      screen:status(words:format(retry.error.message, math.ceil(retry.delay)))
    end
  end
end

--- @param args table of the command line
--- @param out posthog.llm.cli.Screen
--- @param err posthog.llm.cli.Screen
--- @return posthog.llm.cli.Context
function Context.new(args, out, err)
  local self = { out = out, err = err, json = args.json, quiet = args.quiet }
  -- Prints the rows that have arrived before the next page is waited for.
  local function on_request()
    if self.pending then
      self.pending:flush()
    end
    out:flush()
  end
  self.client_options = {
    project_id = args.project,
    host = args.host,
    user_agent_suffix = "cli",
    on_request = on_request,
    on_retry = not args.quiet and not args.json and err.has_cursor and show_retries(err) or nil,
  }
  self.given = { host = args.host, project_id = args.project }
  out.other = err
  require("posthog.llm.host.plain").stop_on_interrupt()
  self.key_file = args.key_file
  return setmetatable(self, Context)
end

--- The key of --key-file.
--- @return string
function Context:read_key()
  return read_key(self.key_file)
end

--- The account: from --key-file and the variables, or from credentials.find. Options have
--- precedence.
--- @return posthog.llm.Credentials?
--- @return posthog.llm.Error? err
function Context:account()
  local found, err = require("posthog.llm.credentials").find({
    personal_api_key = self.key_file and read_key(self.key_file),
    project_id = self.client_options.project_id,
    host = self.client_options.host,
    source = "--key-file",
  })
  if err and err.option == "personal_api_key" and not err.source then
    err.hint = err.hint .. ", or give --key-file"
  end
  return found, err
end

--- The client, made at the first use.
--- @return posthog.llm.Client
function Context:client()
  if not self.cached_client then
    local found, err = self:account()
    if not found then
      error(err, 0)
    end
    for name, value in pairs(found) do
      self.client_options[name] = value
    end
    self.cached_client = require("posthog.llm").new(self.client_options)
  end
  return self.cached_client
end

--- The client of a command that prints what the server returns: with --json nulls are kept.
--- @return posthog.llm.Client
function Context:reader()
  self.client_options.keep_null = self.json
  return self:client()
end

--- A progress bar on standard error, if that is a terminal, standard output is not a pipe, whose
--- reader may write to the same terminal, and no program reads JSON.
--- @param what string "importing"
--- @param unit? string "rows"
--- @return posthog.llm.cli.Progress
function Context:progress(what, unit)
  local Progress = require("posthog.llm.cli.progress")
  return Progress.new(self.err, what, unit, self.quiet or self.json or self.out.is_pipe)
end

--- Reports the error of one of several objects; the command continues with the others.
--- @param err posthog.llm.Error
--- @param where string which object
function Context:report(err, where)
  self.out:show(self.err) -- keeps the order when both streams are one terminal
  self.out:flush()
  require("posthog.llm.cli.report").show(self.err, err, where, exits.of(err, self.given))
end

--- Whether a user is at the terminal who can answer a question.
--- @return boolean
function Context:can_ask()
  return terminal.columns(0) ~= nil and self.err.columns ~= nil
end

--- @param question string
--- @return boolean
function Context:confirm(question)
  self.err:raw(self.err:clean(question) .. " [y/N] ")
  self.err.file:flush()
  local answer = io.stdin:read("*l")
  if not answer then -- Ctrl-D or Ctrl-C leave the cursor on the line of the question
    self.err:raw("\n")
  end
  return answer ~= nil and answer:lower():match("^%s*ye?s?%s*$") ~= nil
end

--- Prints a note, which is not a result, on standard error.
function Context:note(...)
  if not self.quiet then
    self.out:show(self.err)
    self.out:flush()
    self.err:line(...)
  end
end

--- Prints a row that a command has made or changed: its id, or with --json all of it.
--- @param row table
--- @param ... any the note
function Context:print_row(row, ...)
  if self.json then
    self.out:json(row)
  else
    self.out:line(row.id)
  end
  self:note(...)
end

function Context:close()
  if self.cached_client then
    self.cached_client:close()
  end
end

return Context
