--- posthog-llm items create, update, edit, delete and undelete, as a user runs them.

if os.getenv("SPEC_MODE") ~= "plain" then
  return
end -- the command takes what make has built

local cjson = require("cjson").new()

local command = require("spec.support.command")
local folders = require("spec.support.folders")
local live = require("spec.support.live")

local NOBODY = "0198c5a2-7be4-7000-8000-3f1d2c4b5a69"

for _, profile in ipairs({ "reference", "current" }) do
  describe("items on " .. live.api_name[profile], function()
    local is_current = profile == "current"
    local OUTPUT = is_current and "expected_output" or "output"
    local folder, dataset
    local t = command.session({ profile = profile })
    local run, ends = t.run, t.ends

    setup(t.start)
    teardown(t.stop)
    before_each(function()
      t.reset()
      folder = folders.new()
      dataset = t.e:seed({ datasets = 1 }).datasets[1]
    end)
    after_each(function()
      folders.remove(folder)
    end)

    local function create(text)
      local args = { "items", "create", "--dataset", dataset, "--data", text }
      return (ends(0, args).out:gsub("\n", ""))
    end

    --- The JSON of an item as the server sends it.
    local function raw(id)
      return ends(0, { "api", "GET", "/api/projects/:project_id/dataset_items/" .. id .. "/" }).out
    end

    --- The bodies of the writes, oldest first.
    local function sent(method)
      local list = {}
      for _, entry in ipairs(t.e:log()) do
        if entry.method == method then
          list[#list + 1] = entry.body
        end
      end
      return list
    end

    --- An editor that runs shell text with the file in $1.
    local function editor(text)
      folders.write(folder, "editor", "#!/bin/sh\nfile=$1\n" .. text .. "\n")
      os.execute("chmod +x " .. folder .. "/editor")
      return { env = { VISUAL = folder .. "/editor", TMPDIR = folder } }
    end

    --- The files that an edit has left.
    local function left()
      local pipe = io.popen("ls " .. folder .. " | grep posthog-item")
      local text = pipe:read("*a")
      pipe:close()
      return (text:gsub("\n$", ""))
    end

    it("creates an item, and sends every literal as it was written", function()
      local id = create(
        '{"input": {"b": 1.50, "a": 12345678901234567890}, "output": 1e2, "metadata": {"k": 1}}'
      )
      assert.matches("^[%x-]+$", id)
      local body = sent("POST")[1]
      assert.truthy(body:find('{"b": 1.50, "a": 12345678901234567890}', 1, true), body)
      assert.truthy(body:find("1e2", 1, true), body)
      local args = { "items", "create", "--dataset", dataset, "--json" }
      local row = cjson.decode(ends(0, args, { stdin = '{"input": "piped"}\n' }).out)
      assert.equal("piped", row.input)
      folders.write(folder, "item.json", '{"input": "of a file", "dataset": "' .. dataset .. '"}')
      local result = ends(0, { "items", "create", "--data", "@" .. folder .. "/item.json" })
      assert.matches("^item [%x-]+ is created\n$", result.err)
    end)

    it("names what is wrong with an item before anything is sent", function()
      local before = #t.e:log()
      for text, words in pairs({
        ['{"input": }'] = "the item: line 1, column 11: invalid JSON",
        ['{"input": 1}\n{"input": 2}'] = "datasets import",
        ['{"ouptut": 1}'] = 'no field "ouptut" that can be written; it has input, expected_output, output',
        ['{"input": 1, "input": 2}'] = '"input" is there twice',
        ["[1]"] = "an item is a JSON object",
        [" "] = "the item is empty",
      }) do
        local result = ends(2, { "items", "create", "--dataset", dataset }, { stdin = text })
        assert.truthy(result.err:find(words, 1, true), result.err)
        assert.equal("", result.out)
      end
      local result = ends(2, { "items", "create" }, { stdin = '{"input": 1}' })
      assert.truthy(result.err:find("--dataset is required", 1, true), result.err)
      ends(2, { "items", "update", NOBODY, "--data", "{}" })
      ends(1, { "items", "create", "--dataset", dataset, "--data", "@" .. folder .. "/none" })
      assert.equal(before, #t.e:log())
      ends(4, { "items", "create", "--dataset", "nowhere", "--data", '{"input":1}' })
      ends(5, { "items", "create", "--dataset", dataset, "--data", '{"input":1}' }, {
        env = { POSTHOG_PERSONAL_API_KEY = "phx_wrong" },
      })
    end)

    it("updates the fields that are given, and leaves the others", function()
      local id = create('{"input": 1, "metadata": {"k": 1}}')
      local data = ('{"%s": {"x": 1.10}}'):format(OUTPUT)
      local result = ends(0, { "items", "update", id, "--data", data })
      assert.equal(id .. "\n", result.out)
      assert.matches("^item [%x-]+ is changed", result.err)
      assert.truthy(sent("PATCH")[1]:find('{"x": 1.10}', 1, true))
      local row = cjson.decode(raw(id))
      assert.same({ 1, { k = 1 }, { x = 1.1 } }, { row.input, row.metadata, row[OUTPUT] })
      ends(4, { "items", "update", NOBODY, "--data", data })
      local args = { "items", "update", id, "--data", '{"input": 3}', "--base-version", "1" }
      if is_current then
        result = ends(3, args)
        assert.truthy(result.err:find("current version 2", 1, true), result.err)
        args[#args] = "2"
        assert.matches("it is version 3", ends(0, args).err)
      else
        result = ends(1, args)
        assert.truthy(
          result.err:find("--base-version", 1, true) or result.err:find("base_version", 1, true)
        )
      end
    end)

    it("deletes an item, and brings it back", function()
      local id = create('{"input": "gone"}')
      local result = ends(2, { "items", "delete", id })
      assert.truthy(result.err:find("--yes is needed", 1, true), result.err)
      result = ends(0, { "items", "delete", id, "--yes" })
      assert.equal(id .. "\n", result.out)
      assert.matches("restore it: items undelete " .. id:gsub("%-", "%%-"), result.err)
      assert.equal("", ends(0, { "--json", "items", "list", "--dataset", dataset }).out)
      assert.matches("is back", ends(0, { "items", "undelete", id }).err)
      assert.matches("gone", ends(0, { "items", "list", "--dataset", dataset }).out)
      local function answered(answer)
        return { terminal = 100, typed = command.answer("[y/N]", answer .. "\\r") }
      end
      result = ends(1, { "items", "delete", id }, answered("n"))
      assert.truthy(result.err:find(('Delete item %s, "gone"?'):format(id), 1, true), result.err)
      ends(0, { "items", "delete", id }, answered("y"))
      ends(4, { "items", "delete", NOBODY, "--yes" })
      ends(4, { "items", "undelete", NOBODY })
    end)

    it("does not say that an item is deleted or back when the response says otherwise", function()
      local id = create('{"input": "here"}')
      local method = is_current and "POST" or "PATCH"
      local here, mark = raw(id), is_current and "archived" or "deleted"
      local gone = here:gsub(('"%s":false'):format(mark), ('"%s":true'):format(mark))
      local path = "/dataset_items/" .. id:gsub("%-", "%%-")
      local function answer(body, status)
        local action = { status = status or 200, body = body }
        t.e:fault({ match = { method = method, path = path }, action = action })
      end
      answer(here)
      local result = ends(1, { "items", "delete", id, "--yes" })
      assert.equal("", result.out)
      assert.truthy(result.err:find("the row is not deleted", 1, true), result.err)
      t.e:faults({})
      answer("", 204)
      result = ends(1, { "items", "delete", id, "--yes" })
      assert.truthy(result.err:find("the response has no item", 1, true), result.err)
      t.e:faults({})
      ends(0, { "items", "delete", id, "--yes" })
      answer(gone)
      result = ends(1, { "items", "undelete", id })
      assert.truthy(result.err:find("the row is still deleted", 1, true), result.err)
    end)

    it("edits an item: what was changed is sent, each literal as it stands", function()
      local id = create(
        '{"input": {"n": 12345678901234567890, "f": 2.5, "s": "old\\n\\u00fc"}, "metadata": {}}'
      )
      local result =
        ends(0, { "items", "edit", id }, editor('cp "$file" copy; sed -i s/old/new/ "$file"'))
      assert.equal(id .. "\n", result.out)
      local body = sent("PATCH")[1]
      assert.truthy(body:find("12345678901234567890", 1, true), body)
      assert.is_nil(body:find("metadata", 1, true), body)
      assert.matches('"s":"new', (raw(id):gsub(": ", ":")))
      assert.equal("", left())
      os.remove("copy")
    end)

    it("does not say that an item is changed when the response shows it as it was", function()
      local id = create('{"input": {"b": 1e3, "a": [1.0]}, "output": "x", "metadata": {}}')
      local same = '{"input": {"a": [1, -0.0], "b": 1e3}, "output": null, "metadata": {"n": 1.50}}'
      ends(0, { "items", "update", id, "--data", same })
      local action = { status = 200, body = raw(id) }
      t.e:fault({ match = { method = "PATCH", path = "/dataset_items/" }, action = action })
      local result = ends(1, { "items", "update", id, "--data", '{"output": "new"}' })
      assert.equal("", result.out)
      assert.truthy(result.err:find("another output than was sent", 1, true), result.err)
      ends(0, { "items", "update", id, "--data", same })
    end)

    it("does not say that a text is kept where the editor has removed it", function()
      local id = create('{"input": 1}')
      local result = ends(1, { "items", "edit", id }, editor('rm "$file"'))
      assert.truthy(result.err:find("nothing was sent", 1, true), result.err)
      assert.is_nil(result.err:find("is kept", 1, true), result.err)
    end)

    it("shows an item in an editor with a field a line, which only the user can read", function()
      local id = create('{"input": {"a": [1, {}]}, "metadata": {"k": "v"}}')
      local options =
        editor('stat -c %a "$file" >' .. folder .. '/mode; cp "$file" ' .. folder .. "/copy")
      local result = ends(0, { "items", "edit", id }, options)
      assert.equal("nothing was changed, and nothing was sent\n", result.err)
      assert.equal("600\n", folders.read(folder, "mode"))
      local text = folders.read(folder, "copy")
      assert.truthy(
        text:find('{\n  "input": {\n    "a": [\n      1,\n      {}\n    ]\n  },\n', 1, true),
        text
      )
      assert.same({}, sent("PATCH"))
      assert.equal("", left())
    end)

    it("sends nothing when the editor fails, or the text is not an item", function()
      local id = create('{"input": 1}')
      local result = ends(1, { "items", "edit", id }, editor("exit 3"))
      assert.truthy(result.err:find("ended with code 3; nothing was sent", 1, true), result.err)
      assert.equal("", left())
      result = ends(1, { "items", "edit", id }, editor('echo more >>"$file"; exit 1'))
      assert.truthy(
        result.err:find("your text is kept in " .. folder .. "/" .. left(), 1, true),
        result.err
      )
      os.remove(folder .. "/" .. left())
      result =
        ends(1, { "items", "edit", id }, editor('printf "{\\n  \\"input\\": ,\\n}" >"$file"'))
      assert.truthy(result.err:find(": line 2, column 12: invalid JSON", 1, true), result.err)
      assert.truthy(
        result.err:find("your text is kept in " .. folder .. "/" .. left(), 1, true),
        result.err
      )
      assert.same({}, sent("PATCH"))
      ends(2, { "items", "edit", id }, { env = { VISUAL = false, EDITOR = false } })
      ends(4, { "items", "edit", NOBODY }, editor("true"))
      ends(5, { "items", "edit", id }, { env = { POSTHOG_PERSONAL_API_KEY = "phx_wrong" } })
    end)

    it("keeps the text of an edit that the server refuses, and lets it be mended", function()
      local id = create('{"input": 1}')
      t.e:fault({
        match = { method = "PATCH" },
        action = {
          status = 400,
          times = 1,
          body = '{"type":"validation_error","code":"invalid_input","detail":"Not so.","attr":"input"}',
        },
      })
      local change = editor('sed -i s/1/2/ "$file"')
      local result = ends(1, { "items", "edit", id }, change)
      assert.truthy(result.err:find("Not so", 1, true), result.err)
      local path = folder .. "/" .. left()
      assert.truthy(result.err:find("your text is kept in " .. path, 1, true), result.err)
      assert.truthy(folders.read(folder, left()):find('"input": 2', 1, true))
      os.remove(path)
      t.e:fault({
        match = { method = "PATCH" },
        action = { status = 400, times = 1, body = '{"detail":"Not so."}' },
      })
      change.terminal, change.typed = 100, command.answer("[y/N]", "y\\r")
      result = ends(0, { "items", "edit", id }, change)
      assert.truthy(result.err:find("Edit it again? [y/N]", 1, true), result.err)
      assert.equal(2, cjson.decode(raw(id)).input)
      assert.equal("", left())
    end)

    it("does not overwrite by an edit what others have changed meanwhile", function()
      local id = create('{"input": 1}')
      local other = command.line({
        "items",
        "update",
        id,
        "--data",
        ('{"%s":"theirs"}'):format(OUTPUT),
      }, ".")
      local result = ends(
        3,
        { "items", "edit", id },
        editor(other .. ' >/dev/null 2>&1 </dev/null || exit 9\nsed -i s/1/2/ "$file"')
      )
      assert.truthy(
        result.err:find("your text is kept in " .. folder .. "/" .. left(), 1, true),
        result.err
      )
      local row = cjson.decode(raw(id))
      assert.same({ 1, "theirs" }, { row.input, row[OUTPUT] })
      assert.truthy(run)
    end)

    if is_current then
      it("says when an item with this client_item_id was there", function()
        local text = '{"input": 1, "client_item_id": "a"}'
        local id = create(text)
        local result = ends(0, { "items", "create", "--dataset", dataset, "--data", text })
        assert.equal(id .. "\n", result.out)
        assert.truthy(result.err:find("was in the dataset already", 1, true), result.err)
        text = '{"input": 2, "client_item_id": "a"}'
        ends(3, { "items", "create", "--dataset", dataset, "--data", text })
      end)

      it("ends with code 8 at the limit of items, and of versions", function()
        local id = create('{"input": 1}')
        t.e:settings({ item_limit = 1, item_version_limit = 1 })
        ends(8, { "items", "create", "--dataset", dataset, "--data", '{"input": 2}' })
        ends(8, { "items", "update", id, "--data", '{"input": 2}' })
        ends(1, { "items", "edit", id }, editor("false"))
      end)

      it("does not open a deleted item in an editor", function()
        local id = create('{"input": 1}')
        ends(0, { "items", "delete", id, "--yes" })
        local result = ends(1, { "items", "edit", id }, editor("exit 9"))
        assert.truthy(result.err:find("items undelete " .. id, 1, true), result.err)
      end)
    end
  end)
end
