--- posthog-llm datasets ... and items ..., as a user runs them.

if os.getenv("SPEC_MODE") ~= "plain" then
  return
end -- the command takes what make has built

local busted = getfenv and getfenv(1) or _ENV -- the functions of busted

local cjson = require("cjson").new()

local command = require("spec.support.command")
local dataset_command = require("spec.support.dataset_command")
local shell = require("spec.support.shell")

--- Nothing of a bar, and nothing that steers a terminal.
local function is_plain(text)
  assert.is_nil(text:find("[%z\1-\9\11-\31\127]"), text)
end

dataset_command.describe(busted, "posthog-llm datasets", function(t, profile)
  local run, ends = t.run, t.ends
  local write = t.write
  local text_of = t.text_of
  local numbers = t.numbers
  local items_of = t.items_of
  local id_of = t.id_of
  local holds = t.holds
  local when_sent = t.when_sent

  local function slow_items(seconds)
    return { match = { method = "POST", path = "dataset_items/$" }, action = { delay = seconds } }
  end

  it("makes, shows, lists, deletes and undeletes a dataset", function()
    local made = ends(0, {
      "datasets",
      "create",
      "golden",
      "--description",
      "By hand.\27[2J",
      "--metadata",
      '{"n":9007199254740993}',
    })
    local id = made.out:match("^(%S+)\n$")
    assert.equal("dataset golden is created\n", made.err)
    assert.equal("", ends(0, { "-q", "datasets", "create", "other" }).err)
    for _, name in ipairs({ "golden", id }) do
      local shown = ends(0, { "datasets", "show", name }).out
      assert.matches("name +golden\nid +" .. id:gsub("%-", "%%-"), shown)
      assert.matches("items +0\n", shown)
      assert.matches("9007199254740993", shown)
    end
    local row = ends(0, { "--json", "datasets", "show", "golden" })
    assert.equal(id, cjson.decode(row.out).id)
    assert.matches('"metadata":{"n":9007199254740993}', row.out, 1, true)
    assert.equal("", row.err)

    local list = ends(0, { "datasets", "list" }).out
    is_plain(list)
    assert.matches("^ID +CREATED +NAME\n", list)
    assert.matches("\n" .. id:gsub("%-", "%%-") .. "  20%d%d%-%d%d%-%d%d %d%d:%d%d  golden\n", list)
    local lines = 0
    for line in ends(0, { "--json", "datasets", "list", "--search", "oth" }).out:gmatch("[^\n]+") do
      assert.equal("other", cjson.decode(line).name)
      lines = lines + 1
    end
    assert.equal(1, lines)

    assert.matches("already: " .. id, ends(3, { "datasets", "create", "golden" }).err, 1, true)
    assert.matches("%-%-yes", ends(2, { "datasets", "delete", "golden" }).err)
    local gone = ends(0, { "datasets", "delete", "golden", "--yes" })
    assert.equal(id .. "\n", gone.out)
    assert.matches("datasets undelete " .. id, gone.err, 1, true)
    assert.is_nil(ends(0, { "datasets", "list" }).out:find("golden", 1, true))
    ends(4, { "datasets", "show", "golden" })
    if profile == "current" then
      assert.matches("golden", ends(0, { "datasets", "list", "--deleted" }).out)
      assert.equal(id .. "\n", ends(0, { "datasets", "undelete", "golden" }).out)
    else
      assert.matches("%-%-deleted", ends(1, { "datasets", "list", "--deleted" }).err)
      assert.matches("by id only", ends(4, { "datasets", "undelete", "golden" }).err)
      assert.equal(id .. "\n", ends(0, { "datasets", "undelete", id }).out)
    end
    assert.equal(id, id_of("golden"))
  end)

  it("asks on a terminal before it deletes a dataset", function()
    local id = ends(0, { "datasets", "create", "golden" }).out:match("%S+")
    local function answered(text)
      return run({ "datasets", "delete", "golden" }, {
        terminal = 80,
        screen = true,
        typed = command.answer("[y/N]", text),
      })
    end
    local no = answered("\\n")
    assert.equal(1, no.code, no.out)
    assert.matches('Delete dataset "golden", ' .. id .. "? [y/N] ", no.out, 1, true)
    assert.matches("not deleted", no.out)
    assert.equal(130, answered("\\003").code)
    assert.equal(id, id_of("golden"))
    local yes = answered("y\\n")
    assert.equal(0, yes.code, yes.out)
    ends(4, { "datasets", "show", "golden" })
  end)

  it("imports a file once, and reports the rows that it rejects", function()
    local source = write("golden.jsonl", '{"input":"a"}\n{"input":1,,}\n{"input":"b","x":2}\n')
    ends(4, { "datasets", "import", "golden", source })
    local dry = ends(7, { "datasets", "import", "golden", source, "--create", "--dry-run" })
    assert.equal(
      "line 2, column 12: invalid JSON: expected a key in quotes\n"
        .. 'line 3: an item has no field "x"; map it to one that it has\n'
        .. "1 record can be imported, 2 cannot\n",
      dry.out
    )
    assert.matches("would be created", dry.err)
    local list = write("golden.json", '[{"input":1},\n{"x":2}]')
    dry = ends(7, { "datasets", "import", "golden", list, "--create", "--dry-run" })
    assert.matches('^%a+ 2: an item has no field "x"', dry.out)
    ends(4, { "datasets", "show", "golden" })
    assert.is_nil(text_of(source .. ".journal"))

    local first = ends(7, { "datasets", "import", "golden", source, "--create" })
    assert.equal("1 row imported, 2 rejected (" .. source .. ".rejects.jsonl)\n", first.out)
    local advice = "to import the rejected ones, mend them in that file, and give it to import\n"
    assert.equal(advice, first.err)
    assert.matches('"line":3', text_of(source .. ".rejects.jsonl"))
    local again = ends(7, { "datasets", "import", "golden", source, "--create" })
    assert.equal(first.out, again.out)
    assert.matches("once more, remove " .. source .. ".journal", again.err, 1, true)
    assert.equal(1, #items_of("golden"))

    local summary = ends(7, {
      "--json",
      "datasets",
      "import",
      "golden",
      source,
      "--journal",
      t.folder .. "/j",
      "--rejects",
      t.folder .. "/r",
      "--concurrency",
      "2",
      "--settle",
      "0.5",
    })
    assert.equal("", summary.err)
    summary = cjson.decode(summary.out)
    assert.same(
      { 1, 2, 3, t.folder .. "/j", t.folder .. "/r" },
      { summary.imported, summary.rejected, summary.records, summary.journal, summary.rejects }
    )
    assert.equal(2, #items_of("golden"))
  end)

  it("imports columns of a table under the names that --field gives", function()
    local source = write("q.csv", 'question;answer;n\n"What;?";5;1\nragged;1\n')
    local args = {
      "datasets",
      "import",
      "golden",
      source,
      "--create",
      "--separator",
      ";",
      "--field",
      "input=question",
      "--field",
      "output=answer",
    }
    local result = ends(7, args)
    assert.matches("^1 row imported, 1 rejected", result.out)
    local rejects = text_of(source .. ".rejects.jsonl")
    assert.matches("line 3: 2 fields, but the first line names 3", rejects)
    local item = items_of("golden")[1]
    assert.equal("What;?", item.input)
    assert.equal(5, item.output or item.expected_output)
    args[#args + 1] = "--values"
    args[#args + 1] = "text"
    args[3], args[4] = "text", write("t.csv", text_of(source))
    ends(7, args)
    item = items_of("text")[1]
    assert.equal("5", item.output or item.expected_output)
  end)

  it("says what a file was found to be, before the first record is sent", function()
    local source = write("q.csv", "question;answer;note\n" .. ("what?;4;x\n"):rep(1319))
    local output = t.e.profile == "current" and "expected_output" or "output"
    local args = { "datasets", "import", "found", source, "--create", "--dry-run" }
    local dry = ends(0, args)
    local said = "format: CSV with ';', 1,319 records; input <- question, "
      .. output
      .. " <- answer; left out: note\n"
    assert.equal(said, dry.err:match("^[^\n]*\n"):gsub("expected_output", output))
    assert.equal("1319 records can be imported, 0 cannot\n", dry.out)
    source = write("q.csv", "question;answer\nwhat?;4\n")
    local result = ends(0, { "datasets", "import", "found", source, "--create" })
    assert.matches("^format: CSV with ';', 1 record; input <%- question", result.err)
    assert.equal("1 row imported\n", result.out)
    local mapped = { "datasets", "import", "found", write("m.csv", "q,a\nwhat?,4\n") }
    for _, word in ipairs({ "--field", "input.text=q", "--field", output .. "=a" }) do
      mapped[#mapped + 1] = word
    end
    assert.equal("", ends(0, mapped).err)
    assert.same({ text = "what?" }, items_of("found")[1].input)
    local doubt = write("d.csv", "question,prompt,my answer,answer\n1,2,3,4\n")
    result = ends(1, { "datasets", "import", "found", doubt })
    assert.matches(
      "choose one: %-%-field input=question %-%-field expected_output=answer,"
        .. " or %-%-field input=prompt %-%-field expected_output=answer\n",
      result.err
    )
    local two = write("two.json", '{"a":[{"input":1}],"b":[{"input":2}]}')
    assert.matches(
      "choose one: %-%-records a\n",
      ends(1, { "datasets", "import", "found", two }).err
    )
    ends(0, { "datasets", "import", "found", two, "--records", "b" })
  end)

  it("imports standard input, and goes on with it where it was stopped", function()
    local lines = {}
    for i = 1, 200 do
      lines[i] = ('{"input":%d,"output":%d}\n'):format(i, i)
    end
    local text = table.concat(lines)
    t.e:fault(slow_items(0.05))
    local args = { "datasets", "import", "piped", "-", "--create", "--settle", "0.2" }
    local options = { dir = t.folder, stdin = text }
    options.while_running = when_sent(50, dataset_command.POST, "kill -TERM $pid")
    local result = run(args, options)
    assert.equal(143, result.code, result.err)
    assert.matches("of the rows are known to be in the dataset; .*%(stdin.journal%)", result.err)
    t.e:faults({})
    result = ends(1, args, { dir = t.folder, stdin = text:gsub('"output":1}', '"output":2}', 1) })
    assert.matches("stdin.journal: this is the journal of another source", result.err)
    assert.matches("^200 rows imported", ends(0, args, { dir = t.folder, stdin = text }).out)
    holds(200, "piped")
    assert.is_nil(text_of(t.folder .. "/stdin.journal"))
    ends(0, { "datasets", "diff", "piped", "-" }, { stdin = text })
    local table_text = "question\tanswer\nwhat?\t4\n"
    result = ends(
      0,
      { "datasets", "import", "table", "-", "--create" },
      { dir = t.folder, stdin = table_text }
    )
    assert.matches("^format: CSV with tab, 1 record; input <%- question", result.err)
    result = ends(1, args, { dir = t.folder, stdin = '{"data": [{"input": 1}]}' })
    assert.matches(
      "standard input: .*say where the records are in it: %-%-records data",
      result.err
    )
  end)

  it("leaves out what an export of PostHog has as archived", function()
    local source = write(
      "export.jsonl",
      '{"item_id":"a","archived":false,"input":1}\n{"item_id":"b","archived":true,"input":2}\n'
    )
    local result = ends(0, { "datasets", "import", "exported", source, "--create" })
    assert.equal("1 row imported, 1 left out as archived or deleted\n", result.out)
    assert.equal(1, #items_of("exported"))
  end)

  it("exports what it imports, and reports what differs", function()
    local lines = '{"input":18446744073709551616,"output":"ünï\\u0001"}\n'
      .. '{"input":{"a":[[],{}]},"output":0.1}\n'
    local source = write("in.jsonl", lines)
    ends(0, { "datasets", "import", "golden", source, "--create" })
    assert.equal(
      "0 added, 0 removed, 0 changed, 2 the same\n",
      ends(0, { "datasets", "diff", "golden", source }).out
    )
    local output = profile == "current" and "expected_output" or "output"
    local piped = ends(0, { "datasets", "export", "golden", "-", "--fields", "input," .. output })
    assert.equal("2 rows\n", piped.err)
    local expected = {}
    for line in lines:gmatch("[^\n]+") do
      table.insert(expected, 1, (line:gsub('"output":', '"' .. output .. '":')))
    end
    assert.equal(table.concat(expected, "\n") .. "\n", piped.out)

    for _, name in ipairs({ "out.csv", "out.json", "out.jsonl" }) do
      local path = t.folder .. "/" .. name
      local result = ends(0, { "datasets", "export", "golden", path })
      assert.equal(("2 rows, %d bytes in %s\n"):format(#text_of(path), path), result.out)
      assert.equal("", result.err)
      ends(0, { "datasets", "diff", "golden", path, "--key", "id" })
      local format = name:match("%w+$")
      local same = ends(0, { "--quiet", "datasets", "export", "golden", "-", "--format", format })
      assert.equal(text_of(path), same.out)
      assert.equal("", same.err)
    end
    local path = t.folder .. "/out.jsonl"
    os.execute("chmod 600 " .. path)
    local result = cjson.decode(ends(0, { "--json", "datasets", "export", "golden", path }).out)
    assert.same({ 2, path }, { result.rows, result.file })
    assert.equal("600\n", (shell.run("stat -c %a " .. path)))
    ends(2, { "--json", "datasets", "export", "golden", "-", "--format", "csv" })

    local changed = text_of(path):gsub("0%.1", '"\\u001b[2J"'):gsub("\n.*", "\n")
    write("out.jsonl", changed .. changed:gsub('"id":"', '"id":"new-'))
    local found = ends(7, { "datasets", "diff", "golden", path, "--key", "id" })
    is_plain(found.out)
    assert.matches(
      '^%+ line 2: "new%-[^\n]+\n%- [^\n]+\n~ line 1, [^\n]+ %(expected_output%)\n'
        .. "1 added, 1 removed, 1 changed, 0 the same\n$",
      found.out
    )
    for no_color, start in pairs({ [false] = "\27[32m+ line 2", ["1"] = "+ line 2" }) do
      local seen = ends(7, { "datasets", "diff", "golden", path, "--key", "id" }, {
        terminal = 80,
        screen = true,
        env = { NO_COLOR = no_color },
      }).out
      assert.matches("\r\27[K" .. start, seen, 1, true)
      assert.equal(no_color == false, seen:find("\27%[3%dm") ~= nil)
    end
    local data =
      cjson.decode(ends(7, { "--json", "datasets", "diff", "golden", path, "--key", "id" }).out)
    assert.same({ 1, 1, 1, 0 }, { #data.added, #data.removed, #data.changed, data.same })
  end)

  it("lists and shows items of a dataset", function()
    local source = write(
      "in.jsonl",
      '{"input":"What?\\u009b2J\\nWho?","metadata":{"a":1}}\n'
        .. '{"input":'
        .. ("[1,"):rep(60)
        .. "1"
        .. ("]"):rep(60)
        .. "}\n"
    )
    ends(0, { "datasets", "import", "golden", source, "--create", "--concurrency", "1" })
    local list = ends(0, { "items", "list", "--dataset", "golden" }).out
    is_plain(list)
    assert.matches("^ID +CREATED +INPUT\n%S+  [%d-]+ [%d:]+  %[1,%[1,[^\n]+%.%.%.\n", list)
    assert.is_nil(list:find("\194\155", 1, true))
    local one = ends(0, { "items", "list", "--dataset", "golden", "--limit", "1" }).out
    assert.equal(select(2, list:gsub("\n", "")) - 1, select(2, one:gsub("\n", "")))
    local rows = items_of("golden")
    assert.equal(2, #rows)
    local shown = ends(0, { "items", "show", rows[2].id }).out
    assert.matches("\ninput\n  What?\194\1552J\n  Who?\n\n", shown, 1, true)
    assert.matches('\nmetadata\n  {"a":1}\n', shown, 1, true)
    local seen = ends(0, { "items", "show", rows[2].id }, { terminal = 80, screen = true }).out
    assert.matches("What?\\u{9b}2J", seen, 1, true)
    assert.is_nil(seen:find("\194\155", 1, true))
    local json = ends(0, { "--json", "items", "show", rows[2].id }).out
    assert.equal(rows[2].id, cjson.decode(json).id)
    ends(4, { "items", "show", "00000000-0000-7000-8000-000000000000" })
    ends(4, { "items", "list", "--dataset", "nobody" })
    if profile == "current" then
      assert.matches("%-%-dataset is required", ends(2, { "items", "list" }).err)
      ends(0, { "items", "list", "--dataset", "golden", "--revision", "1" })
    else
      assert.equal(list, ends(0, { "items", "list" }).out)
      local refused = ends(1, { "items", "list", "--dataset", "golden", "--revision", "1" })
      assert.matches("%-%-revision", refused.err)
    end
  end)

  it("has an exit code for each way to fail, and says what to do", function()
    local source = numbers(2)
    local cases = {
      { 1, { "import", "golden", "-" }, "standard input: is empty" },
      { 2, { "export", "golden", t.folder .. "/a.txt" }, "format: unknown from the name" },
      { 2, { "import", "golden", source, "--field", "input" }, "NAME=COLUMN" },
      { 2, { "import", "golden", source, "--field", "x=y" }, "no field x" },
      { 2, { "import", "golden", source, "--field", "input=a", "--field", "input=b" }, "twice" },
      { 2, { "import", "golden", source, "--separator", "ab" }, "one character" },
      { 2, { "import", "golden", source, "--settle", "soon" }, "invalid time 'soon'" },
      { 2, { "create", "golden", "--metadata", "[1]" }, "invalid JSON object" },
      { 1, { "import", "golden", "/dev/stdin", "--format", "jsonl" }, "save it to a file\n" },
      { 1, { "import", "golden", t.folder .. "/gone.csv" }, "gone.csv: cannot be read: No such" },
      { 1, { "import", "golden", write("b.csv", '"a') }, "b.csv: " },
      {
        1,
        { "import", "golden", write("e.csv", "a\n1\n") },
        '"a"; map columns to fields by %-%-field',
      },
      { 1, { "import", "golden", write("c.csv", "a\n1\n"), "--field", "input=b" }, 'column "b"' },
      { 1, { "diff", "golden", write("d.jsonl", "{}\nx\n") }, "line 1" },
      { 4, { "import", "nobody", source }, 'no dataset "nobody"' },
      { 4, { "export", "nobody", t.folder .. "/out.csv" }, 'no dataset "nobody"' },
      { 4, { "diff", "nobody", source }, 'no dataset "nobody"' },
      { 4, { "delete", "nobody", "--yes" }, 'no dataset "nobody"' },
      { 1, { "export", "golden", t.folder .. "/none/out.csv" }, "none/out.csv" },
    }
    ends(0, { "datasets", "create", "golden" })
    for _, case in ipairs(cases) do
      table.insert(case[2], 1, "datasets")
      local result = ends(case[1], case[2])
      assert.equal("", result.out)
      assert.matches(case[3], result.err)
      assert.matches(case[4] or "", result.err)
    end
    assert.is_nil(text_of(source .. ".journal"))
    local keyless = { env = { POSTHOG_PERSONAL_API_KEY = false } }
    local import = { "datasets", "import", "golden", source }
    assert.matches("%-%-key%-file", ends(5, import, keyless).err)
    local bad = { env = { POSTHOG_PERSONAL_API_KEY = "phx_nobody" } }
    ends(5, import, bad)
    assert.equal(0, #items_of("golden"))
  end)

  it("takes and prints names of files that are not UTF-8", function()
    local source = write("numbers\255.jsonl", '{"input":1}\n')
    local import = { "datasets", "import", "golden", source, "--create" }
    assert.equal("1 row imported\n", ends(0, import).out)
    write("numbers\255.jsonl", '{"input":2}\n')
    assert.matches("another source: [^ ]*numbers\\xff.jsonl,", ends(1, import).err)
    local path = t.folder .. "/out\255.jsonl"
    local told = ends(0, { "--json", "datasets", "export", "golden", path }).out
    assert.equal(t.folder .. "/out\\xff.jsonl", cjson.decode(told).file)
    assert.equal(1, select(2, text_of(path):gsub("\n", "")))
  end)

  it("says which import a journal belongs to", function()
    local source = numbers(2)
    ends(0, { "datasets", "import", "golden", source, "--create" })
    ends(0, { "datasets", "create", "other" })
    local result = ends(1, { "datasets", "import", "other", source })
    assert.matches("journal of another dataset.*; name another one by %-%-journal", result.err)
    numbers(3)
    result = ends(1, { "datasets", "import", "golden", source })
    assert.matches("journal of another source", result.err)
    assert.equal(2, #items_of("golden"))
  end)

  if profile == "current" then
    it("says which rows were there already under their own key", function()
      local source = write("keyed.jsonl", '{"input":1,"client_item_id":"a"}\n{"input":2}\n')
      ends(0, { "datasets", "import", "golden", source, "--create" })
      local again = { "datasets", "import", "golden", source, "--journal", t.folder .. "/j" }
      assert.equal("2 rows imported (1 there before)\n", ends(0, again).out)
      assert.equal(3, #items_of("golden"))
    end)

    it("exports and compares the dataset of an earlier revision", function()
      local source = numbers(3)
      ends(0, { "datasets", "import", "golden", source, "--create", "--concurrency", "1" })
      local path = t.folder .. "/old.jsonl"
      ends(0, { "datasets", "export", "golden", path, "--revision", "2", "--prefetch", "0" })
      assert.equal(2, select(2, text_of(path):gsub("\n", "")))
      local diff = { "datasets", "diff", "golden", path, "--revision", "2", "--prefetch", "1" }
      assert.equal("0 added, 0 removed, 0 changed, 2 the same\n", ends(0, diff).out)
    end)
  end

  it("says which keys an import has left out", function()
    local source = write("keyed.jsonl", '{"input":1,"client_item_id":"a"}\n{"input":2}\n')
    local result = ends(0, { "datasets", "import", "golden", source, "--create" })
    local note = "1 key left out: API v1 has no client_item_id"
    assert.equal(profile == "reference", result.err:find(note, 1, true) ~= nil, result.err)
    local start = "client_item_id left out, API v1 does not have it"
    assert.equal(profile == "reference", result.err:find(start, 1, true) ~= nil, result.err)
    assert.equal("2 rows imported\n", result.out)
  end)

  if profile == "reference" then
    it("says that it waits, and how many rows it found", function()
      t.e:fault({
        match = { method = "POST", path = "dataset_items/$" },
        action = { close = "after", times = 3 },
      })
      local import = { "datasets", "import", "golden", numbers(9), "--create", "--settle", "0.5" }
      local result = ends(0, import, { terminal = 80 })
      assert.matches("6/9 rows  66%%[^\r]*  waits 1 s\27", result.err)
      assert.equal("9 rows imported (3 found after a lost response)\n", result.out)
      holds(9, "golden")
    end)

    it("asks for the id where two datasets have the name", function()
      ends(0, { "datasets", "create", "golden" })
      local copy = ends(0, { "datasets", "create", "copy" }).out:match("%S+")
      shell.run(
        (
          "curl -q -sS --noproxy '*' -X PATCH -H 'Authorization: Bearer %s' "
          .. "-H 'Content-Type: application/json' -d '{\"name\":\"golden\"}' "
          .. "%s/api/projects/112358/datasets/%s/"
        ):format(command.KEY, t.e.url, copy)
      )
      for _, args in ipairs({
        { "import", numbers(1) },
        { "diff", numbers(1) },
        { "show" },
        { "export", t.folder .. "/out.csv" },
        { "delete" },
      }) do
        local result = ends(3, { "datasets", args[1], "golden", args[2] })
        assert.matches("give the id", result.err)
      end
    end)
  end
end)
