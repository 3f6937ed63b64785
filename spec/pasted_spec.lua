-- How the pages are run that spec/pasted_*_spec.lua prove: that a page which does not work is found.
if (os.getenv("SPEC_MODE") or "plain") ~= "plain" then
  return
end

local page = require("spec.pasted.page")
local runner = require("spec.pasted.runner")
local shown = require("spec.pasted.shown")

local path

local function write(text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

describe("a page of the documentation", function()
  before_each(function()
    path = os.tmpname()
  end)
  after_each(function()
    os.remove(path)
  end)

  local function blocks(text)
    write(text)
    return page.blocks(path)
  end

  it("has its blocks in order, indented ones and those in lists too", function()
    local list = blocks(
      "# A\n\n    ls\n    ls -l\n\ntext\n\n```lua\nprint(1)\n```\n\n```\n1\n"
        .. "```\n\n- a list\n\n  <!-- pasted: in nginx -->\n\n  ```nginx\n  a;\n  ```\n\n"
        .. "      continued, not code\n\nText.\n\n```\n$ ls\nx\n```\n"
    )
    local found = {}
    for i, block in ipairs(list) do
      found[i] = ("%d %s %s"):format(block.line, block.kind, block.text)
    end
    assert.same({
      "3 sh ls\nls -l\n",
      "9 lua print(1)\n",
      "13 output 1\n",
      "21 nginx a;\n",
      "29 console $ ls\nx\n",
    }, found)
    assert.equal(list[3], list[2].shows)
    assert.equal("nginx", list[4].host)
  end)

  for what, case in pairs({
    ["a language that nobody can run"] = { "```ruby\nputs 1\n```\n", "the language 'ruby'" },
    ["an output that nothing prints"] = { "```\n1\n```\n", "no block stands in front" },
    ["an unknown mark"] = { "<!-- pasted: never -->\n\n```lua\nx()\n```\n", "mark 'never'" },
    ["a mark for nothing"] = { "<!-- pasted: in nvim -->\n\nText.\n", "a mark without a block" },
    ["a block that builds without a mark"] = { "    make all\n", "needs a mark in front" },
    ["a mark of building at what could run"] = {
      "<!-- pasted: by make all -->\n\n    posthog-llm skills list\n",
      "neither builds nor",
    },
    ["a target that there is not"] = {
      "<!-- pasted: by make test -->\n\n    make test     every spec\n",
      "no target 'every'",
    },
    ["a spec that does not run what is shown"] = {
      "<!-- pasted: by spec/json_spec.lua -->\n\n```\n$ posthog-llm login\n```\n",
      "run 'login'",
    },
    ["a program that does not read the page"] = {
      "<!-- pasted: by tools/setup -->\n\n    nvim -l build.lua\n",
      "tools/setup takes nothing from this page",
    },
    ["a session as text"] = { "```text\n$ ls\n```\n", "is not 'text'" },
    ["a configuration of nginx without its mark"] = { "```nginx\na;\n```\n", "mark 'in nginx'" },
  }) do
    it("is refused with " .. what, function()
      local ok, why = pcall(blocks, case[1])
      assert.is_false(ok)
      assert.is_truthy(why:find(case[2], 1, true), why)
    end)
  end

  it("has no block that no spec runs", function()
    local pipe = io.popen("ls *.md")
    for name in pipe:lines() do -- of doc/, spec/pasted_doc_spec.lua takes what is there
      if name ~= "README.md" and name ~= "CONTRIBUTING.md" then
        assert.same({}, page.blocks(name), name)
      end
    end
    pipe:close()
  end)
end)

describe("what a page shows", function()
  it("is compared line by line, but for times, ids, ports and durations", function()
    local expected = "made 0198c5a2-7be4-7000-8000-3f1d2c4b5a69 at 2026-11-22T09:41:07.120000Z\n"
      .. "http://127.0.0.1:26421, 3 ms (a.b)\n...\nlast\n"
    local came = "made 0198c5a2-7be4-7000-8000-000000000001 at 2027-01-02T09:41:07.5Z\n"
      .. "http://127.0.0.1:1, 12 ms (a.b)\nx\ny\nlast\n"
    assert.is_nil(shown.differs(expected, came))
    for from, to in pairs({
      made = "Made",
      ["12 ms"] = "ms",
      ["a.b"] = "aXb",
      last = "least",
      ["2027"] = "never",
    }) do
      local other = came:gsub(from:gsub("%p", "%%%0"), to, 1)
      assert.is_string(shown.differs(expected, other), from)
    end
    assert.is_string(shown.differs(expected, came .. "more\n"))
    assert.is_string(shown.differs(expected, came:gsub("last\n", "")))
    assert.is_string(shown.differs("one\n", ""))
    assert.is_nil(shown.differs("", ""))
  end)

  it("has a progress bar where one was drawn, whatever became of it", function()
    local came = "\rimporting  [#...]  1/9 rows  11%\27[K\rimporting  [####]  9/9 rows  100%\27[K"
      .. "\r\27[K9 rows imported\r\n"
    assert.is_nil(shown.differs("importing  [##..]  3/9 rows  33%\n9 rows imported\n", came))
    assert.is_string(shown.differs("exporting  [##..]  3/9 rows  33%\n9 rows imported\n", came))
    local with_rate = "importing  [##..]  3/9 rows  33%  5/s  0:01 left\n9 rows imported\n"
    assert.is_nil(shown.differs(with_rate, came)) -- it was done in less than a second
    assert.is_nil(shown.differs(with_rate, (came:gsub("%%\r", "%%  7/s  0:02 left\r"))))
  end)
end)

describe("a run of a page", function()
  local unable = runner.unable()
  if unable then
    pending(unable)
    return
  end
  before_each(function()
    path = os.tmpname()
  end)
  after_each(function()
    os.remove(path)
  end)

  local function run(text)
    write(text)
    return runner.run(path)
  end

  it("shares a shell, a program and a server between the blocks, in their order", function()
    local result = run(
      "```sh\nposthog-llm skills list\nname=pdf && echo made >file\n```\n\n"
        .. '```lua\nlocal llm = require("posthog.llm")\nlocal client = llm.new()\n'
        .. 'for line in io.lines("file") do print(line) end\n'
        .. 'assert(client.datasets:create({ name = "one" }))\n```\n\n```\nmade\n```\n\n'
        .. '```sh\necho "$name"; posthog-llm datasets list --search one | wc -l\n```\n\n'
        .. "```\npdf\n2\n```\n\n"
        .. "```lua\nprint(client.datasets:list().count) --> 1\n```\n\n"
        .. "```\n$ echo \"it's\"\nit's\n$ tty -s && echo a terminal\na terminal\n```\n"
    )
    assert.same({}, result.problems)
    assert.is_nil(result.refused)
    assert.equal("", result.said)
  end)

  for what, case in pairs({
    ["an undefined name"] = {
      "```lua\nlocal a = 1\n```\n\n```lua\nprint(names)\n```\n",
      2,
      "undefined name 'names'",
    },
    ["an error of a program"] = { "```lua\nlocal a = nil + 1\n```\n", 1, "arithmetic" },
    ["a wrong output"] = { "```lua\nprint(1)\n```\n\n```\n2\n```\n", 1, "the page shows: 2" },
    ["a wrong comment"] = { "```lua\nprint(1, 2) --> 1  3\n```\n", 1, "the page shows: 1\t3" },
    ["a command that fails"] = { "```sh\nfalse\ntrue\n```\n", 1, "ends with 1: false" },
    ["a command that fails in a pipe"] = { "```sh\nfalse | cat\n```\n", 1, "ends with 1" },
    ["another code than it says"] = {
      "```sh\nsh -c 'exit 5' # ends with 6\n```\n",
      1,
      "ends with 5",
    },
    ["a session that goes otherwise"] = {
      "```\n$ echo 1\n1\n$ echo 2\n3\n```\n",
      1,
      "the page shows: 3",
    },
    ["what was not reached"] = {
      "```lua\nerror('x')\n```\n\n```lua\nprint(1)\n```\n",
      2,
      "was not reached",
    },
  }) do
    it("reports " .. what, function()
      local result = run(case[1])
      assert.is_string(result.problems[case[2]])
      assert.is_truthy(result.problems[case[2]]:find(case[3], 1, true), result.problems[case[2]])
    end)
  end

  it("accepts an exit code that the page names", function()
    assert.same({}, run("```sh\nsh -c 'exit 6' # ends with 6\n```\n").problems)
  end)

  it("reports a request that the server refuses", function()
    local result = run(
      '```lua\nlocal c = require("posthog.llm").new()\n'
        .. 'c.datasets:create({ name = "" })\n```\n'
    )
    assert.matches("POST .* was answered with 400", result.refused)
    result = run(
      '```lua\nlocal c = require("posthog.llm").new({ project_id = 5 })\n'
        .. "c.datasets:list()\n```\n"
    )
    assert.matches("/projects/5/", result.refused)
  end)

  if not rawget(_G, "jit") then
    return
  end

  it("finds an undefined name in Neovim, and a notification", function()
    local result = run(
      "<!-- pasted: in nvim -->\n\n```lua\nvim.notify('no')\n```\n\n"
        .. "<!-- pasted: in nvim -->\n\n```lua\nprint(names)\n```\n"
    )
    assert.matches("ends with 1: no", result.problems[1])
    assert.matches("undefined name 'names'", result.problems[2])
  end)
end)
