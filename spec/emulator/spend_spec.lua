local cjson = require("cjson")

local expect = require("spec.emulator.expect")

local t = expect.session()
local get, must, envelope, invalid = t.get, t.must, t.envelope, t.invalid
local keys, contains = expect.keys, expect.contains

describe("the emulator", function()
  setup(t.start)
  teardown(t.stop)
  before_each(t.reset)

  it("says whose key it is", function()
    local body = must(200, "GET", "/api/users/@me/", nil, { key = "phx_emulator_read" })
    assert.same({ "zoe.nunez@example.net", 112358 }, { body.email, body.team.id })
    body = must(200, "GET", "/api/users/@me/", nil, { key = "phx_emulator_elsewhere" })
    assert.equal(271828, body.team.id)
    must(403, "GET", "/api/users/@me/", nil, { key = "phx_emulator_none" })
    must(404, "GET", "/api/users/@me/", nil, { key = "phx_emulator_gone" })
  end)

  describe("has spend that", function()
    local path = "/api/llm_analytics/@me/spend/?"

    it("comes in the shape of the API, with its floats, nulls and large integers", function()
      local body, response =
        must(200, "GET", path .. "product=posthog_code", nil, { key = "phx_emulator_read" })
      assert.equal("by_model by_product by_tool summary top_traces", keys(body))
      assert.equal(
        "date_from date_to event_count product scoped_cost_usd scoped_event_count "
          .. "total_cost_usd",
        keys(body.summary)
      )
      assert.equal(
        "avg_input_tokens cost_usd generation_count share_of_scoped tool",
        keys(body.by_tool.items[1])
      )
      assert.same(
        { 50, true, cjson.null },
        { #body.by_tool.items, body.by_tool.truncated, body.by_tool.items[3].tool }
      )
      assert.same({ {}, false }, { body.top_traces.items, body.top_traces.truncated })
      contains('"input_tokens":9007199254740993', response.body)
      contains('"cost_usd":0.0', response.body)
      contains('"total_cost_usd":1843.2070509999999', response.body)
      contains('"top_traces":{"items":[],', response.body)
      assert.equal(200, #must(200, "GET", path .. "product=posthog_code&limit=200").by_tool.items)
      assert.equal(response.body, get(path .. "product=posthog_code").body)
      assert.not_equal(response.body, get(path .. "product=posthog_code&refresh=yes").body)
    end)

    it("checks its parameters and its window", function()
      local product = "product=posthog_code&"
      for _, case in ipairs({
        { "", "required", "product" },
        { "product=", "blank", "product" },
        { "product=other", "invalid_choice", "product" },
        { product .. "limit=0", "min_value", "limit" },
        { product .. "limit=201", "max_value", "limit" },
        { product .. "refresh=maybe", "invalid_input", "refresh" },
        { product .. "date_from=yesterday", "invalid_input", "date_from" },
        { product .. "date_from=" .. ("1"):rep(33), "max_length", "date_from" },
        { product .. "date_to=null", "invalid_input", "date_to" },
        { product .. "date_from=-91d", "invalid_input", "date_from" },
        { product .. "date_from=-1q", "invalid_input", "date_from" },
        { product .. "date_from=-1d&date_to=-2d", "invalid_input", "date_to" },
      }) do
        invalid(get(path .. case[1]), case[2], case[3])
      end
      t.e:settings({ clock = "2026-05-14T10:02:11Z" })
      for query, window in pairs({
        ["date_from=-90d"] = { "2026-02-13T10:02:11Z", "2026-05-14T10:02:11Z" },
        ["date_from=2026-04-23&date_to=2026-04-30"] = {
          "2026-04-23T00:00:00Z",
          "2026-04-30T00:00:00Z",
        },
        ["date_from=-2m&date_to=2026-05-01T02:00:00%2B02:00"] = {
          "2026-03-14T10:02:11Z",
          "2026-05-01T00:00:00Z",
        },
        ["date_from=-10M"] = { "2026-05-14T09:52:11Z", "2026-05-14T10:02:11Z" },
        ["date_from=-1mStart&date_to=-1mEnd"] = {
          "2026-04-01T00:00:00Z",
          "2026-04-30T23:59:59.999999Z",
        },
      }) do
        t.e:settings({ clock = "2026-05-14T10:02:11Z", clock_step = 0 })
        local summary = must(200, "GET", path .. product .. query).summary
        assert.same(window, { summary.date_from, summary.date_to }, query)
      end
    end)

    it("needs its scope and an e-mail, has a limit of its own, and may be elsewhere", function()
      envelope(
        get(path .. "product=posthog_code", { key = "phx_emulator_skills" }),
        403,
        "authentication_error",
        "permission_denied"
      )
      envelope(
        get(path .. "product=posthog_code", { key = "phx_emulator_gone" }),
        403,
        "authentication_error",
        "permission_denied"
      )
      t.e:settings({ spend_rate_limit = 1 })
      must(200, "GET", path .. "product=posthog_code")
      must(429, "GET", path .. "product=posthog_code")
      t.e:settings({ spend_rate_limit = 0, spend = "redirect" })
      local response = get(path .. "product=posthog_code&x=1&date_from=-7d")
      assert.same({ 302, "" }, { response.status, response.body })
      assert.equal(
        "https://us.posthog.com/api/llm_analytics/@me/spend/?date_from=-7d"
          .. "&product=posthog_code",
        response.headers.location
      )
      t.e:settings({ spend = "absent" })
      envelope(get(path .. "product=posthog_code"), 404, "invalid_request", "not_found")
      t.e:settings({ spend = "empty" })
      contains('"by_tool":{"items":[],"truncated":false}', get(path .. "product=posthog_code").body)
    end)
  end)
end)
