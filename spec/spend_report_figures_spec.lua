local llm = require("posthog.llm")
local made = require("spec.support.spend")
local numbers = require("posthog.llm.spend_report.numbers")
local report = require("posthog.llm.spend_report")
local display = require("posthog.llm.util.display")

local answer, days = made.answer, made.days

describe("spend_report.forecast", function()
  it("uses the mean of the window if there are no days", function()
    local of = report.forecast(answer(), { budget = 150 })
    assert.equal(10, of.per_day)
    assert.equal("window", of.basis)
    assert.equal("2026-05-16", of.reached_on)
    assert.equal(5, of.days_left)
    assert.equal(50, of.left)
    assert.is_false(of.reached)
    assert.equal("2026-06-01", of.until_day)
    assert.equal(310, of.projected)
  end)

  it(
    "uses the last seven complete days if there are as many, days without a row included",
    function()
      local spend = answer({ by_day = days({ 40, 0, 10, 10, 10, 10, 10, 10 }, 1) })
      local of = report.forecast(spend, { budget = 150 }) -- days 4 to 10: 50 of 100 dollars
      assert.equal("recent days", of.basis)
      assert.near(50 / 7, of.per_day, 1e-9)
      assert.equal("2026-05-18", of.reached_on)
    end
  )

  it("takes the shape of the days and the sum of the summary", function()
    local spend = answer({ by_day = days({ 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 }) })
    assert.near(10, report.forecast(spend, { budget = 150 }).per_day, 1e-9)
  end)

  it("finds the day on which a budget was reached", function()
    local spend = answer({ by_day = days({ 5, 5, 60, 5, 5, 5, 5, 5, 5, 0 }) })
    local of = report.forecast(spend, { budget = 30 })
    assert.is_true(of.reached)
    assert.equal("2026-05-03", of.reached_on)
    assert.equal(0, of.days_left)
    assert.equal(-70, of.left)
    assert.equal("2026-05-04", report.forecast(answer(), { budget = 30 }).reached_on)
    assert.is_true(report.forecast(answer(), { budget = 100 }).reached)
    assert.equal("2026-05-01", report.forecast(answer(), { budget = 0 }).reached_on)
  end)

  it("counts the days left from now, and never less than zero", function()
    assert.equal(3, report.forecast(answer(), { budget = 150, now = "2026-05-13" }).days_left)
    assert.equal(0, report.forecast(answer(), { budget = 150, now = "2026-07-01" }).days_left)
    local of = report.forecast(answer(), { budget = 150, until_day = "2026-05-21" })
    assert.equal(200, of.projected)
  end)

  it("names no day where nothing is spent, nor without a total or window", function()
    local of = report.forecast(answer({ summary = { total_cost_usd = 0 } }), { budget = 5 })
    assert.is_nil(of.reached_on)
    assert.is_false(of.reached)
    assert.is_nil(
      report.forecast(answer({ summary = { total_cost_usd = 1e-9 } }), { budget = 5 }).reached_on
    )
    assert.same({ budget = 5, reached = false }, report.forecast({ summary = {} }, { budget = 5 }))
    of = report.forecast(answer({ summary = { date_from = "?" } }), { budget = 500 })
    assert.same({ budget = 500, spent = 100, left = 400, reached = false }, of)
  end)

  it("is in every report that is given a budget", function()
    local spend = answer()
    for _, format in ipairs({ "text", "line", "markdown", "json", "html" }) do
      local text = report[format](spend, { budget = 150 })
      assert.truthy(text:find("2026-05-16", 1, true), format)
      assert.is_nil(report[format](spend):find("2026-05-16", 1, true), format)
    end
    local text = report.text(spend, { budget = 150 })
    assert.truthy(text:find("At the window's $10.00 a day", 1, true), text)
  end)

  it("crosses the end of a year and of a short month", function()
    for from, expected in pairs({
      ["2026-12-01"] = "2027-01-01",
      ["2028-02-01"] = "2028-03-01",
      ["2026-11-30"] = "2026-12-01",
    }) do
      local spend = answer({ summary = { date_from = from, date_to = from .. "T12:00:00Z" } })
      assert.equal(expected, report.forecast(spend, { budget = 1 }).until_day)
    end
  end)
end)

describe("posthog.llm.spend_report.numbers", function()
  it("writes figures as people read them", function()
    for _, case in ipairs({
      { "money", 0, "$0.00" },
      { "money", 1843.207, "$1,843.21" },
      { "money", -1234567.891, "-$1,234,567.89" },
      { "money", 1e-6, "<$0.01" },
      { "money", 0.00499, "<$0.01" },
      { "money", 0.005, "$0.01" },
      { "money", 999.999, "$1,000.00" },
      { "money", 1e20, "$1e+20" },
      { "money", -1e-9, "-<$0.01" },
      { "rate", 0.0104726368, "$0.01047" },
      { "rate", 12.345, "$12.35" },
      { "rate", 0, "$0.00" },
      { "count", 48211, "48,211" },
      { "count", 0, "0" },
      { "count", 2 ^ 53, "9,007,199,254,740,992" },
      { "count", 12.5, "12.5" },
      { "count", -1000, "-1,000" },
      { "tokens", 0, "0" },
      { "tokens", 999, "999" },
      { "tokens", 999.6, "1.00k" },
      { "tokens", 12000, "12.0k" },
      { "tokens", 201134455, "201M" },
      { "tokens", 9.007e15, "9,007T" },
      { "share", 0.5089, "50.9%" },
      { "share", 1, "100%" },
      { "share", 5.5e-10, "<0.1%" },
      { "share", 0, "0.0%" },
      { "share", -0.2, "-20.0%" },
      { "share", 15, "1,500%" },
    }) do
      assert.equal(case[3], numbers[case[1]](case[2]), case[1] .. " " .. case[2])
    end
    assert.equal("+$1.00", numbers.money(1, true))
    for _, value in ipairs({ "1", false, {}, 0 / 0, llm.null }) do
      assert.is_nil(numbers.money(value))
      assert.is_nil(numbers.exact(value))
    end
    assert.is_nil(numbers.money(nil))
  end)
end)

describe("posthog.llm.util.display", function()
  it("counts columns of wide and combining characters", function()
    for text, columns in pairs({
      [""] = 0,
      abc = 3,
      ["日本"] = 4,
      ["e\204\129"] = 1,
      ["🎉"] = 2,
      ["ｱ"] = 1,
      ["한"] = 2,
      ["Привет"] = 6,
      ["\226\152\149"] = 2,
      ["…"] = 1,
      ["█"] = 1,
    }) do
      assert.equal(columns, display.width(text), text)
    end
  end)

  it("leaves out the middle of what is too long", function()
    assert.equal("abc", (display.fit("abc", 3, "…")))
    assert.equal("a…c", (display.fit("abbc", 3, "…")))
    assert.equal("日…語", (display.fit("日本日本語", 5, "…")))
    assert.equal("…", (display.fit("日本", 1, "…")))
    for room = 1, 12 do
      local text, columns = display.fit("a日b本c日d本", room, "~")
      assert.equal(display.width(text), columns)
      assert.is_true(columns <= room)
    end
  end)

  it("shows what is not UTF-8", function()
    assert.equal("a\\xffb", display.clean("a\255b"))
    assert.equal("\\xe2\\x82", display.clean("\226\130"))
    assert.equal("\\xc0\\x80", display.clean("\192\128"))
    assert.equal("\\u{d800}", display.clean("\237\160\128"))
    assert.equal("日本 é", display.clean("日本 é"))
  end)
end)
