--- The LLM spend of the key's owner (doc/api.md 1.5).

local calls = require("posthog.llm.util.calls")
local errors = require("posthog.llm.util.errors")
local option_names = require("posthog.llm.util.option_names")
local query = require("posthog.llm.http.query")

--- The LLM spend of the key's owner. It belongs to a user and not to a project. The key needs the
--- scope `user:read`. The server allows 10 requests a minute, 60 an hour and 200 a day, those from
--- its cache included. [Spend](../spend.md) tells which servers have it.
--- @class posthog.llm.Spend
local Spend = { __name = "posthog.llm.Spend" }
Spend.__index = Spend

local GET = query.spec({
  { "date_from", "string" },
  { "date_to", "string" },
  { "limit", "integer", least = 1, most = 200 },
  { "refresh", "boolean" },
  { "bucket_minutes", "integer", least = 1 },
}, { "product" })

local REPORT = { summary = "object" }

--- @class posthog.llm.SpendOptions: posthog.llm.CallOptions
--- @field product? string the product whose tools, models and traces are broken down, the only one
---   that servers accept; default "posthog_code"
--- @field date_from? string "2026-04-23", another time in ISO 8601, or relative: "-7d", with h, d,
---   w, m (months), q or y; default: the server's, "-30d"
--- @field date_to? string in the same forms; it is not in the window; default: now
--- @field limit? integer rows of each breakdown, 1 to 200; default: the server's, 50
--- @field refresh? boolean true: not from the server's cache, which keeps a response for five
---   minutes; default false
--- @field bucket_minutes? 5|15|30|60 API v2: adds `by_bucket`, of at most 600 buckets

--- What the key's owner has spent in a window of at most 90 days, by product, tool and model. One
--- request. A response that is not in the server's cache can take many seconds.
---
--- ```lua
--- local spend = assert(client.spend:get({ date_from = "-7d" }))
--- print(("$%.2f in %d events"):format(spend.summary.total_cost_usd, spend.summary.event_count))
--- for _, row in ipairs(spend.by_model.items) do
---   print(row.model or "no model", ("$%.2f"):format(row.cost_usd))
--- end
--- ```
--- @param options? posthog.llm.SpendOptions
--- @return posthog.llm.SpendReport? spend
--- @return posthog.llm.Error? err kind `invalid`, with `option`: that option is invalid, such as a
---   window over 90 days; kind `rate_limited`; kind `forbidden`: the key lacks the scope; kind
---   `not_found`: a self-hosted PostHog has no spend; kind `redirect`: an older EU server
--- @return posthog.llm.Response? response
function Spend:get(options)
  local parameters, call_options = query.read(GET, options, 2)
  local product = "posthog_code"
  if options and options.product ~= nil then
    product = query.text(options.product, "product", 2)
  end
  local report, err, response = self._run({
    method = "GET",
    path = "/api/llm_analytics/@me/spend/",
    query = "product=" .. product .. (parameters and "&" .. parameters or ""),
    idempotent = true,
    shape = REPORT,
    options = call_options,
  })
  if report and options and options.bucket_minutes and report.by_bucket == nil then
    local message = option_names.code("bucket_minutes")
      .. ": this server's response has no by_bucket; only API v2 has it"
    err = errors.new({ kind = "invalid", attr = "bucket_minutes", message = message })
  end
  if err and GET.known[err.attr or ""] ~= nil then
    err.option = err.attr
  end
  return errors.result(report, err, response)
end

calls.publish(Spend, "spend")

return {
  new = function(run)
    return setmetatable({ _run = run }, Spend)
  end,
}
