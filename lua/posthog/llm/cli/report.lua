--- Prints errors on standard error.

local errors = require("posthog.llm.util.errors")
local exits = require("posthog.llm.cli.exits")
local terminal = require("posthog.llm.util.terminal")

local report = {}

local function words_of(err, text)
  if terminal.interrupted() and err.kind == "cancelled" then
    return err.ambiguous and "interrupted; the write in progress may or may not have happened"
      or "interrupted"
  end
  return text
end

--- Prints an error on one line, followed by its findings, a line each, in the form path:line:
--- message, which editors understand.
--- @param screen posthog.llm.cli.Screen standard error
--- @param err any
--- @param where? string which of several objects it is about
function report.show(screen, err, where)
  where = where and where .. ": " or ""
  if exits.is_usage(err) then
    screen:line("posthog-llm: ", (err.message:gsub("\n", ". ")))
    screen:line("Try: ", err.command or "posthog-llm", " --help")
  elseif errors.is(err) then
    local list = err.summary and (err.problems or err.conflicts)
    local text = list and err.summary or errors.describe(err)
    screen:line("posthog-llm: ", where, words_of(err, text))
    for _, finding in ipairs(list or {}) do
      local position = finding.line and ("%s:%d"):format(finding.path, finding.line) or finding.path
      screen:line(position, ": ", finding.message)
    end
  else
    screen:line("posthog-llm: this is a bug:")
    for line in tostring(err):gmatch("[^\n]+") do
      screen:line("  ", (line:gsub("^%s+", "")))
    end
  end
end

return report
