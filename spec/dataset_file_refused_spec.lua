-- What a server refuses: all that it may hold, a field that all records have, one record.

local dataset_file = require("posthog.llm.dataset_file")
local folders = require("spec.support.folders")
local json = require("posthog.llm.json")
local json_text = require("posthog.llm.util.json_text")
local live = require("spec.support.live")

local fails = live.fails

local ITEMS = "/dataset_items/$"
local JSON = { ["Content-Type"] = "application/json" }

for _, profile in ipairs({ "reference", "current" }) do
  describe("an import that " .. live.api_name[profile] .. " refuses:", function()
    local t = live.session({ profile = profile })
    local folder, client, dataset
    local since = 0 -- lines of the server's log

    local function count_from_here()
      since = #t.e:log()
    end

    setup(t.start)
    teardown(t.stop)
    before_each(function()
      t.reset()
      folder = folders.new()
      dataset = t.e:seed({ datasets = 1 }).datasets[1]
      client = t.client()
      count_from_here()
    end)
    after_each(function()
      folders.remove(folder)
    end)

    local function write(name, text)
      folders.write(folder, name, text)
      return folder .. "/" .. name
    end

    local function read(path)
      return folders.read(folder, path:sub(#folder + 2))
    end

    --- A file with so many records, each with its number.
    local function numbers(count)
      local lines = {}
      for i = 1, count do
        lines[i] = ('{"input":%d,"output":"o"}\n'):format(i)
      end
      return write("numbers.jsonl", table.concat(lines))
    end

    local function import(source, options)
      options = options or {}
      options.settle = options.settle or 0.05
      return dataset_file.import(client, dataset, source, options)
    end

    local function inputs()
      local list = {}
      for item in client.dataset_items:each({ dataset = dataset }) do
        list[#list + 1] = json.encode(item.input)
      end
      table.sort(list)
      return table.concat(list, " ")
    end

    local function count_rows()
      return #live.all(client.dataset_items:each({ dataset = dataset }))
    end

    --- Creates that were sent since `count_from_here`.
    local function posts()
      local n = 0
      for _, entry in ipairs(t.e:log(since)) do
        n = n + (entry.method == "POST" and entry.target:find("dataset_items/$") and 1 or 0)
      end
      return n
    end

    --- Lets the server refuse creates with a 400.
    local function refuse(body, more)
      local action = { status = 400, headers = JSON, body = body }
      for name, value in pairs(more or {}) do
        action[name] = value
      end
      t.e:faults({ { match = { method = "POST", path = ITEMS }, action = action } })
    end

    describe("a field that all records have", function()
      it("ends it at the first record where the import itself adds the field", function()
        local source = numbers(40)
        for _, attr in ipairs({ "dataset", "client_item_id" }) do
          count_from_here()
          refuse(('{"type":"validation_error","code":"invalid_input","attr":"%s"}'):format(attr))
          local value, err, summary = import(source)
          fails("invalid", { attr = attr, status = 400 }, value, err)
          assert.equal(1, posts(), attr)
          assert.same({ 0, 0 }, { summary.imported, summary.rejected })
        end
        t.e:faults({})
        local summary = assert(import(source))
        assert.same({ 40, 0 }, { summary.imported, summary.rejected })
        assert.equal(40, count_rows())
      end)

      it("ends it at the first record where the mapping leaves out what is required", function()
        local source = numbers(40)
        local mapped = { fields = { output = "output", ref_trace_id = "input" } }
        local value, err = import(source, mapped)
        if profile == "current" then -- which also needs an input, and a time with the trace
          fails("invalid", { code = "required" }, value, err)
          assert.equal(1, posts())
          -- The mapping may be mended, and nothing is lost by that.
          assert.equal(40, assert(import(source)).imported)
        end
        refuse('{"type":"validation_error","code":"required","attr":"ref_timestamp"}')
        os.remove(source .. ".journal")
        count_from_here()
        value, err = import(source, { fields = { input = "input" } })
        fails("invalid", { attr = "ref_timestamp" }, value, err)
        assert.equal(1, posts())
      end)

      it(
        "ends it when the first ten are refused alike, and nothing is rejected for that",
        function()
          local source = numbers(200)
          refuse('{"type":"validation_error","code":"invalid_input","attr":"metadata"}')
          local value, err, summary = import(source)
          fails("invalid", { attr = "metadata", code = "invalid_input" }, value, err)
          assert.equal(10, posts())
          assert.truthy(err.message:find("the first 10 records for the same reason", 1, true))
          assert.truthy(err.message:find("or give `reject_all`", 1, true), err.message)
          assert.same({ 0, 0 }, { summary.imported, summary.rejected })
          assert.is_nil(read(source .. ".rejects.jsonl"))
          -- Mended by another mapping: the same journal goes on, and has the ten again.
          t.e:faults({})
          summary = assert(import(source, { fields = { input = "input" } }))
          assert.same({ 200, 0 }, { summary.imported, summary.rejected })
          assert.equal(200, count_rows())
        end
      )

      it("does not end it where that is asked for", function()
        local source = numbers(30)
        refuse('{"type":"validation_error","code":"invalid_input","attr":"metadata"}')
        local summary = assert(import(source, { reject_all = true }))
        assert.equal(30, summary.rejected)
        assert.equal(30, posts())
      end)

      it("does not end it after a record was made, or when the reasons differ", function()
        local source = numbers(40)
        refuse(
          '{"type":"validation_error","code":"invalid_input","attr":"metadata"}',
          { times = 9 }
        )
        assert.equal(9, assert(import(source, { concurrency = 1 })).rejected)
        os.remove(source .. ".journal")
        t.e:faults({
          {
            match = { method = "POST", path = ITEMS },
            action = {
              status = 400,
              headers = JSON,
              body = '{"code":"a","attr":"input"}',
              times = 1,
            },
          },
          {
            match = { method = "POST", path = ITEMS },
            action = { status = 400, headers = JSON, body = '{"code":"b","attr":"input"}' },
          },
        })
        assert.equal(40, assert(import(source)).rejected)
      end)

      it("ends it at once for a status that refuses each request", function()
        for _, status in ipairs({ 402, 405, 406, 415, 431 }) do
          count_from_here()
          refuse("{}", { status = status })
          fails("invalid", { status = status }, import(numbers(40)))
          assert.equal(1, posts(), status)
        end
      end)

      it("rejects all of a short file, whose records are all there is", function()
        refuse('{"detail":"no"}')
        local summary = assert(import(numbers(3)))
        assert.equal(3, summary.rejected)
        assert.equal(3, select(2, read(summary.rejects):gsub("\n", "")))
      end)
    end)

    describe("rejected records", function()
      --- The rejected records, as texts in order, without their places in the file. The members of a
      --- record come in any order.
      local function without_places(text)
        local lines = {}
        for line in text:gmatch("[^\n]+") do
          local record = assert(json.decode(line))
          record._rejected.record, record._rejected.line = nil, nil
          record._rejected.reason = record._rejected.reason:gsub("request [%x-]+", "")
          lines[#lines + 1] = json_text.sorted(record)
        end
        table.sort(lines)
        return lines
      end

      it(
        "are in a file that can be mended and imported as it is, and none is made twice",
        function()
          local source = write(
            "a.jsonl",
            '{"input":1}\n{"input":2,"ref_timestamp":"never"}\n{"question":3}\n{"input":}\n'
              .. '[4]\n{"input":6}\n'
          )
          local summary = assert(import(source))
          assert.same({ 2, 4 }, { summary.imported, summary.rejected })
          assert.equal("1 6", inputs())

          -- As they are, they are rejected again, whatever the format of the line was.
          local again = assert(import(summary.rejects))
          assert.same({ 0, 4 }, { again.imported, again.rejected })
          local text = read(summary.rejects)
          assert.same(without_places(text), without_places(read(again.rejects)))
          os.remove(summary.rejects .. ".journal")

          local mended = {}
          for line in text:gmatch("[^\n]+") do
            local record = assert(json.decode(line))
            assert.equal("string", type(record._rejected.reason))
            mended[#mended + 1] = record
          end
          table.sort(mended, function(a, b)
            return a._rejected.line < b._rejected.line
          end)
          assert.equal("never", mended[1].ref_timestamp or mended[1].source_timestamp)
          assert.equal(3, mended[2].question)
          assert.equal('{"input":}', mended[3]._rejected.text)
          assert.equal("[4]", mended[4]._rejected.text)
          mended[1].ref_timestamp, mended[1].source_timestamp = nil, nil
          mended[2].question, mended[2].input = nil, 3
          mended[3]._rejected.text = '{"input":4}' -- where it stands
          mended[4].input = 5 -- beside it
          local lines = {}
          for i, record in ipairs(mended) do
            lines[i] = json.encode(record)
          end
          write("a.jsonl.rejects.jsonl", table.concat(lines, "\n") .. "\n")
          again = assert(import(summary.rejects))
          assert.same({ 4, 0 }, { again.imported, again.rejected })
          assert.equal("1 2 3 4 5 6", inputs())

          -- Neither file makes anything again, and what was mended stays.
          local before = read(summary.rejects)
          assert.equal(4, assert(import(summary.rejects)).imported)
          assert.equal(2, assert(import(source)).imported)
          assert.equal(before, read(summary.rejects))
          assert.equal("1 2 3 4 5 6", inputs())
        end
      )

      it("have the names of an item where they were mapped, and are not mapped again", function()
        local source = write("a.csv", 'output,input\n1,"{""a"":1}"\n2,\n,5\n')
        local swapped = { fields = { input = "output", output = "input" } }
        refuse('{"code":"invalid_input","attr":"input","detail":"no"}', { times = 1 })
        local summary = assert(import(source, { fields = swapped.fields, concurrency = 1 }))
        local expected = '{"input":1,"output":{"a":1},"_rejected"'
        local first = read(summary.rejects):match("[^\n]*")
        assert.truthy(first:find('"input":1', 1, true), first .. expected)
        assert.truthy(first:find('"mapped":true', 1, true), first)
        write("one.jsonl", first .. "\n")
        for _, options in ipairs({ {}, swapped }) do
          options.journal = folder .. "/journal" .. #inputs()
          assert.equal(1, assert(import(folder .. "/one.jsonl", options)).imported)
        end
        for item in client.dataset_items:each({ dataset = dataset, limit = 2 }) do
          if item.input == 1 then
            assert.same({ a = 1 }, item.output)
          end
        end
      end)

      it("are the lines of the source where these have too few or too many cells", function()
        local source = write("a.csv", 'input,output\n1,2\n3\n4,"5 ""x""",6\n')
        local summary = assert(import(source))
        assert.equal(2, summary.rejected)
        local texts = {}
        for line in read(summary.rejects):gmatch("[^\n]+") do
          texts[#texts + 1] = assert(json.decode(line))._rejected.text
        end
        table.sort(texts)
        assert.same({ "3", '4,"5 ""x""",6' }, texts)
      end)

      it("keep the names of the source where they were not mapped", function()
        local options = {
          fields = function(record)
            if type(record.q) ~= "number" then
              return nil, "no number"
            end
            return { input = record.q }
          end,
        }
        local source = write("a.jsonl", '{"q":1}\n{"q":"2"}\n')
        local summary = assert(import(source, options))
        local text = read(summary.rejects)
        assert.truthy(text:find('{"q":"2","_rejected":', 1, true), text)
        write("a.jsonl.rejects.jsonl", (text:gsub('"2"', "2")))
        options.journal = nil
        assert.equal(1, assert(import(summary.rejects, options)).imported)
        assert.equal("1 2", inputs())
      end)

      it("that were mended are not written over by an import that goes on", function()
        local source = write("a.jsonl", '{"x":1}\n' .. ('{"input":2}\n'):rep(60) .. '{"y":3}\n')
        local _, err, summary = import(source, {
          concurrency = 1,
          on_progress = function(progress)
            return progress.done < 5
          end,
        })
        assert.equal("cancelled", err.kind)
        assert.equal(1, summary.rejected)
        local mended = '{"input":1}\n'
        write("a.jsonl.rejects.jsonl", mended)
        local value, refused = import(source)
        fails("invalid", { file = source .. ".rejects.jsonl" }, value, refused)
        assert.truthy(refused.message:find("name another file by `rejects`", 1, true))
        summary = assert(import(source, { rejects = folder .. "/later.jsonl" }))
        assert.same({ 60, 2 }, { summary.imported, summary.rejected })
        assert.equal(mended, read(source .. ".rejects.jsonl"))
        local later = read(folder .. "/later.jsonl")
        assert.truthy(later:find('{"y":3,', 1, true), later)
        assert.equal(1, select(2, later:gsub("\n", "")))
      end)

      it("are compared as what they hold", function()
        assert(import(write("a.jsonl", '{"input":1}\n')))
        local text = '{"input":1,"_rejected":{"record":1,"reason":"no"}}\n'
        local result = assert(dataset_file.diff(client, dataset, write("b.jsonl", text)))
        assert.equal(1, result.same)
      end)
    end)

    if profile == "current" then
      describe("more than the server may hold", function()
        it("ends it at the limit, with the server's numbers and what is left", function()
          t.e:settings({ item_limit = 15 })
          local source = write("a.jsonl", '{"input":1}\n{"x":1}\n' .. ('{"input":2}\n'):rep(38))
          for _ = 1, 2 do -- the next run ends there as well
            count_from_here()
            local value, err, summary = import(source, { concurrency = 4 })
            fails("conflict", { code = "limit_reached", status = 409 }, value, err)
            assert.same({ "dataset_items", 15, 15 }, { err.resource, err.current_count, err.limit })
            assert.truthy(
              err.message:find("15 of 40 records are in the dataset, 24 are left", 1, true),
              err.message
            )
            assert.truthy(tostring(err):find("15 dataset_items of at most 15", 1, true))
            assert.same({ 15, 1 }, { summary.imported, summary.rejected })
            assert.equal(15, summary.limit.limit)
            assert.truthy(posts() <= 15 + 4)
          end
          assert.equal(15, count_rows())
          local dry = assert(import(source, { dry_run = true }))
          assert.same(
            { resource = "dataset_items", limit = 15, current_count = 15, beyond = 24 },
            dry.limit
          )
          -- Where the server allows more, it goes on.
          t.e:settings({ item_limit = 40 })
          local summary = assert(import(source))
          assert.same({ 39, 1 }, { summary.imported, summary.rejected })
          assert.equal(39, count_rows())
        end)

        it(
          "is told with the number that is left whatever the format, where one can know",
          function()
            t.e:settings({ item_limit = 150 })
            local elements, n = {}, 0
            for i = 1, 400 do
              elements[i] = ('{"input":{"n":%d}}'):format(i)
            end
            local list = write("a.json", "[" .. table.concat(elements, ",\n") .. "]")
            local _, err = import(list)
            assert.truthy(
              err.message:find("150 of 400 records are in the dataset, 250 are left", 1, true)
            )
            dataset = t.e:seed({ datasets = 1 }).datasets[1]
            _, err = import(function()
              n = n + 1
              return { input = n }
            end, { journal = folder .. "/j" })
            local words = "150 records are in the dataset, the others are left"
            assert.truthy(err.message:find(words, 1, true), err.message)
          end
        )

        it("is not forecast by a dry run that has learnt no limit, or another dataset's", function()
          t.e:settings({ item_limit = 5 })
          local source = numbers(20)
          assert.is_nil(assert(import(source, { dry_run = true })).limit)
          fails("conflict", { code = "limit_reached" }, import(source))
          dataset = t.e:seed({ datasets = 1 }).datasets[1]
          assert.is_nil(assert(import(source, { dry_run = true })).limit)
        end)

        it("is one record's where that is too large, with its size", function()
          t.e:settings({ item_bytes = 1000 })
          local source =
            write("a.jsonl", '{"input":1}\n{"input":"' .. ("x"):rep(2000) .. '"}\n{"input":3}\n')
          local summary = assert(import(source))
          assert.same({ 2, 1 }, { summary.imported, summary.rejected })
          local entry = assert(json.decode(read(summary.rejects)))
          assert.equal(2000, #entry.input)
          assert.matches("^the item has 20%d%d bytes of JSON: ", entry._rejected.reason)
        end)
      end)
    end
  end)
end
