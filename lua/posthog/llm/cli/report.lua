--- Prints errors on standard error.

local errors = require("posthog.llm.util.errors")
local exits = require("posthog.llm.cli.exits")
local terminal = require("posthog.llm.util.terminal")

local report = {}

local KEY_LENGTH = 20 -- characters after the prefix; a key has 40 and more

--- A text without what looks like a key, which may have been given as an argument by mistake.
local function without_key(text)
  return (
    text:gsub("%f[%w]ph[xacs]_(%w+)", function(secret)
      return #secret >= KEY_LENGTH and "[key]" or nil
    end)
  )
end

local function words_of(err, text)
  if terminal.interrupted() and err.kind == "cancelled" then
    return err.ambiguous and "interrupted; the write in progress may or may not have happened"
      or "interrupted"
  end
  return text
end

--- The fields of an error that a program may want, besides its message.
local FIELDS = {
  "kind",
  "call",
  "host",
  "hint",
  "status",
  "type",
  "code",
  "attr",
  "detail",
  "current_version",
  "edit_index",
  "file_path",
  "current_item_id",
  "resource",
  "current_count",
  "limit",
  "retry_after",
  "request_id",
  "attempts",
  "ambiguous",
  "position",
  "path",
  "file",
  "line",
  "row",
}

--- The findings of an error as plain rows.
local function rows_of(list)
  local rows = {}
  for i, finding in ipairs(list or {}) do
    rows[i] = { path = finding.path, line = finding.line, message = finding.message }
  end
  return rows[1] and rows or nil
end

--- An error for a program; doc/cli.md has the fields.
--- @param err any
--- @param where? string which of several objects it is about
--- @param code integer exit code
--- @return table
local function document(err, where, code)
  local made = { about = where, exit_code = code }
  if exits.is_usage(err) then
    made.kind, made.message = "usage", err.message:gsub("\n", ". ")
    made.help = (err.command or "posthog-llm") .. " --help"
  elseif errors.is(err) then
    for _, name in ipairs(FIELDS) do
      local value = err[name]
      made[name] = type(value) == "string" and without_key(value) or value
    end
    made.problems, made.conflicts = rows_of(err.problems), rows_of(err.conflicts)
    local has_list = err.summary and (made.problems or made.conflicts)
    made.message = words_of(err, has_list and err.summary or errors.describe(err))
  else
    made.kind, made.message = "bug", tostring(err)
  end
  made.about, made.message = where and without_key(where), without_key(made.message)
  return { error = made }
end

--- Prints an error on one line, followed by its findings, a line each, in the form path:line:
--- message, which editors understand. For a program: as a JSON object on one line.
--- @param screen posthog.llm.cli.Screen standard error
--- @param err any
--- @param where? string which of several objects it is about
--- @param code integer the exit code of the command, as far as this error decides it
function report.show(screen, err, where, code)
  if screen.as_json then
    return screen:json(document(err, where, code))
  end
  where = where and without_key(where) .. ": " or ""
  if exits.is_usage(err) then
    screen:line("posthog-llm: ", without_key((err.message:gsub("\n", ". "))))
    screen:line("Try: ", err.command or "posthog-llm", " --help")
  elseif errors.is(err) then
    local list = err.summary and (err.problems or err.conflicts)
    local text = list and err.summary or errors.describe(err)
    screen:line("posthog-llm: ", where, without_key(words_of(err, text)))
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
