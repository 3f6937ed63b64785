--- A report as one HTML page: cards with the totals, and for each breakdown a chart with its table.
--- It loads nothing and runs no script.

local charts = require("posthog.llm.spend_report.charts")
local forecast = require("posthog.llm.spend_report.forecast")
local markup = require("posthog.llm.spend_report.markup")
local model = require("posthog.llm.spend_report.model")
local numbers = require("posthog.llm.spend_report.numbers")
local period = require("posthog.llm.spend_report.period")
local style = require("posthog.llm.spend_report.html_style")

local element, escape = markup.element, markup.escape

--- From this number of columns on, the chart does not fit beside the table.
local WIDE = 7

local function paragraph(class, text)
  return element("p", { "class", class }, escape(text))
end

local function direction(change)
  local n = numbers.of(change) or 0
  return n > 0 and "up" or n < 0 and "down" or "soft"
end

--- A number rounded for people, with its exact value for programs.
local function figure(id, value)
  local exact = numbers.exact(value)
  return exact and element("data", { "value", exact }, escape(model.read(id, value))) or ""
end

local function card(scope)
  local cost, events = scope.cost, scope.events
  local parts = {
    paragraph("name", scope.label),
    element("p", { "class", "value" }, escape(numbers.money(cost.value) or "–")),
  }
  if cost.change then
    local growth = model.growth(cost)
    local text = ("%s%s since then"):format(
      numbers.money(cost.change, true),
      growth and (" (%s)"):format(growth) or ""
    )
    parts[#parts + 1] = paragraph(direction(cost.change), text)
  end
  if events.value then
    parts[#parts + 1] = paragraph("soft", numbers.count(events.value) .. " events")
  end
  return element("div", { "class", "card" }, table.concat(parts))
end

local function budget_card(of)
  local used = of.spent and of.budget > 0 and of.spent / of.budget
  return element(
    "div",
    { "class", "card" },
    paragraph("name", "Budget")
      .. element("p", { "class", "value" }, escape(used and numbers.share(used) or "–"))
      .. (used and charts.meter(used) or "")
      .. paragraph(of.reached and "up" or "soft", forecast.sentence(of))
  )
end

local function cards(report)
  local list = {}
  for i, scope in ipairs(report.scopes) do
    list[i] = card(scope)
  end
  if report.forecast then
    list[#list + 1] = budget_card(report.forecast)
  end
  return element("section", { "class", "cards", "aria-label", "Totals" }, table.concat(list, "\n"))
end

--- A name that may be wrapped after a character that separates words.
local function breakable(label)
  return (escape(label):gsub("[_/.,:-]+%f[%w]", "%0<wbr/>"))
end

local function table_of(section)
  local headers = { element("th", { "scope", "col" }, section.kind == "rank" and "Name" or "When") }
  if section.kind == "pair" then
    headers[2] = element("th", { "scope", "col" }, "Model")
  end
  for _, id in ipairs(section.columns) do
    headers[#headers + 1] = element("th", { "scope", "col" }, model.COLUMNS[id].title)
  end
  local rows = {}
  for i, row in ipairs(section.rows) do
    local name = element("span", row.name and {} or { "class", "none" }, breakable(row.label))
    local cells = { element("th", { "scope", "row" }, name) }
    if section.kind == "pair" then
      cells = { element("th", { "scope", "row" }, escape(row.day_label)), element("td", nil, name) }
    end
    for _, id in ipairs(section.columns) do
      local attributes = {}
      if id == "cost_change_usd" and numbers.of(row.values[id]) then
        attributes = { "class", direction(row.values[id]) }
      end
      cells[#cells + 1] = element("td", attributes, figure(id, row.values[id]))
    end
    rows[i] = element("tr", nil, table.concat(cells))
  end
  local content = element("thead", nil, element("tr", nil, table.concat(headers)))
    .. element("tbody", nil, table.concat(rows, "\n"))
  return element("div", {
    "class",
    "scroll",
    "role",
    "region",
    "tabindex",
    "0",
    "aria-label",
    "Table: " .. section.title,
  }, element("table", { "class", section.kind == "rank" and "" or "time" }, content))
end

local function folded(summary, content)
  return element("details", nil, element("summary", nil, escape(summary)) .. content)
end

--- The legend of a ranking's chart.
local function caption(section, shown)
  local parts = {}
  if section.overlaps then
    parts[1] = "Hatched: the overlapping cost."
    parts[2] = section.attributed and "Solid: the attributed part of it." or nil
  end
  if section.compared then
    parts[#parts + 1] = "Upright line: the cost before."
  end
  if shown < #section.rows then
    parts[#parts + 1] = ("%d of %d rows; the table has all."):format(shown, #section.rows)
  end
  return parts[1] and element("figcaption", nil, escape(table.concat(parts, " "))) or ""
end

local function ranking(section)
  local svg, shown = charts.ranking(section)
  local class = #section.columns >= WIDE and "pair wide" or "pair"
  return element(
    "div",
    { "class", class },
    element("figure", nil, svg .. caption(section, shown)) .. table_of(section)
  )
end

--- A chart over time; with `pair`, each day is divided by model.
local function over_time(section, pair)
  local svg, legend
  if pair then
    svg, legend = charts.stacked(pair, section.title)
    legend = element("figcaption", nil, legend)
  else
    svg, legend = charts.over_time(section), ""
  end
  local tables = ""
  if section ~= pair then
    tables = folded(("Table: %s"):format(section.title), table_of(section))
  end
  if pair then
    tables = tables .. folded(("Table: %s"):format(pair.title), table_of(pair))
  end
  return element("figure", nil, svg .. legend) .. tables
end

local function part(section, pair)
  local id = "h-" .. section.id
  local tag = section.overlaps and element("span", { "class", "tag" }, "overlapping") or ""
  local content
  if #section.rows == 0 then
    content = paragraph("soft", "Nothing.")
  elseif section.kind == "rank" then
    content = ranking(section)
  else
    content = over_time(section, pair)
  end
  local note = section.note
  if section.truncated then
    note = (note and note .. " " or "") .. model.TRUNCATED
  end
  return element(
    "section",
    { "class", "part", "id", "s-" .. section.id, "aria-labelledby", id },
    element("h2", { "id", id }, escape(section.title) .. tag)
      .. (note and paragraph("note", note) or "")
      .. content
  )
end

local function parts(report)
  local list, by_id = {}, {}
  for _, section in ipairs(report.sections) do
    by_id[section.id] = #section.rows > 0 and section or nil
  end
  for _, section in ipairs(report.sections) do
    local pair = section.id == "by_day" and by_id.by_day_model
      or section.kind == "pair" and section
      or nil
    if section.kind ~= "pair" or not by_id.by_day then -- with by_day it is part of that chart
      list[#list + 1] = part(section, pair)
    end
  end
  return table.concat(list, "\n")
end

local function header(report)
  local lines = {
    element("h1", nil, "LLM spend " .. element("span", nil, escape(report.product))),
    paragraph("soft", period.phrase(report.period)),
  }
  if report.before then
    lines[3] = paragraph("soft", "Compared with " .. period.phrase(report.before.period))
  end
  for _, note in ipairs(report.notes) do
    lines[#lines + 1] = element("p", { "class", "soft" }, model.sentence(note, escape))
  end
  return element("header", nil, table.concat(lines, "\n"))
end

local HEAD = [[<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/>
]]

--- @param report posthog.llm.SpendModel
--- @return string
return function(report)
  local title = ("LLM spend of %s, %s to %s"):format(
    report.product,
    report.period.from,
    report.period.to
  )
  return table.concat({
    "<!DOCTYPE html>",
    '<html lang="en">',
    "<head>",
    HEAD .. element("title", nil, escape(title)),
    "<style>" .. style .. "</style>",
    "</head>",
    "<body>",
    header(report),
    element("main", nil, cards(report) .. "\n" .. parts(report)),
    element("footer", nil, "Costs in US dollars, times in UTC."),
    "</body>",
    "</html>\n",
  }, "\n")
end
