--- Formats a spend response, or two to compare, as text for a terminal, a line for a status line,
--- Markdown, CSV, JSON, or an HTML page. It does no I/O: every function returns a string.
---
---     local spend_report = require("posthog.llm.spend_report")
---     io.write(spend_report.text(assert(client.spend:get()), { width = 100 }))

local check = require("posthog.llm.util.check")
local forecast = require("posthog.llm.spend_report.forecast")
local model = require("posthog.llm.spend_report.model")
local period = require("posthog.llm.spend_report.period")

local spend_report = {}

--- The same table may be passed to every format; a format ignores the options that it does not use.
--- @class posthog.llm.SpendReportOptions
--- @field compare? posthog.llm.SpendReport an older response
--- @field sections? string[] the breakdowns to include, such as { "by_tool" }; default: all that the response has
--- @field rows? integer text, markdown: the most rows of each breakdown; default 10, and 31 days
--- @field width? integer text: columns, 20 to 1000, default 80; line: the most columns
--- @field color? boolean text: use the terminal's colours
--- @field ascii? boolean text, line: draw bars and marks with ASCII; names are not changed
--- @field formulas? boolean csv: do not quote names that a spreadsheet would take for formulas
--- @field budget? number dollars, for the time from the start of the response's window
--- @field now? number|string the present time, for the forecast: seconds since 1970, or ISO 8601;
---   default: the window's end
--- @field until_day? number|string project the cost up to this time; default: the end of the month

--- @class posthog.llm.SpendForecast
--- @field budget number dollars
--- @field spent? number dollars; nil: the response has no total
--- @field left? number dollars, below 0 when overspent
--- @field reached boolean
--- @field per_day? number dollars a day; nil here and below: the response has no window
--- @field basis? "recent days"|"window" the time of which per_day is the mean
--- @field reached_on? string day, UTC, on which the budget is or was reached; nil: not within ten
---   years
--- @field days_left? number from `now` until `reached_on`
--- @field projected? number dollars by `until_day`
--- @field until_day? string day, UTC

--- @class posthog.llm.SpendRow
--- @field name? string as in the response; nil for null
--- @field label string the name for display
--- @field day? string
--- @field cost? number dollars
--- @field values table<string, any> by column, as in the response
--- @field gone? boolean only the older response has this row

--- @class posthog.llm.SpendSection
--- @field id string
--- @field title string
--- @field kind "rank"|"time"|"pair"
--- @field rows posthog.llm.SpendRow[]
--- @field columns string[] the columns that have a value
--- @field truncated boolean
--- @field overlaps boolean whether its costs overlap, so that they do not add up
--- @field largest number dollars, the highest cost of a row
--- @field attributed? boolean whether it has attributed costs, which do add up
--- @field compared? boolean whether the rows also have the costs of an older response
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

local function check_response(spend, what, level)
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
      check.fail(level + 1, "sections: unknown section %q", tostring(id))
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
  check_response(spend, "spend", level + 1)
  options = options == nil and {} or options
  check.type(options, "table", "options", level + 1)
  check.known(options, KNOWN, "options", level + 1)
  check_flags(options, level + 1)
  if options.compare ~= nil then
    check_response(options.compare, "compare", level + 1)
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

--- A function that formats a report. Each format is a module, which is loaded when it is first
--- used.
local function format(name)
  return function(spend, options)
    local report, read_options = read(spend, options, 2)
    local text = require("posthog.llm.spend_report." .. name)(report, read_options)
    return text -- no tail call: misuse has to raise at the caller's line
  end
end

--- Tables with bars, for a terminal. Control characters of the server are escaped.
--- @type fun(spend: posthog.llm.SpendReport, options?: posthog.llm.SpendReportOptions): string
spend_report.text = format("text")

--- One line, without a line break: the total, the budget, the most expensive model.
--- @type fun(spend: posthog.llm.SpendReport, options?: posthog.llm.SpendReportOptions): string
spend_report.line = format("line")

--- Tables in GitHub's Markdown.
--- @type fun(spend: posthog.llm.SpendReport, options?: posthog.llm.SpendReportOptions): string
spend_report.markdown = format("markdown")

--- One table with a header row, by RFC 4180; figures with all digits.
--- @type fun(spend: posthog.llm.SpendReport, options?: posthog.llm.SpendReportOptions): string
spend_report.csv = format("csv")

--- A JSON document; figures with all digits, null names as null.
--- @type fun(spend: posthog.llm.SpendReport, options?: posthog.llm.SpendReportOptions): string
spend_report.json = format("json")

--- One HTML file with charts, which loads nothing and runs no script.
--- @type fun(spend: posthog.llm.SpendReport, options?: posthog.llm.SpendReportOptions): string
spend_report.html = format("html")

--- Forecasts when a budget, counted from the start of the response's window, is reached if spending
--- continues at the rate of the last whole days, or of the window if the response has no days.
--- @param spend posthog.llm.SpendReport
--- @param options { budget: number, now?: number|string, until_day?: number|string }
--- @return posthog.llm.SpendForecast
function spend_report.forecast(spend, options)
  check_response(spend, "spend", 2)
  check.type(options, "table", "options", 2)
  check.known(options, { budget = true, now = true, until_day = true }, "options", 2)
  local result = make_forecast(spend, options, 2)
  return result
end

return spend_report
