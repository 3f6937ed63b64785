-- A spend report as text, and what all its formats share.

local live = require("spec.support.live")
local llm = require("posthog.llm")
local made = require("spec.support.spend")
local report = require("posthog.llm.spend_report")
local spend_text = require("spec.support.spend_text")

local answer = made.answer
local tools = made.tools
local days = made.days
local contains = spend_text.contains
local lacks = spend_text.lacks
local fits = spend_text.fits
local read_csv = spend_text.read_csv
local find_row = spend_text.find_row
local is_page = spend_text.is_page
local is_xml = spend_text.is_xml
local HAS_XMLLINT = spend_text.HAS_XMLLINT

local FORMATS = { "text", "line", "markdown", "csv", "json", "html" }

for _, profile in ipairs({ "reference", "current" }) do
  describe("a spend report on " .. live.api_name[profile], function()
    local t = live.session({ profile = profile })
    local spend

    setup(function()
      t.start()
      t.reset()
      t.e:settings({ clock = "2026-05-14T10:02:11Z", clock_step = 0 })
      spend = assert(t.client().spend:get({ limit = 200 }))
    end)
    teardown(t.stop)

    it("fits the width of the terminal", function()
      for _, columns in ipairs({ 20, 40, 80, 160 }) do
        fits(report.text(spend, { width = columns, budget = 2000, compare = spend }), columns)
        fits(report.text(spend, { width = columns, ascii = true }), columns)
      end
    end)

    it("says what null names mean, and that costs of tools overlap", function()
      for _, format in ipairs({ "text", "markdown", "csv", "json", "html" }) do
        local text = report[format](spend, { rows = 300 })
        for _, label in ipairs({ "no tool", "no product", "unknown model" }) do
          contains(text, label)
        end
        contains(text, "overlap")
      end
      contains(report.text(spend), "these costs overlap")
      assert.equal("true", find_row(report.csv(spend), "by_tool", "Bash").overlaps)
      assert.equal("false", find_row(report.csv(spend), "by_model", "gpt-5").overlaps)
    end)

    it("has every digit in CSV and JSON", function()
      local csv = report.csv(spend)
      assert.equal("9007199254740993", find_row(csv, "by_model", "claude-opus-4-8").input_tokens)
      assert.equal("11.592744999999999", find_row(csv, "by_product", "background_agents").cost_usd)
      assert.equal("1843.2070509999999", find_row(csv, "summary", "").cost_usd)
      local json = report.json(spend)
      contains(json, '"input_tokens": 9007199254740993')
      contains(json, '"total_cost_usd": 1843.2070509999999')
      contains(report.html(spend), 'value="9007199254740993"')
    end)

    it("is an HTML page that is well-formed and loads nothing", function()
      is_page(report.html(spend))
      is_page(report.html(spend, { compare = spend, budget = 2000 }))
    end)

    it("is XML that another program reads", function()
      if not HAS_XMLLINT then
        return pending("xmllint is not installed")
      end
      is_xml(report.html(spend, { compare = spend, budget = 2000 }))
    end)

    it("is JSON with the sections that the server sent", function()
      local document = assert(llm.json.decode(report.json(spend)))
      local ids = {}
      for i, section in ipairs(document.sections) do
        ids[i] = section.id
      end
      local expected = "by_product by_model by_tool"
      if profile == "current" then
        expected = "by_day by_product by_model by_tool by_input_size by_day_model"
      end
      assert.equal(expected, table.concat(ids, " "))
      for _, section in ipairs(document.sections) do
        assert.equal(section.id == "by_tool", section.overlaps)
        assert.is_true(#section.rows > 0)
      end
      assert.equal("posthog_code", document.product)
      assert.equal(30, document.period.days)
      assert.equal(spend.summary.date_from, document.period.date_from)
    end)

    it("is the same for the same response, and leaves that as it is", function()
      local before = llm.json.encode(spend.by_model)
      for _, format in ipairs(FORMATS) do
        local once = report[format](spend, { compare = spend })
        assert.equal(once, report[format](spend, { compare = spend }))
      end
      assert.equal(before, llm.json.encode(spend.by_model))
    end)

    it("finds nothing to report in a window without events", function()
      t.e:settings({ spend = "empty" })
      local empty = assert(t.client().spend:get())
      t.e:settings({ spend = "serve" })
      contains(report.text(empty), "nothing")
      contains(report.line(empty), "$0.00 in 30 days")
      is_page(report.html(empty, { budget = 0, compare = empty }))
      assert.equal(3, #read_csv(report.csv(empty)))
      for _, format in ipairs(FORMATS) do
        assert.equal("string", type(report[format](empty, { budget = 5, compare = spend })))
      end
    end)
  end)
end

describe("a spend report", function()
  it("shows hours where the response has them", function()
    local t = live.session({ profile = "current" })
    t.start()
    local ok, err = pcall(function()
      local spend = assert(t.client().spend:get({ date_from = "-1d", bucket_minutes = 60 }))
      contains(report.text(spend, { sections = { "by_bucket" } }), "By hour")
      contains(report.csv(spend), "9007199254740995")
      is_page(report.html(spend))
    end)
    t.stop()
    assert(ok, err)
  end)

  it("accepts a summary alone, and an empty one", function()
    for _, spend in ipairs({
      answer(),
      { summary = {} },
      { summary = {}, by_tool = { items = 5 } },
      { summary = { date_from = "soon", total_cost_usd = "much" }, by_day = 1, by_model = { 1 } },
      { summary = { product = llm.null }, by_product = { items = llm.array() } },
    }) do
      for _, format in ipairs(FORMATS) do
        local text = report[format](spend, { compare = spend, budget = 1 })
        assert.equal("string", type(text))
        if format == "html" then
          is_page(text)
        end
      end
    end
    contains(report.line({ summary = {} }), "no total")
  end)

  it("takes null names of clients that keep null", function()
    local spend = tools({ { tool = llm.null, cost_usd = 1 } })
    contains(report.text(spend), "no tool")
    contains(report.markdown(spend), "*no tool*")
    contains(report.json(spend), '"name": null, "label": "no tool"')
    assert.equal("no tool", find_row(report.csv(spend), "by_tool", "").label)
    contains(report.markdown(tools({ { tool = "no tool", cost_usd = 1 } })), "`no tool`")
  end)

  it("prints nothing that controls a terminal", function()
    local name = "a\27[2J\27]0;x\7\r\n\t\127\194\155[31m\226\128\174b\0"
    local spend = tools({ { tool = name, cost_usd = 1 } })
    spend.summary.product, spend.summary.date_from = name, name
    spend.by_day_model = { { day = name, model = name, cost_usd = 1 } }
    for _, format in ipairs(FORMATS) do
      local text = report[format](spend, { width = 160, compare = spend, budget = 1 })
      assert.is_nil(text:gsub("\r\n", ""):gsub("\n", ""):find("%c"), format)
      lacks(text, "\194\155")
      if format ~= "json" then
        lacks(text, "\226\128\174")
      end
    end
    contains(report.text(spend, { width = 160 }), "a\\x1b[2J")
    local document = llm.json.decode(report.json(spend))
    assert.equal(name, document.sections[1].rows[1].name)
    is_page(report.html(spend))
  end)

  it("has colours only on request, and nothing else changes", function()
    local spend = tools({ { tool = "A", cost_usd = 3 }, { cost_usd = 1 } })
    local options = { compare = tools({ { tool = "A", cost_usd = 5 } }), budget = 50 }
    local plain = report.text(spend, options)
    assert.is_nil(plain:find("\27"))
    options.color = true
    local colored = report.text(spend, options)
    assert.truthy(colored:find("\27%[32m"))
    local function trimmed(text)
      return (text:gsub("\27%[%d*m", ""):gsub(" +\n", "\n"))
    end
    assert.equal(trimmed(plain), trimmed(colored))
  end)

  it("draws its own marks in ASCII on request", function()
    local spend = tools({ { tool = ("x"):rep(300), cost_usd = 3 }, { tool = "y", cost_usd = 1 } })
    assert.truthy(report.text(spend):find("[\128-\255]"))
    local text = report.text(spend, { ascii = true, compare = spend, budget = 1 })
    assert.is_nil(text:find("[\128-\255]"))
    contains(text, "####")
    assert.is_nil(report.line(spend, { ascii = true, budget = 1 }):find("[\128-\255]"))
  end)

  it("scales bars by cost: the most expensive full, the least still visible", function()
    local text = report.text(
      tools({
        { tool = "whole", cost_usd = 8 },
        { tool = "half", cost_usd = 4 },
        { tool = "little", cost_usd = 0.0001 },
        { tool = "none", cost_usd = 0 },
        { tool = "back", cost_usd = -4 },
      }),
      { ascii = true, width = 100 }
    )
    local bars = {}
    for name, bar in text:gmatch("\n(%l+) +(#*) +%-?<?%$") do
      bars[name] = #bar
    end
    assert.equal(40, bars.whole)
    assert.equal(20, bars.half)
    assert.equal(1, bars.little)
    assert.equal(0, bars.none)
    assert.equal(0, bars.back)
  end)

  it("aligns 200 rows, names of 300 characters and wide ones", function()
    local rows = {}
    for i = 1, 200 do
      rows[i] = { tool = ("名"):rep(i % 2 * 150) .. ("n"):rep(150) .. i, cost_usd = 201 - i }
    end
    local spend = tools(rows)
    for _, columns in ipairs({ 20, 40, 80, 160 }) do
      fits(report.text(spend, { width = columns, rows = 200 }), columns)
    end
    contains(report.text(spend), "190 more.")
    contains(report.markdown(spend), "190 more.")
    local page = report.html(spend)
    is_page(page)
    contains(page, "12 of 200 rows")
    local _, count = page:gsub("<tr>", "")
    assert.equal(201, count)
    assert.equal(203, #read_csv(report.csv(spend)))
    is_page(report.html(tools({ { tool = "one", cost_usd = 1 } })))
  end)

  it("shows the cost of the rows that it leaves out", function()
    local items = {}
    for i = 1, 12 do
      items[i] = { model = "m" .. i, cost_usd = 1.5 }
    end
    local spend = answer({ by_model = { items = items, truncated = true } })
    contains(report.text(spend), "2 more, together $3.00. The server has more rows")
    local spent = answer({ by_day = days({ 1, 2, 3, 4 }) })
    local text = report.text(spent, { rows = 2 })
    contains(text, "2 earlier, together $3.00.")
    contains(text, "2026-05-04")
    lacks(text, "2026-05-02")
  end)

  it("calculates with numbers of any size", function()
    local huge = llm.json.decode('{"big":1e400,"many":18446744073709551615}')
    local spend = answer({
      summary = { total_cost_usd = huge.big, event_count = huge.many },
      by_tool = {
        items = {
          { tool = "big", cost_usd = huge.big, generation_count = huge.many },
          { tool = "1e300", cost_usd = 1e300 },
          { tool = "tiny", cost_usd = 5e-324 },
          { tool = "less", cost_usd = -1e300 },
        },
        truncated = false,
      },
    })
    for _, format in ipairs(FORMATS) do
      local text = report[format](spend, { compare = spend, budget = 1e308 })
      for _, word in ipairs({ "nan", "inf" }) do
        assert.is_nil(text:gsub("<style>.-</style>", ""):lower():find("%f[%w]" .. word .. "%f[%W]"))
      end
    end
    contains(report.text(spend), "18,446,744,073,709,551,615")
    assert.equal("1e400", find_row(report.csv(spend), "by_tool", "big").cost_usd)
    contains(report.text(spend), "$1e+300")
    is_page(report.html(spend))
  end)

  it("may be limited to some sections", function()
    local spend = tools({ { tool = "Bash", cost_usd = 1 } })
    spend.by_model = { items = { { model = "gpt-5", cost_usd = 1 } }, truncated = false }
    for _, format in ipairs({ "text", "markdown", "csv", "json", "html" }) do
      local text = report[format](spend, { sections = { "by_model" } })
      contains(text, "gpt-5")
      lacks(text, "Bash")
    end
    lacks(report.csv(spend, { sections = { "by_model" } }), "avg_input_tokens")
  end)

  it("raises misuse at the line of the call", function()
    local spend = answer()
    live.misuses({
      {
        "spend: table expected",
        function()
          report.text("x")
        end,
      },
      {
        "spend: a spend response expected",
        function()
          report.html({})
        end,
      },
      {
        "options: table expected",
        function()
          report.text(spend, 80)
        end,
      },
      {
        '"colour"',
        function()
          report.text(spend, { colour = true })
        end,
      },
      {
        "width: 20 to 1000",
        function()
          report.text(spend, { width = 5 })
        end,
      },
      {
        "rows: at least 1",
        function()
          report.text(spend, { rows = 0 })
        end,
      },
      {
        "color: boolean expected",
        function()
          report.line(spend, { color = 1 })
        end,
      },
      {
        'unknown section "tools"',
        function()
          report.csv(spend, { sections = { "tools" } })
        end,
      },
      {
        "compare: a spend response",
        function()
          report.json(spend, { compare = {} })
        end,
      },
      {
        "budget: a number",
        function()
          report.markdown(spend, { budget = "5" })
        end,
      },
      {
        "budget: a number",
        function()
          report.forecast(spend, { budget = -1 })
        end,
      },
      {
        "budget: a number",
        function()
          report.forecast(spend, {})
        end,
      },
      {
        "now: seconds",
        function()
          report.forecast(spend, { budget = 1, now = "soon" })
        end,
      },
      {
        '"until"',
        function()
          report.forecast(spend, { budget = 1, ["until"] = 1 })
        end,
      },
    })
  end)
end)

describe("a spend report with two responses", function()
  it("shows what changed, also of rows that only one of them has", function()
    local new = tools({ { tool = "up", cost_usd = 5 }, { tool = "new", cost_usd = 2 } })
    local old = tools({ { tool = "up", cost_usd = 3 }, { tool = "gone", cost_usd = 4 } })
    old.summary.total_cost_usd = 125
    local csv = report.csv(new, { compare = old })
    for name, expected in pairs({
      up = { "5", "3", "2" },
      new = { "2", "0", "2" },
      gone = { "0", "4", "-4" },
    }) do
      local row = find_row(csv, "by_tool", name)
      assert.same(expected, { row.cost_usd, row.cost_before_usd, row.cost_change_usd })
    end
    contains(report.text(new, { compare = old }), "-$4.00")
    contains(report.line(new, { compare = old }), "$100.00 in 10 days (-20.0%)")
    contains(report.html(new, { compare = old }), "-$25.00 (-20.0%) since then")
  end)

  it("does not count as zero what a list that was cut short leaves out", function()
    local new = tools({ { tool = "new", cost_usd = 2 } }, true)
    local old = tools({ { tool = "old", cost_usd = 4 } }, true)
    local csv = report.csv(new, { compare = old })
    local row = find_row(csv, "by_tool", "new")
    assert.same({ "2", "", "" }, { row.cost_usd, row.cost_before_usd, row.cost_change_usd })
    row = find_row(csv, "by_tool", "old")
    assert.same({ "", "4", "" }, { row.cost_usd, row.cost_before_usd, row.cost_change_usd })
  end)

  it("says when they are not comparable", function()
    local old = answer({ summary = { date_from = "2026-04-01T00:00:00Z", product = "other" } })
    for _, format in ipairs({ "text", "markdown", "html" }) do
      local text = report[format](answer(), { compare = old, width = 200 })
      contains(text, "The older figures are of 40 days, these of 10 days.")
      contains(text, "those of other.")
    end
  end)
end)
