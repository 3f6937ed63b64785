--- A report in one line, for a status line: the sum, its change, the budget and
--- what costs most, as far as there is room.

local model = require("posthog.llm.spend_report.model")
local numbers = require("posthog.llm.spend_report.numbers")
local period = require("posthog.llm.spend_report.period")
local width = require("posthog.llm.spend_report.width")

local function sum(report)
  local total = report.totals.total_cost_usd
  local length = period.length(report.period)
  local growth = model.growth(total)
  return (numbers.money(total.value) or "no total")
    .. (length ~= "" and " in " .. length or "")
    .. (growth and (" (%s)"):format(growth) or "")
end

local function budget(of)
  if not of or not of.spent then
    return nil
  end
  local used = of.budget > 0 and numbers.share(of.spent / of.budget) .. " of " or "budget "
  local text = used .. numbers.money(of.budget)
  return of.reached_on and text .. ", reached " .. of.reached_on or text
end

--- The dearest row of the first ranking that has one, tools left out: they overlap.
local function dearest(report)
  for _, section in ipairs(report.sections) do
    local row = section.id == "by_model" and section.rows[1]
    if row and row.cost and row.cost > 0 then
      local share = numbers.share(row.values.share)
      return row.label .. (share and " " .. share or "")
    end
  end
end

--- @param report posthog.llm.SpendModel
--- @param options posthog.llm.SpendReportOptions
--- @return string without a line break
return function(report, options)
  local between = options.ascii and " | " or " · "
  local room = options.width or math.huge
  local line = sum(report)
  if width.of(line) > room then
    return (width.fit(line, room, options.ascii and "~" or "…"))
  end
  for _, part in ipairs({ budget(report.forecast) or "", dearest(report) or "" }) do
    local longer = part ~= "" and line .. between .. part
    if longer and width.of(longer) <= room then
      line = longer
    end
  end
  return line
end
