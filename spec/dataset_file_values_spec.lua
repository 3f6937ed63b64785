local dataset_file = require("posthog.llm.dataset_file")
local folders = require("spec.support.folders")
local json = require("posthog.llm.json")
local json_text = require("posthog.llm.util.json_text")
local live = require("spec.support.live")

local ITEMS = "/dataset_items/$"
local KINDS = math.type ~= nil -- of numbers: LuaJIT and Lua 5.1 read 1.0 as 1

--- Values that the database gives back in another spelling than the one that they came in.
local RESPELT = {
  "1e16",
  "10000000000000000",
  "-0.0",
  "[-0, 0, 0.0]",
  "1E2",
  "1.50",
  "15e-1",
  "18446744073709551615",
  "1e22",
  "123456789012345680.0",
  "-1.5e300",
  "5e-324",
  '{"b": [1e16, {"y": 1, "x": -0.0}], "a": 2}',
  '{"a": 1, "a": 1e16}',
}

describe("the text of a value with its names in order", function()
  it("has each name as JSON writes it, however many and however long they are", function()
    for turn = 1, 2 do
      for i = 1, 500 do
        local name = ('%s"%d'):format(("x"):rep(i % 100 + 1), i)
        local expected = ('{"a":%d,%s:"v"}'):format(turn, json.encode(name))
        assert.equal(expected, json_text.sorted({ [name] = "v", a = turn }), name)
      end
    end
    assert.equal('{"a":{"b":[1,{"b":2}]}}', json_text.sorted({ a = { b = { 1, { b = 2 } } } }))
    assert.equal("{}", json_text.sorted({}))
  end)
end)

describe("the text of a value as it is stored", function()
  local function stored(text, tells_floats)
    return json_text.stored(assert(json.decode(text)), tells_floats)
  end

  it("is one for all spellings of a number, whether or not Lua can hold it", function()
    for _, equal in ipairs({
      { "1e16", "10000000000000000", "1.0e16", "10000000000000000.0" },
      { "0", "-0", "0.0", "-0.0", "0e5" },
      { "100", "1e2", "1.00E+2" },
      { "1.5", "15e-1", "1.50" },
      { "100000000000000000000", "1e20" },
      { "-18446744073709551616", "-18446744073709551616" },
      { '{"a":1e16,"b":[]}', '{"b":[],"a":10000000000000000}' },
      { '{"a":2}', '{"a":1,"a":2}' },
    }) do
      for _, text in ipairs(equal) do
        assert.equal(stored(equal[1]), stored(text), text)
      end
    end
    local seen = {}
    for _, text in ipairs({
      "0",
      "1",
      "-1",
      "10",
      "0.1",
      "1e16",
      "10000000000000001",
      "18446744073709551615",
      "18446744073709551616",
      "1e-7",
      "1e300",
      "[]",
      "{}",
      '"1"',
      "true",
      "null",
    }) do
      assert.is_nil(seen[stored(text)], text)
      seen[stored(text)] = true
    end
  end)

  it("tells a float from an integer where that is asked for, and Lua can", function()
    assert.equal(KINDS, stored("1.0", true) ~= stored("1", true))
    assert.equal(KINDS, stored("[100.0]", true) ~= stored("[100]", true))
    assert.equal(stored("1.0"), stored("1"))
    -- The database has no fraction for these.
    assert.equal(stored("1e16", true), stored("10000000000000000", true))
    assert.equal(stored("1.0", true), stored("1.00", true))
  end)
end)

for _, profile in ipairs({ "reference", "current" }) do
  describe("values on a database that spells them anew, of " .. live.api_name[profile], function()
    local t = live.session({ profile = profile })
    local folder, dataset, client

    setup(t.start)
    teardown(t.stop)
    before_each(function()
      t.reset()
      t.e:settings({ jsonb = true })
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

    --- A file with such values in all of the fields of an item.
    local function respelt()
      local lines = {}
      for i, text in ipairs(RESPELT) do
        local format = '{"client_item_id":"row %d","input":%s,"output":[%s],"metadata":{"v":%s}}'
        if profile == "reference" then
          format = '{"input":{"row":%d,"v":%s},"output":[%s],"metadata":{"v":%s}}'
        end
        lines[i] = format:format(i, text, text, text)
      end
      return write("a.jsonl", table.concat(lines, "\n") .. "\n")
    end

    local function count_rows()
      return #live.all(client.dataset_items:each({ dataset = dataset }))
    end

    local function import(path, options)
      options = options or {}
      options.settle = 0.05
      return assert(dataset_file.import(client, dataset, path, options))
    end

    it("are the same in a comparison after an import, by any key", function()
      local path = respelt()
      assert.equal(#RESPELT, import(path).created)
      for _, key in ipairs({ "none", profile == "current" and "client_item_id" or "input" }) do
        key = key ~= "none" and key or nil
        local result = assert(dataset_file.diff(client, dataset, path, { key = key }))
        assert.equal(("0 added, 0 removed, 0 changed, %d the same\n"):format(#RESPELT), result.text)
      end
    end)

    it("are the same when they were exported, whatever the format", function()
      import(respelt())
      for _, format in ipairs({ "jsonl", "json", "csv" }) do
        local path = folder .. "/out." .. format
        assert(dataset_file.export(client, dataset, path))
        local result = assert(dataset_file.diff(client, dataset, path, { key = "id" }))
        assert.equal(#RESPELT, result.same, format .. ": " .. result.text)
      end
    end)

    it("find their row when its response was lost", function()
      local path = respelt()
      t.e:fault({
        match = { method = "POST", path = ITEMS },
        action = { close = "after", times = #RESPELT },
      })
      client = t.client({ max_retries = 0 })
      local summary = import(path)
      assert.equal(#RESPELT, summary.imported)
      assert.equal(0, summary.rejected)
      assert.equal(#RESPELT, count_rows())
    end)

    describe("that are times, in the spellings that the server takes", function()
      local TIMES = {
        "2026-01-01T00:00:00.123456789Z",
        "2026-01-01T00:00:01",
        "2026-01-01 00:02Z",
        "2026-01-01T00:00:03,5Z",
        "2026-01-01T00:00:04.5+0530",
        "2026-01-01T00:00:05+05",
      }
      local of = profile == "current" and "source" or "ref"

      local function timed()
        local lines = {}
        for i, time in ipairs(TIMES) do
          local line = '{"input":%d,"%s_trace_id":"t","%s_timestamp":"%s"}\n'
          lines[i] = line:format(i, of, of, time)
        end
        return write("times.jsonl", table.concat(lines))
      end

      it("find their row when its response was lost", function()
        t.e:fault({
          match = { method = "POST", path = ITEMS },
          action = { close = "after", times = #TIMES },
        })
        client = t.client({ max_retries = 0 })
        assert.equal(#TIMES, import(timed()).imported)
        assert.equal(#TIMES, count_rows())
      end)

      it("are the same to a sync that has made them", function()
        local options = { key = "input", settle = 0.05 }
        local result = assert(dataset_file.sync(client, dataset, timed(), options))
        assert.equal(#TIMES, result.created)
        result = assert(dataset_file.sync(client, dataset, timed(), options))
        assert.same({ #TIMES, 0, 0 }, { result.unchanged, result.updated, result.rejected })
      end)
    end)

    it("find their row in the next run, where the process was killed", function()
      local lines = {}
      for i, text in ipairs(RESPELT) do
        lines[i] = ('{"input":{"row":%d,"v":%s}}\n'):format(i, text)
      end
      local path = write("b.jsonl", table.concat(lines))
      import(path)
      -- What a journal is after a kill that came before any response.
      local journal = assert(io.open(path .. ".journal", "rb"))
      local kept = {}
      for line in journal:lines() do
        if not line:find('"id":', 1, true) and not line:find('"finished"', 1, true) then
          kept[#kept + 1] = line .. "\n"
        end
      end
      journal:close()
      write("b.jsonl.journal", table.concat(kept))
      local summary = import(path)
      assert.same({ #RESPELT, 0 }, { summary.imported, summary.rejected })
      assert.equal(#RESPELT, count_rows())
    end)

    if profile == "current" then
      it("make nothing when what was exported is imported again, or the file itself", function()
        local path = respelt()
        import(path)
        for _, format in ipairs({ "jsonl", "csv" }) do
          local out = folder .. "/out." .. format
          assert(dataset_file.export(client, dataset, out))
          local summary = import(out)
          assert.same({ 0, #RESPELT, 0 }, { summary.created, summary.existing, summary.rejected })
        end
        local summary = import(path, { journal = folder .. "/another.journal" })
        assert.same({ 0, #RESPELT, 0 }, { summary.created, summary.existing, summary.rejected })
        assert.equal(#RESPELT, count_rows())
      end)

      it("are another's where the row of the key differs, or is archived", function()
        import(write("a.jsonl", '{"client_item_id":"a","input":{"v":1e16}}\n'))
        local other = '{"client_item_id":"a","input":{"v":10000000000000001}}\n'
        assert.equal(1, import(write("b.jsonl", other)).rejected)
        for row in client.dataset_items:each({ dataset = dataset }) do
          assert(client.dataset_items:archive(row.id, { base_version = row.version }))
        end
        local same = '{"client_item_id":"a","input":{"v":1e16}}\n'
        assert.equal(1, import(write("c.jsonl", same)).rejected)
      end)

      it("have floats beside integers, as the server does when it looks for changes", function()
        import(write("a.jsonl", '{"client_item_id":"a","input":{"v":1.0}}\n'))
        local path = write("b.jsonl", '{"client_item_id":"a","input":{"v":1}}\n')
        local result = assert(dataset_file.diff(client, dataset, path, { key = "client_item_id" }))
        assert.equal(KINDS and 1 or 0, #result.changed)
        assert.equal(KINDS and 1 or 0, import(path).rejected)
      end)
    else
      it("have no floats beside integers", function()
        import(write("a.jsonl", '{"input":{"v":1.0}}\n'))
        local path = write("b.jsonl", '{"input":{"v":1}}\n')
        assert.equal(1, assert(dataset_file.diff(client, dataset, path)).same)
      end)
    end

    it("of a key are compared as the server keeps it", function()
      if profile == "current" then
        import(write("a.jsonl", '{"client_item_id":" 5 ","input":1}\n'))
        local path = write("b.jsonl", '{"client_item_id":5,"input":2}\n')
        local result = assert(dataset_file.diff(client, dataset, path, { key = "client_item_id" }))
        assert.equal(1, #result.changed, result.text)
      else
        import(write("a.jsonl", '{"input":1,"output":{"k":1e16}}\n'))
        local path = write("b.jsonl", '{"input":2,"output":{"k":1e16}}\n')
        local result = assert(dataset_file.diff(client, dataset, path, { key = "expected_output" }))
        assert.equal(1, #result.changed, result.text)
      end
    end)
  end)
end
