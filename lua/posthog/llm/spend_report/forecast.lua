--- Forecasts when a budget is reached if spending continues at the same rate.

local numbers = require("posthog.llm.spend_report.numbers")
local period = require("posthog.llm.spend_report.period")

local forecast = {}

--- The number of recent whole days from which the rate is computed.
local RECENT = 7
--- Seconds. A forecast further ahead than this is useless for planning.
local HORIZON = 10 * 366 * period.DAY

--- The days of the response, scaled so that they add up to the total of the summary: a server may
--- list the days of one product only, while the summary has the costs of all.
--- @return { start: number, stop: number, cost: number }[]? days in order; nil: the response has none
local function shaped_days(spend, window, cost)
  local by_day = spend.by_day
  if type(by_day) ~= "table" or type(by_day.items) ~= "table" or by_day.truncated then
    return nil
  end
  local days, sum = {}, 0
  for _, row in ipairs(by_day.items) do
    local start = type(row) == "table" and period.seconds(row.day)
    local of_day = start and numbers.of(row.cost_usd)
    if of_day and of_day >= 0 then
      days[#days + 1] = { start = start, stop = start + period.DAY, cost = of_day }
      sum = sum + of_day
    end
  end
  if sum <= 0 then
    return nil
  end
  table.sort(days, function(a, b)
    return a.start < b.start
  end)
  for _, day in ipairs(days) do
    day.cost = day.cost / sum * cost
    day.whole = day.start >= window.start and day.stop <= window.stop
  end
  return days
end

--- Dollars per day: the mean of the last whole days, including days without a row; with fewer than
--- three of them, the mean of the window.
--- @return number per_day
--- @return string basis "recent days" or "window"
local function rate(days, window, cost)
  local last = math.floor(window.stop / period.DAY) * period.DAY
  local first = math.ceil(window.start / period.DAY) * period.DAY
  first = math.max(first, last - RECENT * period.DAY)
  local count, sum = (last - first) / period.DAY, 0
  if not days or count < 3 then
    return cost / window.days, "window"
  end
  for _, day in ipairs(days) do
    if day.whole and day.start >= first then
      sum = sum + day.cost
    end
  end
  return sum / count, "recent days"
end

--- The time at which a budget was reached.
local function crossed(days, window, cost, budget)
  local sum = 0
  for _, day in ipairs(days or {}) do
    sum = sum + day.cost
    if sum >= budget then
      return day.start
    end
  end
  return window.start + window.days * period.DAY * math.max(0, budget) / cost
end

--- @param spend posthog.llm.SpendReport
--- @param budget number dollars, from the start of the response's window on
--- @param now? number seconds since 1970; default: the end of the window
--- @param stop? number the time up to which to project; default: the end of the month
--- @return posthog.llm.SpendForecast
function forecast.make(spend, budget, now, stop)
  local window = period.of(spend.summary.date_from, spend.summary.date_to)
  local cost = numbers.of(spend.summary.total_cost_usd)
  local result = { budget = budget, spent = cost, left = cost and budget - cost }
  result.reached = cost ~= nil and cost >= budget
  if not cost or not window.days then
    return result
  end
  now = math.max(now or window.stop, window.stop)
  stop = stop or period.month_end(window.stop - 1)
  local days = shaped_days(spend, window, cost)
  result.per_day, result.basis = rate(days, window, cost)
  result.until_day = period.day(stop)
  result.projected = cost + result.per_day * math.max(0, stop - window.stop) / period.DAY
  if result.reached then
    result.reached_on = period.day(cost > 0 and crossed(days, window, cost, budget) or window.start)
    result.days_left = 0
  elseif result.per_day > 0 then
    local ahead = result.left / result.per_day * period.DAY
    if ahead < HORIZON then
      result.reached_on = period.day(window.stop + ahead)
      result.days_left = math.max(0, (window.stop + ahead - now) / period.DAY)
    end
  end
  return result
end

--- The forecast in one sentence.
--- @param of posthog.llm.SpendForecast
--- @return string
function forecast.sentence(of)
  if not of.spent then
    return "The response has no total to compare with the budget."
  end
  local budget = numbers.money(of.budget)
  local used = of.budget > 0 and (" (%s)"):format(numbers.share(of.spent / of.budget)) or ""
  local text = ("%s of %s%s"):format(numbers.money(of.spent), budget, used)
  if not of.per_day then
    return text .. "."
  elseif of.reached then
    return ("%s; the budget was reached on %s."):format(text, of.reached_on)
  end
  local basis = of.basis == "recent days" and "the last days'" or "the window's"
  local at_rate = ("At %s %s a day"):format(basis, numbers.rate(of.per_day))
  if of.reached_on then
    return ("%s. %s the budget is reached on %s."):format(text, at_rate, of.reached_on)
  end
  return ("%s. %s it is not reached within ten years."):format(text, at_rate)
end

return forecast
