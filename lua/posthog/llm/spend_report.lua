--- Formats a spend response, or two to compare: as text for a terminal, a
--- line for a status line, Markdown, CSV, JSON, or a page of HTML. Nothing is
--- read or written here: every function returns a string.
---
---     local spend_report = require("posthog.llm.spend_report")
---     io.write(spend_report.text(assert(client.spend:get()), { width = 100 }))

local check = require("posthog.llm.util.check")
local forecast = require("posthog.llm.spend_report.forecast")
local model = require("posthog.llm.spend_report.model")
local period = require("posthog.llm.spend_report.period")

local spend_report = {}

--- The same table may go to every format; what a format has no use for it
--- leaves alone.
--- @class posthog.llm.SpendReportOptions
--- @field compare? posthog.llm.SpendReport an older response
--- @field sections? string[] which breakdowns, such as { "by_tool" }; all that the response has
--- @field rows? integer text, markdown: at most so many rows of each; 10, of days 31
--- @field width? integer text: columns, 20 to 1000, 80. line: at most so many
--- @field color? boolean text: colours of the terminal
--- @field ascii? boolean text, line: bars and marks of ASCII; names stay what they are
--- @field formulas? boolean csv: leave names alone that a spreadsheet takes for formulas
--- @field budget? number dollars for the time from the start of the response's window on
--- @field now? number|string for the forecast: seconds since 1970, or ISO 8601; the window's end
--- @field until_day? number|string project the cost up to then; the end of the month

--- @class posthog.llm.SpendForecast
--- @field budget number dollars
--- @field spent? number dollars; nil: the response has no total
--- @field left? number dollars, below 0 when overspent
--- @field reached boolean
--- @field per_day? number dollars a day; nil here and below: the response has no window
--- @field basis? "recent days"|"window" what per_day is the mean of
--- @field reached_on? string day, UTC, on which the budget is or was reached; nil: not in ten years
--- @field days_left? number from `now` until then
--- @field projected? number dollars by `until_day`
--- @field until_day? string day, UTC

--- @class posthog.llm.SpendRow
--- @field name? string as it came; nil for null
--- @field label string to be shown
--- @field day? string
--- @field cost? number dollars
--- @field values table<string, any> by column, as they came
--- @field gone? boolean only the older response has it

--- @class posthog.llm.SpendSection
--- @field id string
--- @field title string
--- @field kind "rank"|"time"|"pair"
--- @field rows posthog.llm.SpendRow[]
--- @field columns string[] those that have a value
--- @field truncated boolean
--- @field overlaps boolean its costs do not add up
--- @field largest number dollars, the cost of the dearest row
--- @field attributed? boolean a part of its costs is shared out and adds up
--- @field compared? boolean the costs of an older response are beside these
--- @field note? string

local KNOWN = {
  compare = true,
  sections = true,
  rows = true,
  width = true,
  color = true,
  ascii = true,
  formulas = true,
  budget = true,
  now = true,
  until_day = true,
}

local function check_answer(spend, what, level)
  check.type(spend, "table", what, level + 1)
  if type(spend.summary) ~= "table" then
    check.fail(level + 1, "%s: a spend response expected, which has a summary", what)
  end
end

local function check_flags(options, level)
  for _, name in ipairs({ "color", "ascii", "formulas" }) do
    if options[name] ~= nil then
      check.type(options[name], "boolean", name, level + 1)
    end
  end
end

--- @return table<string, boolean>? chosen nil: all
local function chosen(sections, level)
  if sections == nil then
    return nil
  end
  check.list(sections, "sections", level + 1)
  local known, set = {}, {}
  for _, kind in ipairs(model.SECTIONS) do
    known[kind.id] = true
  end
  for _, id in ipairs(sections) do
    if not known[id] then
      check.fail(level + 1, "sections: no section is called %q", tostring(id))
    end
    set[id] = true
  end
  return set
end

local function moment(value, what, level)
  if value == nil then
    return nil
  end
  local time = period.seconds(value)
  if not time then
    check.fail(level + 1, "%s: seconds since 1970 or a time of ISO 8601 expected", what)
  end
  return time
end

local function make_forecast(spend, options, level)
  local budget = options.budget
  if type(budget) ~= "number" or not (budget >= 0 and budget < math.huge) then
    check.fail(level + 1, "budget: a number of dollars expected")
  end
  local now = moment(options.now, "now", level + 1)
  return forecast.make(spend, budget, now, moment(options.until_day, "until_day", level + 1))
end

--- @param level integer as for error() in the caller
--- @return posthog.llm.SpendModel report
--- @return posthog.llm.SpendReportOptions options
local function read(spend, options, level)
  check_answer(spend, "spend", level + 1)
  options = options == nil and {} or options
  check.type(options, "table", "options", level + 1)
  check.known(options, KNOWN, "options", level + 1)
  check_flags(options, level + 1)
  if options.compare ~= nil then
    check_answer(options.compare, "compare", level + 1)
  end
  if options.width ~= nil then
    check.integer(options.width, "width", level + 1, 20, 1000)
  end
  if options.rows ~= nil then
    check.integer(options.rows, "rows", level + 1, 1)
  end
  local sections = chosen(options.sections, level + 1)
  local report = model.build(spend, { compare = options.compare, sections = sections })
  report.chosen = sections
  if options.budget ~= nil then
    report.forecast = make_forecast(spend, options, level + 1)
  end
  return report, options
end

--- The functions that make one string of a report; each in a file of its own,
--- loaded when it is asked for.
local function format(name)
  return function(spend, options)
    local report, read_options = read(spend, options, 2)
    local text = require("posthog.llm.spend_report." .. name)(report, read_options)
    return text -- no tail call: misuse names the caller's line
  end
end

--- Tables with bars, for a terminal. No control character of the server is in it.
--- @type fun(spend: posthog.llm.SpendReport, options?: posthog.llm.SpendReportOptions): string
spend_report.text = format("text")

--- One line, without a line break: the sum, the budget, the dearest model.
--- @type fun(spend: posthog.llm.SpendReport, options?: posthog.llm.SpendReportOptions): string
spend_report.line = format("line")

--- Tables of GitHub's Markdown.
--- @type fun(spend: posthog.llm.SpendReport, options?: posthog.llm.SpendReportOptions): string
spend_report.markdown = format("markdown")

--- One table with a header row, by RFC 4180; figures with all digits.
--- @type fun(spend: posthog.llm.SpendReport, options?: posthog.llm.SpendReportOptions): string
spend_report.csv = format("csv")

--- A JSON document; figures with all digits, null names as null.
--- @type fun(spend: posthog.llm.SpendReport, options?: posthog.llm.SpendReportOptions): string
spend_report.json = format("json")

--- One file of HTML with charts, which loads nothing and runs no script.
--- @type fun(spend: posthog.llm.SpendReport, options?: posthog.llm.SpendReportOptions): string
spend_report.html = format("html")

--- When a budget, counted from the start of the response's window, is reached if
--- spending goes on at the pace of the last whole days, or of the window where
--- the response has no days.
--- @param spend posthog.llm.SpendReport
--- @param options { budget: number, now?: number|string, until_day?: number|string }
--- @return posthog.llm.SpendForecast
function spend_report.forecast(spend, options)
  check_answer(spend, "spend", 2)
  check.type(options, "table", "options", 2)
  check.known(options, { budget = true, now = true, until_day = true }, "options", 2)
  local result = make_forecast(spend, options, 2)
  return result
end

return spend_report
