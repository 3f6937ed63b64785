--- posthog-llm datasets sync, as a user runs it.

if os.getenv("SPEC_MODE") ~= "plain" then
  return
end -- the command takes what make has built

local cjson = require("cjson").new()

local command = require("spec.support.command")
local folders = require("spec.support.folders")
local live = require("spec.support.live")

for _, profile in ipairs({ "reference", "current" }) do
  describe("datasets sync on " .. live.api_name[profile], function()
    local folder
    local OUTPUT = profile == "current" and "expected_output" or "output"
    local t = command.session({ profile = profile })
    local run, ends = t.run, t.ends

    setup(t.start)
    teardown(t.stop)
    before_each(function()
      t.reset()
      folder = folders.new()
    end)
    after_each(function()
      folders.remove(folder)
    end)

    local function write(name, text)
      folders.write(folder, name, text)
      return folder .. "/" .. name
    end

    local TWO = '{"input":"a","output":1,"metadata":{"id":1}}\n'
      .. '{"input":"b","output":2,"metadata":{"id":2}}\n'

    --- The command with a dataset that is made if it is not there.
    local function words(path, ...)
      return { "datasets", "sync", "golden", path, "--key", "metadata.id", "--create", ... }
    end

    local function held()
      local list = {}
      local out = ends(0, { "--json", "items", "list", "--dataset", "golden" }).out
      for line in out:gmatch("[^\n]+") do
        local item = cjson.decode(line)
        list[#list + 1] = ("%s=%d"):format(item.input, item[OUTPUT])
      end
      table.sort(list)
      return list
    end

    it("makes the dataset as the file, and has nothing to do the second time", function()
      local path = write("g.jsonl", TWO)
      local shown = ends(0, words(path))
      assert.equal("2 created, 0 unchanged\n", shown.out)
      assert.equal("nothing to do: 2 items are as in the file\n", ends(0, words(path)).out)
      write("g.jsonl", '{"input":"a","output":7,"metadata":{"id":1}}\n')
      shown = ends(0, words(path))
      assert.equal("1 changed, 0 unchanged\n", shown.out)
      assert.equal("1 item of the dataset is not in the file; --prune deletes them\n", shown.err)
      assert.equal("1 deleted, 1 unchanged\n", ends(0, words(path, "--prune")).out)
      assert.same({ "a=7" }, held())
    end)

    it("tells of records that the file has as deleted, which it leaves out", function()
      local path = write("g.jsonl", TWO)
      ends(0, words(path))
      write("g.jsonl", (TWO:gsub('"input":"a"', '"deleted":true,%0')))
      local shown = ends(0, words(path))
      assert.equal("nothing to do: 1 item is as in the file\n", shown.out)
      assert.truthy(shown.err:find("1 record is left out as archived or deleted", 1, true))
      assert.equal(1, cjson.decode(ends(0, words(path, "--json")).out).skipped)
      write("g.jsonl", (TWO:gsub('"input":', '"archived":true,%0')))
      shown = ends(1, words(path, "--prune"))
      assert.truthy(shown.err:find("no records but archived or deleted ones", 1, true), shown.err)
      assert.same({ "a=1", "b=2" }, held())
    end)

    it("shows in a dry run a diff, and changes nothing", function()
      local path = write("g.jsonl", TWO)
      local dry = ends(0, words(path, "--dry-run"))
      assert.matches('^%+ line 1: 1\n    %+ input: "a"\n', dry.out)
      assert.matches("\n2 to create, 0 unchanged\n$", dry.out)
      assert.matches("dataset golden would be created", dry.err)
      ends(0, words(path))
      write("g.jsonl", '{"input":"a","output":7,"metadata":{"id":1}}\n')
      dry = ends(0, words(path, "--dry-run", "--prune"))
      assert.matches(
        (
          "^~ line 1, [%%x-]+: 1\n    %%- %s: 1\n    %%+ %s: 7\n%%- [%%x-]+: 2\n"
          .. "1 to change, 1 to delete, 0 unchanged\n$"
        ):format(OUTPUT, OUTPUT),
        dry.out
      )
      assert.same({ "a=1", "b=2" }, held())
      local json = cjson.decode(ends(0, words(path, "--dry-run", "--prune", "--json")).out)
      assert.same({ 1, 1, true }, { json.updated, json.deleted, json.dry_run })
      assert.equal("7", json.plan.updated[1].changes[1].new)
      assert.is_nil(json.text)
      local screen = ends(0, words(path, "--dry-run"), { terminal = 80, screen = true })
      assert.matches("\27%[32m    %+ " .. OUTPUT, screen.out)
    end)

    it("ends with code 7 where records are rejected, each named by its line", function()
      local path = write("g.jsonl", TWO)
      ends(0, words(path))
      t.e:faults({
        {
          match = { method = "PATCH" },
          action = {
            status = 400,
            body = '{"type":"validation_error","code":"invalid_input","detail":"Not so.","attr":"input"}',
          },
        },
      })
      write("g.jsonl", TWO:gsub('"output":2', '"output":3') .. "")
      local shown = ends(7, words(path))
      assert.equal("1 rejected, 1 unchanged\n", shown.out)
      assert.truthy(shown.err:find(path .. ":2: item ", 1, true), shown.err)
      assert.truthy(shown.err:find("Not so.", 1, true), shown.err)
    end)

    it("ends with code 3 where others have changed an item meanwhile", function()
      local path = write("g.jsonl", TWO)
      ends(0, words(path))
      write("g.jsonl", TWO:gsub('"output":2', '"output":3') .. "")
      local match, action = { method = "PATCH" }, { status = 409 }
      action.body = '{"code":"stale_version","detail":"Changed.","current_version":2}'
      if profile == "reference" then -- there the item is read before it is changed
        local args = { "--json", "items", "list", "--dataset", "golden", "--limit", "1" }
        local item = cjson.decode(ends(0, args).out)
        item.output = "theirs"
        match = { method = "GET", path = "/dataset_items/[%x-]+/$" }
        action = { status = 200, headers = { ["Content-Type"] = "application/json" } }
        action.body = cjson.encode(item)
      end
      t.e:faults({ { match = match, action = action } })
      local shown = ends(3, words(path))
      assert.equal("1 changed by others meanwhile, 1 unchanged\n", shown.out)
      assert.truthy(shown.err:find(path .. ":2: item ", 1, true), shown.err)
      t.e:faults({})
      assert.same({ "a=1", "b=2" }, held())
    end)

    it("ends with code 2 for a key that cannot be, and with 1 for lines without it", function()
      local path = write("g.jsonl", TWO .. '{"input":"c"}\n{"input":"d","metadata":{"id":1}}\n')
      local shown = ends(1, words(path))
      assert.truthy(shown.err:find("cannot be synced for 2 reasons; nothing was sent", 1, true))
      assert.truthy(shown.err:find(path .. ":3: it has no metadata.id, which is the key", 1, true))
      assert.truthy(shown.err:find(path .. ":4: it has the same key as line 1, 1", 1, true))
      assert.equal("", shown.out)
      shown = ends(2, { "datasets", "sync", "golden", path, "--create", "--key", "qid" })
      assert.truthy(shown.err:find("--field metadata.qid=qid", 1, true), shown.err)
      shown = ends(2, { "datasets", "sync", "golden", path })
      assert.truthy(shown.err:find("--key is required", 1, true), shown.err)
      shown = ends(2, { "datasets", "sync", "golden", path, "--create", "--key", "metadata.nr" })
      assert.truthy(shown.err:find("no record has metadata.nr", 1, true), shown.err)
      ends(4, { "datasets", "sync", "nowhere", path, "--key", "input" })
      ends(5, words(path), { env = { POSTHOG_PERSONAL_API_KEY = "phx_wrong" } })
    end)

    it("deletes all for a file without records only where that is meant", function()
      local path = write("g.jsonl", TWO)
      ends(0, words(path))
      local empty = write("none.json", "[]")
      local shown = ends(1, words(empty, "--prune"))
      assert.truthy(
        shown.err:find("all 2 items of the dataset would be deleted", 1, true),
        shown.err
      )
      assert.truthy(shown.err:find("give --yes", 1, true), shown.err)
      local function answered(answer)
        return { terminal = 100, typed = command.answer("[y/N]", answer .. "\\r") }
      end
      shown = ends(1, words(empty, "--prune"), answered("n"))
      assert.truthy(shown.err:find("Delete all items of golden? [y/N]", 1, true), shown.err)
      assert.same({ "a=1", "b=2" }, held())
      assert.equal("2 deleted, 0 unchanged\n", ends(0, words(empty, "--prune", "--yes")).out)
      assert.same({}, held())
      ends(0, words(path))
      local done = ends(0, words(empty, "--prune"), answered("y"))
      assert.equal("2 deleted, 0 unchanged\n", done.out)
    end)

    it("goes on after it was killed, and makes no doubles", function()
      local lines = {}
      for i = 1, 100 do
        lines[i] = ('{"input":"%d","output":1,"metadata":{"id":%d}}'):format(i, i)
      end
      local path = write("g.jsonl", table.concat(lines, "\n"))
      ends(0, { "datasets", "create", "golden" })
      t.e:fault({ match = { method = "POST" }, action = { delay = 0.5 } })
      local kill = command.until_true("grep -qs id " .. path .. ".sync.journal") .. "kill -9 $pid"
      local args = words(path, "--settle", "0.3")
      assert.equal(137, run(args, { while_running = kill }).code)
      t.e:faults({})
      ends(0, args)
      assert.equal(100, #held())
      assert.equal("nothing to do: 100 items are as in the file\n", ends(0, words(path)).out)
    end)

    it("ends with code 130 on Ctrl-C, and says how far it came", function()
      local lines = {}
      for i = 1, 200 do
        lines[i] = ('{"input":"%d","output":1,"metadata":{"id":%d}}'):format(i, i)
      end
      local path = write("g.jsonl", table.concat(lines, "\n"))
      ends(0, { "datasets", "create", "golden" })
      t.e:fault({ match = { method = "POST" }, action = { delay = 0.5 } })
      local typed = command.until_true("grep -qs id " .. path .. ".sync.journal")
        .. "sleep 0.3; printf '\\003'; sleep 0.3"
      local shown = run(words(path, "--settle", "0.2"), { terminal = 80, typed = typed })
      assert.equal(130, shown.code, shown.err)
      assert.truthy(shown.err:find("the same command does what is left", 1, true), shown.err)
      assert.matches("posthog%-llm: interrupted\n$", shown.err)
      t.e:faults({})
      ends(0, words(path, "--settle", "0.2"))
      assert.equal(200, #held())
    end)

    it("reads standard input, and names it in what it says", function()
      assert.equal(
        "2 created, 0 unchanged\n",
        ends(0, words("-"), { stdin = TWO, dir = folder }).out
      )
      local shown = ends(1, words("-"), { stdin = TWO .. "{\n", dir = folder })
      assert.truthy(shown.err:find("standard input:3: ", 1, true), shown.err)
      assert.is_nil(shown.err:find("/tmp/lua", 1, true), shown.err)
    end)

    if profile == "current" then
      it("ends with code 8 at a limit of the server's", function()
        t.e:settings({ item_limit = 1 })
        local path = write("g.jsonl", TWO)
        local shown = ends(8, words(path))
        assert.truthy(shown.err:find("1 of 2 new records are in the dataset", 1, true), shown.err)
        assert.truthy(shown.err:find("stopped after: 1 created", 1, true), shown.err)
        t.e:settings({ item_version_limit = 1, item_limit = 0 })
        write("g.jsonl", '{"input":"a","output":9,"metadata":{"id":1}}\n')
        shown = ends(8, words(path))
        assert.truthy(shown.err:find(path .. ":1: item ", 1, true), shown.err)
      end)
    end
  end)
end
