--- A report for a terminal: tables with bars, fitted to its width.

local forecast = require("posthog.llm.spend_report.forecast")
local model = require("posthog.llm.spend_report.model")
local numbers = require("posthog.llm.spend_report.numbers")
local period = require("posthog.llm.spend_report.period")
local display = require("posthog.llm.util.display")

--- The characters that the report draws with; names are not changed.
local MARKS = {
  unicode = {
    cut = "…",
    dash = "–",
    whole = "█",
    parts = { "▏", "▎", "▍", "▌", "▋", "▊", "▉" },
  },
  ascii = { cut = "~", dash = "-", whole = "#", parts = {} },
}

--- SGR parameters, for the terminal's own sixteen colours.
local TONES = { title = "1", quiet = "2", bar = "36", up = "31", down = "32", warn = "33" }

local GAP = 2
local LONGEST_BAR = 40
local SHORTEST_BAR = 3

--- @param view { color?: boolean }
local function toned(view, tone, text)
  if not view.color or not tone or text == "" then
    return text
  end
  return ("\27[%sm%s\27[0m"):format(TONES[tone], text)
end

--- A bar of so many columns.
local function bar(view, part, room)
  local marks = view.marks
  local steps = #marks.parts + 1
  local length = math.floor(math.max(0, math.min(1, part)) * room * steps + 0.5)
  if length == 0 and part > 0 then
    length = 1 -- so that it is visible
  end
  local whole = math.floor(length / steps)
  return marks.whole:rep(whole) .. (marks.parts[length % steps] or "")
end

--- The widths of the name, the bar and the columns of a table. If the terminal is too narrow,
--- columns at the end are dropped first, then the bar, and then names are cut.
local function plan(view, headers, rows)
  local natural, widths = 1, {}
  for _, row in ipairs(rows) do
    natural = math.max(natural, display.width(row.label))
  end
  for i, header in ipairs(headers) do
    widths[i] = display.width(header)
    for _, row in ipairs(rows) do
      widths[i] = math.max(widths[i], display.width(row.cells[i]))
    end
  end
  local bars = rows[1] and rows[1].part ~= nil
  local least = math.min(natural, math.max(6, math.floor(view.width * 0.3)))
  local least_bar = bars and GAP + math.max(SHORTEST_BAR, math.floor(view.width / 8)) or 0
  local column_count, left = 0, view.width
  for i, w in ipairs(widths) do
    if column_count > 0 and left - w - GAP < least + least_bar then
      break
    end
    column_count, left = i, left - w - GAP
  end
  local layout = { widths = widths, column_count = column_count, name = natural, bar = 0 }
  layout.name = math.max(1, math.min(natural, left - least_bar))
  if bars then
    layout.bar = math.min(LONGEST_BAR, left - layout.name - GAP)
  end
  if layout.bar < SHORTEST_BAR then
    layout.bar = 0
    layout.name = math.max(1, math.min(natural, left))
  end
  return layout
end

--- @param headers string[] the titles of the columns
--- @param rows { label: string, part?: number, cells: string[], tones: table<integer, string> }[]
local function put_table(view, headers, rows)
  local layout = plan(view, headers, rows)
  local gap = (" "):rep(GAP)
  local function put(name, drawn, cells, tones, tone)
    local parts = { display.pad(display.fit(name, layout.name, view.marks.cut), layout.name) }
    parts[1] = toned(view, tone, parts[1])
    if layout.bar > 0 then
      local blank = (" "):rep(layout.bar - display.width(drawn))
      parts[2] = toned(view, "bar", drawn) .. blank
    end
    for i = 1, layout.column_count do
      local cell = display.pad(cells[i], layout.widths[i], true)
      parts[#parts + 1] = toned(view, tones[i] or tone, cell)
    end
    view:put(table.concat(parts, gap):match("^.*%S") or "")
  end
  put("", "", headers, {}, "quiet")
  for _, row in ipairs(rows) do
    local drawn = layout.bar > 0 and bar(view, row.part, layout.bar) or ""
    put(row.label, drawn, row.cells, row.tones, row.tone)
  end
end

--- Writes a sentence, wrapped.
local function put_words(view, text, tone)
  local line = ""
  for found in text:gmatch("%S+") do
    local word = display.fit(found, view.width, view.marks.cut)
    if line == "" then
      line = word
    elseif display.width(line) + 1 + display.width(word) <= view.width then
      line = line .. " " .. word
    else
      view:put(toned(view, tone, line))
      line = word
    end
  end
  view:put(toned(view, tone, line))
end

local function tone_of(change)
  local n = numbers.of(change)
  return n and (n > 0 and "up" or n < 0 and "down") or nil
end

local function put_heading(view, report)
  put_words(view, "LLM spend of " .. report.product, "title")
  put_words(view, period.phrase(report.period), "quiet")
  if report.before then
    put_words(view, "compared with " .. period.phrase(report.before.period), "quiet")
  end
  view:put("")
end

local function put_totals(view, report)
  local rows = {}
  for i, scope in ipairs(report.scopes) do
    local cost = scope.cost
    local cells, tones = { numbers.money(cost.value) or view.marks.dash }, {}
    if report.before then
      cells[2] = numbers.money(cost.change, true) or view.marks.dash
      cells[3] = model.growth(cost) or ""
      tones[2], tones[3] = tone_of(cost.change), tone_of(cost.change)
    end
    cells[#cells + 1] = numbers.count(scope.events.value) or view.marks.dash
    rows[i] = { label = scope.label, cells = cells, tones = tones }
  end
  local headers = report.before and { "Cost", "Change", "", "Events" } or { "Cost", "Events" }
  put_table(view, headers, rows)
  if report.forecast then
    view:put("")
    put_words(view, forecast.sentence(report.forecast), report.forecast.reached and "warn")
  end
  for _, note in ipairs(report.notes) do
    put_words(view, model.sentence(note, tostring), "quiet")
  end
end

local function put_section(view, section)
  view:put("")
  put_words(view, section.title .. (section.overlaps and " (overlapping)" or ""), "title")
  if #section.rows == 0 then
    return view:put(toned(view, "quiet", "nothing"))
  end
  local first, last = model.shown(section, view.rows)
  local headers, rows = {}, {}
  for i, id in ipairs(section.columns) do
    headers[i] = model.COLUMNS[id].title
  end
  for i = first, last do
    local from = section.rows[i]
    local row = { label = from.label, cells = {}, tones = {}, tone = not from.name and "quiet" }
    row.part = section.largest > 0 and (from.cost or 0) / section.largest or 0
    for at, id in ipairs(section.columns) do
      row.cells[at] = model.read(id, from.values[id])
      if id == "cost_change_usd" then
        row.tones[at] = tone_of(from.values[id])
      end
    end
    rows[#rows + 1] = row
  end
  put_table(view, headers, rows)
  local left = model.left_out(section, first, last)
  if left then
    put_words(view, left, "quiet")
  end
  if section.note then
    put_words(view, section.note, "quiet")
  end
end

--- @param report posthog.llm.SpendModel
--- @param options posthog.llm.SpendReportOptions
--- @return string
return function(report, options)
  local lines = {}
  local view = {
    width = options.width or 80,
    color = options.color,
    rows = options.rows,
    marks = options.ascii and MARKS.ascii or MARKS.unicode,
    put = function(_, line)
      lines[#lines + 1] = line
    end,
  }
  put_heading(view, report)
  put_totals(view, report)
  for _, section in ipairs(report.sections) do
    if section.kind ~= "pair" then -- days by models are too wide: only HTML has them
      put_section(view, section)
    end
  end
  return table.concat(lines, "\n") .. "\n"
end
