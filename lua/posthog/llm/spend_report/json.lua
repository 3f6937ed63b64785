--- A report as a JSON document whose members are always in the same order.

local codec = require("posthog.llm.json")
local numbers = require("posthog.llm.spend_report.numbers")

--- Escapes the control characters that JSON allows and the encoder does not escape: DEL and U+0080
--- to U+009F. A terminal would obey them.
local function escape_controls(text)
  return (
    text:gsub("\127", "\\u007f"):gsub("\194([\128-\159])", function(byte)
      return ("\\u%04x"):format(byte:byte())
    end)
  )
end

--- @param value any a string, boolean, number or nil
local function leaf(value)
  if type(value) == "string" then
    local text = codec.encode(value)
    return text and escape_controls(text) or '"?"' -- a server sends only UTF-8
  end
  return numbers.exact(value) or (type(value) == "boolean" and tostring(value)) or "null"
end

--- @param members { [1]: string, [2]: string }[] name, encoded value
--- @param indent? string
local function object(members, indent)
  local parts = {}
  for i, member in ipairs(members) do
    parts[i] = ('"%s": %s'):format(member[1], member[2])
  end
  if not indent then
    return "{ " .. table.concat(parts, ", ") .. " }"
  end
  return ("{\n%s  %s\n%s}"):format(indent, table.concat(parts, ",\n" .. indent .. "  "), indent)
end

local function list(items, indent)
  if not items[1] then
    return "[]"
  end
  return ("[\n%s  %s\n%s]"):format(indent, table.concat(items, ",\n" .. indent .. "  "), indent)
end

local function window(of)
  local members = {
    { "date_from", leaf(of.date_from) },
    { "date_to", leaf(of.date_to) },
    { "days", leaf(of.days) },
  }
  return { "period", object(members) }
end

local function totals(report)
  local members = {}
  for i, total in ipairs(report.totals) do
    local value = leaf(total.value)
    if report.before then
      value = object({
        { "value", value },
        { "before", leaf(total.before) },
        { "change", leaf(total.change) },
      })
    end
    members[i] = { total.id, value }
  end
  return { "totals", object(members, "  ") }
end

local function section(of)
  local rows = {}
  for i, row in ipairs(of.rows) do
    local members = { { "name", leaf(row.name) }, { "label", leaf(row.label) } }
    if of.kind == "pair" then
      table.insert(members, 1, { "day", leaf(row.day) })
    end
    for _, id in ipairs(of.columns) do
      members[#members + 1] = { id, leaf(row.values[id]) }
    end
    rows[i] = object(members)
  end
  return object({
    { "id", leaf(of.id) },
    { "title", leaf(of.title) },
    { "overlaps", leaf(of.overlaps) },
    { "truncated", leaf(of.truncated) },
    { "rows", list(rows, "      ") },
  }, "    ")
end

local FORECAST = {
  "budget",
  "spent",
  "left",
  "reached",
  "per_day",
  "basis",
  "reached_on",
  "days_left",
  "projected",
  "until_day",
}

local function forecast(of)
  local members = {}
  for i, name in ipairs(FORECAST) do
    members[i] = { name, leaf(of[name]) }
  end
  return { "forecast", object(members, "  ") }
end

--- @param report posthog.llm.SpendModel
--- @return string
return function(report)
  local members = { { "product", leaf(report.product) }, window(report.period), totals(report) }
  if report.before then
    members[#members + 1] = { "compared_with", object({ window(report.before.period) }) }
  end
  if report.forecast then
    members[#members + 1] = forecast(report.forecast)
  end
  local sections = {}
  for i, of in ipairs(report.sections) do
    sections[i] = section(of)
  end
  members[#members + 1] = { "sections", list(sections, "  ") }
  return object(members, "") .. "\n"
end
