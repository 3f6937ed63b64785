--- Says on standard error what went wrong.

local errors = require("posthog.llm.util.errors")
local exits = require("posthog.llm.cli.exits")
local terminal = require("posthog.llm.util.terminal")

local report = {}

local function words_of(err, text)
  if terminal.interrupted() and err.kind == "cancelled" then
    return err.ambiguous and "interrupted; what it was writing may or may not have been written"
      or "interrupted"
  end
  return text
end

--- What went wrong, in a line, and what belongs to it, a line each, as editors read it.
--- @param screen posthog.llm.cli.Screen of standard error
--- @param err any
--- @param where? string which of several things it was
function report.tell(screen, err, where)
  where = where and where .. ": " or ""
  if exits.is_usage(err) then
    screen:line("posthog-llm: ", (err.message:gsub("\n", ". ")))
    screen:line("Try: ", err.command or "posthog-llm", " --help")
  elseif errors.is(err) then
    local list = err.summary and (err.problems or err.conflicts)
    local text = list and err.summary or errors.describe(err)
    screen:line("posthog-llm: ", where, words_of(err, text))
    for _, finding in ipairs(list or {}) do
      local place = finding.line and ("%s:%d"):format(finding.path, finding.line) or finding.path
      screen:line(place, ": ", finding.message)
    end
  else
    screen:line("posthog-llm: this is a bug:")
    for place in tostring(err):gmatch("[^\n]+") do
      screen:line("  ", (place:gsub("^%s+", "")))
    end
  end
end

return report
