--- Imports that meet failures: lost responses, refusals, a server that is gone, what functions raise.

local busted = getfenv and getfenv(1) or _ENV -- the functions of busted

local clock = require("posthog.llm.clock")
local core = require("posthog.llm.core")
local dataset_file = require("posthog.llm.dataset_file")
local dataset_import = require("spec.support.dataset_import")
local errors = require("posthog.llm.util.errors")
local journals = require("posthog.llm.dataset_file.journal")
local live = require("spec.support.live")

local fails = live.fails
local ITEMS = dataset_import.ITEMS

describe("an import", function()
  for _, profile in ipairs({ "reference", "current" }) do
    describe("to " .. live.api_name[profile], function()
      local t = dataset_import.session(profile)
      t.hook(busted)

      it("reads lost rows back and counts equal ones, or sends them again by their key", function()
        local source =
          t.write("same.jsonl", ('{"input":"same"}\n'):rep(12) .. '{"input":"other"}\n')
        for _, fault in ipairs({
          { close = "after" },
          { close = "before" },
          { status = 500, apply = true },
        }) do
          fault.times = 4
          t.fail_creates(fault)
          os.remove(source .. ".journal")
          local before = #t.inputs()
          local summary = assert(t.import(source, { concurrency = 3 }))
          assert.equal(13, summary.imported)
          assert.equal(before + 13, #t.inputs())
          assert.is_nil(summary.uncertain) -- nobody else imports them
          if profile == "reference" then
            assert.equal(fault.close == "before" and 0 or 4, summary.found)
          else
            assert.equal(0, summary.found)
          end
        end
      end)

      it("waits before it looks for lost rows, which may come late", function()
        local client, dataset = t.caller, t.dataset
        local source = t.numbers(3)
        t.e:fault({
          match = { method = "POST", path = ITEMS },
          action = { delay = { write = 2.5 }, times = 1 },
        })
        local hasty = client:with({ timeout = 1 })
        local summary =
          assert(dataset_file.import(hasty, dataset, source, { concurrency = 1, settle = 3 }))
        assert.equal(3, summary.imported)
        core.sleep(2) -- for a write that were still to come
        assert.same({ "1", "2", "3" }, t.inputs())
      end)

      it("finds lost rows whose time is a little before its own", function()
        local source = t.numbers(4)
        t.e:settings({ clock = os.date("!%Y-%m-%dT%H:%M:%SZ", os.time() - 1) })
        t.fail_creates({ close = "after", times = 3 })
        local summary = assert(t.import(source, { concurrency = 1 }))
        t.e:settings({ clock = "" })
        assert.equal(4, summary.imported)
        assert.same({ "1", "2", "3", "4" }, t.inputs())
      end)

      if profile == "reference" then -- the other knows rows by their key
        it("sends nothing where it cannot be seen which rows are there before", function()
          t.e:fault({
            match = { method = "GET", path = "/dataset_items/" },
            action = { status = 503 },
          })
          fails("server", { status = 503 }, t.import(t.numbers(2)))
          assert.equal(0, t.posts())
          t.e:faults({})
          assert.equal(2, assert(t.import(t.numbers(2))).imported)
        end)
      end

      --- Imports twenty numbers, of which some are lost, while somebody else makes these rows.
      local function beside(others, lost)
        local other, done = t.client(), false
        t.fail_creates(lost)
        return assert(t.import(t.numbers(20), {
          on_progress = function(now)
            if now.waiting and not done then
              done = true
              t.e:faults({})
              for _, fields in ipairs(others) do
                fields.dataset = t.dataset
                assert(other.dataset_items:create(fields))
              end
            end
          end,
        }))
      end

      it("says how many of the found rows may be those of a second import of the same", function()
        local same = {}
        for i = 1, 20 do
          same[i] = { input = i, output = "o" }
        end
        local summary = beside(same, { close = "before", times = 3 })
        local found, rows = summary.found, #t.inputs()
        assert.equal(20, summary.imported)
        assert.equal(40 - found, rows) -- what it found is not there twice
        if profile == "current" then -- where rows have keys
          assert.equal(0, found)
        else
          assert.is_true(found > 0)
        end
        assert.equal(found > 0 and found or nil, summary.uncertain)
        summary = assert(t.import(t.folder .. "/numbers.jsonl"))
        assert.is_true(summary.already)
        assert.equal(found > 0 and found or nil, summary.uncertain) -- the journal has it
      end)

      it("is certain of the found rows where others make rows that are not in its file", function()
        local others = {}
        for i = 1, 20 do
          others[i] = { input = i, output = "another" }
        end
        local summary = beside(others, { close = "after", times = 3 })
        assert.equal(20, summary.imported)
        assert.equal(40, #t.inputs())
        assert.is_nil(summary.uncertain)
      end)

      it("stops at once where the dataset itself is refused", function()
        t.fail_creates({
          status = 400,
          headers = { ["Content-Type"] = "application/json" },
          body = '{"type":"validation_error","code":"does_not_exist","attr":"dataset"}',
        })
        fails("invalid", { attr = "dataset" }, t.import(t.numbers(5), { concurrency = 1 }))
        assert.equal(1, t.posts())
      end)

      it("does not take the rows of others for its own lost ones", function()
        local client, dataset = t.caller, t.dataset
        local source = t.numbers(8)
        for i = 101, 104 do
          assert(client.dataset_items:create({ dataset = dataset, input = i }))
        end
        -- The same content as that of record 3 but for the output, which it lacks.
        assert(client.dataset_items:create({ dataset = dataset, input = 3 }))
        t.fail_creates({ close = "before", times = 8 })
        local summary = assert(t.import(source, { concurrency = 8 }))
        assert.equal(8, summary.created)
        assert.is_nil(summary.uncertain)
        assert.equal(13, #t.inputs())
      end)

      it("stops at once at an error that every record would meet, or without a server", function()
        local source = t.numbers(200)
        t.fail_creates({ status = 403, body = "{}" })
        local value, err, summary = t.import(source)
        fails("forbidden", { status = 403 }, value, err)
        assert.equal(0, summary.imported)
        assert.truthy(t.posts() <= 8)
      end)

      --- The client, but the create of record 7 fails like this, so many times; and the failures.
      local function failing_at_seven(err, times)
        local client, failed = t.caller, { count = 0 }
        return t.caller_with(function(fields)
          if fields.input == 7 and failed.count < times then
            failed.count = failed.count + 1
            return nil, errors.new(err)
          end
          return client.dataset_items:create(fields)
        end),
          failed
      end

      it("gives up a record that fails time after time while others are made", function()
        local dataset = t.dataset
        local client = failing_at_seven({ kind = "network", message = "refused" }, math.huge)
        local source = t.numbers(100)
        local summary = assert(dataset_file.import(client, dataset, source, { concurrency = 1 }))
        assert.equal(99, summary.imported)
        assert.equal(1, summary.rejected)
        assert.truthy(t.text_of(summary.rejects):find("refused", 1, true))
        assert.equal(99, #t.inputs())
      end)

      it("ends when only failing records are left, and gives those up when asked to", function()
        local dataset = t.dataset
        local err = { kind = "server", message = "down", ambiguous = true }
        local client = failing_at_seven(err, math.huge)
        local sleep = clock.sleep
        finally(function()
          clock.sleep = sleep
        end)
        function clock.sleep() end
        local source = t.numbers(20)
        local options = { concurrency = 1, settle = 0 }
        local value, problem, summary = dataset_file.import(client, dataset, source, options)
        fails("server", { message = "down" }, value, problem)
        assert.equal(19, summary.imported)
        options.give_up = true
        local since = #t.e:log()
        summary = assert(dataset_file.import(client, dataset, source, options))
        assert.equal(19, summary.imported)
        assert.equal(1, summary.rejected)
        assert.equal(0, t.posts(since))
        assert.equal(19, #t.inputs())
      end)

      it("waits as long as it is throttled, and gives nothing up for that", function()
        local dataset = t.dataset
        local waits = 0
        local sleep = clock.sleep
        finally(function()
          clock.sleep = sleep
        end)
        function clock.sleep() end
        local held_back = { kind = "rate_limited", message = "held back", retry_after = 0.01 }
        local client, failed = failing_at_seven(held_back, 40)
        local summary = assert(dataset_file.import(client, dataset, t.numbers(20), {
          concurrency = 1,
          on_progress = function(progress)
            if progress.waiting then
              waits = waits + 1
            end
          end,
        }))
        assert.equal(20, summary.imported)
        assert.equal(40, failed.count)
        assert.truthy(waits > 20)
      end)

      it("returns the error when no more rows are made", function()
        local dataset = t.dataset
        local err = { kind = "network", message = "gone", retry_after = 4000 }
        local source = t.numbers(10)
        local value, problem, summary = dataset_file.import(
          failing_at_seven(err, math.huge),
          dataset,
          source,
          { concurrency = 1 }
        )
        fails("network", { message = "gone" }, value, problem)
        assert.equal(9, summary.imported)
        assert.equal(10, assert(t.import(source)).imported)
        assert.equal(10, #t.inputs())
      end)

      it("raises what the caller's functions raise, and can be repeated", function()
        local source = t.numbers(40)
        local ok, err = pcall(t.import, source, {
          on_progress = function()
            error("mine", 0)
          end,
        })
        assert.is_false(ok)
        assert.equal("mine", err)
        ok, err = pcall(t.import, source, {
          fields = function()
            error("mapped", 0)
          end,
        })
        assert.is_false(ok)
        assert.equal("mapped", err)
        assert.equal(40, assert(t.import(source)).imported)
        assert.equal(40, #t.inputs())
      end)

      it("notes what is on its way when a function of the caller's raises", function()
        local source = t.numbers(60)
        t.e:fault({
          match = { method = "POST", path = ITEMS },
          action = { delay = { answer = 0.05 } },
        })
        for _, name in ipairs({ "fields", "on_progress" }) do
          local calls = 0
          local ok, err = pcall(t.import, source, {
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
          assert.equal(t.posts(), journal.counts.created)
          assert(core.lock(source .. ".journal")):close() -- it is closed
        end
        t.e:faults({})
        assert.equal(60, assert(t.import(source)).imported)
        assert.equal(60, #t.inputs())
      end)
    end)
  end
end)
