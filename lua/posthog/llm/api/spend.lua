--- The LLM spend of the key's owner (doc/api.md 1.5).

local calls = require("posthog.llm.util.calls")
local errors = require("posthog.llm.util.errors")
local option_names = require("posthog.llm.util.option_names")
local query = require("posthog.llm.http.query")

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
--- @field product? string the product whose tools, models and traces are broken down; default
---   "posthog_code"
--- @field date_from? string ISO 8601, or relative such as "-7d"; default "-30d"
--- @field date_to? string exclusive; default now
--- @field limit? integer rows of each breakdown, 1 to 200; default 50
--- @field refresh? boolean bypass the server's cache of five minutes
--- @field bucket_minutes? 5|15|30|60 API v2: adds by_bucket, with at most 600 buckets

--- Costs by product, tool and model in a window of at most 90 days. The call has rate limits of its
--- own: 10 a minute, 60 an hour, 200 a day.
--- @param options? posthog.llm.SpendOptions
--- @return posthog.llm.SpendReport? spend
--- @return posthog.llm.Error? err
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
