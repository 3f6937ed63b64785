--- What the commands on dataset files have in common: the options of the library, the progress, and what a
--- file was found to be.

local errors = require("posthog.llm.util.errors")
local exits = require("posthog.llm.cli.exits")
local terminal = require("posthog.llm.util.terminal")

local calls = {}

--- @return table<string, string>? fields for the library
local function fields_of(pairs_given)
  if not pairs_given or #pairs_given == 0 then
    return nil
  end
  local fields = {}
  for _, pair in ipairs(pairs_given) do
    if fields[pair[1]] then
      error(exits.usage(("--field %s is given twice"):format(pair[1])), 0)
    end
    fields[pair[1]] = pair[2]
  end
  return fields
end

--- @param n integer
--- @param what string "row"
--- @return string "2 rows"
function calls.count(n, what)
  return ("%d %s%s"):format(n, what, n == 1 and "" or "s")
end

--- @param err posthog.llm.Error
--- @return posthog.llm.Error
function calls.interruption(err)
  if terminal.interrupted() and err.kind == "cancelled" then
    return errors.new({ kind = "cancelled", message = "interrupted" })
  end
  return err
end

--- The options that the command shares with the library.
calls.READING = { "format", "values", "separator", "records" }

--- @param args table
--- @param bar posthog.llm.cli.Progress
--- @param ... string[] names
--- @return table options for the library
function calls.options(args, bar, ...)
  local options = { fields = args.fields or fields_of(args.field) }
  for _, names in ipairs({ ... }) do
    for _, name in ipairs(names) do
      options[name] = args[name]
    end
  end
  function options.on_progress(now)
    local waiting = now.waiting and ("waits %.0f s"):format(math.ceil(now.waiting))
    if now.read then
      bar:say(("reads %s, %d records"):format(args.file, now.read))
    else
      bar:at(now.done or now.rows, now.records or now.total, waiting, now.estimated)
    end
    return not terminal.interrupted()
  end
  return options
end

--- Prints the format of a file that was recognised, if its name and the options do not say it.
function calls.tell_found(context, bar, is_always)
  return function(found)
    if found.is_guess or is_always then
      bar:finish()
      context:note("format: ", found.text)
    end
    return not terminal.interrupted()
  end
end

return calls
