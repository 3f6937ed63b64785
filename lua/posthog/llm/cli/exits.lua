--- The codes with which the command ends.

local errors = require("posthog.llm.util.errors")

local exits = {}

exits.FAILURE = 1
exits.USAGE = 2
exits.BUDGET = 6
exits.FINDINGS = 7
exits.LIMIT = 8

--- As the manual tells them.
exits.LIST = {
  { 0, "done" },
  { 1, "failure" },
  { 2, "usage: the command line, --host or --project is invalid" },
  { 3, "conflict: others have changed the same; a person has to decide" },
  { 4, "not found" },
  { 5, "auth: no key, or the key may not" },
  { 6, "the budget of `spend --budget` is reached" },
  { 7, "done, with findings: rows were rejected, or file and dataset differ" },
  { 8, "a limit of the server's is reached: going on is no use" },
  { 130, "interrupted by Ctrl-C (128 and the signal's number)" },
}

local BY_KIND = { conflict = 3, not_found = 4, auth = 5, forbidden = 5 }

local Usage = {}

--- A command that cannot be understood.
--- @param message string
--- @param command? string to ask for help
--- @return table raise it with error(usage, 0)
function exits.usage(message, command)
  return setmetatable({ message = message, command = command }, Usage)
end

--- @return boolean
function exits.is_usage(value)
  return getmetatable(value) == Usage
end

--- Whether it is the user's own word that cannot be: nothing was sent for it.
--- @param err any
--- @param given? table<string, any> what the command line has, by the library's option
--- @return boolean
function exits.is_misspelt(err, given)
  return given ~= nil
    and errors.is(err)
    and err.kind == "invalid"
    and not err.attempts
    and given[err.option] ~= nil
end

--- @param err any
--- @param given? table<string, any> what the command line has, by the library's option
--- @return integer code
function exits.of(err, given)
  if exits.is_usage(err) or exits.is_misspelt(err, given) then
    return exits.USAGE
  elseif errors.is(err) and err.code == "limit_reached" then
    return exits.LIMIT
  end
  return errors.is(err) and BY_KIND[err.kind] or exits.FAILURE
end

return exits
