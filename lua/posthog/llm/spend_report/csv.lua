--- A report as one table for a spreadsheet or a script: RFC 4180, exact figures.

local model = require("posthog.llm.spend_report.model")
local numbers = require("posthog.llm.spend_report.numbers")
local display = require("posthog.llm.util.display")

local COMPARED = { "cost_before_usd", "cost_change_usd" }

--- Signs with which a formula begins, also in full width.
local SIGNS = { "[=+%-@]", "\239\188[\139\141\157\160]" }

--- Protects a text that a spreadsheet would take for a formula. Where the semicolon separates
--- cells, as in many countries, a cell may also begin after one.
local function without_formulas(text)
  for _, sign in ipairs(SIGNS) do
    text = text:gsub("^%s*" .. sign, "'%0"):gsub("(;[%s\"']*)(" .. sign .. ")", "%1'%2")
  end
  return text
end

--- @param text string of the server
--- @param keep_formulas? boolean
--- @return string field quoted if necessary
local function field(text, keep_formulas)
  text = display.clean(text)
  if not keep_formulas then
    text = without_formulas(text)
  end
  if text:find('[",;]') or text:find("^%s") or text:find("%s$") then
    return '"' .. text:gsub('"', '""') .. '"'
  end
  return text
end

--- All columns that the sections of this report can have, even if this response lacks them, so that
--- the header row is the same for every response.
local function columns_of(report, compare)
  local known, list = {}, {}
  local function add(ids)
    for _, id in ipairs(ids) do
      if not known[id] then
        known[id] = true
        list[#list + 1] = id
      end
    end
  end
  add({ "cost_usd" })
  add(compare and COMPARED or {})
  for _, kind in ipairs(model.SECTIONS) do
    if not report.chosen or report.chosen[kind.id] then
      add(kind.columns)
    end
  end
  add({ "event_count" })
  return list
end

local function totals(report)
  local rows = {}
  for i, scope in ipairs(report.scopes) do
    rows[i] = {
      name = scope.name,
      label = scope.label,
      values = {
        cost_usd = scope.cost.value,
        cost_before_usd = scope.cost.before,
        cost_change_usd = scope.cost.change,
        event_count = scope.events.value,
      },
    }
  end
  return { id = "summary", rows = rows }
end

--- @param report posthog.llm.SpendModel
--- @param options posthog.llm.SpendReportOptions
--- @return string
return function(report, options)
  local columns = columns_of(report, options.compare)
  local lines = { "section,overlaps,day,name,label," .. table.concat(columns, ",") }
  local function put(section)
    for _, row in ipairs(section.rows) do
      local fields = {
        section.id,
        tostring(section.overlaps or false),
        field(row.day or "", options.formulas),
        field(row.name or "", options.formulas),
        field(row.label, options.formulas),
      }
      for i, id in ipairs(columns) do
        fields[5 + i] = numbers.exact(row.values[id]) or ""
      end
      lines[#lines + 1] = table.concat(fields, ",")
    end
  end
  put(totals(report))
  for _, section in ipairs(report.sections) do
    put(section)
  end
  return table.concat(lines, "\r\n") .. "\r\n"
end
