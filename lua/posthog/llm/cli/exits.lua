--- The exit codes of the command.

local errors = require("posthog.llm.util.errors")

local exits = {}

exits.FAILURE = 1
exits.USAGE = 2
exits.BUDGET = 6
exits.FINDINGS = 7
exits.LIMIT = 8

--- The exit codes for the manual.
exits.LIST = {
  { 0, "done" },
  { 1, "failure" },
  { 2, "usage: the command line, --host or --project is invalid" },
  { 3, "conflict: others have made changes too; a person has to decide" },
  { 4, "not found" },
  { 5, "auth: no key, or a key without the permission" },
  { 6, "the budget of `spend --budget` is reached" },
  { 7, "done, with findings: rows were rejected or may be missing, or what was compared differs" },
  { 8, "a limit of the server is reached: trying again does not help" },
  { 130, "interrupted by Ctrl-C (128 plus the number of the signal)" },
}

local BY_KIND = { conflict = 3, not_found = 4, auth = 5, forbidden = 5 }

local Usage = {}

--- An invalid command line.
--- @param message string
--- @param command? string the command whose help to name
--- @return table raise it with error(usage, 0)
function exits.usage(message, command)
  return setmetatable({ message = message, command = command }, Usage)
end

--- @return boolean
function exits.is_usage(value)
  return getmetatable(value) == Usage
end

--- Whether an error is about an invalid value on the command line, for which nothing was sent.
--- @param err any
--- @param given? table<string, any> the options that the command line has set, by the library's
---   names
--- @return boolean
function exits.is_usage_error(err, given)
  return given ~= nil
    and errors.is(err)
    and err.kind == "invalid"
    and not err.attempts
    and given[err.option] ~= nil
end

--- @param err any
--- @param given? table<string, any> the options that the command line has set, by the library's
---   names
--- @return integer code
function exits.of(err, given)
  if exits.is_usage(err) or exits.is_usage_error(err, given) then
    return exits.USAGE
  elseif errors.is(err) and err.code == "limit_reached" then
    return exits.LIMIT
  end
  return errors.is(err) and BY_KIND[err.kind] or exits.FAILURE
end

return exits
