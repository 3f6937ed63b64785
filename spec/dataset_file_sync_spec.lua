--- A dataset made equal to a file.

local dataset_file = require("posthog.llm.dataset_file")
local dataset_sync = require("spec.support.dataset_sync")
local live = require("spec.support.live")
local llm = require("posthog.llm")

local fails = live.fails
local THREE = dataset_sync.THREE

for _, profile in ipairs({ "reference", "current" }) do
  describe("a sync to " .. live.api_name[profile], function()
    local is_current = profile == "current"
    local t = dataset_sync.session(profile)
    local folder, dataset, client
    local OUTPUT = profile == "current" and "expected_output" or "output"
    local write = t.write
    local did = t.did
    local items = t.items
    local held = t.held
    local ignore = t.ignore
    local is_there = t.is_there
    local sync = t.sync
    local writes = t.writes

    setup(t.start)
    teardown(t.stop)
    before_each(function()
      t.reset()
      folder, dataset, client = t.folder, t.dataset, t.caller
    end)
    after_each(t.finish)

    it("does not count what the response shows as not done", function()
      local path = write("g.jsonl", '{"input":1,"metadata":{"id":"x"}}\n')
      assert(sync(path))
      local item = items().x
      ignore("PATCH", item)
      write("g.jsonl", '{"input":2,"metadata":{"id":"x"}}\n')
      local result = assert(sync(path))
      assert.same({ 0, 1 }, { result.updated, result.rejected })
      assert.truthy(result.problems[1].message:find("is as before", 1, true))
      t.e:faults({})
      ignore(is_current and "POST" or "PATCH", item)
      write("g.jsonl", '{"input":3,"metadata":{"id":"y"}}\n')
      result = assert(sync(path, { prune = true }))
      assert.same({ 1, 0, 1 }, { result.created, result.deleted, result.rejected })
      assert.truthy(result.problems[1].message:find("not deleted", 1, true))
    end)

    it(
      "creates, changes and deletes until the dataset is the file, and then does nothing",
      function()
        local path = write("g.jsonl", THREE)
        did(
          "3 created, 0 restored, 0 updated, 0 the same, 0 deleted, 0 rejected, 0 conflicts",
          sync(path)
        )
        assert.is_false(is_there(path .. ".sync.journal"))
        local before = #t.e:log()
        local result = assert(sync(path))
        did(
          "0 created, 0 restored, 0 updated, 3 the same, 0 deleted, 0 rejected, 0 conflicts",
          result
        )
        assert.equal(0, writes(before))
        assert.equal(0, result.others)
        write(
          "g.jsonl",
          '{"input":1,"output":"A","metadata":{"id":"x"}}\n'
            .. '{"input":{"q":9007199254740993},"metadata":{"id":"y"}}\n'
            .. '{"input":"new","metadata":{"id":"z"}}\n'
        )
        result = assert(sync(path))
        did(
          "1 created, 0 restored, 1 updated, 1 the same, 0 deleted, 0 rejected, 0 conflicts",
          result
        )
        assert.equal(1, result.others)
        did(
          "0 created, 0 restored, 0 updated, 3 the same, 1 deleted, 0 rejected, 0 conflicts",
          sync(path, { prune = true })
        )
        local by_key, total = items()
        assert.equal(3, total)
        assert.equal("A", by_key.x[OUTPUT])
        assert.equal("9007199254740993", tostring(by_key.y.input.q))
        assert.equal("new", by_key.z.input)
        local diff = assert(dataset_file.diff(client, dataset, path))
        assert.same({ 0, 0, 3 }, { #diff.added, #diff.removed, diff.same })
      end
    )

    it(
      "clears what the file does not have, and tells no difference where the server has none",
      function()
        local path = write("g.jsonl", '{"input":1,"output":5,"metadata":{"id":"x","more":1}}\n')
        assert(sync(path))
        write("g.jsonl", '{"input":1e0,"metadata":{"id":"x","more":1}}\n')
        local result = assert(sync(path))
        assert.equal(1, result.updated)
        local by_key = items()
        assert.is_true(by_key.x[OUTPUT] == nil or by_key.x[OUTPUT] == llm.null)
        write(
          "g.jsonl",
          '{"metadata":{"more":1,"id":"x"},"input":1' .. (is_current and ".0" or "") .. "}"
        )
        local before = #t.e:log()
        assert.equal(1, assert(sync(path)).unchanged)
        assert.equal(0, writes(before))
      end
    )

    it("shows in a dry run what it would do, and sends nothing", function()
      local path = write("g.jsonl", THREE)
      local before = #t.e:log()
      local result = assert(sync(path, { dry_run = true }))
      assert.equal(3, result.created)
      assert.equal(0, writes(before))
      assert.is_false(is_there(path .. ".sync.journal"))
      assert.equal(
        ('+ line 1: "x"\n    + input: 1\n    + %s: "a"\n    + metadata: {"id":"x"}\n'):format(
          OUTPUT
        ),
        result.text:match("^(.-)%+ line 2")
      )
      assert(sync(path))
      local by_key = items()
      local long = ("ä"):rep(200)
      write(
        "g.jsonl",
        '{"input":1,"output":"A","metadata":{"id":"x"}}\n'
          .. '{"input":"'
          .. long
          .. '","metadata":{"id":7}}\n'
      )
      result = assert(sync(path, { dry_run = true, prune = true }))
      did(
        "0 created, 0 restored, 2 updated, 0 the same, 1 deleted, 0 rejected, 0 conflicts",
        result
      )
      local text = ('~ line 1, %s: "x"\n    - %s: "a"\n    + %s: "A"\n'):format(
        by_key.x.id,
        OUTPUT,
        OUTPUT
      )
      assert.equal(text, result.text:sub(1, #text))
      assert.truthy(result.text:find(('\n- %s: "y"\n'):format(by_key.y.id), 1, true), result.text)
      assert.truthy(result.text:find('    + input: "ää', 1, true), result.text)
      assert.truthy(llm.json.encode(result))
      assert.same("updated", result.plan.updated[1].changes[1].new and "updated")
      assert.equal(3, select(2, items()))
    end)

    it("lists a hundred changes of each kind in a dry run, and counts the others", function()
      local lines = {}
      for i = 1, 130 do
        lines[i] = ('{"input":%d,"metadata":{"id":%d}}'):format(i, i)
      end
      local path = write("many.jsonl", table.concat(lines, "\n"))
      local result = assert(sync(path, { dry_run = true }))
      assert.equal(100, #result.plan.created)
      assert.equal(130, result.created)
      assert.truthy(result.text:find("\n  and 30 more\n", 1, true))
    end)

    it("takes the key by the name that the column has, and cells for what they are", function()
      local path = write("g.csv", "nr,question,answer\n1,What?,5\n2,Who?,me\n")
      local options = {
        key = "nr",
        fields = { input = "question", expected_output = "answer", ["metadata.nr"] = "nr" },
      }
      assert.equal(2, assert(sync(path, options)).created)
      write("g.csv", "nr,question,answer\n2,Who?,you\n1,What?,5\n")
      did(
        "0 created, 0 restored, 1 updated, 1 the same, 0 deleted, 0 rejected, 0 conflicts",
        sync(path, options)
      )
      options.key = "question"
      assert.equal(2, assert(sync(path, options)).unchanged)
    end)

    it("makes the dataset if that is allowed", function()
      local path = write("g.jsonl", THREE)
      local options = { key = "metadata.id", settle = 0.05 }
      fails("not_found", nil, dataset_file.sync(client, "fresh", path, options))
      options.create, options.dry_run = true, true
      local dry = assert(dataset_file.sync(client, "fresh", path, options))
      assert.same({ true, 3 }, { dry.is_new, dry.created })
      options.dry_run = nil
      local result = assert(dataset_file.sync(client, "fresh", path, options))
      assert.same({ true, 3 }, { result.is_new, result.created })
      assert.equal(3, assert(dataset_file.sync(client, "fresh", path, options)).unchanged)
    end)

    it("names the lines that have no key, or one twice, and sends nothing", function()
      local path = write(
        "g.jsonl",
        '{"input":1,"metadata":{"id":"x"}}\n{"input":2}\n{"input":3,"metadata":{"id":""}}\n'
          .. '{"input":4,"metadata":{"id":"x"}}\n{"input":}\n'
      )
      local before = #t.e:log()
      local result, err = sync(path)
      fails("invalid", { file = path }, result, err)
      assert.equal(0, writes(before))
      local told = {}
      for i, problem in ipairs(err.problems) do
        told[i] = problem.line .. ": " .. problem.message
      end
      assert.same({
        "2: it has no metadata.id, which is the key",
        "3: it has no metadata.id, which is the key",
        '4: it has the same key as line 1, "x"',
        "5: column 10: invalid JSON: expected a value",
      }, told)
      assert.truthy(
        err.message:find("line 2: it has no metadata.id, which is the key (and 3 more)", 1, true)
      )
      result, err = sync(write("h.jsonl", '{"input":1}\n{"input":2}\n'))
      fails("invalid", { option = "key" }, result, err)
      assert.truthy(err.message:find("no record has metadata.id", 1, true))
      result, err = sync(path, { key = "qid" })
      fails("invalid", { option = "key" }, result, err)
      assert.truthy(err.message:find('["metadata.qid"] = "qid"', 1, true), err.message)
    end)

    it("names the items that have one key, if the file has it too", function()
      for _ = 1, 2 do
        assert(client.dataset_items:create({
          dataset = dataset,
          input = 1,
          metadata = { id = "x" },
        }))
      end
      local path = write("g.jsonl", '{"input":1,"metadata":{"id":"x"}}\n')
      local before = #t.e:log()
      local result, err = sync(path)
      fails("invalid", nil, result, err)
      assert.equal(0, writes(before))
      for item in client.dataset_items:each({ dataset = dataset }) do
        assert.truthy(err.message:find(item.id, 1, true), err.message)
      end
      assert.is_false(is_there(path .. ".sync.journal"))
      write("g.jsonl", '{"input":1,"metadata":{"id":"y"}}\n')
      did(
        "1 created, 0 restored, 0 updated, 0 the same, 2 deleted, 0 rejected, 0 conflicts",
        sync(path, { prune = true })
      )
    end)

    it("does not delete all items for a file without records, unless that is meant", function()
      local path = write("g.jsonl", THREE)
      assert(sync(path))
      for name, text in pairs({
        ["a.json"] = "[]",
        ["b.csv"] = "input,metadata\n",
        ["c.jsonl"] = "",
      }) do
        local empty = write(name, text)
        local before = #t.e:log()
        local result, err = sync(empty, { prune = true })
        fails("invalid", nil, result, err)
        assert.truthy(err.message:find(name, 1, true))
        assert.equal(0, writes(before), name)
        local dry = assert(sync(empty, { prune = true, allow_empty = true, dry_run = true }))
        assert.same({ 3, 3 }, { dry.deleted, #dry.plan.deleted })
      end
      did(
        "0 created, 0 restored, 0 updated, 0 the same, 3 deleted, 0 rejected, 0 conflicts",
        sync(folder .. "/c.jsonl", { prune = true, allow_empty = true })
      )
      assert.equal(0, select(2, items()))
    end)

    it("raises for misuse", function()
      for _, case in ipairs({
        { { nil, "d", "p", { key = "id" } }, "client: a client expected" },
        { { client, "", "p", { key = "id" } }, "dataset is empty" },
        { { client, "d", 5, { key = "id" } }, "path" },
        { { client, "d", "p" }, "key" },
        { { client, "d", "p", { key = "" } }, "key is empty" },
        { { client, "d", "p", { key = "id", pruned = true } }, "pruned" },
      }) do
        local ok, message = pcall(dataset_file.sync, (table.unpack or unpack)(case[1], 1, 4))
        assert.is_false(ok)
        assert.truthy(message:find(case[2], 1, true), message)
      end
    end)

    if is_current then
      it("undeletes an item that is deleted, and changes it where it differs", function()
        local path = write("g.jsonl", THREE)
        assert(sync(path))
        local by_key = items()
        assert(client.dataset_items:delete(by_key.x.id))
        assert(client.dataset_items:delete(by_key.y.id))
        write("g.jsonl", (THREE:gsub('"output":"a"', '"output":"b"')))
        local dry = assert(sync(path, { dry_run = true }))
        assert.equal(2, dry.restored)
        assert.truthy(dry.text:find("which is undeleted", 1, true))
        did(
          "0 created, 2 restored, 0 updated, 1 the same, 0 deleted, 0 rejected, 0 conflicts",
          sync(path)
        )
        local again = items()
        assert.same({ by_key.x.id, by_key.y.id }, { again.x.id, again.y.id })
        assert.equal("b", again.x.expected_output)
        assert.equal(3, assert(sync(path)).unchanged)
      end)

      it("leaves a number alone that no double holds, however the server writes it", function()
        local path = write(
          "g.jsonl",
          '{"input":1e400,"metadata":{"id":"x"}}\n{"input":[-1.5e400,1e399],"metadata":{"id":"y"}}\n'
            .. ('{"input":%s1,"metadata":{"id":"z"}}\n'):format(("9"):rep(401))
        )
        assert.equal(3, assert(sync(path)).created)
        assert.equal(3, assert(sync(path)).unchanged)
        write("g.jsonl", '{"input":1e401,"metadata":{"id":"x"}}\n')
        assert.equal(1, assert(sync(path)).updated)
        assert.equal(1, assert(sync(path)).unchanged)
      end)

      it("rejects a record whose source differs, since no server changes that", function()
        assert(client.dataset_items:create({
          dataset = dataset,
          input = 1,
          metadata = { id = "x" },
          source_output = "said",
        }))
        local path = write("g.jsonl", '{"input":1,"metadata":{"id":"x"}}\n')
        assert.equal(1, assert(sync(path)).unchanged)
        write("g.jsonl", '{"input":1,"metadata":{"id":"x"},"source_output":"other"}\n')
        local result = assert(sync(path))
        assert.same({ 1, 0 }, { result.rejected, result.updated })
        assert.truthy(result.problems[1].message:find("source_output of item", 1, true))
      end)

      it("ends with the server's limit, and says how much is left", function()
        t.e:settings({ item_limit = 2 })
        local result, err, partly = sync(write("g.jsonl", THREE), { concurrency = 1 })
        fails("conflict", { code = "limit_reached", limit = 2 }, result, err)
        assert.truthy(
          err.message:find("2 of 3 new records are in the dataset, 1 are left", 1, true),
          err.message
        )
        assert.equal(2, partly.created)
      end)

      it(
        "never has its journal in the place of the file, however their paths are written",
        function()
          local path = write("g.jsonl", "")
          assert(os.execute(("cd '%s' && ln -s . link && ln g.jsonl hard"):format(folder)))
          for _, name in ipairs({ "/g.jsonl", "/link/g.jsonl", "/hard" }) do
            local journal = folder .. name
            local result, err = sync(path, { journal = journal, allow_empty = true })
            fails("invalid", { file = journal }, result, err)
            local words = "cannot be the source and the journal at once"
            assert.truthy(err.message:find(words, 1, true), err.message)
            assert.is_true(is_there(journal))
          end
        end
      )

      it("makes no doubles where two run at the same time", function()
        local path = write("g.jsonl", THREE)
        local other
        local result = assert(sync(path, {
          on_progress = function(now)
            if now.rows and now.rows == now.total and not other then
              other = assert(dataset_file.sync(t.client(), dataset, path, {
                key = "metadata.id",
                journal = folder .. "/other",
              }))
            end
          end,
        }))
        assert.equal(3, other.created)
        did(
          "0 created, 0 restored, 0 updated, 3 the same, 0 deleted, 0 rejected, 0 conflicts",
          result
        )
        assert.equal(3, select(2, items()))
      end)

      it("tells when others create an item with the same key meanwhile", function()
        local path = write("g.jsonl", THREE)
        local done
        local result = assert(sync(path, {
          on_progress = function(now)
            if now.rows and now.rows == now.total and not done then
              done = true
              local theirs = write("theirs.jsonl", (THREE:gsub('"a"', '"theirs"')))
              assert(dataset_file.sync(t.client(), dataset, theirs, { key = "metadata.id" }))
            end
          end,
        }))
        did(
          "0 created, 0 restored, 0 updated, 2 the same, 0 deleted, 0 rejected, 1 conflicts",
          result
        )
        assert.same({ 1, true }, { result.problems[1].line, result.problems[1].conflict })
        assert.equal("theirs", items().x.expected_output)
      end)

      it("takes client_item_id as the key, and tells 1.0 from 1 where this Lua does", function()
        local path = write("g.jsonl", '{"input":1,"client_item_id":"a"}\n')
        assert(sync(path, { key = "client_item_id" }))
        write("g.jsonl", '{"input":1.0,"client_item_id":"a"}\n{"input":2,"client_item_id":"b"}\n')
        local result = assert(sync(path, { key = "client_item_id" }))
        assert.same({ 1, math.type and 1 or 0 }, { result.created, result.updated })
        local item = client.dataset_items:list({ dataset = dataset }).results[1]
        assert(client.dataset_items:delete(item.id))
        assert.equal(1, assert(sync(path, { key = "client_item_id" })).restored)
      end)
    else
      it("refuses client_item_id as the key, and names what can be", function()
        local path = write("g.jsonl", '{"input":1,"client_item_id":"a"}\n')
        local result, err = sync(path, { key = "client_item_id" })
        fails("invalid", { option = "key" }, result, err)
        assert.truthy(err.message:find("metadata.client_item_id", 1, true))
      end)

      it("reads again when others delete while it reads, and creates no doubles", function()
        local lines = {}
        for i = 1, 230 do
          lines[i] = ('{"input":%d,"metadata":{"id":%d}}'):format(i, i)
        end
        local path = write("many.jsonl", table.concat(lines, "\n"))
        assert(sync(path))
        local by_key = items()
        table.remove(lines, 230)
        write("many.jsonl", table.concat(lines, "\n"))
        local done
        local result = assert(sync(path, {
          on_progress = function(now)
            if now.rows == 100 and not done then
              done = true -- the newest: all the others move up by one
              assert(t.client().dataset_items:delete(by_key[230].id))
            end
          end,
        }))
        assert.is_true(done)
        assert.same({ 0, 229 }, { result.created, result.unchanged })
        assert.equal(229, select(2, items()))
      end)
    end

    it("takes an id as the key, and refuses one that the dataset does not have", function()
      local path = write("g.jsonl", THREE)
      assert(sync(path))
      local exported = folder .. "/out.jsonl"
      assert(dataset_file.export(client, dataset, exported))
      local before = held()
      assert.equal(3, assert(sync(exported, { key = "id" })).unchanged)
      local file = assert(io.open(exported, "ab"))
      file:write('{"id":"0198c5a2-7be4-7000-8000-3f1d2c4b5a69","input":5}\n')
      file:close()
      local result = assert(sync(exported, { key = "id" }))
      assert.same({ 1, 0 }, { result.rejected, result.created })
      assert.equal(4, result.problems[1].line)
      assert.same(before, held())
    end)
  end)
end
