--- A report in one line, for a status line: the total, its change, the budget and the most
--- expensive model, as far as they fit.

local model = require("posthog.llm.spend_report.model")
local numbers = require("posthog.llm.spend_report.numbers")
local period = require("posthog.llm.spend_report.period")
local display = require("posthog.llm.util.display")

local function sum(report)
  local total = report.totals.total_cost_usd
  local length = period.length(report.period)
  local growth = model.growth(total)
  return (numbers.money(total.value) or "no total")
    .. (length ~= "" and " in " .. length or "")
    .. (growth and (" (%s)"):format(growth) or "")
end

--- @return string[] alternative texts, the longest first
local function budget(of)
  if not of or not of.spent then
    return {}
  end
  local used = of.budget > 0 and numbers.share(of.spent / of.budget) .. " of " or "budget "
  local text = used .. numbers.money(of.budget)
  return of.reached_on and { text .. ", reached " .. of.reached_on, text } or { text }
end

--- The most expensive model. Not a tool: the costs of tools overlap.
local function most_expensive(report)
  for _, section in ipairs(report.sections) do
    local row = section.id == "by_model" and section.rows[1]
    if row and row.cost and row.cost > 0 then
      local share = numbers.share(row.values.share)
      return { row.label .. (share and " " .. share or "") }
    end
  end
  return {}
end

--- @param report posthog.llm.SpendModel
--- @param options posthog.llm.SpendReportOptions
--- @return string without a line break
return function(report, options)
  local between = options.ascii and " | " or " · "
  local room = options.width or math.huge
  local line = sum(report)
  if display.width(line) > room then
    return (display.fit(line, room, options.ascii and "~" or "…"))
  end
  for _, forms in ipairs({ budget(report.forecast), most_expensive(report) }) do
    for _, form in ipairs(forms) do
      local longer = line .. between .. form
      if display.width(longer) <= room then
        line = longer
        break
      end
    end
  end
  return line
end
