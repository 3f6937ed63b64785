--- What an import sends at the same time, and what else runs while it waits.

local busted = getfenv and getfenv(1) or _ENV -- the functions of busted

local clock = require("posthog.llm.host.clock")
local core = require("posthog.llm.core")
local dataset_file = require("posthog.llm.dataset_file")
local dataset_import = require("spec.support.dataset_import")
local journals = require("posthog.llm.dataset_file.journal")
local live = require("spec.support.live")
local llm = require("posthog.llm")

local fails = live.fails
local LUA = os.getenv("LUA") or "lua5.4"
local ITEMS = dataset_import.ITEMS
local output_of = dataset_import.output_of

describe("an import", function()
  for _, profile in ipairs({ "reference", "current" }) do
    describe("to " .. live.api_name[profile], function()
      local t = dataset_import.session(profile)
      t.hook(busted)

      it("and an export both yield to an event loop", function()
        if not pcall(require, "luv") then
          return pending("there is no luv here")
        end
        local dataset = t.dataset
        local program = t.write(
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
        ]]):format(t.e.url, dataset, t.numbers(60), dataset, t.folder .. "/out.csv")
        )
        assert.equal("nil\t60\t60\ttrue\n", output_of(LUA .. " " .. program .. " 2>&1"))
      end)

      it("lets an event loop turn while it waits for standard input", function()
        if not pcall(require, "luv") then
          return pending("there is no luv here")
        end
        local dataset = t.dataset
        local program = t.write(
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
        ]]):format(t.e.url, dataset, t.folder .. "/j")
        )
        local line = '{"input":1}\n'
        local producer = ("{ echo '%s'; sleep 2; echo '%s'; }"):format(line, line)
        local output = output_of(("%s | %s %s 2>&1"):format(producer, LUA, program))
        assert.equal("nil\t2\tturned\n", output)
      end)

      it("runs within llm.gather too", function()
        local source = t.numbers(20)
        local other = t.write("other.jsonl", '{"input":100}\n')
        local values, problems = llm.gather({
          function()
            return t.import(source)
          end,
          function()
            return t.import(other)
          end,
        })
        assert.is_nil(problems)
        assert.equal(20, values[1].imported)
        assert.equal(1, values[2].imported)
        assert.equal(21, #t.inputs())
      end)

      --- The client, and how many creates are on their way at the same time, at most.
      local function counting()
        local client, counted = t.caller, { running = 0, most = 0 }
        return t.caller_with(function(fields)
          counted.running = counted.running + 1
          counted.most = math.max(counted.most, counted.running)
          local row, err, response = client.dataset_items:create(fields)
          counted.running = counted.running - 1
          return row, err, response
        end),
          counted
      end

      it("does not wait for a slow response, and sends no more at a time than it may", function()
        local client, counted = counting()
        local dataset = t.dataset
        t.e:fault({
          match = { method = "POST", path = ITEMS, nth = 5 },
          action = { delay = { answer = 6 } },
        })
        local summary =
          assert(dataset_file.import(client, dataset, t.numbers(120), { concurrency = 3 }))
        assert.equal(120, summary.imported)
        assert.equal(3, counted.most)
        local slow, meanwhile = nil, 0
        for _, entry in ipairs(t.e:log()) do
          slow = slow or (entry.fault and entry.at)
          meanwhile = meanwhile
            + (slow and entry.method == "POST" and entry.at < slow + 5.9 and 1 or 0)
        end
        assert.equal(116, meanwhile) -- it, and all that follow
        assert.equal(120, #t.inputs())
      end)

      it("leaves what it has read and not sent to the next call, also mapped otherwise", function()
        local mapped, refused = 0, nil
        local now, looks = clock.now, 0
        clock.now = function() -- a slow disk: the longer it takes, the more is read ahead
          looks = looks + 1
          return now() + looks * 0.01
        end
        finally(function()
          clock.now = now
        end)
        for _ = 1, 20 do
          local source = t.numbers(100)
          local value, err, summary = t.import(source, {
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
          local rest = assert(t.import(source, { fields = { input = "output" } }))
          assert.equal(100, rest.imported)
          mapped = mapped + 100 - summary.done
          assert.equal(mapped, select(2, table.concat(t.inputs(), " "):gsub('"o"', "")))
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
          core.sleep(0.5)
          sent[n] = t.posts()
          n = n + 1
          return n <= 6 and { input = n } or nil
        end
        local summary = assert(t.import(slow, { journal = t.folder .. "/j", concurrency = 3 }))
        assert.equal(6, summary.imported)
        assert.same({ [0] = 0, 1, 2, 3, 4, 5, 6 }, sent)
      end)

      it("sends what has come through a pipe while its producer writes nothing", function()
        local dataset = t.dataset
        local settings = t.write(
          "settings.json",
          llm.json.encode({
            url = t.e.url,
            dataset = dataset,
            source = "-",
            settle = 0,
            concurrency = 4,
            journal = t.folder .. "/j",
          })
        )
        local pad = ("x"):rep(400) -- the beginning is awaited, since it tells what the file is
        local producer = '{ for i in $(seq 120); do echo \'{"input":\'$i\',"output":"%s"}\'; done;'
          .. " for i in 121 122 123; do sleep 1; echo '{\"input\":'$i'}'; done; sleep 1; }"
        local command = producer .. " | %s spec/dataset_file/importer.lua %s 2>&1"
        local output = output_of(command:format(pad, LUA, settings))
        assert.truthy(output:find('"imported":123', 1, true), output)
        local at = {}
        for _, entry in ipairs(t.e:log()) do
          at[tonumber((entry.body or ""):match('"input":(%d+)')) or 0] = entry.at
        end
        assert.truthy(at[122] - at[121] > 0.2)
        assert.truthy(at[123] - at[122] > 0.2)
        assert.equal(123, #t.inputs())
      end)

      it("takes records of an iterator that makes calls itself", function()
        local client, counted = counting()
        local dataset = t.dataset
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
          journal = t.folder .. "/j",
          concurrency = 4,
        }))
        assert.equal(40, summary.imported)
        assert.equal(4, counted.most)
        assert.equal(40, #t.inputs())
      end)

      it("lets a function for the progress make calls, one at a time", function()
        local client, dataset = t.caller, t.dataset
        local running, most, calls = 0, 0, 0
        local summary = assert(t.import(t.numbers(60), {
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
    end)
  end
end)
