-- A spend report as CSV, Markdown, one line and HTML.

local made = require("spec.support.spend")
local report = require("posthog.llm.spend_report")
local display = require("posthog.llm.util.display")
local spend_text = require("spec.support.spend_text")

local answer = made.answer
local tools = made.tools
local days = made.days
local contains = spend_text.contains
local read_csv = spend_text.read_csv
local find_row = spend_text.find_row
local is_page = spend_text.is_page

describe("spend_report.csv", function()
  it("protects names from being formulas, unless keep_formulas is set", function()
    for _, name in ipairs({ "=1+1", "+1", "-1", "@SUM(A1)", " =1", "＝1" }) do
      local spend = tools({ { tool = name, cost_usd = -1 } })
      local row = find_row(report.csv(spend), "by_tool", "'" .. name)
      assert.equal("-1", row.cost_usd)
      assert.equal(name, find_row(report.csv(spend, { formulas = true }), "by_tool", name).label)
    end
  end)

  it("quotes what RFC 4180 requires to be quoted", function()
    for _, name in ipairs({ 'say "x"', "a,b", '"', ",", " a ", "" }) do
      local row = find_row(report.csv(tools({ { tool = name, cost_usd = 1 } })), "by_tool", name)
      assert.equal("1", row.cost_usd)
    end
  end)

  it("has the same header row for any response", function()
    local head = report.csv(answer()):match("^[^\r]*")
    local full = tools({ { tool = "x", cost_usd = 1, share_attributed = 1 } })
    assert.equal(head, report.csv(full):match("^[^\r]*"))
    for _, row in ipairs(read_csv(report.csv(full))) do
      assert.equal(select(2, head:gsub(",", "")) + 1, #row)
    end
  end)
end)

describe("spend_report.markdown", function()
  it("lets no name become markup, a link, a mention or HTML", function()
    for name, expected in pairs({
      ["**x** @you <b> https://e.com #1"] = "| `**x** @you <b> https://e.com #1` |",
      ["a|b"] = "| <code>a&#124;b</code> |",
      ["`x`"] = "| <code>&#96;x&#96;</code> |",
      ["a\\"] = "| <code>a&#92;</code> |",
      ["\n| x |"] = "| <code>&#92;n&#124; x &#124;</code> |",
      [""] = "| *empty* |",
    }) do
      contains(report.markdown(tools({ { tool = name, cost_usd = 1 } })), expected)
    end
  end)
end)

describe("spend_report.line", function()
  it("is one line of at most the given number of columns", function()
    local spend = answer({ by_model = { items = { { model = "gpt\n5", cost_usd = 40 } } } })
    local whole = report.line(spend, { budget = 150 })
    assert.equal(
      "$100.00 in 10 days · 66.7% of $150.00, reached 2026-05-16 · gpt\\n5 50.0%",
      whole
    )
    for columns = 20, 80 do
      assert.is_true(
        display.width(report.line(spend, { budget = 150, width = columns })) <= columns
      )
    end
    assert.equal("$100.00 in 10 days", report.line(spend, { budget = 150, width = 20 }))
    assert.equal(
      "$100.00 in 10 days · 66.7% of $150.00",
      report.line(spend, { budget = 150, width = 40 })
    )
  end)
end)

describe("spend_report.html", function()
  it("escapes names, and shows them as they are", function()
    local name = "<script>alert('x')</script>&\""
    local page = report.html(tools({ { tool = name, cost_usd = 1 } }))
    is_page(page)
    contains(page, "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&quot;")
  end)

  it("names every chart and every table for screen readers", function()
    local spend = tools({ { tool = "x", cost_usd = 1 } })
    spend.by_day = days({ 1, 2, 3 })
    local page = report.html(spend)
    local _, figures = page:gsub("<figure>", "")
    local _, charts = page:gsub('<svg role="img" aria%-labelledby="[^"]+"', "")
    local _, tables = page:gsub("<table", "")
    assert.equal(2, figures)
    assert.equal(2, charts)
    assert.equal(2, tables)
    contains(page, "prefers-color-scheme: dark")
  end)

  it("draws bars as long as the costs are", function()
    local new = tools({
      { tool = "a", cost_usd = 8, cost_attributed_usd = 2 },
      { tool = "b", cost_usd = 4, cost_attributed_usd = 1 },
    })
    local old = tools({ { tool = "a", cost_usd = 16 }, { tool = "b", cost_usd = 6 } })
    local function lengths(page, class, name)
      local list = {}
      for attributes in page:gmatch('<%w+ class="' .. class .. '"([^>]*)>') do
        list[#list + 1] = attributes:match(" " .. name .. '="([^"]*)"')
      end
      return table.concat(list, " ")
    end
    local page = report.html(new)
    assert.equal("100% 50%", lengths(page, "outline", "width"))
    assert.equal("25% 12.5%", lengths(page, "bar", "width"))
    page = report.html(new, { compare = old, budget = 200 })
    assert.equal("50% 25%", lengths(page, "outline", "width"))
    assert.equal("100% 37.5%", lengths(page, "before", "x1"))
    assert.equal("50% 12.5% 6.25%", lengths(page, "bar", "width")) -- the budget's first
    page = report.html(answer({ by_day = days({ 1, 4, 0, 2 }) }))
    assert.equal("25 100 50", lengths(page, "s1", "height"))
    assert.equal("0.1 1.1 3.1", lengths(page, "s1", "x"))
  end)

  it("keeps text and bars readable on their background, light and dark", function()
    local function brightness(color)
      local sum = 0
      for at, weight in pairs({ [2] = 0.2126, [4] = 0.7152, [6] = 0.0722 }) do
        local part = tonumber(color:sub(at, at + 1), 16) / 255
        sum = sum + weight * (part <= 0.03928 and part / 12.92 or ((part + 0.055) / 1.055) ^ 2.4)
      end
      return sum
    end
    local schemes = 0
    for scheme in report.html(answer()):gmatch(":root (%b{})") do
      local colors = {}
      for name, color in scheme:gmatch("%-%-([%w-]+): (#%x+)") do
        colors[name] = color
      end
      local function contrast(a, b) -- as WCAG 2.1 defines it
        a, b = brightness(colors[a]), brightness(colors[b])
        return (math.max(a, b) + 0.05) / (math.min(a, b) + 0.05)
      end
      for _, pair in ipairs({
        "ink card",
        "ink ground",
        "soft card",
        "soft ground",
        "up card",
        "down card",
        "tag tag-ground",
      }) do
        assert.is_true(contrast(pair:match("(%S+) (%S+)")) >= 4.5, pair)
      end
      for _, pair in ipairs({
        "bar card",
        "bar track",
        "up track",
        "s1 card",
        "s2 card",
        "s3 card",
        "s4 card",
        "s5 card",
        "s6 card",
      }) do
        assert.is_true(contrast(pair:match("(%S+) (%S+)")) >= 3, pair)
      end
      schemes = schemes + 1
    end
    assert.equal(2, schemes)
  end)

  it("stacks the models of a day", function()
    local rows = {}
    for day = 1, 2 do
      for i = 1, 8 do
        rows[#rows + 1] = { day = "2026-05-0" .. day, model = "m" .. i, cost_usd = 9 - i }
      end
    end
    local page = report.html(answer({ by_day = days({ 36, 36 }), by_day_model = rows }))
    is_page(page)
    local _, parts = page:gsub('<rect class="s%d edge"', "")
    assert.equal(12, parts) -- six of each day
    contains(page, "3 others $12.00")
    contains(page, "2026-05-01, 3 others: $6.00")
    is_page(report.html(answer({ by_day_model = rows })))
    is_page(report.html(answer({ by_day_model = { { cost_usd = 1 }, { day = "x" } } })))
  end)
end)
