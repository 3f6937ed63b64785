--- Files as other people and tools have them: what they are found to be, and what is made of them.

local dataset_file = require("posthog.llm.dataset_file")
local json_text = require("posthog.llm.util.json_text")
local live = require("spec.support.live")
local llm = require("posthog.llm")

local has_zlib = pcall(require, "zlib")
local fails = live.fails

local folder

local function output_of(shell)
  local pipe = assert(io.popen(shell))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

local function write(name, text)
  local path = folder .. "/" .. name
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  return path
end

local function exists(path)
  local file = io.open(path, "rb")
  return file ~= nil and file:close() ~= nil
end

--- @return string packed as gzip does it
local function gzip(text)
  local path = write("to-pack", text)
  local packed = output_of("gzip -nc " .. path)
  os.remove(path)
  return packed
end

local PEEKED = 100 -- records that are looked at to see what a file is
local SIGHTED = 4 -- first lines that are looked at for that

local TWO = { '1 {"q":"a"}', '2 {"q":"b"}' }
local ROWS = '{"input":{"q":"a"},"output":1}\n{"input":{"q":"b"},"output":2}\n'
local LIST = '[{"input":{"q":"a"},"output":1},\n{"input":{"q":"b"},"output":2}]'

--- Numbers in front of rows, so that a list of them can be compared.
local function rows_of(client, dataset)
  local list = {}
  for item in client.dataset_items:each({ dataset = dataset }) do
    local out = item.output
    if out == nil then
      out = item.expected_output
    end
    local metadata = item.metadata
    local has_more = type(metadata) == "table" and next(metadata) ~= nil
    list[#list + 1] = json_text.sorted(out == nil and llm.null or out)
      .. " "
      .. json_text.sorted(item.input)
      .. (has_more and " " .. json_text.sorted(metadata) or "")
  end
  table.sort(list)
  return list
end

for _, profile in ipairs({ "reference", "current" }) do
  describe("a file of other people to " .. live.api_name[profile], function()
    local t = live.session({ profile = profile })
    local client, dataset, found
    local OUTPUT = profile == "reference" and "output" or "expected_output"

    setup(t.start)
    teardown(t.stop)
    before_each(function()
      t.reset()
      folder = output_of("mktemp -d"):gsub("%s", "")
      dataset = t.e:seed({ datasets = 1 }).datasets[1]
      client = t.client()
    end)
    after_each(function()
      os.execute("rm -rf " .. folder)
    end)

    local function import(name, text, options)
      options = options or {}
      options.settle, found = 0.05, nil
      options.on_start = options.on_start or function(what)
        found = what
      end
      return dataset_file.import(client, dataset, text and write(name, text) or name, options)
    end

    --- Imports a file into a dataset of its own.
    local function makes(expected, name, text, options)
      dataset = t.e:seed({ datasets = 1 }).datasets[1]
      local summary = assert(import(name, text, options))
      assert.same({ #expected, 0 }, { summary.imported, summary.rejected }, name)
      assert.same(expected, rows_of(client, dataset), name)
      return summary
    end

    --- Asserts that nothing is sent of a file, for a reason.
    local function refuses(message, name, text, options)
      local posts = #t.e:log()
      local summary, err = import(name, text, options)
      fails("invalid", { file = folder .. "/" .. name }, summary, err)
      assert.truthy(err.message:find(message, 1, true), err.message)
      assert.is_nil(err.message:find("\n", 1, true))
      assert.equal(posts, #t.e:log())
      assert.is_false(exists(folder .. "/" .. name .. ".journal"))
      return err
    end

    it("is what its content says, whatever its name", function()
      for name, text in pairs({
        ["a.jsonl"] = ROWS,
        ["a.json"] = ROWS,
        ["a.csv"] = ROWS,
        ["a.txt"] = ROWS,
        ["a"] = ROWS,
        ["b.json"] = LIST,
        ["b.jsonl"] = LIST,
        ["b.ndjson"] = "\239\187\191" .. LIST,
        ["b"] = LIST:gsub(",\n", ","),
        ["c.json"] = '[\n  {\n    "input": {"q":"a"}, "output": 1\n  },\n  {\n    "input": {"q":"b"},\n'
          .. '    "output": 2\n  }\n]\n',
        ["d.jsonl"] = '{\n "rows": ' .. LIST .. "\n}\n",
        ["e.csv"] = 'input,output\n"{""q"":""a""}",1\n"{""q"":""b""}",2\n',
        ["f.csv"] = '\239\187\191input;output\r\n"{""q"":""a""}";1\r\n"{""q"":""b""}";2\r\n',
        ["g.tsv"] = 'input\toutput\n"{""q"":""a""}"\t1\n"{""q"":""b""}"\t2\n',
        ["i.csv"] = 'sep=;\r\ninput;output\r\n"{""q"":""a""}";1\r\n"{""q"":""b""}";2\r\n',
        ["h.txt"] = 'input|output\n"{""q"":""a""}"|1\n"{""q"":""b""}"|2\n',
      }) do
        makes({ TWO[1], TWO[2] }, name, text)
        assert.equal(2, found.records, name)
        assert.is_nil(found.estimated)
      end
    end)

    it("may have any separator between its cells, and others within them", function()
      for separator, word in pairs({ [";"] = "';'", ["\t"] = "tab", ["|"] = "'|'", [","] = "','" }) do
        local text = 'input!output\nwhat, then; is|it?\t!1\n"a!b\n,;c"!2\nx!3\n'
        if separator ~= ";" then
          text = text:gsub(";", "-")
        end
        if separator ~= "," then
          text = text:gsub("!", separator)
        else
          text = text:gsub("what, then", "what then"):gsub("\n,", "\n"):gsub("!", ",")
        end
        if separator == "\t" or separator == "|" or separator == ";" then
          local plain = separator == "|" and "%|" or separator
          text =
            text:gsub("is" .. plain .. "it", "is it"):gsub("%?" .. plain .. plain, "?" .. separator)
          text = text:gsub("then" .. plain, "then")
        end
        local summary = assert(import("a.csv", text))
        assert.same({ 3, 0 }, { summary.imported, summary.rejected }, text)
        assert.equal(separator, found.separator)
        assert.truthy(found.text:find("CSV with " .. word .. ", 3 records", 1, true), found.text)
        os.remove(folder .. "/a.csv.journal")
      end
      local summary = assert(import("b.csv", "input;x,output\na;b,1\n", {
        separator = ",",
        fields = {
          input = "input;x",
          output = "output",
        },
      }))
      assert.equal(1, summary.imported)
    end)

    it("is told apart in JSON objects by the one list of objects in it", function()
      local inner = '"rows": ' .. LIST
      for text, path in pairs({
        ["{" .. inner .. "}"] = "rows",
        ['{"version": "1", "n": [1, 2], "data": {"x": {}, ' .. inner .. '}, "end": [[]]}'] = "data.rows",
        ['{"a": {"b": {"c": {' .. inner .. ' , "d": "]}"}}}}'] = "a.b.c.rows",
      }) do
        makes(TWO, "a.json", text)
        assert.equal(path, found.path)
        os.remove(folder .. "/a.json.journal")
        makes(TWO, "a.json", text, { records = path })
        os.remove(folder .. "/a.json.journal")
      end
      local two = '{"train": ' .. LIST .. ', "test": {"rows": [{"input": 5}]}}'
      local err = refuses('train, test.rows; choose one: records = "train"', "b.json", two)
      assert.equal("records", err.option)
      makes({ "null 5" }, "b.json", two, { records = "test.rows" })
      refuses('is it a record itself? format = "jsonl"', "c.json", '{"input": 1, "tags": ["x"]}')
      refuses('there is no list at "a.c"', "d.json", '{"a": {"b": [{}]}}', { records = "a.c" })
      refuses('what is at "a" is not a list', "e.json", '{"a": {"b": [{}]}}', { records = "a" })
      refuses('"," or "}" is expected', "f.json", '{"rows": ' .. LIST .. " ]}")
    end)

    it(
      "is taken by the names that other tools have, which is told before anything is sent",
      function()
        local A, B = '"a"', '"b"'
        for text, fields in pairs({
          ['{"inputs": "a", "outputs": "b", "created_at": "x"}'] = { "inputs", "outputs" },
          ['{"input": "a", "ideal": "b"}'] = { "input", "ideal" },
          ['{"input": "a", "expected": "b", "id": 7, "tags": []}'] = { "input", "expected" },
          ['{"prompt": "a", "completion": "b"}'] = { "prompt", "completion" },
          ['{"user_input": "a", "reference": "b", "response": "c"}'] = { "user_input", "reference" },
          ['{"Question": "a", "Correct Answer": "b", "Source": 1}'] = {
            "Question",
            "Correct Answer",
          },
          ['{"question": "a", "output": "b"}'] = { "question", "output" },
          ['{"query": "a", "expected_output": "b", "answer": "c"}'] = { "query", "expected_output" },
        }) do
          dataset = t.e:seed({ datasets = 1 }).datasets[1]
          local since = #t.e:log()
          local at_start
          local summary = assert(import("a.jsonl", text .. "\n", {
            on_start = function(what)
              found, at_start = what, #t.e:log()
              for i = since + 1, at_start do
                assert.equal("GET", t.e:log()[i].method)
              end
            end,
          }))
          assert.equal(1, summary.imported)
          assert.same({ B .. " " .. A }, rows_of(client, dataset), text)
          assert.is_true(at_start < #t.e:log())
          assert.same({ input = fields[1], [OUTPUT] = fields[2] }, found.fields)
          local words = ("JSONL, 1 record; input <- %s, %s <- %s"):format(
            fields[1],
            OUTPUT,
            fields[2]
          )
          assert.equal(words, found.text:sub(1, #words))
          os.remove(folder .. "/a.jsonl.journal")
        end
        makes({ '4 "q" {"k":1}' }, "b.csv", 'question,answer,metadata,note\nq,4,"{""k"":1}",n\n')
        assert.same({ "note" }, found.left_out)
        assert.truthy(found.text:find("metadata <- metadata; left out: note", 1, true), found.text)
      end
    )

    it("is refused with the line to type where names leave a doubt", function()
      local err = refuses(
        "question and prompt may each be the input; choose one:"
          .. ' fields = { input = "question", expected_output = "answer" },'
          .. ' or fields = { input = "prompt", expected_output = "answer" }',
        "a.csv",
        "question,prompt,answer\n1,2,3\n"
      )
      assert.equal("fields", err.option)
      refuses(
        "expected and output may each be the expected_output",
        "b.jsonl",
        '{"input":1,"output":2,"expected":3}\n'
      )
      refuses(
        "expected_output and output may each be",
        "c.csv",
        "input,expected_output,output\n1,2,3\n"
      )
      refuses('no field "antwort"', "d.jsonl", '{"frage":1,"antwort":3}\n')
      refuses('no field "note"', "e.csv", "input,output,note\n1,2,3\n")
      refuses(
        'it has no column "q"; its columns are: question, answer',
        "f.csv",
        "question,answer\n1,2\n",
        {
          fields = { input = "q" },
        }
      )
      refuses(
        'it has no column "q"; its columns are: q;a; is there another separator',
        "g.csv",
        "q;a\n1;2\n",
        {
          fields = { input = "q" },
          separator = ",",
        }
      )
      refuses('no record has "q"; they have: a, question', "h.jsonl", '{"question":1}\n{"a":1}\n', {
        fields = { ["input.x"] = "q" },
      })
    end)

    it("is mapped by paths on both sides, and a field is made of several columns", function()
      local fields = {
        ["input.question"] = "q",
        ["input.context.text"] = "data.ctx",
        [OUTPUT] = "a",
        ["metadata.source"] = "src",
      }
      local row = '%s {"context":{"text":"c"},"question":"w"} {"source":"s"}'
      makes(
        { row:format("5") },
        "a.jsonl",
        '{"q":"w","data":{"ctx":"c"},"a":5,"src":"s","x":1}\n',
        { fields = fields }
      )
      makes(
        { row:format("5") },
        "a.csv",
        'q,data,a,src,,\nw,"{""ctx"":""c""}",5,s,1,2\n',
        { fields = fields }
      )
      assert.equal(2, found.unnamed)
      makes({ 'null "x" {"b":"y"}' }, "c.jsonl", '{"data.q":"x","b":"y"}\n', {
        fields = { input = "data.q", ["metadata.b"] = "b", ["metadata.c"] = "c" },
      })
      live.misuses({
        {
          "given as a whole and in parts",
          function()
            dataset_file.import(
              client,
              dataset,
              "b.csv",
              { fields = { input = "a", ["input.b"] = "a" } }
            )
          end,
        },
        {
          "source_trace_id is no object",
          function()
            dataset_file.import(
              client,
              dataset,
              "b.csv",
              { fields = { ["source_trace_id.x"] = "a" } }
            )
          end,
        },
        {
          "no field x",
          function()
            dataset_file.import(client, dataset, "b.csv", { fields = { ["x.input"] = "a" } })
          end,
        },
      })
    end)

    it("may have columns that nobody maps, without a name, or twice", function()
      makes({ '2 "q"' }, "pandas.csv", ",input,output\n0,q,2\n")
      assert.equal(1, found.unnamed)
      assert.truthy(found.text:find("a column without a name left out", 1, true))
      makes(
        { '2 "q"' },
        "twice.csv",
        "x,q,x,a,\n0,q,1,2,\n",
        { fields = { input = "q", [OUTPUT] = "a" } }
      )
      refuses('two columns have the name "q"', "b.csv", "q,q\n0,1\n", { fields = { input = "q" } })
    end)

    it("keeps cells that are no numbers as they are written", function()
      local cells = "1.10,1234e56,null,True,007,5,true"
      local fields = {}
      for i = 1, 7 do
        fields["input.c" .. i] = "c" .. i
      end
      makes({
        'null {"c1":"1.10","c2":"1234e56","c3":"null","c4":"True","c5":"007","c6":5,"c7":true}',
      }, "a.csv", "c1,c2,c3,c4,c5,c6,c7\n" .. cells .. "\n", { fields = fields })
      local plain = profile == "current" and "source_trace_id" or "ref_trace_id"
      local time = profile == "current" and "source_timestamp" or "ref_timestamp"
      assert(import("b.csv", "q,id,at\nq,5,2026-01-01T00:00:00Z\n", {
        fields = { input = "q", [plain] = "id", [time] = "at" },
      }))
      local row = client.dataset_items:list({ dataset = dataset }).results[1]
      for item in client.dataset_items:each({ dataset = dataset }) do
        row = item.input == "q" and item or row
      end
      assert.equal("5", row[plain])
    end)

    it("that PostHog has exported is imported as it is, but for what is archived", function()
      local sample = '{"input":{"question":"Where?"},"expected_output":{"answer":"There."}}\n'
        .. '{"input":"日本語","expected_output":null}\n'
      makes({ 'null "日本語"', '{"answer":"There."} {"question":"Where?"}' }, "a.jsonl", sample)
      local line = '{"dataset_id":"d","dataset_revision":3,"dataset_revision_id":"r","item_id":"i%d",'
        .. '"client_item_id":null,"version":1,"version_id":"v","version_dataset_revision":2,'
        .. '"version_dataset_revision_id":"r","archived":%s,"input":%d,"expected_output":null,'
        .. '"source_output":null,"metadata":{},"source_trace_id":null,"source_event_id":null,'
        .. '"source_timestamp":null,"item_created_at":"2026-01-01T00:00:00+00:00",'
        .. '"version_created_at":"2026-01-01T00:00:00+00:00","item_created_by_id":1,'
        .. '"version_created_by_id":1}\n'
      local text = line:format(1, "false", 1)
        .. line:format(2, "true", 2)
        .. line:format(3, "false", 3)
      local summary = makes({ "null 1", "null 3" }, "b.jsonl", text)
      assert.same({ 3, 1 }, { summary.records, summary.skipped })
      local dry = assert(import(folder .. "/b.jsonl", nil, { dry_run = true }))
      assert.same({ 2, 1, 0 }, { dry.usable, dry.skipped, dry.rejected })
      local diff = assert(dataset_file.diff(client, dataset, folder .. "/b.jsonl"))
      assert.same({ 0, 0, 2 }, { #diff.added, #diff.removed, diff.same })
      local row = client.dataset_items:list({ dataset = dataset }).results[1]
      local kept = write("c.jsonl", ('{"item_id":"%s","input":"new"}\n'):format(row.id))
      diff = assert(dataset_file.diff(client, dataset, kept, { key = "id" }))
      assert.same({ 1, 1, row.id }, { #diff.changed, #diff.removed, diff.changed[1].id })
    end)

    it("with keys of its own is imported again without doubles where the API has keys", function()
      local path = write("k.jsonl", '{"input":1,"client_item_id":"a"}\n{"input":2}\n')
      local said = {}
      for n = 1, 2 do
        local summary = assert(dataset_file.import(client, dataset, path, {
          journal = folder .. "/journal" .. n,
          on_start = function(what)
            said[n] = what.leaves_out_keys or false
          end,
        }))
        assert.same({ 2, 0 }, { summary.imported, summary.rejected })
        if profile == "current" then
          assert.same({ n - 1, nil }, { summary.existing, summary.keys_left_out })
        else
          assert.same({ 0, 1 }, { summary.existing, summary.keys_left_out })
        end
      end
      local left_out = profile == "reference"
      assert.same({ left_out, left_out }, said)
      local page = assert(client.dataset_items:list({ dataset = dataset }))
      assert.equal(profile == "current" and 3 or 4, page.count)
    end)

    it(
      "with an output that API v1 does not have is imported but for the records with it",
      function()
        local path = write(
          "s.jsonl",
          '{"input":1,"source_output":5}\n{"input":2}\n{"input":3,"source_output":null}\n'
        )
        local summary = assert(dataset_file.import(client, dataset, path))
        if profile == "current" then
          assert.same({ 3, 0 }, { summary.imported, summary.rejected })
          return
        end
        assert.same({ 2, 1 }, { summary.imported, summary.rejected })
        local file = assert(io.open(summary.rejects))
        local text = file:read("*a")
        file:close()
        assert.truthy(text:find("source_output: API v1 does not have it", 1, true), text)
        assert.truthy(text:find("name the fields to import by `fields`", 1, true), text)
        local value, err = dataset_file.import(client, dataset, path, {
          fields = { source_output = "source_output", input = "input" },
          journal = folder .. "/other",
          rejects = folder .. "/others",
        })
        live.fails("invalid", { attr = "source_output" }, value, err)
      end
    )

    it("is refused with what it is and what to do where it cannot be read", function()
      for name, case in pairs({
        ["a.parquet"] = { "PAR1\21\4\0\0", "is a Parquet file; convert it to JSONL or CSV first" },
        ["b.csv"] = {
          "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
          "is a pointer of Git LFS, not the data itself; get that: git lfs pull",
        },
        ["c.jsonl"] = { "", "is empty" },
        ["d.csv"] = { "\255\254i\0n\0", "is UTF-16; save it as UTF-8" },
        ["e.csv"] = { "i\0n\0p\0u\0t\0\n\0001\0", "is UTF-16; save it as UTF-8" },
        ["f.xlsx"] = {
          "PK\3\4\20\0[Content_Types].xml",
          "is an Excel workbook; save the sheet as CSV",
        },
        ["g.zip"] = { "PK\3\4\20\0a.csv", "is a ZIP archive; unpack it first" },
        ["h.db"] = { "SQLite format 3\0\16\0", "is an SQLite database; export a table: sqlite3" },
        ["i.arrow"] = { "ARROW1\0\0", "is an Arrow file; convert it" },
        ["j.jsonl.zst"] = {
          "\40\181\47\253\4\0",
          "is compressed by Zstandard; decompress it first: zstd -d",
        },
        ["k.json"] = { "<!DOCTYPE html>\n<html>", "is a page of HTML or XML, not data" },
        ["l.json"] = { '{"input": 1}', "no list of objects is in it" },
        ["m.txt"] = { "just a text\n", "what it holds is unknown" },
      }) do
        refuses(case[2], name, case[1])
      end
    end)

    it("of gzip is unpacked, with and without its ending, in one part or many", function()
      if not has_zlib then
        refuses("is gzip, and Lua's module zlib, which unpacks it, is missing", "a.gz", gzip(ROWS))
        return
      end
      makes(TWO, "a.jsonl.gz", gzip(ROWS))
      assert.equal("gzip", found.compression)
      makes(TWO, "b.jsonl", gzip(ROWS))
      makes(TWO, "c.csv.gz", gzip('input;output\n"{""q"":""a""}";1\n"{""q"":""b""}";2\n'))
      makes(TWO, "d.json.gz", gzip('{"rows":' .. LIST .. "}"))
      makes(TWO, "e.jsonl.gz", gzip(ROWS:sub(1, 20)) .. gzip(ROWS:sub(21)) .. ("\0"):rep(512))
      makes(TWO, "f.gz", gzip(ROWS), { format = "jsonl" })
      refuses("is a tar archive", "g.tar.gz", gzip(("x"):rep(257) .. "ustar  \0"))
    end)

    it(
      "of gzip that is cut short or damaged is refused by its place before anything is sent",
      function()
        if not has_zlib then
          pending("lua-zlib is not there for this Lua")
          return
        end
        local lines = {}
        for i = 1, 20000 do
          lines[i] = ('{"input":%d,"output":%d}\n'):format(i, i * 7919 % 10007)
        end
        local packed = gzip(table.concat(lines))
        refuses(("it ends at byte %d"):format(#packed - 5), "a.jsonl.gz", packed:sub(1, -6))
        refuses("it ends at byte 5000", "b.jsonl", packed:sub(1, 5000))
        local half = math.floor(#packed / 2)
        local broken = packed:sub(1, half) .. ("\170"):rep(40) .. packed:sub(half + 41)
        refuses("the gzip data is damaged, at byte", "c.jsonl.gz", broken)
        refuses(
          ("byte %d: something that is not gzip follows the data"):format(#packed),
          "d.jsonl.gz",
          packed .. "junk"
        )
      end
    )

    it("is decoded once, and what was imported before is not decoded again", function()
      local count, decode = 0, llm.json.decode
      local lines = {}
      for i = 1, 200 do
        lines[i] = ('{"input":{"q":%d}}'):format(i)
      end
      for name, text in pairs({
        ["a.jsonl"] = table.concat(lines, "\n"),
        ["a.json"] = "[" .. table.concat(lines, ",\n") .. "]",
        ["b.json"] = '{"x":{"rows":[' .. table.concat(lines, ",\n") .. "]}}",
        ["a.csv"] = "input\n" .. table.concat(lines, "\n"):gsub("[^\n]+", function(line)
          return '"' .. line:match('{"q.*}}'):sub(1, -2):gsub('"', '""') .. '"'
        end),
      }) do
        dataset = t.e:seed({ datasets = 1 }).datasets[1]
        llm.json.decode = function(value, ...)
          count = count + (type(value) == "string" and value:find('"q":%d') and 1 or 0)
          return decode(value, ...)
        end
        count = 0
        local ok, raised = pcall(function()
          local summary, err, partly = import(name, text, {
            concurrency = 5,
            on_progress = function(progress)
              return progress.done < 140
            end,
          })
          fails("cancelled", nil, summary, err)
          assert.is_true(count <= 200 + SIGHTED, name .. " " .. count)
          count = 0
          assert.equal(200, assert(import(folder .. "/" .. name)).imported)
          local left = 200 - partly.done
          assert.is_true(count <= PEEKED + left + SIGHTED, name .. " " .. count)
        end)
        llm.json.decode = decode
        assert.is_true(ok, tostring(raised))
        assert.equal(200, #rows_of(client, dataset), name)
      end
    end)

    it("tells how many records there are, or how many by its bytes there may be", function()
      local lines = {}
      for i = 1, 3000 do
        lines[i] = ('{"input":{"n":%d}}'):format(100000 + i) .. (" "):rep(i % 7)
      end
      local options = { dry_run = true }
      assert.equal(3000, assert(import("a.jsonl", table.concat(lines, "\r\n\n"), options)).records)
      assert.is_nil(found.estimated)
      local summary = assert(import("a.json", "[" .. table.concat(lines, ",\n") .. "]", options))
      assert.is_true(found.estimated)
      assert.is_true(found.records > 2500 and found.records < 3500, tostring(found.records))
      assert.same({ 3000 }, { summary.records, summary.estimated })
      assert.equal("a JSON list, about", found.text:match("^a JSON list, about"))
    end)

    it("can be stopped before anything is sent", function()
      local since = #t.e:log()
      local summary, err = import("a.jsonl", ROWS, {
        on_start = function()
          return false
        end,
      })
      fails("cancelled", nil, summary, err)
      for i = since + 1, #t.e:log() do
        assert.equal("GET", t.e:log()[i].method)
      end
      assert.is_false(exists(folder .. "/a.jsonl.journal"))
    end)
  end)
end
