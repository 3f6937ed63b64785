--- Says on standard error what went wrong.

local errors = require("posthog.llm.util.errors")
local exits = require("posthog.llm.cli.exits")
local terminal = require("posthog.llm.util.terminal")

local report = {}

--- The words of the library about its options, in those of the command.
local SAID = {
  ["pass personal_api_key"] = "give --key-file",
  ["goes into personal_api_key"] = "is taken by --key-file",
  [", or allow_insecure_http"] = "",
  [", or give an iterator"] = "",
  ["pass project_id"] = "give --project",
  ["datasets:list{ archived }"] = "--deleted",
  ["dataset_items:list{ revision }"] = "--revision",
  ["dataset_items:get with a revision"] = "--revision",
  ["`force`"] = "--force",
  ["`fields`"] = "--field",
  ["`journal`"] = "--journal",
}

local function in_our_words(text)
  for theirs, ours in pairs(SAID) do
    text = text:gsub(theirs, ours)
  end
  return text
end

local function words_of(err, text)
  if terminal.interrupted() and err.kind == "cancelled" then
    return err.ambiguous and "interrupted; what it was writing may or may not have been written"
      or "interrupted"
  end
  return in_our_words(text)
end

--- What went wrong, in a line, and what belongs to it, a line each, as editors read it.
--- @param screen posthog.llm.cli.Screen of standard error
--- @param err any
--- @param where? string which of several things it was
function report.tell(screen, err, where)
  where = where and where .. ": " or ""
  if exits.is_usage(err) then
    screen:line("posthog-llm: ", in_our_words(err.message:gsub("\n", ". ")))
    screen:line("Try: ", err.command or "posthog-llm", " --help")
  elseif errors.is(err) then
    local list = err.summary and (err.problems or err.conflicts)
    local text = list and err.summary or tostring(err):gsub("^" .. err.kind .. ": ", "")
    screen:line("posthog-llm: ", where, words_of(err, text))
    for _, problem in ipairs(list or {}) do
      local place = problem.line and ("%s:%d"):format(problem.path, problem.line) or problem.path
      screen:line(place, ": ", problem.message)
    end
  else
    screen:line("posthog-llm: this is a bug:")
    for place in tostring(err):gmatch("[^\n]+") do
      screen:line("  ", (place:gsub("^%s+", "")))
    end
  end
end

return report
