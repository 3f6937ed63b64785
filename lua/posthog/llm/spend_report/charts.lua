--- The charts of the page, in SVG. Horizontal lengths are percentages, so that a chart fills its
--- container while its text keeps its size.

local markup = require("posthog.llm.spend_report.markup")
local numbers = require("posthog.llm.spend_report.numbers")
local display = require("posthog.llm.util.display")

local charts = {}

local element, escape, percent = markup.element, markup.escape, markup.percent

--- In pixels, except where a comment says otherwise.
local ROW, BAR, BAR_AT = 42, 12, 22
local MAX_ROWS = 12 -- a count
local LONGEST_LABEL = 32 -- columns of text
local TOP, PLOT, AXIS = 8, 190, 24
local MIN_SLOTS = 8 -- a count: a single day should not fill the whole width
local MAX_GAPS = 120 -- a count: with more columns there is no gap between them
local MAX_SERIES = 6 -- a count

local function clamp(part)
  return math.max(0, math.min(1, part))
end

--- @param id string unique on the page
--- @param height number
--- @param attributes string[]
local function chart(id, height, attributes, title, description, content)
  local all = {
    "role",
    "img",
    "aria-labelledby",
    id .. "-t " .. id .. "-d",
    "height",
    tostring(height),
  }
  for _, attribute in ipairs(attributes) do
    all[#all + 1] = attribute
  end
  return element(
    "svg",
    all,
    element("title", { "id", id .. "-t" }, escape(title))
      .. element("desc", { "id", id .. "-d" }, escape(description))
      .. content
  )
end

local function rect(class, x, y, across, high, inside)
  return element("rect", {
    "class",
    class,
    "x",
    x,
    "y",
    markup.decimal(y),
    "width",
    across,
    "height",
    markup.decimal(high),
  }, inside)
end

--- A horizontal bar, with the cost of the older response as a tick.
local function ranked_bar(section, row, y, hatch)
  local function part(value)
    return section.scale > 0 and clamp((numbers.of(value) or 0) / section.scale) or 0
  end
  local parts = { rect("track", "0", y, "100%", BAR) }
  local attributed = numbers.of(row.values.cost_attributed_usd)
  if hatch and part(row.cost) > 0 then
    local across = percent(part(row.cost))
    parts[#parts + 1] = element("rect", {
      "x",
      "0",
      "y",
      tostring(y),
      "width",
      across,
      "height",
      tostring(BAR),
      "fill",
      "url(#" .. hatch .. ")",
    })
    parts[#parts + 1] = rect("outline", "0", y, across, BAR)
  end
  if not hatch or attributed then
    local solid = hatch and attributed or row.cost
    if part(solid) > 0 then
      parts[#parts + 1] = rect("bar", "0", y, percent(part(solid)), BAR)
    end
  end
  local before = numbers.of(row.values.cost_before_usd)
  if section.compared and before then
    local x = percent(part(before))
    parts[#parts + 1] = element("line", {
      "class",
      "before",
      "x1",
      x,
      "x2",
      x,
      "y1",
      tostring(y - 3),
      "y2",
      tostring(y + BAR + 3),
    })
  end
  return table.concat(parts)
end

local function hatching(id)
  return element(
    "defs",
    nil,
    element("pattern", {
      "id",
      id,
      "width",
      "6",
      "height",
      "6",
      "patternUnits",
      "userSpaceOnUse",
      "patternTransform",
      "rotate(45)",
    }, element("line", { "class", "hatch", "x1", "0", "y1", "0", "x2", "0", "y2", "6" }))
  )
end

--- Horizontal bars, the highest cost first.
--- @param section posthog.llm.SpendSection
--- @return string svg
--- @return integer shown number of rows
function charts.ranking(section)
  local parts, shown = {}, math.min(MAX_ROWS, #section.rows)
  local hatch = section.overlaps and section.id .. "-hatch" or nil
  local view = { compared = section.compared, scale = section.largest }
  for i = 1, shown do
    view.scale = math.max(view.scale, numbers.of(section.rows[i].values.cost_before_usd) or 0)
  end
  parts[1] = hatch and hatching(hatch) or ""
  for i = 1, shown do
    local row, y = section.rows[i], (i - 1) * ROW
    local label = escape((display.fit(row.label, LONGEST_LABEL, "…")))
    local cost = numbers.money(row.values.cost_usd) or "–"
    parts[#parts + 1] = element(
      "g",
      nil,
      element("title", nil, escape(row.label .. ": " .. cost))
        .. element("text", { "x", "0", "y", tostring(y + 14) }, label)
        .. element(
          "text",
          { "x", "100%", "y", tostring(y + 14), "text-anchor", "end" },
          escape(cost)
        )
        .. ranked_bar(view, row, y + BAR_AT, hatch)
    )
  end
  local description = ("Bars of %d rows; the table has the figures."):format(shown)
  return chart(section.id, shown * ROW, {}, section.title, description, table.concat(parts)), shown
end

--- A step of 1, 2 or 5 times a power of ten that divides up to `most` into about four.
local function step_of(most)
  local power = 10 ^ math.floor(math.log(most / 4) / math.log(10))
  for _, factor in ipairs({ 1, 2, 5 }) do
    if power * factor * 4.5 >= most then
      return power * factor
    end
  end
  return power * 10
end

local UNITS = { { 1e12, "T" }, { 1e9, "B" }, { 1e6, "M" }, { 1e3, "k" }, { 1, "" } }

local function tick(value)
  for _, unit in ipairs(UNITS) do
    if value >= unit[1] then
      return "$" .. (("%.4g"):format(value / unit[1]):gsub(",", ".")) .. unit[2]
    end
  end
  return "$" .. (("%.4g"):format(value):gsub(",", "."))
end

--- The grid lines of the scale with their amounts.
local function scale_lines(most)
  local parts, step = {}, step_of(most)
  for i = 0, math.floor(most / step + 1e-9) do
    local y = markup.decimal(TOP + PLOT * (1 - i * step / most))
    parts[#parts + 1] = element("line", {
      "class",
      "grid",
      "x1",
      "0",
      "x2",
      "100%",
      "y1",
      y,
      "y2",
      y,
    }) .. element("text", {
      "class",
      "soft",
      "x",
      "-8",
      "y",
      y,
      "dy",
      "4",
      "text-anchor",
      "end",
    }, tick(i * step))
  end
  return table.concat(parts)
end

--- Some of the names below the columns, few enough that they do not overlap on a phone.
local function axis(names, slots)
  local parts, longest = {}, 0
  for _, name in ipairs(names) do
    longest = math.max(longest, display.width(name))
  end
  local step = math.ceil(#names / (longest > 5 and 3 or 5))
  for i = 1, #names, math.max(1, step) do
    local at = (i - 0.5) / slots
    parts[#parts + 1] = element("text", {
      "class",
      "soft",
      "x",
      percent(at),
      "y",
      tostring(TOP + PLOT + 18),
      "text-anchor",
      longest > 5 and (at > 0.88 and "end" or at < 0.12 and "start") or "middle",
    }, escape((display.fit(names[i], 16, "…"))))
  end
  return table.concat(parts)
end

--- The names without the year, if it is the same in all of them.
local function short(names)
  local year = names[1] and names[1]:match("^%d%d%d%d%-")
  for _, name in ipairs(names) do
    if not year or name:sub(1, 5) ~= year then
      return names
    end
  end
  local list = {}
  for i, name in ipairs(names) do
    list[i] = name:sub(6)
  end
  return list
end

--- A column chart with stacked parts.
--- @param id string
--- @param title string
--- @param columns { name: string, parts: { series: integer, label?: string, cost: number }[] }[]
--- @return string svg
local function columns_chart(id, title, columns)
  local most, names, parts = 0, {}, {}
  for i, column in ipairs(columns) do
    local sum = 0
    for _, part in ipairs(column.parts) do
      sum = sum + part.cost
    end
    names[i], most = column.name, math.max(most, sum)
  end
  local scale = most > 0 and most or 1
  local slots = math.max(#columns, MIN_SLOTS)
  local gap = #columns <= MAX_GAPS and 0.1 or 0
  for i, column in ipairs(columns) do
    local up = 0
    for _, part in ipairs(column.parts) do
      local high = part.cost / scale * 100
      up = up + high
      local class = ("s%d%s"):format(part.series, gap > 0 and #column.parts > 1 and " edge" or "")
      local tooltip = ("%s%s: %s"):format(
        column.name,
        part.label and ", " .. part.label or "",
        numbers.money(part.cost)
      )
      if high > 0 then
        parts[#parts + 1] = rect(
          class,
          markup.decimal(i - 1 + gap),
          100 - up,
          markup.decimal(1 - 2 * gap),
          high,
          element("title", nil, escape(tooltip))
        )
      end
    end
  end
  local plot = element("svg", {
    "viewBox",
    ("0 0 %d 100"):format(slots),
    "preserveAspectRatio",
    "none",
    "x",
    "0",
    "y",
    tostring(TOP),
    "width",
    "100%",
    "height",
    tostring(PLOT),
  }, table.concat(parts))
  local description = ("%d columns, %s to %s, the highest %s; the table has the figures."):format(
    #columns,
    names[1],
    names[#names],
    numbers.money(most)
  )
  return chart(
    id,
    TOP + PLOT + AXIS,
    { "class", "time" },
    title,
    description,
    scale_lines(scale) .. plot .. axis(short(names), slots)
  )
end

--- @param section posthog.llm.SpendSection of kind "time", with rows
--- @return string svg
function charts.over_time(section)
  local columns = {}
  for i, row in ipairs(section.rows) do
    columns[i] = {
      name = row.label,
      parts = { { series = 1, cost = math.max(0, row.cost or 0) } },
    }
  end
  return columns_chart(section.id, section.title, columns)
end

--- The series of a chart, one for each model, the highest cost first. If there are more models than
--- colours, the last ones are summed up in one series.
--- @return { label: string, cost: number }[] series
--- @return table<string, integer> index of the series by model
local function series_of(rows)
  local sums, list = {}, {}
  for _, row in ipairs(rows) do
    if not sums[row.label] then
      sums[row.label] = { label = row.label, cost = 0, position = #list }
      list[#list + 1] = sums[row.label]
    end
    sums[row.label].cost = sums[row.label].cost + math.max(0, row.cost or 0)
  end
  table.sort(list, function(a, b)
    if a.cost ~= b.cost then
      return a.cost > b.cost
    end
    return a.position < b.position
  end)
  local series, index = {}, {}
  for i, one in ipairs(list) do
    local at = math.min(i, MAX_SERIES)
    index[one.label] = at
    local cost = (series[at] and series[at].cost or 0) + one.cost
    series[at] = { label = i == at and one.label or ("%d others"):format(i - at + 1), cost = cost }
  end
  return series, index
end

local function legend(list)
  local parts = {}
  for i, series in ipairs(list) do
    local swatch = element(
      "svg",
      { "viewBox", "0 0 1 1", "aria-hidden", "true" },
      rect("s" .. i, "0", 0, "1", 1)
    )
    local text = display.fit(series.label, LONGEST_LABEL, "…")
      .. " "
      .. numbers.money(series.cost)
    parts[i] = element("span", { "class", "key" }, swatch .. escape(text))
  end
  return table.concat(parts, "\n")
end

--- @param section posthog.llm.SpendSection of kind "pair", with rows
--- @param title string
--- @return string svg
--- @return string legend
function charts.stacked(section, title)
  local list, index = series_of(section.rows)
  local columns, by_day = {}, {}
  for _, row in ipairs(section.rows) do
    local day = row.day_label
    if not by_day[day] then
      by_day[day] = { name = day, parts = {}, costs = {} }
      columns[#columns + 1] = by_day[day]
    end
    local costs, at = by_day[day].costs, index[row.label]
    costs[at] = (costs[at] or 0) + math.max(0, row.cost or 0)
  end
  for _, column in ipairs(columns) do
    for at, series in ipairs(list) do
      if column.costs[at] then
        local part = { series = at, label = series.label, cost = column.costs[at] }
        column.parts[#column.parts + 1] = part
      end
    end
  end
  return columns_chart(section.id, title, columns), legend(list)
end

--- How much of a budget is used.
--- @param part number a fraction of 1
--- @return string svg
function charts.meter(part)
  return chart(
    "budget",
    BAR,
    {},
    "Budget",
    numbers.share(part) .. " used",
    rect("track", "0", 0, "100%", BAR)
      .. rect(part >= 1 and "over" or "bar", "0", 0, percent(clamp(part)), BAR)
  )
end

return charts
