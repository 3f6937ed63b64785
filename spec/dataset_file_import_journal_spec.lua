--- The files of an import: its journal, by which it goes on, and the rejected records.

local busted = getfenv and getfenv(1) or _ENV -- the functions of busted

local core = require("posthog.llm.core")
local dataset_file = require("posthog.llm.dataset_file")
local dataset_import = require("spec.support.dataset_import")
local file_system = require("posthog.llm.util.file_system")
local live = require("spec.support.live")
local llm = require("posthog.llm")
local shell = require("spec.support.shell")

local fails = live.fails
local LUA = os.getenv("LUA") or "lua5.4"
local output_of = dataset_import.output_of

describe("an import", function()
  for _, profile in ipairs({ "reference", "current" }) do
    describe("to " .. live.api_name[profile], function()
      local t = dataset_import.session(profile)
      t.hook(busted)

      it("goes on where it was stopped", function()
        local source = t.numbers(100)
        local value, err, summary = t.import(source, {
          concurrency = 2,
          on_progress = function(progress)
            assert.equal(100, progress.records)
            return progress.done < 30
          end,
        })
        fails("cancelled", nil, value, err)
        assert.truthy(summary.done >= 30 and summary.done < 100)
        local since = #t.e:log()
        assert.equal(100, assert(t.import(source)).imported)
        assert.equal(100 - summary.done, t.posts(since))
        assert.equal(100, #t.inputs())
      end)

      it("has its journal on the disk before it sends what that announces", function()
        local client, dataset = t.caller, t.dataset
        local source, sync, synced, first = t.numbers(2), file_system.sync, 0, nil
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

      it("never writes one of its files over another, however their paths are written", function()
        local text = '{"input":1}\n{bad\n'
        local source = t.write("a.jsonl", text)
        assert(
          os.execute(
            (
              "cd %s && mkdir sub && ln -s . link && ln -s there same && ln a.jsonl hard.jsonl"
              .. " && ln -s ../none sub/to && ln -s sub/to to && ln -s '%s/none' far && ln -s loop loop"
            ):format(t.folder, t.folder)
          )
        )
        for _, case in ipairs({
          { "source", { rejects = t.folder .. "/sub/../a.jsonl" } },
          { "source", { rejects = t.folder .. "/link/a.jsonl" } },
          { "source", { journal = t.folder .. "/sub/.././/a.jsonl" } },
          { "journal", { rejects = t.folder .. "/link/a.jsonl.journal" } },
          { "journal", { rejects = t.folder .. "/new", journal = t.folder .. "/sub/../new" } },
          { "journal", { rejects = t.write("there", ""), journal = t.folder .. "/same" } },
          -- What is written through a link to a file that is not there yet.
          { "journal", { rejects = t.folder .. "/none", journal = t.folder .. "/to" } },
          { "journal", { rejects = t.folder .. "/none", journal = t.folder .. "/link/far" } },
          { "journal", { rejects = t.folder .. "/sub/to", journal = t.folder .. "/far" } },
          { "journal", { rejects = t.folder .. "/to", journal = t.folder .. "/none" } },
          { "source", { journal = t.folder .. "/hard.jsonl" } },
          { "source", { rejects = t.folder .. "/hard.jsonl" } },
        }) do
          local summary, err = t.import(source, case[2])
          assert.is_nil(summary)
          assert.truthy(
            err.message:find("cannot be the " .. case[1] .. " and the ", 1, true),
            err.message
          )
        end
        assert.equal(text, t.text_of(source))
        assert.equal(0, t.posts())
        assert.is_nil((t.import(source, { journal = t.folder .. "/loop" }))) -- which has no end
        assert.equal(1, assert(t.import(source, { rejects = t.folder .. "/sub/a.jsonl" })).rejected)
      end)

      it("never writes its journal over the file that standard input is read from", function()
        local source = t.write("a.jsonl", '{"input":1}\n')
        local program = t.write(
          "program.lua",
          [[
            local client = require("posthog.llm").new({ personal_api_key = "phx_a", project_id = 1 })
            local import = require("posthog.llm.dataset_file").import
            print(select(2, import(client, "golden", "-", { journal = arg[1] })).message)
          ]]
        )
        local said = shell.run(("%s '%s' '%s' <'%s'"):format(LUA, program, source, source))
        assert.equal(source .. ": cannot be the source and the journal at once\n", said)
        assert.equal('{"input":1}\n', t.text_of(source))
      end)

      it("goes on after a line of the journal that was being written", function()
        local client = t.caller
        local source = t.numbers(30)
        for _, cut in ipairs({ 1, 2, 20, 60 }) do -- what a machine that lost its power has on its disk
          local dataset = t.e:seed({ datasets = 1 }).datasets[1]
          local options = { concurrency = 1, settle = 0 }
          options.on_progress = function(progress)
            return progress.done < 8
          end
          fails("cancelled", nil, dataset_file.import(client, dataset, source, options))
          t.write("numbers.jsonl.journal", t.text_of(source .. ".journal"):sub(1, -cut - 1))
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
        local client, dataset = t.caller, t.dataset
        local source = t.numbers(3)
        local journal = source .. ".journal"
        assert(t.import(source))
        local other = t.e:seed({ datasets = 1 }).datasets[1]
        local value, err = dataset_file.import(client, other, source)
        fails("invalid", { file = journal }, value, err)
        assert.truthy(err.message:find("another dataset", 1, true))
        t.write("numbers.jsonl", t.text_of(source) .. '{"input":4}\n')
        value, err = dataset_file.import(client, dataset, source)
        fails("invalid", { file = journal }, value, err)
        assert.equal(12, #err.message:match("SHA%-256 (%x+)%.%.%."))
        assert.truthy(err.message:find("another source", 1, true))
        local text = t.text_of(journal)
        source = t.numbers(3)
        t.write("numbers.jsonl.journal", text:gsub('"at"', '"at', 1))
        value, err = dataset_file.import(client, dataset, source)
        fails("invalid", { file = journal }, value, err)
        assert.truthy(err.message:find("is damaged", 1, true))
        for _, other_text in ipairs({ "text\n", '{"input":1}\n', "x" }) do
          t.write("notes", other_text)
          value, err =
            dataset_file.import(client, dataset, source, { journal = t.folder .. "/notes" })
          fails("invalid", { file = t.folder .. "/notes" }, value, err)
          assert.truthy(err.message:find("is not a journal", 1, true))
          assert.equal(other_text, t.text_of(t.folder .. "/notes"))
        end
        assert.same({ "1", "2", "3" }, t.inputs())
      end)

      it("refuses a journal that another import is using", function()
        local source = t.numbers(3)
        local lock = assert(core.lock(source .. ".journal"))
        local value, err = t.import(source)
        fails("invalid", { file = source .. ".journal" }, value, err)
        assert.truthy(err.message:find("another import is using", 1, true))
        lock:close()
        assert.equal(3, assert(t.import(source)).imported)
      end)

      it("refuses to go on when records are mapped otherwise than when they were sent", function()
        local source = t.numbers(20)
        t.fail_creates({ status = 401, body = "" })
        local value, err = t.import(source)
        fails("auth", nil, value, err)
        t.e:faults({})
        value, err = t.import(source, { fields = { input = "output" } })
        fails("invalid", nil, value, err)
        assert.truthy(err.message:find("mapped", 1, true))
        assert.same({}, t.inputs())
        assert.equal(20, assert(t.import(source)).imported)
        assert.equal(20, #t.inputs())
      end)

      it("loses nothing and doubles nothing on a disk that is full", function()
        local client, dataset = t.caller, t.dataset
        local settings = t.write(
          "settings.json",
          llm.json.encode({
            url = t.e.url,
            dataset = dataset,
            source = t.numbers(60),
            settle = 0.05,
            concurrency = 4,
          })
        )
        local command = "trap '' XFSZ; ulimit -f 4; %s spec/dataset_file/importer.lua %s 2>&1"
        local output = output_of(command:format(LUA, settings))
        assert.truthy(output:find("cannot write the journal", 1, true), output)
        local summary = assert(
          dataset_file.import(client, dataset, t.folder .. "/numbers.jsonl", { settle = 0.05 })
        )
        assert.equal(60, summary.imported)
        assert.equal(60, #t.inputs())
      end)

      it("is resumed though its journal was torn time after time on a disk that is full", function()
        local client, dataset = t.caller, t.dataset
        local source = t.numbers(40)
        local settings = t.write(
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
        assert.equal(40, #t.inputs())
        for line in t.text_of(source .. ".journal"):gmatch("[^\n]+") do
          assert.is_table(llm.json.decode(line), line)
        end
      end)

      it("sends nothing when the journal cannot be written", function()
        local since = #t.e:log()
        local value, err = t.import(t.numbers(3), { journal = t.folder .. "/none/journal" })
        fails("file", { file = t.folder .. "/none/journal" }, value, err)
        assert.equal(0, t.posts(since))
      end)
    end)
  end
end)
