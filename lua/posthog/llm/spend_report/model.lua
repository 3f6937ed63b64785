--- A spend response as sections of rows, the common input of all formats. Any part of the response
--- may be missing.

local json = require("posthog.llm.json")
local numbers = require("posthog.llm.spend_report.numbers")
local period = require("posthog.llm.spend_report.period")
local display = require("posthog.llm.util.display")

--- @class posthog.llm.SpendSectionKind
--- @field id string the response's name for it
--- @field title string
--- @field name string the field that names a row
--- @field unnamed string the label of a row whose name is null
--- @field kind "rank"|"time"|"pair"
--- @field whole? string
--- @field overlaps? boolean
--- @field columns string[]

--- @class posthog.llm.SpendModel
--- @field product string clean text, like all texts here except the names and values of rows
--- @field period table from period.of
--- @field before? { product: string, period: table } of the older response
--- @field notes posthog.llm.SpendNote[]
--- @field totals table<integer|string, { id: string, title: string, kind: string, value?: any, before?: any, change?: number }> in order, and also by id
--- @field scopes { label: string, name?: string, cost: table, events: table }[] the totals of all products and of this one
--- @field sections posthog.llm.SpendSection[]
--- @field chosen? table<string, boolean> the requested sections; nil: all
--- @field forecast? posthog.llm.SpendForecast

--- A sentence, apart from the name of the server in it, which each format
--- escapes in its way.
--- @class posthog.llm.SpendNote
--- @field words string "%s" in it stands for the name
--- @field name? string clean

local model = {}

--- The columns that a row may have. `kind` is the function of numbers.lua that formats it.
--- @type table<string, { title: string, kind: string }>
model.COLUMNS = {
  cost_usd = { title = "Cost", kind = "money" },
  share = { title = "Share", kind = "share" },
  cost_before_usd = { title = "Before", kind = "money" },
  cost_change_usd = { title = "Change", kind = "money", plus = true },
  cost_attributed_usd = { title = "Attributed", kind = "money" },
  share_attributed = { title = "Att. share", kind = "share" },
  generation_count = { title = "Calls", kind = "count" },
  event_count = { title = "Events", kind = "count" },
  input_tokens = { title = "Tokens in", kind = "tokens" },
  output_tokens = { title = "Tokens out", kind = "tokens" },
  avg_input_tokens = { title = "Avg. in", kind = "tokens" },
  avg_cost_per_generation = { title = "Per call", kind = "rate" },
  input_cost_usd = { title = "Input", kind = "money" },
  output_cost_usd = { title = "Output", kind = "money" },
  cache_read_cost_usd = { title = "Cache read", kind = "money" },
  cache_creation_cost_usd = { title = "Cache write", kind = "money" },
  cache_read_input_tokens = { title = "Tok. cached", kind = "tokens" },
  cache_creation_input_tokens = { title = "Tok. to cache", kind = "tokens" },
}

local COMPARED = { "cost_before_usd", "cost_change_usd" }

--- The breakdowns in the order in which they are shown (doc/api.md 1.5, 2.3).
--- `kind`: "rank" is by cost, "time" by date, "pair" by date and then by cost.
--- `whole`: the total that the shares refer to. Columns: the most important first.
--- @type posthog.llm.SpendSectionKind[]
model.SECTIONS = {
  {
    id = "by_day",
    title = "By day",
    name = "day",
    unnamed = "unknown day",
    kind = "time",
    columns = { "cost_usd", "event_count", "input_tokens", "output_tokens" },
  },
  {
    id = "by_bucket",
    title = "By time",
    name = "bucket_start",
    unnamed = "unknown time",
    kind = "time",
    columns = {
      "cost_usd",
      "event_count",
      "input_cost_usd",
      "output_cost_usd",
      "cache_read_cost_usd",
      "cache_creation_cost_usd",
      "input_tokens",
      "output_tokens",
      "cache_read_input_tokens",
      "cache_creation_input_tokens",
    },
  },
  {
    id = "by_product",
    title = "By product",
    name = "product",
    unnamed = "no product",
    kind = "rank",
    whole = "total_cost_usd",
    columns = { "cost_usd", "share", "event_count" },
  },
  {
    id = "by_model",
    title = "By model",
    name = "model",
    unnamed = "unknown model",
    kind = "rank",
    whole = "scoped_cost_usd",
    columns = { "cost_usd", "share", "generation_count", "input_tokens", "output_tokens" },
  },
  {
    id = "by_tool",
    title = "By tool",
    name = "tool",
    unnamed = "no tool",
    kind = "rank",
    whole = "scoped_cost_usd",
    overlaps = true,
    columns = {
      "cost_usd",
      "share",
      "cost_attributed_usd",
      "share_attributed",
      "generation_count",
      "avg_input_tokens",
    },
  },
  {
    id = "by_input_size",
    title = "By size of input",
    name = "bucket",
    unnamed = "unknown size",
    kind = "rank",
    whole = "scoped_cost_usd",
    columns = { "cost_usd", "share", "generation_count", "avg_cost_per_generation" },
  },
  {
    id = "by_day_model",
    title = "By day and model",
    name = "model",
    unnamed = "unknown model",
    kind = "pair",
    columns = { "cost_usd", "generation_count", "input_tokens", "output_tokens" },
  },
  {
    id = "top_traces",
    title = "Most expensive traces",
    name = "trace_id",
    unnamed = "no trace",
    kind = "rank",
    whole = "scoped_cost_usd",
    columns = { "cost_usd", "share", "generation_count" },
  },
}

local TOTALS = {
  { id = "total_cost_usd", title = "All products", kind = "money" },
  { id = "scoped_cost_usd", title = "This product", kind = "money" },
  { id = "event_count", title = "Events", kind = "count" },
  { id = "scoped_event_count", title = "Events of it", kind = "count" },
}

local OVERLAP = "A generation counts in full for every tool it calls: these costs overlap"
  .. " and do not add up."
local ATTRIBUTED = " The attributed costs are divided among the tools, and do add up."

--- The default number of rows, by kind of section.
local ROWS = { rank = 10, time = 31 }

model.TRUNCATED = "The server has more rows than it sent."

--- @return string? name nil for null
local function name_of(value)
  if value == nil or value == json.null then
    return nil
  end
  return tostring(value)
end

--- The rows of a breakdown, which is either `{ items, truncated }` or a list.
--- @return table[]? rows nil: the response does not have it
--- @return boolean truncated
local function rows_of(spend, id)
  local part = spend and spend[id]
  local items = type(part) == "table" and (part.items or part) or nil
  if type(items) ~= "table" then
    return nil, false
  end
  local rows = {}
  for _, item in ipairs(items) do
    if type(item) == "table" then
      rows[#rows + 1] = item
    end
  end
  return rows, part.truncated == true
end

--- The difference, if both numbers are known.
local function change(now, before)
  return now and before and now - before
end

--- @return posthog.llm.SpendRow
local function new_row(kind, source, whole)
  local name = name_of(source[kind.name])
  local cost = numbers.of(source.cost_usd)
  local values = {}
  for _, id in ipairs(kind.columns) do
    values[id] = source[id]
  end
  if numbers.of(source.share_of_scoped) then
    values.share = source.share_of_scoped
  elseif whole and whole > 0 and cost then
    values.share = cost / whole
  end
  local label = name and display.clean(name) or kind.unnamed
  if kind.kind == "time" then
    label = label:gsub("^(%d+%-%d+%-%d+)T(%d+:%d+):00Z$", "%1 %2")
  end
  local day = name_of(source.day)
  return {
    name = name,
    label = label,
    day = day,
    day_label = day and display.clean(day) or "unknown day",
    cost = cost,
    values = values,
  }
end

--- Adds the costs of an older response to the rows. A row that is missing in a list had no cost,
--- unless that list was truncated.
local function put_before(section, kind, spend)
  local rows, truncated = rows_of(spend, kind.id)
  if not rows then
    return
  end
  local NULL, old, seen = {}, {}, {}
  for _, source in ipairs(rows) do
    old[name_of(source[kind.name]) or NULL] = source
  end
  for _, row in ipairs(section.rows) do
    local key = row.name or NULL
    seen[key] = true
    local before = old[key] and numbers.of(old[key].cost_usd) or not truncated and 0 or nil
    row.values.cost_before_usd = old[key] and old[key].cost_usd or before
    row.values.cost_change_usd = change(row.cost, before)
  end
  for _, source in ipairs(rows) do
    if not seen[name_of(source[kind.name]) or NULL] then
      local row = new_row(kind, {
        [kind.name] = source[kind.name],
        cost_usd = not section.truncated and 0 or nil,
      })
      row.gone = true
      row.values.cost_before_usd = source.cost_usd
      row.values.cost_change_usd = change(row.cost, numbers.of(source.cost_usd))
      section.rows[#section.rows + 1] = row
    end
  end
  section.compared = true
end

--- The columns that have a value in any row.
local function present(rows, columns)
  local list = {}
  for _, id in ipairs(columns) do
    for _, row in ipairs(rows) do
      if numbers.of(row.values[id]) then
        list[#list + 1] = id
        break
      end
    end
  end
  return list
end

--- Sorts rows by time, then by cost if asked to, then by position, since Lua's sort is not stable.
local function by_time(rows, with_cost)
  for i, row in ipairs(rows) do
    row.position = i
  end
  table.sort(rows, function(a, b)
    local day_a = (with_cost and a.day or a.name) or ""
    local day_b = (with_cost and b.day or b.name) or ""
    if day_a ~= day_b then
      return day_a < day_b
    elseif with_cost and a.cost ~= b.cost then
      return (a.cost or 0) > (b.cost or 0)
    end
    return a.position < b.position
  end)
end

--- @return posthog.llm.SpendSection? section nil: the response does not have it
local function new_section(kind, spend, compare)
  local sources, truncated = rows_of(spend, kind.id)
  if not sources or (kind.id == "top_traces" and #sources == 0) then
    return nil -- in practice the server sends no traces
  end
  local section = {
    id = kind.id,
    title = kind.title,
    kind = kind.kind,
    truncated = truncated,
    overlaps = kind.overlaps or false,
    rows = {},
    largest = 0,
  }
  local whole = kind.whole and numbers.of(spend.summary[kind.whole])
  for i, source in ipairs(sources) do
    section.rows[i] = new_row(kind, source, whole)
    section.largest = math.max(section.largest, section.rows[i].cost or 0)
  end
  local minutes = kind.id == "by_bucket" and numbers.of(spend.by_bucket.bucket_minutes)
  if minutes then
    section.title = minutes == 60 and "By hour" or ("By %.0f minutes"):format(minutes)
  end
  if kind.kind ~= "rank" then
    by_time(section.rows, kind.kind == "pair")
  elseif compare then
    put_before(section, kind, compare)
  end
  section.columns = present(section.rows, kind.columns)
  if section.compared then
    local at = math.min(2, #section.columns + 1) -- the cost, where there is one
    table.insert(section.columns, at, COMPARED[2])
    table.insert(section.columns, at, COMPARED[1])
  end
  if kind.overlaps then
    local attributed = #present(section.rows, { "cost_attributed_usd" }) > 0
    section.attributed = attributed
    section.note = OVERLAP .. (attributed and ATTRIBUTED or "")
  end
  return section
end

--- Differences between the two requests, so that a reader does not mistake them for a change in
--- spending.
local function notes(report, before)
  local list = {}
  if before.product ~= report.product then
    list[#list + 1] = { words = "The older figures are those of %s.", name = before.product }
  end
  local a, b = report.period.days, before.period.days
  if a and b and math.abs(a - b) > 0.01 * math.max(a, b) then
    local words = "The older figures are of %s, these of %s."
    list[#list + 1] =
      { words = words:format(period.length(before.period), period.length(report.period)) }
  end
  return list
end

--- @param note posthog.llm.SpendNote
--- @param escape fun(name: string): string how the format shows a name
--- @return string
function model.sentence(note, escape)
  return note.name and note.words:format(escape(note.name)) or note.words
end

local function heading(spend)
  local summary = spend.summary
  return {
    product = display.clean(name_of(summary.product) or "all products"),
    period = period.of(summary.date_from, summary.date_to),
  }
end

--- @param spend posthog.llm.SpendReport
--- @param options { compare?: posthog.llm.SpendReport, sections?: table<string, boolean> }
--- @return posthog.llm.SpendModel
function model.build(spend, options)
  local report, compare = heading(spend), options.compare
  report.before = compare and heading(compare)
  report.notes = compare and notes(report, report.before) or {}
  report.totals, report.sections = {}, {}
  for i, total in ipairs(TOTALS) do
    local value = spend.summary[total.id]
    local before = compare and compare.summary[total.id]
    report.totals[i] = {
      id = total.id,
      title = total.title,
      kind = total.kind,
      value = numbers.of(value) and value or nil,
      before = numbers.of(before) and before or nil,
      change = change(numbers.of(value), numbers.of(before)),
    }
    report.totals[total.id] = report.totals[i]
  end
  local of = report.totals
  report.scopes = {
    { label = "All products", cost = of.total_cost_usd, events = of.event_count },
    {
      label = report.product,
      name = report.product,
      cost = of.scoped_cost_usd,
      events = of.scoped_event_count,
    },
  }
  for _, kind in ipairs(model.SECTIONS) do
    if not options.sections or options.sections[kind.id] then
      report.sections[#report.sections + 1] = new_section(kind, spend, compare)
    end
  end
  return report
end

--- Formats a value of a column.
--- @param id string of the column
--- @param value any
--- @return string text "" when there is no value
function model.read(id, value)
  local column = model.COLUMNS[id]
  return numbers[column.kind](value, column.plus) or ""
end

--- A change relative to the value before: "+7.2%".
--- @return string? text nil: the value before is zero, or no change is known
function model.growth(total)
  local before = numbers.of(total.before)
  if total.change and before and before > 0 then
    return numbers.share(total.change / before, true)
  end
end

--- Which rows of a section are displayed: the most expensive, or the latest.
--- @param section posthog.llm.SpendSection
--- @param most? integer rows
--- @return integer from the first
--- @return integer to the last
function model.shown(section, most)
  most = most or ROWS[section.kind]
  local first = section.kind == "time" and math.max(1, #section.rows - most + 1) or 1
  return first, math.min(#section.rows, first + most - 1)
end

--- Sentences that say which rows a section's table leaves out.
--- @param section posthog.llm.SpendSection
--- @param from integer the first displayed row
--- @param to integer the last displayed row
--- @return string?
function model.left_out(section, from, to)
  local count, cost = 0, 0
  for i, row in ipairs(section.rows) do
    if i < from or i > to then
      count, cost = count + 1, cost + (row.cost or 0)
    end
  end
  local parts = {}
  if count > 0 then
    local which = section.kind == "rank" and "more" or "earlier"
    local sum = section.overlaps and "" or ", together " .. numbers.money(cost)
    parts[1] = ("%d %s%s."):format(count, which, sum)
  end
  if section.truncated then
    parts[#parts + 1] = model.TRUNCATED
  end
  return parts[1] and table.concat(parts, " ")
end

return model
