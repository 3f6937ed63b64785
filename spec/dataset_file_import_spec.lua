--- What an import makes of files and iterators.

local busted = getfenv and getfenv(1) or _ENV -- the functions of busted

local dataset_file = require("posthog.llm.dataset_file")
local dataset_import = require("spec.support.dataset_import")
local live = require("spec.support.live")
local llm = require("posthog.llm")

local fails = live.fails

describe("an import", function()
  for _, profile in ipairs({ "reference", "current" }) do
    describe("to " .. live.api_name[profile], function()
      local t = dataset_import.session(profile)
      t.hook(busted)

      it("makes a row of each record of JSONL, JSON and CSV", function()
        for name, text in pairs({
          ["a.jsonl"] = '{"input":{"q":[]},"output":null}\n{"input":9007199254740993}\n',
          ["b.json"] = '[{"input":{"q":[]}},\n{"input":9007199254740993}]',
          ["c.csv"] = 'input,output\r\n"{""q"":[]}",\r\n9007199254740993,\r\n',
        }) do
          local before = #t.inputs()
          local source = t.write(name, text)
          local summary = assert(t.import(source, { concurrency = 1 }))
          assert.equal(2, summary.records)
          assert.equal(2, summary.imported)
          assert.equal(2, summary.created)
          assert.equal(0, summary.rejected)
          assert.equal(source .. ".journal", summary.journal)
          assert.is_nil(summary.rejects)
          assert.equal(before + 2, #t.inputs(), name)
        end
        assert.same({
          "9007199254740993",
          "9007199254740993",
          "9007199254740993",
          '{"q":[]}',
          '{"q":[]}',
          '{"q":[]}',
        }, t.inputs())
      end)

      it("takes the dataset by its name, when one has it", function()
        local client = t.caller
        local source = t.numbers(1)
        assert(client.datasets:create({ name = "golden" }))
        assert(client.datasets:create({ name = "golden copy" }))
        assert.equal(1, assert(dataset_file.import(client, "golden", source)).imported)
        fails("not_found", nil, dataset_file.import(client, "gold", source))
        if profile == "reference" then
          assert(client.datasets:create({ name = "golden" }))
          fails("conflict", nil, dataset_file.import(client, "golden", source))
        end
      end)

      it("makes the dataset when none has the name and `create` is set", function()
        local client = t.caller
        local source = t.numbers(2)
        local options = { create = true, dry_run = true }
        assert.is_true(assert(dataset_file.import(client, "new", source, options)).is_new)
        fails("not_found", nil, dataset_file.import(client, "new", source))
        local id = "00000000-0000-7000-8000-000000000000"
        fails("not_found", nil, dataset_file.import(client, id, source, { create = true }))
        local bad = t.write("bad.json", "[1,")
        fails("invalid", nil, dataset_file.import(client, "new", bad, { create = true }))
        options.dry_run = nil
        t.e:fault({
          match = { method = "POST", path = "datasets/$" },
          action = { close = "after", times = 1 },
        })
        local summary = assert(dataset_file.import(client, "new", source, options))
        assert.equal(2, summary.imported)
        assert.is_true(summary.is_new)
        assert.is_nil(assert(dataset_file.import(client, "new", source, options)).is_new)
        local count = 0
        for row in client.datasets:each() do
          if row.name == "new" then
            count = count + 1
          end
        end
        assert.equal(1, count)
      end)

      it("is finished once, and then does nothing", function()
        local source = t.numbers(10)
        assert(t.import(source))
        local since = #t.e:log()
        local summary = assert(t.import(source))
        assert.equal(10, summary.imported)
        assert.equal(0, t.posts(since))
        assert.equal(10, #t.inputs())
      end)

      it("reports rejected records with line and reason, and makes the others", function()
        local source = t.write(
          "bad.jsonl",
          '{"input":1}\n\n{"input":}\n{"question":2}\n'
            .. '{"input":3,"ref_timestamp":"never"}\n{"input":4}\n'
        )
        local client, dataset = t.caller, t.dataset
        local summary = assert(dataset_file.import(client, dataset, source))
        assert.equal(5, summary.records)
        assert.equal(2, summary.imported)
        assert.equal(3, summary.rejected)
        local places = {}
        for line in t.text_of(summary.rejects):gmatch("[^\n]+") do
          local entry = assert(llm.json.decode(line))._rejected
          places[#places + 1] = entry.record .. " " .. entry.line
          assert.equal("string", type(entry.reason))
        end
        table.sort(places)
        assert.same({ "2 3", "3 4", "4 5" }, places)
        assert.truthy(t.text_of(summary.rejects):find("line 3, column 10", 1, true))
        assert.same({ "1", "4" }, t.inputs())
        os.remove(summary.rejects)
        assert(dataset_file.import(client, dataset, source))
        assert.equal(3, select(2, t.text_of(summary.rejects):gsub("\n", "")))
      end)

      it("sends nothing when the file as a whole cannot be used", function()
        local since = #t.e:log()
        for name, text in pairs({
          ["a.json"] = '[{"input":1},{"input":2]',
          ["b.csv"] = 'input\n1\n"2\n',
          ["c.csv"] = "question\n1\n",
          ["d.jsonl"] = "\255\254x",
        }) do
          local fields = name == "c.csv" and { input = "q" } or nil
          local value, err = t.import(t.write(name, text), { fields = fields })
          fails("invalid", { file = t.folder .. "/" .. name }, value, err)
          assert.is_nil(t.text_of(t.folder .. "/" .. name .. ".journal"))
        end
        local none = t.folder .. "/none.csv"
        fails("file", { file = none }, t.import(none))
        t.silent(since)
      end)

      it("makes nothing in a dry run, and reports what would be rejected", function()
        local source = t.write("dry.jsonl", '{"input":1}\n{"x":1}\n{"input":2}\n')
        local summary = assert(t.import(source, { dry_run = true }))
        assert.equal(2, summary.usable)
        assert.equal(1, summary.rejected)
        assert.equal(2, summary.problems[1].line)
        assert.is_nil(t.text_of(source .. ".journal"))
        assert.is_nil(t.text_of(source .. ".rejects.jsonl"))
        assert.same({}, t.inputs())
      end)

      it("takes records of an iterator, and goes on with another one", function()
        local function records()
          local i = 0
          return function()
            i = i + 1
            return i <= 40 and { q = i } or nil
          end
        end
        local options = { journal = t.folder .. "/j", fields = { input = "q" }, concurrency = 1 }
        options.on_progress = function(progress)
          return progress.done < 10
        end
        fails("cancelled", nil, t.import(records(), options))
        options.on_progress = nil
        local summary = assert(t.import(records(), options))
        assert.equal(40, summary.imported)
        assert.equal(40, #t.inputs())
      end)

      it("leaves out what the caller's function leaves out", function()
        local summary = assert(t.import(t.numbers(10), {
          fields = function(record)
            if record.input % 2 == 0 then
              return nil
            end
            if record.input == 5 then
              return nil, "no fives"
            end
            return { input = record.input }
          end,
        }))
        assert.equal(5, summary.skipped)
        assert.equal(1, summary.rejected)
        assert.same({ "1", "3", "7", "9" }, t.inputs())
        assert.truthy(t.text_of(summary.rejects):find("no fives", 1, true))
      end)
    end)
  end

  it("raises misuse at the line of the call", function()
    local c = llm.new({ personal_api_key = "phx_x", project_id = 1, host = "http://127.0.0.1:1" })
    local import = dataset_file.import
    live.misuses({
      {
        "client: a client expected",
        function()
          import(nil, "x", "a.csv")
        end,
      },
      {
        "dataset: string expected",
        function()
          import(c, nil, "a.csv")
        end,
      },
      {
        "dataset is empty",
        function()
          import(c, "", "a.csv")
        end,
      },
      {
        "source: path or iterator",
        function()
          import(c, "x", 5)
        end,
      },
      {
        "unknown from the name",
        function()
          dataset_file.export(c, "x", "a.txt")
        end,
      },
      {
        "format:",
        function()
          import(c, "x", "a.txt", { format = "xml" })
        end,
      },
      {
        '"speed"',
        function()
          import(c, "x", "a.csv", { speed = 1 })
        end,
      },
      {
        "no field q",
        function()
          import(c, "x", "a.csv", { fields = { q = "a" } })
        end,
      },
      {
        "fields.input",
        function()
          import(c, "x", "a.csv", { fields = { input = 5 } })
        end,
      },
      {
        "journal:",
        function()
          import(c, "x", function() end)
        end,
      },
      {
        "concurrency: at least 1",
        function()
          import(c, "x", "a.csv", { concurrency = 0 })
        end,
      },
      {
        "on_progress: function",
        function()
          import(c, "x", "a.csv", { on_progress = 1 })
        end,
      },
      {
        "values:",
        function()
          import(c, "x", "a.csv", { values = "xml" })
        end,
      },
      {
        "separator:",
        function()
          import(c, "x", "a.csv", { separator = ",," })
        end,
      },
      {
        "settle:",
        function()
          import(c, "x", "a.csv", { settle = -1 })
        end,
      },
    })
  end)
end)
