--- Spend answers made by hand, for the specs of reports.

local spend = {}

--- An answer with a total of 100 dollars in ten days, and what a test puts in.
function spend.answer(parts)
  local made = {
    summary = {
      date_from = "2026-05-01T00:00:00Z",
      date_to = "2026-05-11T00:00:00Z",
      product = "posthog_code",
      total_cost_usd = 100,
      event_count = 10,
      scoped_cost_usd = 80,
      scoped_event_count = 8,
    },
  }
  for name, part in pairs(parts or {}) do
    if name == "summary" then
      for field, value in pairs(part) do
        made.summary[field] = value
      end
    else
      made[name] = part
    end
  end
  return made
end

function spend.tools(rows, truncated)
  return spend.answer({ by_tool = { items = rows, truncated = truncated or false } })
end

function spend.days(costs, first)
  local items = {}
  for i, cost in ipairs(costs) do
    items[i] = { day = ("2026-05-%02d"):format((first or 1) + i - 1), cost_usd = cost }
  end
  return { items = items, truncated = false }
end

return spend
