--- Formats a spend response, or two to compare, as text for a terminal, a line for a status line,
--- Markdown, CSV, JSON, or an HTML page. It does no I/O: every function returns a string.
---
---     local spend_report = require("posthog.llm.spend_report")
---     io.write(spend_report.text(assert(client.spend:get()), { width = 100 }))

local check = require("posthog.llm.util.check")
local forecast = require("posthog.llm.spend_report.forecast")
local model = require("posthog.llm.spend_report.model")
local period = require("posthog.llm.spend_report.period")

--- Formats a [spend response](spend.md), or two to compare: `require("posthog.llm.spend_report")`.
--- It makes no request and reads and writes no file: every function but `forecast` returns a
--- string. Misuse raises. Control characters and marks that turn the direction of text are shown as
--- escapes. [Spend reports](../spend_report.md) tells what is in them.
--- @class posthog.llm.spend_report
local spend_report = {}

--- The same table may be passed to every format; a format ignores the options that it does not use.
--- @class posthog.llm.SpendReportOptions
--- @field compare? posthog.llm.SpendReport an older response: adds its costs and the change
--- @field sections? string[] the breakdowns to include, such as { "by_tool" }; default: all that
---   the response has
--- @field rows? integer text, markdown: the most rows of each breakdown; default 10, and the last
---   31 of days and hours
--- @field width? integer text: columns, 20 to 1000, 80 if not given; line: the most columns
--- @field color? boolean text: use the terminal's colours; default false
--- @field ascii? boolean text, line: draw bars and marks with ASCII; names are not changed; default
---   false
--- @field formulas? boolean csv: do not quote names that a spreadsheet would take for formulas;
---   default false
--- @field budget? number dollars, for the time from the start of the response's window
--- @field now? number|string the present time, for the forecast: seconds since 1970, or ISO 8601;
---   default: the window's end
--- @field until_day? number|string project the cost up to this time; default: the end of the month

--- @class posthog.llm.SpendForecastOptions
--- @field budget number dollars, for the time from the start of the response's window
--- @field now? number|string seconds since 1970, or ISO 8601; default: the window's end
--- @field until_day? number|string project the cost up to this time; default: the end of the month

--- @class posthog.llm.SpendForecast
--- @field budget number dollars
--- @field spent? number dollars; nil: the response has no total
--- @field left? number dollars, below 0 when overspent
--- @field reached boolean whether the budget is used
--- @field per_day? number dollars a day; nil here and below: the response has no window
--- @field basis? "recent days"|"window" the time of which `per_day` is the mean: the last seven
---   whole days, or the window
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

--- Formats a report. Each format is a module, which is loaded when it is first used.
--- @param level integer as for error() in the caller
local function format(name, spend, options, level)
  local report, read_options = read(spend, options, level + 1)
  return require("posthog.llm.spend_report." .. name)(report, read_options)
end

--- Tables with bars, for a terminal.
---
--- ```lua
--- io.write(spend_report.text(spend, { width = 100, color = true, budget = 2000 }))
--- ```
--- @param spend posthog.llm.SpendReport
--- @param options? posthog.llm.SpendReportOptions
--- @return string text
function spend_report.text(spend, options)
  local text = format("text", spend, options, 2)
  return text -- no tail call, here and below: misuse has to raise at the caller's line
end

--- One line, without a line break, for a status line: the total, the budget and the most expensive
--- model, as far as they fit into `width`. For Neovim's `statusline` put it into `%{...}`, since it
--- contains `%`.
---
--- ```lua
--- print(spend_report.line(spend, { width = 60 }))
--- ```
--- @param spend posthog.llm.SpendReport
--- @param options? posthog.llm.SpendReportOptions
--- @return string line
function spend_report.line(spend, options)
  local text = format("line", spend, options, 2)
  return text
end

--- Tables in GitHub's Markdown.
---
--- ```lua
--- local comment = spend_report.markdown(spend, { sections = { "by_model" }, rows = 5 })
--- print(comment:match("^[^\n]*"))
--- ```
--- @param spend posthog.llm.SpendReport
--- @param options? posthog.llm.SpendReportOptions
--- @return string markdown
function spend_report.markdown(spend, options)
  local text = format("markdown", spend, options, 2)
  return text
end

--- One table with a header row, by RFC 4180; numbers with all digits. The columns are the same for
--- every response: `section`, `overlaps`, `day`, `name`, `label`, `cost_usd` and so on.
---
--- ```lua
--- local file = assert(io.open("spend.csv", "wb"))
--- file:write(spend_report.csv(spend))
--- file:close()
--- ```
--- @param spend posthog.llm.SpendReport
--- @param options? posthog.llm.SpendReportOptions
--- @return string csv
function spend_report.csv(spend, options)
  local text = format("csv", spend, options, 2)
  return text
end

--- A JSON document; numbers with all digits, names that are null as null, members always in the
--- same order.
---
--- ```lua
--- local report = assert(llm.json.decode(spend_report.json(spend)))
--- print(type(report)) --> table
--- ```
--- @param spend posthog.llm.SpendReport
--- @param options? posthog.llm.SpendReportOptions
--- @return string json
function spend_report.json(spend, options)
  local text = format("json", spend, options, 2)
  return text
end

--- One HTML file with charts, light and dark, which loads nothing and runs no script.
---
--- ```lua
--- local before = assert(client.spend:get({ date_from = "-60d", date_to = "-30d" }))
--- local file = assert(io.open("spend.html", "wb"))
--- file:write(spend_report.html(spend, { compare = before }))
--- file:close()
--- ```
--- @param spend posthog.llm.SpendReport
--- @param options? posthog.llm.SpendReportOptions
--- @return string html
function spend_report.html(spend, options)
  local text = format("html", spend, options, 2)
  return text
end

--- Tells when a budget, counted from the start of the response's window, is reached if spending
--- continues at the rate of the last seven whole days, or of the window if the response has no
--- days.
---
--- ```lua
--- local forecast = spend_report.forecast(spend, { budget = 2000 })
--- print(forecast.reached, forecast.reached_on, forecast.basis) --> false  2026-05-16  window
--- ```
--- @param spend posthog.llm.SpendReport
--- @param options posthog.llm.SpendForecastOptions
--- @return posthog.llm.SpendForecast forecast
function spend_report.forecast(spend, options)
  check_response(spend, "spend", 2)
  check.type(options, "table", "options", 2)
  check.known(options, { budget = true, now = true, until_day = true }, "options", 2)
  local result = make_forecast(spend, options, 2)
  return result
end

return spend_report
