local clock = require("posthog.llm.clock")
local core = require("posthog.llm.core")
local dataset_file = require("posthog.llm.dataset_file")
local errors = require("posthog.llm.util.errors")
local file_system = require("posthog.llm.util.file_system")
local journals = require("posthog.llm.dataset_file.journal")
local live = require("spec.support.live")
local llm = require("posthog.llm")

local fails = live.fails

local LUA = os.getenv("LUA") or "lua5.4"
local ITEMS = "/dataset_items/$"

local folder

local function write(name, text)
  local path = folder .. "/" .. name
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  return path
end

local function text_of(path)
  local file = io.open(path, "rb")
  local text = file and file:read("*a")
  if file then
    file:close()
  end
  return text
end

local function append(path, text)
  local file = assert(io.open(path, "ab"))
  file:write(text)
  file:close()
end

--- A file with so many records, each with its number.
local function numbers(count)
  local lines = {}
  for i = 1, count do
    lines[i] = ('{"input":%d,"output":"o"}\n'):format(i)
  end
  return write("numbers.jsonl", table.concat(lines))
end

local function output_of(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

local function each_profile(what, f)
  for _, profile in ipairs({ "reference", "current" }) do
    describe("to " .. live.api_name[profile], function()
      local t = live.session({ profile = profile })
      local dataset, client = {}, nil
      setup(t.start)
      teardown(t.stop)
      before_each(function()
        t.reset()
        folder = output_of("mktemp -d"):gsub("%s", "")
        dataset.id = t.e:seed({ datasets = 1 }).datasets[1]
        client = t.client()
      end)
      after_each(function()
        os.execute("rm -rf " .. folder)
      end)
      f(t, function()
        return client, dataset.id
      end, profile)
    end)
  end
end

describe("an import", function()
  each_profile("an import", function(t, now, profile)
    local function import(source, options)
      options = options or {}
      options.settle = options.settle or 0.05
      local client, dataset = now()
      return dataset_file.import(client, dataset, source, options)
    end

    --- The inputs of all rows, oldest first, as JSON.
    local function inputs()
      local _, dataset = now()
      local list = {}
      for item in t.client({ max_retries = 2 }).dataset_items:each({ dataset = dataset }) do
        table.insert(list, 1, llm.json.encode(item.input))
      end
      table.sort(list)
      return list
    end

    local function fail_creates(action)
      t.e:faults({ { match = { method = "POST", path = ITEMS }, action = action } })
    end

    local function posts(since)
      local n = 0
      for _, entry in ipairs(t.e:log(since)) do
        if entry.method == "POST" then
          n = n + 1
        end
      end
      return n
    end

    it("makes a row of each record of JSONL, JSON and CSV", function()
      for name, text in pairs({
        ["a.jsonl"] = '{"input":{"q":[]},"output":null}\n{"input":9007199254740993}\n',
        ["b.json"] = '[{"input":{"q":[]}},\n{"input":9007199254740993}]',
        ["c.csv"] = 'input,output\r\n"{""q"":[]}",\r\n9007199254740993,\r\n',
      }) do
        local before = #inputs()
        local source = write(name, text)
        local summary = assert(import(source, { concurrency = 1 }))
        assert.equal(2, summary.records)
        assert.equal(2, summary.imported)
        assert.equal(2, summary.created)
        assert.equal(0, summary.rejected)
        assert.equal(source .. ".journal", summary.journal)
        assert.is_nil(summary.rejects)
        assert.equal(before + 2, #inputs(), name)
      end
      assert.same({
        "9007199254740993",
        "9007199254740993",
        "9007199254740993",
        '{"q":[]}',
        '{"q":[]}',
        '{"q":[]}',
      }, inputs())
    end)

    it("takes the dataset by its name, when one has it", function()
      local client = now()
      local source = numbers(1)
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
      local client = now()
      local source = numbers(2)
      local options = { create = true, dry_run = true }
      assert.is_true(assert(dataset_file.import(client, "new", source, options)).is_new)
      fails("not_found", nil, dataset_file.import(client, "new", source))
      local id = "00000000-0000-7000-8000-000000000000"
      fails("not_found", nil, dataset_file.import(client, id, source, { create = true }))
      local bad = write("bad.json", "[1,")
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
      local source = numbers(10)
      assert(import(source))
      local since = #t.e:log()
      local summary = assert(import(source))
      assert.equal(10, summary.imported)
      assert.equal(0, posts(since))
      assert.equal(10, #inputs())
    end)

    it("goes on where it was stopped", function()
      local source = numbers(100)
      local value, err, summary = import(source, {
        concurrency = 2,
        on_progress = function(progress)
          assert.equal(100, progress.records)
          return progress.done < 30
        end,
      })
      fails("cancelled", nil, value, err)
      assert.truthy(summary.done >= 30 and summary.done < 100)
      local since = #t.e:log()
      assert.equal(100, assert(import(source)).imported)
      assert.equal(100 - summary.done, posts(since))
      assert.equal(100, #inputs())
    end)

    it("reports rejected records with line and reason, and makes the others", function()
      local source = write(
        "bad.jsonl",
        '{"input":1}\n\n{"input":}\n{"question":2}\n'
          .. '{"input":3,"ref_timestamp":"never"}\n{"input":4}\n'
      )
      local client, dataset = now()
      local summary = assert(dataset_file.import(client, dataset, source))
      assert.equal(5, summary.records)
      assert.equal(2, summary.imported)
      assert.equal(3, summary.rejected)
      local places = {}
      for line in text_of(summary.rejects):gmatch("[^\n]+") do
        local entry = assert(llm.json.decode(line))._rejected
        places[#places + 1] = entry.record .. " " .. entry.line
        assert.equal("string", type(entry.reason))
      end
      table.sort(places)
      assert.same({ "2 3", "3 4", "4 5" }, places)
      assert.truthy(text_of(summary.rejects):find("line 3, column 10", 1, true))
      assert.same({ "1", "4" }, inputs())
      os.remove(summary.rejects)
      assert(dataset_file.import(client, dataset, source))
      assert.equal(3, select(2, text_of(summary.rejects):gsub("\n", "")))
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
        local value, err = import(write(name, text), { fields = fields })
        fails("invalid", { file = folder .. "/" .. name }, value, err)
        assert.is_nil(text_of(folder .. "/" .. name .. ".journal"))
      end
      local none = folder .. "/none.csv"
      fails("file", { file = none }, import(none))
      t.silent(since)
    end)

    it("makes nothing in a dry run, and reports what would be rejected", function()
      local source = write("dry.jsonl", '{"input":1}\n{"x":1}\n{"input":2}\n')
      local summary = assert(import(source, { dry_run = true }))
      assert.equal(2, summary.usable)
      assert.equal(1, summary.rejected)
      assert.equal(2, summary.problems[1].line)
      assert.is_nil(text_of(source .. ".journal"))
      assert.is_nil(text_of(source .. ".rejects.jsonl"))
      assert.same({}, inputs())
    end)

    it("takes records of an iterator, and goes on with another one", function()
      local function records()
        local i = 0
        return function()
          i = i + 1
          return i <= 40 and { q = i } or nil
        end
      end
      local options = { journal = folder .. "/j", fields = { input = "q" }, concurrency = 1 }
      options.on_progress = function(progress)
        return progress.done < 10
      end
      fails("cancelled", nil, import(records(), options))
      options.on_progress = nil
      local summary = assert(import(records(), options))
      assert.equal(40, summary.imported)
      assert.equal(40, #inputs())
    end)

    it("leaves out what the caller's function leaves out", function()
      local summary = assert(import(numbers(10), {
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
      assert.same({ "1", "3", "7", "9" }, inputs())
      assert.truthy(text_of(summary.rejects):find("no fives", 1, true))
    end)

    it("reads lost rows back and counts equal ones, or sends them again by their key", function()
      local source = write("same.jsonl", ('{"input":"same"}\n'):rep(12) .. '{"input":"other"}\n')
      for _, fault in ipairs({
        { close = "after" },
        { close = "before" },
        { status = 500, apply = true },
      }) do
        fault.times = 4
        fail_creates(fault)
        os.remove(source .. ".journal")
        local before = #inputs()
        local summary = assert(import(source, { concurrency = 3 }))
        assert.equal(13, summary.imported)
        assert.equal(before + 13, #inputs())
        if profile == "reference" then
          assert.equal(fault.close == "before" and 0 or 4, summary.found)
        else
          assert.equal(0, summary.found)
        end
      end
    end)

    it("waits before it looks for lost rows, which may come late", function()
      local client, dataset = now()
      local source = numbers(3)
      t.e:fault({
        match = { method = "POST", path = ITEMS },
        action = { delay = { write = 0.8 }, times = 1 },
      })
      local hasty = client:with({ timeout = 0.15 })
      local summary =
        assert(dataset_file.import(hasty, dataset, source, { concurrency = 1, settle = 1 }))
      assert.equal(3, summary.imported)
      core.sleep(0.8) -- for a write that were still to come
      assert.same({ "1", "2", "3" }, inputs())
    end)

    it("finds lost rows whose time is a little before its own", function()
      local source = numbers(4)
      t.e:settings({ clock = os.date("!%Y-%m-%dT%H:%M:%SZ", os.time() - 3) })
      fail_creates({ close = "after", times = 3 })
      local summary = assert(import(source, { concurrency = 1 }))
      t.e:settings({ clock = "" })
      assert.equal(4, summary.imported)
      assert.same({ "1", "2", "3", "4" }, inputs())
    end)

    it("has its journal on the disk before it sends what that announces", function()
      local client, dataset = now()
      local source, sync, synced, first = numbers(2), file_system.sync, 0, nil
      file_system.sync = function(path)
        if path:find("journal", 1, true) then
          synced = synced + 1
        end
        return sync(path)
      end
      local watched = client:with({
        on_request = function(request)
          if request.method == "POST" then
            first = first or synced
          end
        end,
      })
      local ran, err = pcall(dataset_file.import, watched, dataset, source, { concurrency = 1 })
      file_system.sync = sync
      assert.is_true(ran, tostring(err))
      assert.is_true(first >= 2, "synced before the first row: " .. tostring(first))
    end)

    if profile == "reference" then -- the other knows rows by their key
      it("sends nothing where it cannot be seen which rows are there before", function()
        t.e:fault({
          match = { method = "GET", path = "/dataset_items/" },
          action = { status = 503 },
        })
        fails("server", { status = 503 }, import(numbers(2)))
        assert.equal(0, posts())
        t.e:faults({})
        assert.equal(2, assert(import(numbers(2))).imported)
      end)
    end

    it("stops at once where the dataset itself is refused", function()
      fail_creates({
        status = 400,
        headers = { ["Content-Type"] = "application/json" },
        body = '{"type":"validation_error","code":"does_not_exist","attr":"dataset"}',
      })
      fails("invalid", { attr = "dataset" }, import(numbers(5), { concurrency = 1 }))
      assert.equal(1, posts())
    end)

    it("never writes one of its files over another, however their paths are written", function()
      local text = '{"input":1}\n{bad\n'
      local source = write("a.jsonl", text)
      assert(os.execute(("cd %s && mkdir sub && ln -s . link && ln -s there same"):format(folder)))
      for _, case in ipairs({
        { "source", { rejects = folder .. "/sub/../a.jsonl" } },
        { "source", { rejects = folder .. "/link/a.jsonl" } },
        { "source", { journal = folder .. "/sub/.././/a.jsonl" } },
        { "journal", { rejects = folder .. "/link/a.jsonl.journal" } },
        { "journal", { rejects = folder .. "/new", journal = folder .. "/sub/../new" } },
        { "journal", { rejects = write("there", ""), journal = folder .. "/same" } },
      }) do
        local summary, err = import(source, case[2])
        assert.is_nil(summary)
        assert.truthy(
          err.message:find("cannot be the " .. case[1] .. " and the ", 1, true),
          err.message
        )
      end
      assert.equal(text, text_of(source))
      assert.equal(0, posts())
      assert.equal(1, assert(import(source, { rejects = folder .. "/sub/a.jsonl" })).rejected)
    end)

    it("does not take the rows of others for its own lost ones", function()
      local client, dataset = now()
      local source = numbers(8)
      for i = 101, 104 do
        assert(client.dataset_items:create({ dataset = dataset, input = i }))
      end
      -- The same content as that of record 3 but for the output, which it lacks.
      assert(client.dataset_items:create({ dataset = dataset, input = 3 }))
      fail_creates({ close = "before", times = 8 })
      local summary = assert(import(source, { concurrency = 8 }))
      assert.equal(8, summary.created)
      assert.equal(13, #inputs())
    end)

    it("goes on after a line of the journal that was being written", function()
      local client = now()
      local source = numbers(30)
      for _, cut in ipairs({ 1, 2, 20, 60 }) do -- what a machine that lost its power has on its disk
        local dataset = t.e:seed({ datasets = 1 }).datasets[1]
        local options = { concurrency = 1, settle = 0 }
        options.on_progress = function(progress)
          return progress.done < 8
        end
        fails("cancelled", nil, dataset_file.import(client, dataset, source, options))
        write("numbers.jsonl.journal", text_of(source .. ".journal"):sub(1, -cut - 1))
        options.on_progress = nil
        assert.equal(30, assert(dataset_file.import(client, dataset, source, options)).imported)
        local rows = live.all(client.dataset_items:each({ dataset = dataset }))
        assert.equal(30, #rows, "cut by " .. cut)
        -- Its journal can be read again.
        assert.equal(30, assert(dataset_file.import(client, dataset, source, options)).imported)
        os.remove(source .. ".journal")
      end
    end)

    it("refuses the journal of something else, and a damaged one, and says so", function()
      local client, dataset = now()
      local source = numbers(3)
      local journal = source .. ".journal"
      assert(import(source))
      local other = t.e:seed({ datasets = 1 }).datasets[1]
      local value, err = dataset_file.import(client, other, source)
      fails("invalid", { file = journal }, value, err)
      assert.truthy(err.message:find("another dataset", 1, true))
      append(source, '{"input":4}\n')
      value, err = dataset_file.import(client, dataset, source)
      fails("invalid", { file = journal }, value, err)
      assert.equal(12, #err.message:match("SHA%-256 (%x+)%.%.%."))
      assert.truthy(err.message:find("another source", 1, true))
      local text = text_of(journal)
      source = numbers(3)
      write("numbers.jsonl.journal", text:gsub('"at"', '"at', 1))
      value, err = dataset_file.import(client, dataset, source)
      fails("invalid", { file = journal }, value, err)
      assert.truthy(err.message:find("is damaged", 1, true))
      for _, other_text in ipairs({ "text\n", '{"input":1}\n', "x" }) do
        write("notes", other_text)
        value, err = dataset_file.import(client, dataset, source, { journal = folder .. "/notes" })
        fails("invalid", { file = folder .. "/notes" }, value, err)
        assert.truthy(err.message:find("is not a journal", 1, true))
        assert.equal(other_text, text_of(folder .. "/notes"))
      end
      assert.same({ "1", "2", "3" }, inputs())
    end)

    it("refuses a journal that another import is using", function()
      local source = numbers(3)
      local lock = assert(core.lock(source .. ".journal"))
      local value, err = import(source)
      fails("invalid", { file = source .. ".journal" }, value, err)
      assert.truthy(err.message:find("another import is using", 1, true))
      lock:close()
      assert.equal(3, assert(import(source)).imported)
    end)

    it("refuses to go on when records are mapped otherwise than when they were sent", function()
      local source = numbers(20)
      fail_creates({ status = 401, body = "" })
      local value, err = import(source)
      fails("auth", nil, value, err)
      t.e:faults({})
      value, err = import(source, { fields = { input = "output" } })
      fails("invalid", nil, value, err)
      assert.truthy(err.message:find("mapped", 1, true))
      assert.same({}, inputs())
      assert.equal(20, assert(import(source)).imported)
      assert.equal(20, #inputs())
    end)

    it("stops at once at an error that every record would meet, or without a server", function()
      local source = numbers(200)
      fail_creates({ status = 403, body = "{}" })
      local value, err, summary = import(source)
      fails("forbidden", { status = 403 }, value, err)
      assert.equal(0, summary.imported)
      assert.truthy(posts() <= 8)
    end)

    --- The client, but the create of record 7 fails like this, so many times.
    local function failing_at_seven(err, times)
      local client = now()
      local items = { failures = 0 }
      function items.list(_, options)
        return client.dataset_items:list(options)
      end
      function items.create(_, fields)
        if fields.input == 7 and items.failures < times then
          items.failures = items.failures + 1
          return nil, errors.new(err)
        end
        return client.dataset_items:create(fields)
      end
      return {
        datasets = client.datasets,
        dataset_items = items,
        profile = function()
          return client:profile()
        end,
      }
    end

    it("gives up a record that fails time after time while others are made", function()
      local _, dataset = now()
      local client = failing_at_seven({ kind = "network", message = "refused" }, math.huge)
      local source = numbers(100)
      local summary = assert(dataset_file.import(client, dataset, source, { concurrency = 1 }))
      assert.equal(99, summary.imported)
      assert.equal(1, summary.rejected)
      assert.truthy(text_of(summary.rejects):find("refused", 1, true))
      assert.equal(99, #inputs())
    end)

    it("ends when only failing records are left, and gives those up when asked to", function()
      local _, dataset = now()
      local err = { kind = "server", message = "down", ambiguous = true }
      local client = failing_at_seven(err, math.huge)
      local sleep = clock.sleep
      finally(function()
        clock.sleep = sleep
      end)
      function clock.sleep() end
      local source = numbers(20)
      local options = { concurrency = 1, settle = 0 }
      local value, problem, summary = dataset_file.import(client, dataset, source, options)
      fails("server", { message = "down" }, value, problem)
      assert.equal(19, summary.imported)
      options.give_up = true
      local since = #t.e:log()
      summary = assert(dataset_file.import(client, dataset, source, options))
      assert.equal(19, summary.imported)
      assert.equal(1, summary.rejected)
      assert.equal(0, posts(since))
      assert.equal(19, #inputs())
    end)

    it("waits as long as it is throttled, and gives nothing up for that", function()
      local _, dataset = now()
      local waits = 0
      local sleep = clock.sleep
      finally(function()
        clock.sleep = sleep
      end)
      function clock.sleep() end
      local held_back = { kind = "rate_limited", message = "held back", retry_after = 0.01 }
      local client = failing_at_seven(held_back, 40)
      local summary = assert(dataset_file.import(client, dataset, numbers(20), {
        concurrency = 1,
        on_progress = function(progress)
          if progress.waiting then
            waits = waits + 1
          end
        end,
      }))
      assert.equal(20, summary.imported)
      assert.equal(40, client.dataset_items.failures)
      assert.truthy(waits > 20)
    end)

    it("returns the error when no more rows are made", function()
      local _, dataset = now()
      local err = { kind = "network", message = "gone", retry_after = 4000 }
      local source = numbers(10)
      local value, problem, summary =
        dataset_file.import(failing_at_seven(err, math.huge), dataset, source, { concurrency = 1 })
      fails("network", { message = "gone" }, value, problem)
      assert.equal(9, summary.imported)
      assert.equal(10, assert(import(source)).imported)
      assert.equal(10, #inputs())
    end)

    it("raises what the caller's functions raise, and can be repeated", function()
      local source = numbers(40)
      local ok, err = pcall(import, source, {
        on_progress = function()
          error("mine", 0)
        end,
      })
      assert.is_false(ok)
      assert.equal("mine", err)
      ok, err = pcall(import, source, {
        fields = function()
          error("mapped", 0)
        end,
      })
      assert.is_false(ok)
      assert.equal("mapped", err)
      assert.equal(40, assert(import(source)).imported)
      assert.equal(40, #inputs())
    end)

    it("runs within llm.gather too", function()
      local source = numbers(20)
      local other = write("other.jsonl", '{"input":100}\n')
      local values, problems = llm.gather({
        function()
          return import(source)
        end,
        function()
          return import(other)
        end,
      })
      assert.is_nil(problems)
      assert.equal(20, values[1].imported)
      assert.equal(1, values[2].imported)
      assert.equal(21, #inputs())
    end)

    it("and an export both yield to an event loop", function()
      if not pcall(require, "luv") then
        return pending("there is no luv here")
      end
      local _, dataset = now()
      local program = write(
        "loop.lua",
        ([[
        local uv = require("luv")
        local llm = require("posthog.llm")
        local dataset_file = require("posthog.llm.dataset_file")
        local key = "phx_emulator_all"
        local client = llm.new({ personal_api_key = key, project_id = 112358, host = %q })
        local turns, timer = 0, uv.new_timer()
        timer:start(1, 1, function() turns = turns + 1 end)
        llm.go(function()
          local imported = assert(dataset_file.import(client, %q, %q)).imported
          return imported, assert(dataset_file.export(client, %q, %q)).rows
        end, function(err, imported, rows)
          timer:close()
          print(err, imported, rows, turns > 0)
        end)
        uv.run()
      ]]):format(t.e.url, dataset, numbers(60), dataset, folder .. "/out.csv")
      )
      assert.equal("nil\t60\t60\ttrue\n", output_of(LUA .. " " .. program .. " 2>&1"))
    end)

    it("lets an event loop turn while it waits for standard input", function()
      if not pcall(require, "luv") then
        return pending("there is no luv here")
      end
      local _, dataset = now()
      local program = write(
        "loop.lua",
        ([[
        local uv = require("luv")
        local llm = require("posthog.llm")
        local dataset_file = require("posthog.llm.dataset_file")
        local key = "phx_emulator_all"
        local client = llm.new({ personal_api_key = key, project_id = 112358, host = %q })
        local turns, timer = 0, uv.new_timer()
        timer:start(10, 10, function() turns = turns + 1 end)
        llm.go(function()
          return assert(dataset_file.import(client, %q, "-", { journal = %q })).imported
        end, function(err, imported)
          timer:close()
          print(err, imported, turns > 20 and "turned" or turns)
        end)
        uv.run()
      ]]):format(t.e.url, dataset, folder .. "/j")
      )
      local line = '{"input":1}\n'
      local producer = ("{ echo '%s'; sleep 1; echo '%s'; }"):format(line, line)
      local output = output_of(("%s | %s %s 2>&1"):format(producer, LUA, program))
      assert.equal("nil\t2\tturned\n", output)
    end)

    it("loses nothing and doubles nothing on a disk that is full", function()
      local client, dataset = now()
      local settings = write(
        "settings.json",
        llm.json.encode({
          url = t.e.url,
          dataset = dataset,
          source = numbers(60),
          settle = 0.05,
          concurrency = 4,
        })
      )
      local command = "trap '' XFSZ; ulimit -f 4; %s spec/dataset_file/importer.lua %s 2>&1"
      local output = output_of(command:format(LUA, settings))
      assert.truthy(output:find("cannot write the journal", 1, true), output)
      local summary =
        assert(dataset_file.import(client, dataset, folder .. "/numbers.jsonl", { settle = 0.05 }))
      assert.equal(60, summary.imported)
      assert.equal(60, #inputs())
    end)

    it("is resumed though its journal was torn time after time on a disk that is full", function()
      local client, dataset = now()
      local source = numbers(40)
      local settings = write(
        "settings.json",
        llm.json.encode({
          url = t.e.url,
          dataset = dataset,
          source = source,
          settle = 0,
          concurrency = 4,
        })
      )
      local command = "trap '' XFSZ; prlimit --fsize=%d %s spec/dataset_file/importer.lua %s 2>&1"
      for bytes = 700, 1700, 111 do -- at first there is no room for the header
        for more = 0, 20, 10 do -- each is torn where the one before was, or a little later
          local output = output_of(command:format(bytes + more, LUA, settings))
          assert.truthy(output:find("cannot write the journal", 1, true), output)
        end
      end
      local options = { settle = 0.05 }
      assert.equal(40, assert(dataset_file.import(client, dataset, source, options)).imported)
      assert.equal(40, #inputs())
      for line in text_of(source .. ".journal"):gmatch("[^\n]+") do
        assert.is_table(llm.json.decode(line), line)
      end
    end)

    --- The client, and how many creates are on their way at the same time, at most.
    local function counting()
      local client = now()
      local counted = { running = 0, most = 0 }
      local items = {}
      function items.list(_, options)
        return client.dataset_items:list(options)
      end
      function items.create(_, fields)
        counted.running = counted.running + 1
        counted.most = math.max(counted.most, counted.running)
        local row, err, response = client.dataset_items:create(fields)
        counted.running = counted.running - 1
        return row, err, response
      end
      return {
        datasets = client.datasets,
        dataset_items = items,
        profile = function()
          return client:profile()
        end,
      },
        counted
    end

    it("does not wait for a slow response, and sends no more at a time than it may", function()
      local client, counted = counting()
      local _, dataset = now()
      t.e:fault({
        match = { method = "POST", path = ITEMS, nth = 5 },
        action = { delay = { answer = 2 } },
      })
      local summary =
        assert(dataset_file.import(client, dataset, numbers(120), { concurrency = 3 }))
      assert.equal(120, summary.imported)
      assert.equal(3, counted.most)
      local slow, meanwhile = nil, 0
      for _, entry in ipairs(t.e:log()) do
        slow = slow or (entry.fault and entry.at)
        meanwhile = meanwhile
          + (slow and entry.method == "POST" and entry.at < slow + 1.9 and 1 or 0)
      end
      assert.equal(116, meanwhile) -- it, and all that follow
      assert.equal(120, #inputs())
    end)

    it("leaves what it has read and not sent to the next call, also mapped otherwise", function()
      local mapped, refused = 0, nil
      for _ = 1, 20 do -- how much is read ahead depends on how long the disk takes
        local source = numbers(100)
        local value, err, summary = import(source, {
          concurrency = 2,
          on_progress = function(progress)
            return progress.done < 9
          end,
        })
        fails("cancelled", nil, value, err)
        local journal = assert(journals.peek(source .. ".journal"))
        assert.same({}, journal.open)
        refused = next(journal.refused)
        assert.equal(refused ~= nil, journal.last > summary.done)
        local rest = assert(import(source, { fields = { input = "output" } }))
        assert.equal(100, rest.imported)
        mapped = mapped + 100 - summary.done
        assert.equal(mapped, select(2, table.concat(inputs(), " "):gsub('"o"', "")))
        if refused then
          break
        end
        os.remove(source .. ".journal")
      end
      assert.truthy(refused)
    end)

    it("sends each record before it waits for a slow source", function()
      local n, sent = 0, {}
      local function slow()
        core.sleep(0.1)
        sent[n] = posts()
        n = n + 1
        return n <= 6 and { input = n } or nil
      end
      local summary = assert(import(slow, { journal = folder .. "/j", concurrency = 3 }))
      assert.equal(6, summary.imported)
      assert.same({ [0] = 0, 1, 2, 3, 4, 5, 6 }, sent)
    end)

    it("sends what has come through a pipe while its producer writes nothing", function()
      local _, dataset = now()
      local settings = write(
        "settings.json",
        llm.json.encode({
          url = t.e.url,
          dataset = dataset,
          source = "-",
          settle = 0,
          concurrency = 4,
          journal = folder .. "/j",
        })
      )
      local pad = ("x"):rep(400) -- the beginning is awaited, since it tells what the file is
      local producer = '{ for i in $(seq 120); do echo \'{"input":\'$i\',"output":"%s"}\'; done;'
        .. " for i in 121 122 123; do sleep 0.4; echo '{\"input\":'$i'}'; done; sleep 0.4; }"
      local command = producer .. " | %s spec/dataset_file/importer.lua %s 2>&1"
      local output = output_of(command:format(pad, LUA, settings))
      assert.truthy(output:find('"imported":123', 1, true), output)
      local at = {}
      for _, entry in ipairs(t.e:log()) do
        at[tonumber((entry.body or ""):match('"input":(%d+)')) or 0] = entry.at
      end
      assert.truthy(at[122] - at[121] > 0.2)
      assert.truthy(at[123] - at[122] > 0.2)
      assert.equal(123, #inputs())
    end)

    it("takes records of an iterator that makes calls itself", function()
      local client, counted = counting()
      local _, dataset = now()
      local n = 0
      local function records()
        assert(client.datasets:get(dataset))
        n = n + 1
        return n <= 40 and { input = n } or nil
      end
      t.e:fault({
        match = { method = "POST", path = ITEMS },
        action = { delay = { answer = 0.05 } },
      })
      local summary = assert(dataset_file.import(client, dataset, records, {
        journal = folder .. "/j",
        concurrency = 4,
      }))
      assert.equal(40, summary.imported)
      assert.equal(4, counted.most)
      assert.equal(40, #inputs())
    end)

    it("lets a function for the progress make calls, one at a time", function()
      local client, dataset = now()
      local running, most, calls = 0, 0, 0
      local summary = assert(import(numbers(60), {
        concurrency = 2,
        on_progress = function()
          running, calls = running + 1, calls + 1
          most = math.max(most, running)
          assert(client.datasets:get(dataset))
          assert(client.datasets:get(dataset))
          running = running - 1
        end,
      }))
      assert.equal(60, summary.imported)
      assert.equal(1, most)
      assert.truthy(calls > 2)
    end)

    it("notes what is on its way when a function of the caller's raises", function()
      local source = numbers(60)
      t.e:fault({
        match = { method = "POST", path = ITEMS },
        action = { delay = { answer = 0.05 } },
      })
      for _, name in ipairs({ "fields", "on_progress" }) do
        local calls = 0
        local ok, err = pcall(import, source, {
          [name] = function(record)
            calls = calls + 1
            if calls == (name == "fields" and 30 or 1) then
              error("mine", 0)
            end
            return name == "fields" and { input = record.input } or nil
          end,
        })
        assert.is_false(ok)
        assert.equal("mine", err)
        local journal = assert(journals.peek(source .. ".journal"))
        assert.equal(posts(), journal.counts.created)
        assert(core.lock(source .. ".journal")):close() -- it is closed
      end
      t.e:faults({})
      assert.equal(60, assert(import(source)).imported)
      assert.equal(60, #inputs())
    end)

    it("sends nothing when the journal cannot be written", function()
      local since = #t.e:log()
      local value, err = import(numbers(3), { journal = folder .. "/none/journal" })
      fails("file", { file = folder .. "/none/journal" }, value, err)
      assert.equal(0, posts(since))
    end)
  end)

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
