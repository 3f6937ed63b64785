-- Files, options and answers that are not what they should be.

local clock = require("posthog.llm.clock")
local core = require("posthog.llm.core")
local dataset_file = require("posthog.llm.dataset_file")
local folders = require("spec.support.folders")
local live = require("spec.support.live")

local fails = live.fails

for _, profile in ipairs({ "reference", "current" }) do
  describe("a dataset file and " .. live.api_name[profile] .. ":", function()
    local t = live.session({ profile = profile })
    local folder, client, dataset

    setup(t.start)
    teardown(t.stop)
    before_each(function()
      t.reset()
      folder = folders.new()
      dataset = t.e:seed({ datasets = 1 }).datasets[1]
      client = t.client()
    end)
    after_each(function()
      folders.remove(folder)
    end)

    local function write(name, text)
      folders.write(folder, name, text)
      return folder .. "/" .. name
    end

    local function import(source, options, name)
      options = options or {}
      options.settle = 0.05
      return dataset_file.import(client, name or dataset, source, options)
    end

    local function count_rows()
      return #live.all(client.dataset_items:each({ dataset = dataset }))
    end

    -- Once is enough for seventy megabytes.
    if _VERSION == "Lua 5.4" and profile == "reference" and os.getenv("SPEC_MODE") == "plain" then
      it("a line without end that was packed is an error, before anything is sent", function()
        local path = write("a.jsonl", "")
        local line =
          [[{ printf '{"input":"'; head -c 70000000 /dev/zero | tr '\0' x; } | gzip -1 >'%s']]
        os.execute(line:format(path))
        local from = #t.e:log()
        local summary, err = import(path)
        fails("invalid", nil, summary, err)
        assert.equal(path .. ": line 1 has more than 67108864 bytes", err.message)
        assert.equal(from, #t.e:log())
      end)
    end

    it("the reason of a rejection may be in any encoding", function()
      local source = write("a.jsonl", '{"input":1}\n{"input":2}\n{"input":3}\n')
      local summary = assert(import(source, {
        fields = function(record, n)
          if n == 2 then
            return nil, "caf\233\n\27[31m"
          end
          return record
        end,
      }))
      assert.same({ 2, 1 }, { summary.imported, summary.rejected })
      assert.equal(
        '{"input":2,"_rejected":{"record":2,"line":2,"reason":"caf\\\\xe9\\\\n\\\\x1b[31m"}}\n',
        folders.read(folder, "a.jsonl.rejects.jsonl")
      )
      assert(import(source, {
        fields = function(record)
          return record
        end,
      }))
      assert.equal(2, count_rows())
    end)

    it("no file is written over another", function()
      local text = '{"input":1}\nno JSON\n'
      local source = write("a.jsonl", text)
      for _, options in ipairs({
        { journal = source },
        { rejects = source },
        { rejects = source .. ".journal" },
        { journal = folder .. "/./a.jsonl" },
        { rejects = folder .. "//a.jsonl" },
        { journal = folder .. "/b", rejects = folder .. "/b" },
      }) do
        local summary, err = import(source, options)
        fails("invalid", { file = options.rejects or options.journal }, summary, err)
        assert.same({ ["a.jsonl"] = text }, folders.tree(folder))
      end
      assert.equal(0, count_rows())
    end)

    it("what is added to the source meanwhile is not read", function()
      local source = write("a.jsonl", ('{"input":1}\n'):rep(50))
      local grown = assert(io.open(source, "ab"))
      local summary = assert(import(source, {
        concurrency = 1,
        on_progress = function()
          assert(grown:write('{"input":2}\n'))
          assert(grown:flush())
        end,
      }))
      grown:close()
      assert.same({ 50, 50 }, { summary.records, summary.imported })
      assert.equal(50, count_rows())
      fails("invalid", { file = source .. ".journal" }, import(source))
    end)

    it("a pipe is refused, which cannot be read twice", function()
      local pipe = folder .. "/pipe.jsonl"
      os.execute("mkfifo " .. pipe)
      os.execute(("echo '{\"input\":1}' > %s &"):format(pipe))
      local summary, err = import(pipe)
      fails("invalid", { file = pipe }, summary, err)
      assert.truthy(err.message:find("is a pipe", 1, true))
      assert.equal(0, count_rows())
    end)

    it("a file whose columns mean nothing is refused before anything is sent", function()
      for text, message in pairs({
        ["frage,antwort\r\n1,2\r\n"] = 'line 1: an item has no field "frage"; '
          .. "map columns to fields by `fields`",
        ["input,gr\252n\r\n1,2\r\n"] = 'line 1: an item has no field "gr\\xfcn"',
        ["input\r1\r2\r"] = "line 1: lines end in CR alone",
      }) do
        local source = write("a.csv", text)
        local since = #t.e:log()
        local summary, err = import(source)
        fails("invalid", { file = source }, summary, err)
        assert.truthy(err.message:find(message, 1, true), err.message)
        assert.equal(since, #t.e:log())
        assert.is_nil(folders.read(folder, "a.csv.journal"))
      end
      local exported = write("a.csv", "id,input,created_at\r\nx,1,2026\r\n")
      assert.equal(1, assert(import(exported)).imported)
      local mapped = { fields = { input = "question" } }
      assert.equal(1, assert(import(write("b.csv", "question,answer\r\n1,2\r\n"), mapped)).imported)
    end)

    it("a record without a field is rejected, whether we or the server check it", function()
      local empty = {
        fields = function()
          return {}
        end,
      }
      assert.equal(1, assert(import(write("a.jsonl", '{"input":1}\n'), empty)).rejected)
      assert.equal(1, assert(import(write("b.jsonl", "{}\n"))).rejected)
      assert.equal(0, count_rows())
    end)

    it("the error for the journal of another source says what to do", function()
      assert(import(write("a.jsonl", '{"input":1}\n')))
      local _, err = import(write("a.jsonl", '{"input":2}\n'))
      fails("invalid", { file = folder .. "/a.jsonl.journal" }, nil, err)
      local words = "the file was changed since, and 1 of its records are in the dataset already:"
        .. " put it back to go on"
      assert.truthy(err.message:find(words, 1, true), err.message)
      assert.truthy(err.message:find("with a new journal (`journal`) all of its records", 1, true))
      local other = { journal = folder .. "/a.jsonl.journal" }
      _, err = import(write("b.jsonl", '{"input":2}\n'), other)
      assert.truthy(err.message:find("name another one by `journal`, or remove it", 1, true))
    end)

    it("a create whose response has no row is one of unknown outcome", function()
      t.e:fault({
        match = { method = "POST", path = "/dataset_items/$" },
        action = { status = 204, times = 2 },
      })
      local summary = assert(import(write("a.jsonl", ('{"input":1}\n'):rep(3))))
      assert.equal(3, summary.imported)
      assert.equal(3, count_rows())
    end)

    it("waits grow longer while the server throttles requests and names no time", function()
      t.e:fault({
        match = { method = "POST", path = "/dataset_items/$" },
        action = { status = 429, body = "{}", times = 20 },
      })
      local sleep, waits = clock.sleep, {}
      finally(function()
        clock.sleep = sleep
      end)
      function clock.sleep() end
      local summary = assert(import(write("a.jsonl", '{"input":1}\n'), {
        on_progress = function(progress)
          waits[#waits + 1] = progress.waiting
        end,
      }))
      assert.equal(1, summary.imported)
      assert.equal(20, #waits)
      for i, expected in ipairs({ 0.5, 1, 2, 4, 8, 10, 10 }) do
        assert.equal(expected, waits[i])
      end
    end)

    it("a list of datasets that is not a list is an error", function()
      local source = write("a.jsonl", '{"input":1}\n')
      for _, body in ipairs({
        '{"results":[5],"next":null}',
        '{"results":[{}],"next":null}',
        '{"results":[{"name":"x","id":5}],"next":null}',
        "[]",
        "null",
        '{"count":9,"next":"?limit=100&offset=0","results":[{"id":"a"}]}',
      }) do
        t.answer(200, body)
        local summary, err, third = dataset_file.import(client, "x", source)
        fails("decode", nil, summary, err)
        assert.is_nil(third)
        fails("decode", nil, dataset_file.export(client, "x", folder .. "/b.jsonl"))
        fails("decode", nil, dataset_file.diff(client, "x", source))
        t.e:faults({})
      end
      assert.same({ ["a.jsonl"] = '{"input":1}\n' }, folders.tree(folder))
    end)

    it("a response without content is an error", function()
      local source, exported = write("a.jsonl", '{"input":1}\n'), folder .. "/b.jsonl"
      for path, names in pairs({ datasets = { dataset, "x" }, dataset_items = { dataset } }) do
        t.e:fault({ match = { method = "GET", path = path }, action = { status = 204 } })
        for _, name in ipairs(names) do
          fails("decode", nil, dataset_file.export(client, name, exported))
          fails("decode", nil, dataset_file.diff(client, name, source))
        end
        t.e:faults({})
      end
      t.e:fault({ match = { method = "POST", path = "datasets" }, action = { status = 204 } })
      fails("decode", { ambiguous = true }, import(source, { create = true }, "new"))
      t.e:faults({})
      assert.same({ ["a.jsonl"] = '{"input":1}\n' }, folders.tree(folder))
    end)

    it("a name has no white space at its ends, as on the server", function()
      local source = write("a.jsonl", '{"input":1}\n')
      local first = assert(import(source, { create = true }, " my set\n"))
      local again = assert(import(source, { create = true }, "my set "))
      assert.same({ first.dataset, 1 }, { again.dataset, again.imported })
      assert.equal(2, #live.all(client.datasets:each()))
    end)

    it("an import that never began returns no summary", function()
      local source = write("a.jsonl", '{"input":1}\n')
      for _, name in ipairs({ "nope", "0198c5a2-7be4-7000-8000-3f1d2c4b5a69" }) do
        local summary, err, third = dataset_file.import(client, name, source)
        fails("not_found", nil, summary, err)
        assert.is_nil(third)
      end
    end)

    it("a dry run, an export and a comparison report their progress, and can be stopped", function()
      local source = write("a.jsonl", ('{"input":1}\n'):rep(2000) .. "x\n")
      local told = {}
      local planned = assert(import(source, {
        dry_run = true,
        on_progress = function(progress)
          told[#told + 1] = { progress.done, progress.usable, progress.records }
        end,
      }))
      assert.same({ { 999, 999, 2001 }, { 1999, 1999, 2001 } }, told)
      assert.same({ 2001, 2000, 1 }, { planned.done, planned.usable, planned.rejected })
      local stop = {
        dry_run = true,
        on_progress = function()
          return false
        end,
      }
      fails("cancelled", nil, import(source, stop))

      t.e:seed({ items = 150, dataset = dataset })
      told = {}
      local tell = {
        on_progress = function(progress)
          told[#told + 1] = progress
        end,
      }
      local result = assert(dataset_file.diff(client, dataset, write("b.jsonl", ""), tell))
      assert.equal(150, #result.removed)
      assert.same({ { rows = 100, total = 150 }, { rows = 150, total = 150 } }, told)
      stop = {
        on_progress = function()
          return false
        end,
      }
      fails("cancelled", nil, dataset_file.diff(client, dataset, folder .. "/b.jsonl", stop))

      told = {}
      local long = write("long.jsonl", ('{"input":1}\n'):rep(2001))
      fails(
        "cancelled",
        nil,
        dataset_file.diff(client, dataset, long, {
          on_progress = function(progress)
            told[#told + 1] = progress
            return #told < 2
          end,
        })
      )
      assert.same({ { rows = 0, read = 1000 }, { rows = 0, read = 2000 } }, told)
    end)

    it("a field that no row has is not a column of an export", function()
      t.e:seed({ items = 1, dataset = dataset })
      local options = { fields = { "inptu" } }
      local _, err = dataset_file.export(client, dataset, folder .. "/a.csv", options)
      fails("invalid", nil, nil, err)
      assert.truthy(err.message:find('no field "inptu"', 1, true))
      assert.same({}, folders.tree(folder))
    end)

    it("a comparison shows nothing that controls a terminal", function()
      local source = write("a.jsonl", '{"input":"\\u001b[31m\\u009b\\u202e"}\n')
      t.e:fault({
        match = { path = "/dataset_items/" },
        action = {
          status = 200,
          headers = { ["Content-Type"] = "application/json" },
          body = '{"count":1,"next":null,"results":[{"id":"\\u001b[31mx","input":"\\u009b"}]}',
        },
      })
      local result = assert(dataset_file.diff(client, dataset, source))
      assert.equal(
        '+ line 1: "\\u001b[31m\\u{9b}\\u{202e}"\n- \\x1b[31mx: "\\u{9b}"\n'
          .. "1 added, 1 removed, 0 changed, 0 the same\n",
        result.text
      )
      assert.equal("\27[31mx", result.removed[1].id)
      assert(core.encode(result))
    end)
  end)
end
