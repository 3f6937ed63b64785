--- The made-up figures of the spend endpoint, the same in each run: what each part of the response
--- holds. The profile says which parts there are, and a setting which of them or of their fields are not.

local json = require("server.json")
local settings = require("server.settings").values
local times = require("server.times")

local figures = {}

local SUMMARY = {
  "date_from",
  "date_to",
  "product",
  "total_cost_usd",
  "event_count",
  "scoped_cost_usd",
  "scoped_event_count",
}
local PRODUCT = { "product", "event_count", "cost_usd" }
local MODEL = { "model", "generation_count", "cost_usd", "input_tokens", "output_tokens" }
local BREAKDOWN = { "items", "truncated" }
local INPUT_SIZE = {
  "bucket",
  "min_input_tokens",
  "generation_count",
  "cost_usd",
  "share_of_scoped",
  "avg_cost_per_generation",
}
local DAY = { "day", "event_count", "cost_usd", "input_tokens", "output_tokens" }
local DAY_MODEL =
  { "day", "model", "cost_usd", "input_tokens", "output_tokens", "generation_count" }
local BUCKET = {
  "bucket_start",
  "event_count",
  "cost_usd",
  "input_cost_usd",
  "output_cost_usd",
  "cache_read_cost_usd",
  "cache_creation_cost_usd",
  "input_tokens",
  "output_tokens",
  "cache_read_input_tokens",
  "cache_creation_input_tokens",
}

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
--- A generation may have called several, so that their costs overlap; what is attributed does not,
--- and adds up to the scoped cost.
local function make_tools()
  local names = { "Bash", "Read", false, "Edit", "Grep" }
  local tools, total = {}, 0
  for i = 1, 229 do
    total = total + math.floor(911031778 / i ^ 1.5) / 1e6
  end
  for i = 1, 229 do
    local name = names[i]
    if name == nil then
      name = ("mcp__posthog__tool-%03d"):format(i)
    end
    local cost = math.floor(911031778 / i ^ 1.5) / 1e6
    tools[i] = {
      tool = name or nil,
      generation_count = 20871 - i * 90,
      cost_usd = float(cost),
      share_of_scoped = float(cost / SCOPED_COST),
      avg_input_tokens = float(math.floor(148213 / i)),
      cost_attributed_usd = float(cost / total * SCOPED_COST),
      share_attributed = float(cost / total),
    }
  end
  tools[#tools + 1] = {
    tool = "mcp__posthog__query-run",
    generation_count = 3,
    cost_usd = json.raw("1e-6"),
    share_of_scoped = json.raw("5.586232892518606e-10"),
    avg_input_tokens = json.raw("1.2e+4"),
    cost_attributed_usd = json.raw("0.0"),
    share_attributed = json.raw("0.0"),
  }
  return tools
end

local TOOLS = make_tools()

local MODELS = {
  {
    model = "claude-opus-4-8",
    generation_count = 30111,
    cost_usd = float(1502.25),
    input_tokens = json.raw("9007199254740993"),
    output_tokens = 18112345,
  },
  {
    model = "gpt-5",
    generation_count = 15890,
    cost_usd = float(287.864305),
    input_tokens = 812345678901,
    output_tokens = 99120045,
  },
  {
    model = nil,
    generation_count = 1,
    cost_usd = json.raw("0.0"),
    input_tokens = 0,
    output_tokens = 0,
  },
}

local INPUT_SIZES = {
  {
    bucket = "<50k",
    min_input_tokens = 0,
    generation_count = 20100,
    cost_usd = float(210.5),
    share_of_scoped = float(210.5 / SCOPED_COST),
    avg_cost_per_generation = float(210.5 / 20100),
  },
  {
    bucket = ">300k",
    min_input_tokens = 300000,
    generation_count = 4102,
    cost_usd = float(903.2),
    share_of_scoped = float(903.2 / SCOPED_COST),
    avg_cost_per_generation = float(903.2 / 4102),
  },
}

--- The names that this server has.
local function present(names)
  local without, list = " " .. settings.spend_without .. " ", {}
  for _, name in ipairs(names) do
    if not without:find(" " .. name .. " ", 1, true) then
      list[#list + 1] = name
    end
  end
  return list
end

--- `items` and whether they are all; without `limit` they are.
local function breakdown(shape, items, limit)
  shape = present(shape)
  local texts = {}
  for i = 1, math.min(limit or #items, #items) do
    texts[i] = json.object(shape, items[i])
  end
  return {
    items = json.raw(json.list(texts)),
    truncated = #texts < #items,
  }
end

local function part(shape, items, window)
  local listed = settings.spend == "empty" and {} or items
  return json.raw(json.object(BREAKDOWN, breakdown(shape, listed, window.limit)))
end

--- The figures of a day, which depend on the day alone.
local function day_figures(day)
  local n = math.floor(day / times.DAY)
  return {
    day = times.format(day):sub(1, 10),
    event_count = 1000 + n % 503,
    cost_usd = float((n % 97) / 4 + 0.5),
    input_tokens = 201134455 + n,
    output_tokens = 812331,
  }
end

--- The days that a window touches, each by `make(midnight, rows)`.
local function each_day(window, make)
  local rows = {}
  local day = window.from - window.from % times.DAY
  while settings.spend ~= "empty" and day < window.to do
    make(day, rows)
    day = day + times.DAY
  end
  return rows
end

--- @class posthog.SpendWindow
--- @field from number microseconds since 1970
--- @field to number
--- @field product string
--- @field limit integer rows of a breakdown
--- @field tool string[] what there is to tell of a tool
--- @field bucket_minutes integer? only when asked for

--- The parts of the response by name.
--- @type table<string, fun(window: posthog.SpendWindow): table?>
local parts = {}

function parts.summary(window)
  local empty, zero = settings.spend == "empty", json.raw("0.0")
  return json.raw(json.object(SUMMARY, {
    date_from = times.format(window.from),
    date_to = times.format(window.to),
    product = window.product,
    total_cost_usd = empty and zero or json.raw("1843.2070509999999"),
    event_count = empty and 0 or 48211,
    scoped_cost_usd = empty and zero or float(SCOPED_COST),
    scoped_event_count = empty and 0 or 46002,
  }))
end

function parts.by_product(window)
  return part(PRODUCT, PRODUCTS, window)
end

function parts.by_tool(window)
  return part(window.tool, TOOLS, window)
end

function parts.by_model(window)
  return part(MODEL, MODELS, window)
end

function parts.by_input_size(window)
  return part(INPUT_SIZE, INPUT_SIZES, window)
end

--- Nothing comes out of it any more.
function parts.top_traces(window)
  return part({}, {}, window)
end

--- All days of the window; the limit does not apply.
function parts.by_day(window)
  local days = each_day(window, function(day, rows)
    rows[#rows + 1] = day_figures(day)
  end)
  return json.raw(json.object(BREAKDOWN, breakdown(DAY, days)))
end

--- A bare list: for each day its dearest model, and the others as one.
function parts.by_day_model(window)
  local texts = each_day(window, function(day, rows)
    local whole = day_figures(day)
    for _, row in ipairs({
      {
        model = "claude-opus-4-8",
        cost_usd = json.raw("0.25"),
        input_tokens = 1134455,
        output_tokens = 12331,
        generation_count = 102,
      },
      {
        model = "Other",
        cost_usd = float(tonumber(whole.cost_usd.raw) - 0.25),
        input_tokens = whole.input_tokens - 1134455,
        output_tokens = 800000,
        generation_count = whole.event_count - 102,
      },
    }) do
      row.day = whole.day
      rows[#rows + 1] = json.object(present(DAY_MODEL), row)
    end
  end)
  return json.raw(json.list(texts))
end

--- The pieces of the window, when they were asked for.
function parts.by_bucket(window)
  local minutes = window.bucket_minutes
  if not minutes then
    return nil
  end
  local width, rows = minutes * 60 * times.SECOND, {}
  local start = window.from - window.from % width
  while settings.spend ~= "empty" and start < window.to do
    rows[#rows + 1] = {
      bucket_start = times.format(start),
      event_count = 41,
      cost_usd = json.raw("7.118204"),
      input_cost_usd = json.raw("2.0"),
      output_cost_usd = json.raw("0.918203"),
      cache_read_cost_usd = json.raw("4.2"),
      cache_creation_cost_usd = json.raw("1e-6"),
      input_tokens = 812004,
      output_tokens = 40117,
      cache_read_input_tokens = json.raw("9007199254740995"),
      cache_creation_input_tokens = 12,
    }
    start = start + width
  end
  local values = breakdown(BUCKET, rows)
  values.bucket_minutes = minutes
  return json.raw(json.object({ "items", "bucket_minutes", "truncated" }, values))
end

--- The whole response.
--- @param shape { parts: string[], tool: string[], traces: boolean? } of the profile
--- @param window posthog.SpendWindow
--- @return string json
function figures.write(shape, window)
  local keys, values = {}, {}
  window.tool = shape.tool
  for _, name in ipairs(present(shape.parts)) do
    values[name] = parts[name](window)
    if values[name] then
      keys[#keys + 1] = name
    end
  end
  if shape.traces or settings.spend_traces then
    keys[#keys + 1], values.top_traces = "top_traces", parts.top_traces(window)
  end
  return json.object(keys, values)
end

return figures
