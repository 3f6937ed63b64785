--- Files in the manner of people and tools, imported, exported and compared on both versions of
--- the API. What comes out is compared with what went in by Python, not by the library.

local command = require("spec.support.command")
local dataset_file = require("posthog.llm.dataset_file")
local folders = require("spec.support.folders")
local live = require("spec.support.live")
local manners = require("spec.dataset_file.manners")
local shell = require("spec.support.shell")

local has_zlib = pcall(require, "zlib")
local quote = shell.quote

--- The interpreter itself: what PATH has may be a script that looks for it each time.
local PYTHON = shell.run("python3 -c 'import sys; print(sys.executable)'"):match("^(/[^\n]+)\n$")

for _, profile in ipairs({ "reference", "current" }) do
  describe("a file in others' manner, with " .. live.api_name[profile] .. ":", function()
    local t = live.session({ profile = profile })
    local OUTPUT = profile == "reference" and "output" or "expected_output"
    local run = command.against(function()
      return t.e
    end)
    local folder, client, dataset

    setup(t.start)
    teardown(t.stop)
    before_each(function()
      t.reset()
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

    --- @return string path
    local function make(file)
      local path = write(file.name, file.text)
      if file.pack then
        local pack = "cd %s && gzip -nc %s >packed && mv packed %s"
        local output, status = shell.run(pack:format(quote(folder), file.name, file.name))
        assert.equal(0, status, output)
      end
      if file.cut then
        local text = folders.read(folder, file.name)
        write(file.name, text:sub(1, math.floor(#text / 2)))
      end
      return path
    end

    local function import(path, options)
      local all = { settle = 0.05 }
      for name, value in pairs(options or {}) do
        all[name] = value
      end
      return dataset_file.import(client, dataset, path, all)
    end

    --- Runs the command with the file as its standard input.
    local function import_stdin(file)
      local args = { "datasets", "import", dataset, "-", "--journal", folder .. "/journal" }
      for _, arg in ipairs(file.args or {}) do
        args[#args + 1] = arg
      end
      local result = run(args, { stdin = folders.read(folder, file.name), dir = folder })
      assert.equal(0, result.code, result.out .. result.err)
    end

    --- Items that were sent.
    local function posts()
      local n = 0
      for _, entry in ipairs(t.e:log()) do
        n = n + (entry.method == "POST" and entry.target:find("dataset_items/$") and 1 or 0)
      end
      return n
    end

    --- Compares the dataset with what the file means, by Python.
    --- @return string path of an export
    local function holds(means)
      local path = folder .. "/out.jsonl"
      assert.equal(#means, assert(dataset_file.export(client, dataset, path)).rows)
      local words = {
        PYTHON,
        "-S",
        write("compare.py", manners.PYTHON),
        write("expected.jsonl", manners.expectation(means)),
        path,
        OUTPUT,
      }
      for i, word in ipairs(words) do
        words[i] = quote(word)
      end
      local output, status = shell.run(table.concat(words, " "))
      assert.equal(("%d rows\n"):format(#means), output)
      assert.equal(0, status)
      return path
    end

    --- Asserts that file and dataset are the same.
    local function is_same(count, path, options)
      local result = assert(dataset_file.diff(client, dataset, path, options))
      local same = ("0 added, 0 removed, 0 changed, %d the same"):format(count)
      assert.equal(same, (result.text:gsub("\n$", "")))
      assert.equal(count, result.same)
    end

    local function unable(file)
      if not PYTHON then
        return "there is no python3"
      elseif file.pack and not has_zlib then
        return "lua-zlib is not there for this Lua"
      elseif file.stdin and os.getenv("SPEC_MODE") ~= "plain" then
        return "the command takes what make has built"
      end
      return file.stdin and command.unable()
    end

    --- The whole way of a file: in, out, compared, and in once more.
    local function goes_through(file)
      it(file.what .. " comes out as it went in", function()
        local why = unable(file)
        if why then
          pending(why)
          return
        end
        local path, count = make(file), #file.means
        if file.stdin then
          import_stdin(file)
        else
          local summary = assert(import(path, file.options))
          local counts = { summary.imported, summary.rejected, summary.skipped }
          assert.same({ count, 0, file.skipped or 0 }, counts)
        end
        assert.equal(count, posts())
        local exported = holds(file.means)
        is_same(count, path, file.options)
        is_same(count, exported, { key = "id" })

        if file.stdin then
          import_stdin(file)
        else
          assert(import(path, file.options))
        end
        assert.equal(count, posts(), "a second import makes nothing")
      end)
    end

    for _, file in ipairs(manners.files(1)) do
      if file.has_keys and profile == "reference" then
        it(file.what .. " is imported without its keys, which is said once", function()
          local path = make(file)
          local said
          local summary = assert(import(path, {
            on_start = function(found)
              said = found.text
            end,
          }))
          assert.truthy(
            said:find("client_item_id left out, API v1 does not have it", 1, true),
            said
          )
          assert.truthy(summary.keys_left_out > 0)
          local counted = { summary.imported, summary.rejected, summary.skipped }
          assert.same({ #file.means, 0, file.skipped }, counted)
          assert.equal(posts(), summary.imported)
          holds(file.means)
        end)

        it(file.what .. " is imported by the fields that are named, without its keys", function()
          local path = make(file)
          local fields = { input = "input", output = "expected_output", metadata = "metadata" }
          for _, name in ipairs({ "source_trace_id", "source_event_id", "source_timestamp" }) do
            fields[name] = name
          end
          local summary = assert(import(path, { fields = fields }))
          assert.is_nil(summary.keys_left_out)
          local counts = { summary.imported, summary.rejected, summary.skipped }
          assert.same({ #file.means, 0, file.skipped }, counts)
          holds(file.means)
        end)
      else
        goes_through(file)
      end
    end

    for _, file in ipairs(manners.unusable()) do
      it(file.what .. " is named in the error, and nothing is sent of it", function()
        if file.pack and not has_zlib then
          pending("lua-zlib is not there for this Lua")
          return
        end
        local path = make(file)
        local calls = {
          import = import,
          diff = function()
            return dataset_file.diff(client, dataset, path)
          end,
          dry_run = function()
            return import(path, { dry_run = true })
          end,
        }
        if file.is_empty then -- as the export of an empty dataset is
          is_same(0, path)
          calls.diff = nil
        end
        for name, call in pairs(calls) do
          local value, err = call(path)
          live.fails("invalid", { file = path }, value, err)
          for _, words in ipairs(file.says) do
            if not err.message:find(words, 1, true) then
              error(("%s: %q is not in %s"):format(name, words, err.message))
            end
          end
        end
        for _, entry in ipairs(t.e:log()) do
          assert.equal("GET", entry.method)
        end
        assert.is_nil(folders.read(folder, file.name .. ".journal"))
        assert.is_nil(folders.read(folder, file.name .. ".rejects.jsonl"))
      end)
    end
  end)
end
