local live = require("spec.support.live")
local llm = require("posthog.llm")

local t = live.session()
local fails, misuses = live.fails, live.misuses

local PATH = "/api/llm_analytics/@me/spend/"

--- The value as the wire shows it: it tells integers, floats and large numbers apart.
local function written(value)
  return llm.json.encode(value)
end

local FLOAT_ZERO = math.type and "0.0" or "0" -- 5.1 and LuaJIT cannot tell

describe("client.spend:get", function()
  local spend

  setup(t.start)
  teardown(t.stop)
  before_each(function()
    t.reset()
    spend = t.client().spend
  end)

  it("requests PostHog Code by default, and nothing else", function()
    local report, err, response = spend:get()
    assert.is_nil(err)
    assert.equal(200, response.status)
    assert.equal("posthog_code", report.summary.product)
    assert(spend:get({}))
    assert(spend:get({ product = "posthog_code" }))
    fails(
      "invalid",
      { status = 400, attr = "product", code = "invalid_choice" },
      spend:get({ product = "a&b=c d" })
    )
    t.sent({
      "GET " .. PATH .. "?product=posthog_code",
      "GET " .. PATH .. "?product=posthog_code",
      "GET " .. PATH .. "?product=posthog_code",
      "GET " .. PATH .. "?product=a%26b%3Dc%20d",
    })
    local entry = t.e:log()[1]
    assert.equal("", entry.body or "")
    assert.is_nil(entry.raw_header:lower():find("content-type", 1, true))
  end)

  it("needs no project, and stays below the path prefix of the host", function()
    local client = llm.new({ personal_api_key = "phx_emulator_all", host = t.e.url .. "/posthog/" })
    assert(client.spend:get())
    t.sent({ "GET /posthog" .. PATH .. "?product=posthog_code" })
    fails("invalid", {}, client.datasets:list())
    assert.equal(1, #t.e:log())
  end)

  it("sends its parameters, encoded", function()
    t.e:settings({ clock = "2026-05-14T10:02:11Z" })
    local report = assert(spend:get({
      date_from = "2026-04-23T00:00:00+02:00",
      date_to = "-1d",
      limit = 2.0,
      refresh = true,
    }))
    assert.equal("2026-04-22T22:00:00Z", report.summary.date_from)
    assert.equal("2026-05-13T10:02:11Z", report.summary.date_to)
    assert.equal(2, #report.by_tool.items)
    assert.is_true(report.by_tool.truncated)
    assert(spend:get({ refresh = false }))
    t.sent({
      "GET "
        .. PATH
        .. "?product=posthog_code&date_from=2026-04-23T00%3A00%3A00%2B02%3A00"
        .. "&date_to=-1d&limit=2&refresh=true",
      "GET " .. PATH .. "?product=posthog_code&refresh=false",
    })
  end)

  it("returns figures without loss: floats as they are, integers of 64 bits exactly", function()
    local report = assert(spend:get({ limit = 200 }))
    assert.equal("1843.2070509999999", written(report.summary.total_cost_usd))
    assert.equal("1790.114306", written(report.summary.scoped_cost_usd))
    assert.equal("48211", written(report.summary.event_count))
    assert.equal("11.592744999999999", written(report.by_product.items[3].cost_usd))
    local model = report.by_model.items[1]
    assert.equal("9007199254740993", tostring(model.input_tokens))
    assert.equal("9007199254740993", written(model.input_tokens))
    assert.equal(FLOAT_ZERO, written(report.by_model.items[3].cost_usd))
    assert.equal("0", written(report.by_model.items[3].input_tokens))
    assert.is_nil(report.by_model.items[3].model)
    assert.is_nil(report.by_product.items[2].product)
    assert.is_nil(report.by_tool.items[3].tool)
    assert.equal(200, #report.by_tool.items)
    if t.profile == "reference" then -- newer servers have given it up
      assert.same({}, report.top_traces.items)
      assert.is_false(report.top_traces.truncated)
    end
  end)

  it("reads exponents, large integers and null where a server sends them", function()
    t.answer(
      200,
      '{"summary":{"product":null,"total_cost_usd":1e-06,"event_count":'
        .. '18446744073709551615},"by_tool":{"items":[{"tool":null,"share_of_scoped":5.5e-10,'
        .. '"cost_usd":1e16}],"truncated":false},"by_day_model":[{"day":"2026-05-01"}],"new":1}'
    )
    local report = assert(spend:get())
    assert.is_nil(report.summary.product)
    assert.equal(0.000001, report.summary.total_cost_usd)
    assert.equal("18446744073709551615", tostring(report.summary.event_count))
    assert.equal(5.5e-10, report.by_tool.items[1].share_of_scoped)
    assert.equal(1e16, report.by_tool.items[1].cost_usd)
    assert.equal("2026-05-01", report.by_day_model[1].day)
    assert.is_nil(report.top_traces)
    assert.equal(1, report.new)
    local keeping = assert(t.client({ keep_null = true }).spend:get())
    assert.equal(llm.null, keeping.summary.product)
    assert.equal(llm.null, keeping.by_tool.items[1].tool)
  end)

  it("returns an empty report for a window without events", function()
    t.e:settings({ spend = "empty" })
    local report = assert(spend:get())
    assert.equal(FLOAT_ZERO, written(report.summary.total_cost_usd))
    assert.equal("[]", written(report.by_tool.items))
  end)

  it("names the target of a redirect to another host, and does not go there", function()
    t.e:settings({ spend = "redirect" })
    local value, err, response = spend:get({ date_from = "-7d" })
    fails("redirect", { status = 302 }, value, err)
    assert.truthy(tostring(err):find("https://us.posthog.com" .. PATH, 1, true))
    assert.equal(302, response.status)
    assert.equal(1, #t.e:log())
  end)

  it("reports that a server has no spend, and that a key has no access to it", function()
    t.e:settings({ spend = "absent" })
    fails("not_found", { status = 404, code = "not_found" }, spend:get())
    t.e:settings({ spend = "serve" })
    for _, key in ipairs({ "phx_emulator_none", "phx_emulator_skills", "phx_emulator_gone" }) do
      fails(
        "forbidden",
        { status = 403, code = "permission_denied" },
        t.client({ personal_api_key = key }).spend:get()
      )
    end
    fails("auth", { status = 401 }, t.client({ personal_api_key = "phx_unknown" }).spend:get())
    assert(t.client({ personal_api_key = "phx_emulator_read" }).spend:get())
  end)

  it("reports which parameter the server refuses", function()
    for _, case in ipairs({
      { "date_from", "invalid_input", { date_from = "yesterday" } },
      { "date_from", "invalid_input", { date_from = "-91d" } },
      { "date_from", "max_length", { date_from = ("1"):rep(33) } },
      { "date_to", "invalid_input", { date_from = "-1d", date_to = "-2d" } },
      { "product", "blank", { product = "" } },
    }) do
      fails(
        "invalid",
        { status = 400, type = "validation_error", attr = case[1], code = case[2] },
        spend:get(case[3])
      )
    end
  end)

  it("has its own rate limit, and reports how long to wait", function()
    t.e:settings({ spend_rate_limit = 1, rate_window = 3000 })
    assert(spend:get())
    local value, err = t.client({ max_retries = 2 }).spend:get()
    fails("rate_limited", { status = 429, code = "throttled", attempts = 1 }, value, err)
    assert.is_true(err.retry_after > 60 and err.retry_after <= 3000)
    t.e:settings({ retry_after = false })
    value, err = spend:get()
    fails("rate_limited", { status = 429 }, value, err)
    assert.is_true(err.retry_after > 60 and err.retry_after <= 3000)
    assert(t.client().datasets:list())
  end)

  it("understands errors of every shape", function()
    local html = "<html><body>502 Bad Gateway</body></html>"
    for _, case in ipairs({
      { 400, '{"detail":"just words"}', "invalid", { detail = "just words" } },
      { 429, '{"detail":"slow down"}', "rate_limited", { detail = "slow down" } },
      {
        502,
        '{"type":"server_error","code":"cross_region_upstream_unavailable","detail":"x",'
          .. '"attr":null}',
        "server",
        { code = "cross_region_upstream_unavailable", detail = "x" },
      },
      { 502, html, "server", { body = html } },
      { 504, "upstream request timeout", "server", { body = "upstream request timeout" } },
      { 503, "", "server", {} },
      { 403, "[]", "forbidden", {} },
      { 400, '"text"', "invalid", { body = "text" } },
      { 418, "7", "invalid", { body = 7 } },
      { 500, '{"detail":{"nested":true}}', "server", {} },
      { 400, '{"detail":null,"code":5,"attr":[]}', "invalid", {} },
      { 410, "", "not_found", {} },
      { 422, "", "invalid", {} },
      { 406, "", "invalid", {} },
      { 413, "<html>", "invalid", { body = "<html>" } },
    }) do
      local status, body, kind, fields = case[1], case[2], case[3], case[4]
      t.answer(status, body)
      fields.status = status
      local value, err, response = spend:get()
      fails(kind, fields, value, err)
      assert.equal(status, response.status)
      assert.equal("string", type(err.message))
      assert.truthy(err.message:find("%S"))
      for _, name in ipairs({ "detail", "code", "attr" }) do
        assert.equal(fields[name], err[name])
      end
    end
  end)

  it("reports a response that is not a report", function()
    for _, body in ipairs({
      "",
      "<html></html>",
      "[]",
      "{}",
      '{"summary":[]}',
      '{"summary":1}',
      "null",
      "true",
      '{"summary":{}',
      '{"summary":{}} x',
      "\255",
    }) do
      t.answer(200, body)
      fails("decode", { status = 200 }, spend:get())
    end
  end)

  it("raises misuse at the line of the call and sends nothing", function()
    misuses({
      {
        "options: table expected",
        function()
          spend:get("posthog_code")
        end,
      },
      {
        "product: string expected",
        function()
          spend:get({ product = 1 })
        end,
      },
      {
        "product: string expected",
        function()
          spend:get({ product = false })
        end,
      },
      {
        "product: string expected",
        function()
          spend:get({ product = llm.null })
        end,
      },
      {
        "date_from: string expected",
        function()
          spend:get({ date_from = 20260101 })
        end,
      },
      {
        "date_to: string expected",
        function()
          spend:get({ date_to = llm.null })
        end,
      },
      {
        "limit: 1 to 200",
        function()
          spend:get({ limit = 0 })
        end,
      },
      {
        "limit: 1 to 200",
        function()
          spend:get({ limit = 201 })
        end,
      },
      {
        "limit: integer expected",
        function()
          spend:get({ limit = "5" })
        end,
      },
      {
        "limit: integer expected",
        function()
          spend:get({ limit = 5.5 })
        end,
      },
      {
        "refresh: boolean expected",
        function()
          spend:get({ refresh = 1 })
        end,
      },
      {
        "refresh: boolean expected",
        function()
          spend:get({ refresh = "true" })
        end,
      },
      {
        '"days"',
        function()
          spend:get({ days = 7 })
        end,
      },
      {
        "timeout: a positive",
        function()
          spend:get({ timeout = -1 })
        end,
      },
    })
    t.silent()
  end)
end)
