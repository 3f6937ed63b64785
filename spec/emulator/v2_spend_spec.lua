local expect = require("spec.emulator.expect")

local t = expect.session({ profile = "current" })
local get, must, invalid, envelope = t.get, t.must, t.invalid, t.envelope
local keys, contains = expect.keys, expect.contains

local PATH = "/api/llm_analytics/@me/spend/?product=posthog_code&"

describe("the emulator on API v2 has spend that", function()
  setup(t.start)
  teardown(t.stop)
  before_each(function()
    t.reset()
    t.e:settings({ clock = "2026-05-14T10:02:11Z", clock_step = 0 })
  end)

  it("has further breakdowns, and no traces", function()
    local body = must(200, "GET", PATH .. "date_from=-2d")
    assert.equal(
      "by_day by_day_model by_input_size by_model by_product by_tool summary",
      keys(body)
    )
    assert.equal(
      "avg_input_tokens cost_attributed_usd cost_usd generation_count "
        .. "share_attributed share_of_scoped tool",
      keys(body.by_tool.items[1])
    )
    assert.equal(
      "avg_cost_per_generation bucket cost_usd generation_count min_input_tokens "
        .. "share_of_scoped",
      keys(body.by_input_size.items[1])
    )
    assert.equal("items truncated", keys(body.by_day))
    assert.equal("cost_usd day event_count input_tokens output_tokens", keys(body.by_day.items[1]))
    assert.equal(
      "cost_usd day generation_count input_tokens model output_tokens",
      keys(body.by_day_model[1])
    )
  end)

  it("attributes the cost to tools so that it adds up", function()
    local body = must(200, "GET", PATH .. "limit=200")
    local cost, share, overlapping = 0, 0, 0
    for _, tool in ipairs(body.by_tool.items) do
      cost = cost + tool.cost_attributed_usd
      share = share + tool.share_attributed
      overlapping = overlapping + tool.cost_usd
    end
    assert.is_true(body.by_tool.truncated) -- so a little is missing
    assert.near(body.summary.scoped_cost_usd, cost, 20)
    assert.near(1, share, 0.01)
    assert.truthy(overlapping > body.summary.scoped_cost_usd + 100)
  end)

  it("covers each day of the window, by model too", function()
    local body = must(200, "GET", PATH .. "date_from=-2d&limit=1")
    local days = {}
    for i, row in ipairs(body.by_day.items) do
      days[i] = row.day
    end
    assert.same({ "2026-05-12", "2026-05-13", "2026-05-14" }, days)
    assert.is_false(body.by_day.truncated)
    local sums = {}
    for _, row in ipairs(body.by_day_model) do
      sums[row.day] = (sums[row.day] or 0) + row.cost_usd
    end
    for _, row in ipairs(body.by_day.items) do
      assert.near(row.cost_usd, sums[row.day], 1e-9)
    end
    assert.equal("Other", body.by_day_model[2].model)
  end)

  it("comes in buckets when they are asked for", function()
    local body, response = must(200, "GET", PATH .. "date_from=-3h&bucket_minutes=60")
    local buckets = body.by_bucket
    assert.equal("bucket_minutes items truncated", keys(buckets))
    assert.same({ 60, false, 4, "2026-05-14T07:00:00Z", "2026-05-14T10:00:00Z" }, {
      buckets.bucket_minutes,
      buckets.truncated,
      #buckets.items,
      buckets.items[1].bucket_start,
      buckets.items[4].bucket_start,
    })
    assert.equal(
      "bucket_start cache_creation_cost_usd cache_creation_input_tokens "
        .. "cache_read_cost_usd cache_read_input_tokens cost_usd event_count input_cost_usd "
        .. "input_tokens output_cost_usd output_tokens",
      keys(buckets.items[1])
    )
    contains('"cache_read_input_tokens":9007199254740995', response.body)
    assert.equal(
      15,
      must(200, "GET", PATH .. "date_from=-3h&bucket_minutes=15").by_bucket.bucket_minutes
    )
    assert.is_nil(must(200, "GET", PATH .. "date_from=-3h").by_bucket)
    must(200, "GET", PATH .. "date_from=-25d&bucket_minutes=60")
    for _, case in ipairs({
      { "bucket_minutes=10", "invalid_choice" },
      { "bucket_minutes=x", "invalid_input" },
      { "date_from=-26d&bucket_minutes=60", "invalid_input" },
      { "date_from=-51h&bucket_minutes=5", "invalid_input" },
    }) do
      invalid(get(PATH .. case[1]), case[2], "bucket_minutes")
    end
  end)

  it("comes from the other region in Europe, where the route needs its slash", function()
    local here = must(200, "GET", PATH .. "date_from=-2d")
    t.e:settings({ spend = "relay" })
    assert.same(here, must(200, "GET", PATH .. "date_from=-2d"))
    local bare = "/api/llm_analytics/@me/spend?product=posthog_code"
    envelope(get(bare), 404, "invalid_request", "not_found")
    t.e:settings({ spend = "redirect" })
    assert.equal(302, get(PATH).status)
    envelope(get(bare), 404, "invalid_request", "not_found")
    t.e:settings({ spend = "serve" })
    must(200, "GET", bare)
  end)

  it("may lack what is new, and still have traces, of which there are none", function()
    t.e:settings({
      spend_without = "by_input_size by_day_model cost_attributed_usd share_attributed input_tokens",
      spend_traces = true,
    })
    local body, response = must(200, "GET", PATH .. "date_from=-2d")
    assert.equal("by_day by_model by_product by_tool summary top_traces", keys(body))
    assert.equal(
      "avg_input_tokens cost_usd generation_count share_of_scoped tool",
      keys(body.by_tool.items[1])
    )
    assert.equal("cost_usd day event_count output_tokens", keys(body.by_day.items[1]))
    contains('"top_traces":{"items":[],"truncated":false}', response.body)
    t.e:settings({ spend_without = "", spend_traces = false })
    assert.is_nil(must(200, "GET", PATH .. "date_from=-2d").top_traces)
  end)

  it("may be empty, or pass on what the other region sent", function()
    t.e:settings({ spend = "empty" })
    contains(
      '"by_day":{"items":[],"truncated":false},"by_day_model":[],"by_bucket":{"items":[],'
        .. '"bucket_minutes":5,"truncated":false}',
      get(PATH .. "date_from=-1h&bucket_minutes=5").body
    )
    t.e:settings({ spend = "relay_502" })
    envelope(get(PATH), 502, "server_error", "cross_region_upstream_unavailable")
    for _, status in ipairs({ 400, 429 }) do
      t.e:settings({ spend = "relay_" .. status })
      local response = get(PATH)
      assert.same({ status, "error" }, { response.status, keys(response.json) })
      assert.is_nil(response.headers["retry-after"])
    end
  end)
end)
