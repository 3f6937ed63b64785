-- Names of the server in every format of a spend report: whatever they hold, they are text there.
-- Readers of Markdown and HTML that know nothing of this library look at it too, where there are any.

local answers = require("spec.support.spend")
local folders = require("spec.support.folders")
local report = require("posthog.llm.spend_report")
local shell = require("spec.support.shell")

--- What names are made of.
local PARTS = {
  "<img src=x onerror=alert(1)>",
  "<script>alert(1)</script>",
  "</td></tr></table>",
  "</style>",
  "-->",
  "<!--",
  "&lt;b&gt;",
  "&#60;i&#62;",
  '" onload="x',
  "' x='",
  "[click](javascript:alert(1))",
  "![i](http://evil.test/i.png)",
  "[ref]: http://evil.test",
  "<http://evil.test>",
  "https://evil.test/path",
  "www.evil.test",
  "me@evil.test",
  "@octocat",
  "#123",
  "**bold**",
  "__x__",
  "~~x~~",
  "`code`",
  "``",
  "|",
  "\\|",
  "\\",
  "\n",
  "\r\n\r\n# heading\n",
  "\n\n<div>\n",
  "\n---\n",
  "\t",
  "=cmd|'/C calc'!A0",
  ";=1+1",
  ';"=1+1',
  "+1",
  "-1",
  "@SUM(A1)",
  "\239\188\157HYPERLINK(1)",
  "\27[31m",
  "\27]0;title\7",
  "\194\155",
  "\0",
  "\127",
  "\226\128\174evil",
  "\226\129\166x",
  "\239\187\191",
  "\255\254",
  "\237\160\128",
  "*",
  "_",
  " ",
  "a",
  "",
}

local chance = 7
local function pick(n)
  chance = (chance * 1103515245 + 12345) % 2 ^ 31
  return math.floor(chance / 65536) % n + 1
end

local function hostile()
  local parts = {}
  for i = 1, pick(4) do
    parts[i] = PARTS[pick(#PARTS)]
  end
  return table.concat(parts, pick(2) == 1 and "" or "x")
end

--- Every name of a response, by a function that makes them.
local function answer(name)
  local tools, models, days, pairs_of, products = {}, {}, {}, {}, {}
  for i = 1, 12 do
    tools[i] = { tool = name(), cost_usd = 100 - i, share_attributed = 0.1 }
    models[i] = { model = name(), cost_usd = 100 - i }
    products[i] = { product = name(), cost_usd = 100 - i }
    days[i] = { day = name(), cost_usd = 100 - i }
    pairs_of[i] = { day = name(), model = name(), cost_usd = 100 - i }
  end
  return answers.answer({
    summary = { product = name(), date_from = name(), date_to = name() },
    by_tool = { items = tools },
    by_model = { items = models },
    by_product = { items = products },
    by_day = { items = days },
    by_day_model = pairs_of,
  })
end

local ROUNDS = 6

--- Two responses of hostile names, the second one to be compared with: each part on its own at each
--- place, then parts put together.
local function each(f)
  local at = 0
  local function next_part()
    at = at % #PARTS + 1
    return PARTS[at]
  end
  for _ = 1, ROUNDS do
    f(answer(next_part), answer(next_part))
    f(answer(hostile), answer(hostile))
  end
end

local FORBIDDEN = { -- as UTF-8; JSON has texts as they are
  "\226\128[\142\143\168-\174]",
  "\226\129[\160-\169]",
  "\239\187\191",
  "\194[\128-\159]",
  "[%z\1-\9\11-\31\127]",
}

local function is_quiet(text, what)
  for _, pattern in ipairs(FORBIDDEN) do
    local at = text:find(pattern)
    if at then
      error(("%s: %q"):format(what, text:sub(math.max(1, at - 20), at + 20)), 2)
    end
  end
end

local function finds(command)
  return select(2, shell.run("command -v " .. command)) == 0
end

describe("names of the server in a spend report", function()
  local root

  setup(function()
    root = folders.new()
  end)
  teardown(function()
    folders.remove(root)
  end)

  it("send no control characters and no bidirectional marks, in any format", function()
    each(function(spend, old)
      for _, format in ipairs({ "text", "line", "markdown", "html" }) do
        is_quiet(report[format](spend, { compare = old, width = 200 }), format)
      end
      is_quiet(report.csv(spend, { compare = old }):gsub("\r\n", "\n"), "csv")
    end)
  end)

  it("are not formulas in a spreadsheet, whether a comma or a semicolon separates cells", function()
    each(function(spend, old)
      for line in report.csv(spend, { compare = old }):gmatch("([^\r]*)\r\n") do
        for _, separator in ipairs({ ",", ";" }) do
          for cell in (separator .. line):gmatch(separator .. "([^" .. separator .. "]*)") do
            local text = cell:gsub("^[%s\"']*", function(before)
              return before:find("'", 1, true) and "'" or ""
            end)
            local is_formula = text:find("^[=+@]")
              or text:find("^%-[^%d]")
              or text:find("^\239\188[\139\141\157\160]")
            assert.is_nil(is_formula, line)
          end
        end
      end
    end)
  end)

  it("are code in Markdown, in notes too", function()
    local function of(product)
      return answers.answer({ summary = { product = product } })
    end
    local text = report.markdown(of("a"), { compare = of("x** <img src=x> [c](j:a) @octocat") })
    assert.is_truthy(
      text:find("The older figures are those of `x** <img src=x> [c](j:a) @octocat`.", 1, true),
      text
    )
  end)

  if finds("cmark-gfm") then
    it("are text to a reader of GitHub's Markdown, and each row has its cells", function()
      each(function(spend, old)
        local name = root .. "/report.md"
        folders.write(root, "report.md", report.markdown(spend, { compare = old, rows = 50 }))
        local tree, status = shell.run(
          "cmark-gfm --unsafe -e table -e autolink -e strikethrough -t xml '" .. name .. "'"
        )
        assert.equal(0, status, tree)
        for _, node in ipairs({ "link", "image", "html_block", "strikethrough", "strong" }) do
          assert.is_nil(tree:find("<" .. node .. "[ >]"), node .. " in " .. tree)
        end
        for html in tree:gmatch("<html_inline[^>]*>(.-)</html_inline>") do
          assert.is_truthy(html == "&lt;code&gt;" or html == "&lt;/code&gt;", html)
        end
        local columns
        for row in tree:gmatch("<table_([hr]%l+.-)</table_[hr]") do
          local cells = select(2, row:gsub("<table_cell", ""))
          columns = row:find("^header") and cells or columns
          assert.equal(columns, cells, row)
        end
        for heading in tree:gmatch('<heading level="(%d)">') do
          assert.is_truthy(heading == "2" or heading == "3", tree)
        end
        assert.equal(5, select(2, tree:gsub("<heading ", "")))
      end)
    end)
  end

  if finds("python3") then
    it("are text to a reader of HTML: the same elements as with names that are letters", function()
      folders.write(
        root,
        "read.py",
        [[
import sys
from html.parser import HTMLParser

class Reader(HTMLParser):
    def handle_starttag(self, tag, attributes):
        if tag != "wbr":
            print(tag, " ".join(name for name, _ in attributes))
    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
    def handle_comment(self, text):
        print("comment")

Reader().feed(open(sys.argv[1], encoding="utf-8", errors="surrogateescape").read())
]]
      )
      local function elements(text)
        folders.write(root, "report.html", text)
        local said, status = shell.run(("python3 '%s/read.py' '%s/report.html'"):format(root, root))
        assert.equal(0, status, said)
        return said
      end
      local number = 0
      local function letters()
        number = number + 1
        return "n" .. number
      end
      local function page(spend, old)
        return report.html(spend, { compare = old, sections = { "by_tool", "by_model" } })
      end
      each(function(spend, old)
        for _, part in ipairs({ "by_tool", "by_model" }) do -- so that all rows are new ones
          for i, row in ipairs(old[part].items) do
            row.tool, row.model = "old" .. i, "old" .. i
          end
        end
        local same = answer(letters)
        local read = elements(page(spend, old))
        assert.equal(elements(page(same, old)), read)
        assert.is_nil(read:find("script"))
        assert.is_nil(read:find(" on%l+"))
      end)
    end)
  end
end)
