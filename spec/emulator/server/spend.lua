--- The spend endpoint: made-up figures, the same in each run.

local answers = require("server.answers")
local json = require("server.json")
local settings = require("server.settings").values
local store = require("server.store")
local text = require("server.text")
local times = require("server.times")
local validate = require("server.validate")

local spend = {}

local CACHE_SECONDS = 300
local MAX_DAYS = 90

local function known_product(product, attr)
  if product ~= "posthog_code" then
    error(answers.invalid(attr, "invalid_choice", ('"%s" is not a valid choice.'):format(product)))
  end
end

local FIELDS = {
  { "date_from", "string", max = 32 },
  { "date_to", "string", max = 32 },
  { "product", "string", required = true, max = 64, check = known_product },
  { "limit", "integer", min = 1, max = 200 },
  { "refresh", "boolean" },
}

local SUMMARY = { "date_from", "date_to", "product", "total_cost_usd", "event_count",
  "scoped_cost_usd", "scoped_event_count" }
local PRODUCT = { "product", "event_count", "cost_usd" }
local TOOL = { "tool", "generation_count", "cost_usd", "share_of_scoped", "avg_input_tokens" }
local MODEL = { "model", "generation_count", "cost_usd", "input_tokens", "output_tokens" }
local BREAKDOWN = { "items", "truncated" }
local SPEND = { "summary", "by_product", "by_tool", "by_model", "top_traces" }

--- A float field: always with a fraction or an exponent, and read back bit-equal.
local function float(value)
  for digits = 15, 17 do
    local written = ("%." .. digits .. "g"):format(value)
    if tonumber(written) == value then
      return json.raw(written:find("[.e]") and written or written .. ".0")
    end
  end
end

local SCOPED_COST = 1790.114306

local PRODUCTS = {
  { product = "posthog_code", event_count = 46002, cost_usd = float(SCOPED_COST) },
  { product = nil, event_count = 1911, cost_usd = float(41.5) },
  { product = "background_agents", event_count = 298, cost_usd = json.raw("11.592744999999999") },
}

--- Tools by falling cost: one without a name, and a last one so cheap that it needs an exponent.
local function make_tools()
  local names = { "Bash", "Read", false, "Edit", "Grep" }
  local tools = {}
  for i = 1, 229 do
    local name = names[i]
    if name == nil then name = ("mcp__posthog__tool-%03d"):format(i) end
    local cost = math.floor(911031778 / i ^ 1.5) / 1e6
    tools[i] = {
      tool = name or nil,
      generation_count = 20871 - i * 90,
      cost_usd = float(cost),
      share_of_scoped = float(cost / SCOPED_COST),
      avg_input_tokens = float(math.floor(148213 / i)),
    }
  end
  tools[#tools + 1] = { tool = "mcp__posthog__query-run", generation_count = 3,
    cost_usd = json.raw("1e-6"), share_of_scoped = json.raw("5.586232892518606e-10"),
    avg_input_tokens = json.raw("1.2e+4") }
  return tools
end

local TOOLS = make_tools()

local MODELS = {
  { model = "claude-opus-4-8", generation_count = 30111, cost_usd = float(1502.25),
    input_tokens = json.raw("9007199254740993"), output_tokens = 18112345 },
  { model = "gpt-5", generation_count = 15890, cost_usd = float(287.864305),
    input_tokens = 812345678901, output_tokens = 99120045 },
  { model = nil, generation_count = 1, cost_usd = json.raw("0.0"), input_tokens = 0,
    output_tokens = 0 },
}

local function breakdown(shape, items, limit)
  local texts = {}
  for i = 1, math.min(limit, #items) do
    texts[i] = json.object(shape, items[i])
  end
  return json.raw(json.object(BREAKDOWN, {
    items = json.raw(json.list(texts)),
    truncated = #items > limit,
  }))
end

--- One end of the window; throws when it cannot be read.
local function moment(value, attr, now)
  local at = times.parse(value) or times.parse_date(value) or times.parse_relative(value, now)
  if not at then
    error(answers.invalid(attr, "invalid_input",
      "Use an ISO 8601 date or a relative one such as -7d."))
  end
  return at
end

local function write(from, to, product, limit)
  local empty = settings.spend == "empty"
  local zero = json.raw("0.0")
  return json.object(SPEND, {
    summary = json.raw(json.object(SUMMARY, {
      date_from = times.format(from),
      date_to = times.format(to),
      product = product,
      total_cost_usd = empty and zero or json.raw("1843.2070509999999"),
      event_count = empty and 0 or 48211,
      scoped_cost_usd = empty and zero or float(SCOPED_COST),
      scoped_event_count = empty and 0 or 46002,
    })),
    by_product = breakdown(PRODUCT, empty and {} or PRODUCTS, limit),
    by_tool = breakdown(TOOL, empty and {} or TOOLS, limit),
    by_model = breakdown(MODEL, empty and {} or MODELS, limit),
    top_traces = breakdown({}, {}, limit),
  })
end

local cache = {}

function spend.reset()
  cache = {}
end

--- The redirect of the EU cloud: to another host, with the known parameters only.
local function redirect(ctx)
  local parts = {}
  for _, name in ipairs({ "date_from", "date_to", "limit", "product", "refresh" }) do
    local value = ctx.query[name]
    if value then parts[#parts + 1] = name .. "=" .. text.escape_query(value) end
  end
  return answers.empty(302, {
    ["Content-Type"] = "text/html; charset=utf-8",
    ["Location"] = settings.spend_redirect .. "/api/llm_analytics/@me/spend/"
      .. (#parts > 0 and "?" .. table.concat(parts, "&") or ""),
  })
end

function spend.get(ctx)
  if settings.spend == "absent" then error(answers.not_found("Endpoint not found.")) end
  if settings.spend == "redirect" then return redirect(ctx) end
  if not ctx.user.email then error(answers.denied("The user has no e-mail address.")) end
  local query = validate.query(ctx, FIELDS)
  local limit = query.limit or 50
  local now = store.now()
  local to = query.date_to and moment(query.date_to, "date_to", now) or now
  local from = moment(query.date_from or "-30d", "date_from", now)
  if to <= from then
    error(answers.invalid("date_to", "invalid_input", "date_to has to be after date_from."))
  elseif to - from > MAX_DAYS * times.DAY then
    error(answers.invalid("date_from", "invalid_input",
      ("The window has at most %d days."):format(MAX_DAYS)))
  end
  local name = table.concat({ ctx.user.email, query.date_from or "-30d", query.date_to or "",
    query.product, limit, settings.spend }, "\0")
  local kept = cache[name]
  if not query.refresh and kept and now - kept.at < CACHE_SECONDS * times.SECOND then
    return answers.ok(kept.body)
  end
  local body = write(from, to, query.product, limit)
  cache[name] = { at = now, body = body }
  return answers.ok(body)
end

return spend
