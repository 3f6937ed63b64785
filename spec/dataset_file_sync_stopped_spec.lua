--- What stands in the way of a sync: what others change meanwhile, a server that refuses, is slow or
--- loses responses, and a process that is stopped.

local dataset_file = require("posthog.llm.dataset_file")
local dataset_sync = require("spec.support.dataset_sync")
local live = require("spec.support.live")
local llm = require("posthog.llm")

local fails = live.fails
local THREE = dataset_sync.THREE
local LUA = os.getenv("LUA") or "lua5.4"

for _, profile in ipairs({ "reference", "current" }) do
  describe("a sync to " .. live.api_name[profile], function()
    local is_current = profile == "current"
    local t = dataset_sync.session(profile)
    local dataset, client
    local OUTPUT = profile == "current" and "expected_output" or "output"
    local write = t.write
    local did = t.did
    local items = t.items
    local is_there = t.is_there
    local sync = t.sync

    setup(t.start)
    teardown(t.stop)
    before_each(function()
      t.reset()
      dataset, client = t.dataset, t.caller
    end)
    after_each(t.finish)

    it("leaves what others have changed meanwhile as it is, and tells", function()
      local path = write("g.jsonl", THREE)
      assert(sync(path))
      local by_key = items()
      write(
        "g.jsonl",
        '{"input":1,"output":"mine","metadata":{"id":"x"}}\n'
          .. '{"input":"mine","output":null,"metadata":{"id":"y"}}\n'
      )
      local done = false
      local result = assert(sync(path, {
        prune = true,
        concurrency = 1,
        on_progress = function(now)
          if now.rows and now.total == now.rows and not done then
            done = true
            local other = t.client()
            assert(other.dataset_items:update(by_key.x.id, { [OUTPUT] = "theirs" }))
            assert(other.dataset_items:update(by_key[7].id, { [OUTPUT] = "theirs" }))
          end
        end,
      }))
      assert.is_true(done)
      did(
        "0 created, 0 restored, 1 updated, 0 the same, 0 deleted, 0 rejected, 2 conflicts",
        result
      )
      assert.equal("others have changed it meanwhile", result.problems[1].message)
      assert.same({ 1, true }, { result.problems[1].line, result.problems[1].conflict })
      assert.same({ by_key[7].id, true }, { result.problems[2].id, result.problems[2].conflict })
      by_key = items()
      assert.equal("theirs", by_key.x[OUTPUT])
      assert.equal("theirs", by_key[7][OUTPUT])
      did(
        "0 created, 0 restored, 1 updated, 1 the same, 1 deleted, 0 rejected, 0 conflicts",
        sync(path, { prune = true })
      )
      assert.equal("mine", items().x[OUTPUT])
    end)

    it("tells what others have deleted meanwhile", function()
      local path = write("g.jsonl", THREE)
      assert(sync(path))
      local by_key = items()
      write("g.jsonl", '{"input":2,"metadata":{"id":"x"}}\n')
      local done = false
      local result = assert(sync(path, {
        prune = true,
        on_progress = function(now)
          if now.rows and now.total == now.rows and not done then
            done = true
            assert(t.client().dataset_items:delete(by_key.x.id))
            assert(t.client().dataset_items:delete(by_key.y.id))
          end
        end,
      }))
      assert.same({ 2, 1 }, { result.deleted, result.conflicts })
      assert.equal("others have deleted it meanwhile", result.problems[1].message)
      result = assert(sync(path, { prune = true }))
      assert.equal(is_current and 1 or 0, result.restored)
      assert.equal(is_current and 0 or 1, result.created)
      local _, total = items()
      assert.equal(1, total)
    end)

    it("rejects the records that the server refuses, and does the others", function()
      local path = write("g.jsonl", THREE)
      assert(sync(path))
      t.e:faults({
        {
          match = { method = "PATCH" },
          action = {
            status = 400,
            body = '{"type":"validation_error","code":"invalid_input","detail":"no","attr":"input"}',
          },
        },
      })
      write(
        "g.jsonl",
        '{"input":2,"output":"a","metadata":{"id":"x"}}\n{"input":"n","metadata":{"id":"n"}}\n'
      )
      local result = assert(sync(path))
      did(
        "1 created, 0 restored, 0 updated, 0 the same, 0 deleted, 1 rejected, 0 conflicts",
        result
      )
      assert.truthy(result.problems[1].message:find("no", 1, true))
      assert.is_false(result.problems[1].conflict)
    end)

    it("goes on where a stopped one was, after what that has sent is done or lost", function()
      local lines = {}
      for i = 1, 60 do
        lines[i] = ('{"input":%d,"metadata":{"id":%d}}'):format(i, i)
      end
      local path = write("many.jsonl", table.concat(lines, "\n"))
      local calls = 0
      local result, err, partly = sync(path, {
        concurrency = 2,
        on_progress = function(now)
          calls = calls + (now.done and now.done > 0 and 1 or 0)
          return calls < 2
        end,
      })
      fails("cancelled", nil, result, err)
      assert.truthy(partly.created > 0 and partly.created < 60)
      assert.is_true(is_there(path .. ".sync.journal"))
      local waited
      result = assert(sync(path, {
        settle = 1,
        on_progress = function(now)
          waited = waited or now.waiting
        end,
      }))
      assert.truthy(waited and waited <= 1)
      assert.equal(60, result.created + result.unchanged)
      assert.equal(60, select(2, items()))
      assert.is_false(is_there(path .. ".sync.journal"))
    end)

    it("does not wait for a slow change, nor for a slow delete", function()
      local function file(count, output)
        local lines = {}
        for i = 1, count do
          lines[i] = ('{"input":%d,"output":%q,"metadata":{"id":%d}}'):format(i, output, i)
        end
        return write("many.jsonl", table.concat(lines, "\n"))
      end
      assert(sync(file(60, "a")))
      for _, case in ipairs({
        { "updated", "PATCH", 60, 60 },
        { "deleted", is_current and "POST" or "PATCH", 20, 40 },
      }) do
        local name, method, records, wanted = case[1], case[2], case[3], case[4]
        t.e:fault({
          match = { method = method, path = "/dataset_items/", nth = 5 },
          action = { delay = { answer = 4 } },
        })
        local since = #t.e:log()
        local options = { concurrency = 3, prune = true, settle = 0 }
        assert.equal(wanted, assert(sync(file(records, "b"), options))[name])
        local slow, meanwhile = nil, 0
        for _, entry in ipairs(t.e:log(since)) do
          slow = slow or (entry.fault and entry.at)
          local is_write = entry.method == method
          meanwhile = meanwhile + (slow and is_write and entry.at < slow + 3.9 and 1 or 0)
        end
        assert.equal(wanted - 4, meanwhile, name) -- it, and all that follow
      end
    end)

    it("refuses the journal of an import, and one that is in use", function()
      local path = write("g.jsonl", THREE)
      assert(dataset_file.import(client, dataset, path))
      local result, err = sync(path, { journal = path .. ".journal" })
      fails("invalid", { option = "journal" }, result, err)
      assert.truthy(err.message:find("this is the journal of an import", 1, true))
      local seen
      assert(sync(path, {
        on_progress = function(now)
          if now.rows and not now.read and not seen then
            local inner, failed = sync(path)
            fails("invalid", nil, inner, failed)
            seen = failed.message
          end
        end,
      }))
      assert.truthy(seen and seen:find("another sync is using this journal", 1, true), seen)
    end)

    it("stops when the file changes under it", function()
      local path = write("g.jsonl", THREE)
      local changed
      local result, err = sync(path, {
        on_progress = function(now)
          if now.rows and not now.read and not changed then
            changed = true
            write("g.jsonl", (THREE:gsub("three", "drei!")))
          end
        end,
      })
      fails("invalid", nil, result, err)
      assert.truthy(err.message:find("the file was changed while it was synced", 1, true))
      assert.equal(3, assert(sync(path)).records)
      assert.equal(3, select(2, items()))
    end)

    --- A file with so many records.
    local function many(count, output)
      local lines = {}
      for i = 1, count do
        lines[i] = ('{"input":%d,"output":"%s","metadata":{"id":%d}}'):format(i, output, i)
      end
      return write("many.jsonl", table.concat(lines, "\n"))
    end

    it("yields to an event loop", function()
      if not pcall(require, "luv") then
        return pending("there is no luv here")
      end
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
          local path, options = %q, { key = "metadata.id", prune = true }
          local first = assert(dataset_file.sync(client, %q, path, options))
          return first, assert(dataset_file.sync(client, %q, path, options))
        end, function(err, first, second)
          timer:close()
          print(err, first and first.created, second and second.unchanged, turns > 0)
        end)
        uv.run()
      ]]):format(t.e.url, many(60, "a"), dataset, dataset)
      )
      local pipe = assert(io.popen(LUA .. " " .. program .. " 2>&1"))
      assert.equal("nil\t60\t60\ttrue\n", pipe:read("*a"))
      pipe:close()
    end)

    it("loses nothing and doubles nothing on a disk that is full", function()
      local path = many(200, "a")
      local settings = write(
        "settings.json",
        llm.json.encode({
          url = t.e.url,
          dataset = dataset,
          source = path,
          settle = 0.05,
          concurrency = 4,
          sync = { key = "metadata.id" },
        })
      )
      local command = "trap '' XFSZ; ulimit -f 4; %s spec/dataset_file/importer.lua %s 2>&1"
      local pipe = assert(io.popen(command:format(LUA, settings)))
      local output = pipe:read("*a")
      pipe:close()
      assert.truthy(output:find("cannot write the journal", 1, true), output)
      local result = assert(sync(path))
      assert.equal(200, result.created + result.unchanged)
      assert.truthy(result.unchanged > 0)
      assert.equal(200, select(2, items()))
    end)

    it("makes each change once while responses are lost, and says so of none", function()
      local path = many(20, "a")
      local faults = {}
      for i, action in ipairs({ { close = "after" }, { close = "before" }, { status = 503 } }) do
        faults[i] = { match = { share = 0.08 }, action = action }
      end
      t.e:faults(faults)
      t.caller = t.client({ max_retries = 5 })
      local result = assert(sync(path))
      did(
        "20 created, 0 restored, 0 updated, 0 the same, 0 deleted, 0 rejected, 0 conflicts",
        result
      )
      path = many(15, "b")
      result = assert(sync(path, { prune = true }))
      did(
        "0 created, 0 restored, 15 updated, 0 the same, 5 deleted, 0 rejected, 0 conflicts",
        result
      )
      t.e:faults({})
      local by_key, total = items()
      assert.equal(15, total)
      for i = 1, 15 do
        assert.equal("b", by_key[i][OUTPUT])
      end
    end)
  end)
end
