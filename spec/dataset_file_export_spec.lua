local core = require("posthog.llm.core")
local dataset_file = require("posthog.llm.dataset_file")
local live = require("spec.support.live")
local llm = require("posthog.llm")

local fails = live.fails

local LUA = os.getenv("LUA") or "lua5.4"

local folder

local function output_of(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

local function text_of(path)
  local file = io.open(path, "rb")
  local text = file and file:read("*a")
  if file then
    file:close()
  end
  return text
end

local function write(name, text)
  local path = folder .. "/" .. name
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  return path
end

--- Values that other codecs change, as JSON.
local VALUES = {
  "9007199254740993",
  "18446744073709551616",
  "-0.0",
  "0.1",
  "1e-7",
  "null",
  "true",
  "false",
  "[]",
  "{}",
  "[[],{}]",
  '{"a":null}',
  '""',
  '"5"',
  '"null"',
  '" padded "',
  '"a,b;\\"c\\"\\r\\nd"',
  '"=1+1"',
  '"ünï\\u0001"',
}
if not jit and _VERSION ~= "Lua 5.1" then
  VALUES[#VALUES + 1] = "1.0"
end

for _, profile in ipairs({ "reference", "current" }) do
  describe("an export from " .. live.api_name[profile], function()
    local t = live.session({ profile = profile })
    local client, dataset

    setup(t.start)
    teardown(t.stop)
    before_each(function()
      t.reset()
      folder = output_of("mktemp -d"):gsub("%s", "")
      client = t.client({ max_retries = 2 })
      dataset = t.e:seed({ datasets = 1 }).datasets[1]
    end)
    after_each(function()
      os.execute("rm -rf " .. folder)
    end)

    --- A row for each value, as both input and output.
    local function make_rows(of)
      for _, text in ipairs(VALUES) do
        local value = llm.json.decode(text)
        if not (profile == "current" and value == llm.null) then
          assert(client.dataset_items:create({
            dataset = of,
            input = value,
            output = value,
            metadata = llm.object({ text = text }),
            ref_trace_id = "trace, " .. #text,
            ref_timestamp = "2026-03-14T05:26:53.500000Z",
          }))
        end
      end
    end

    --- What is in the dataset, sorted.
    local function held(of)
      local list = {}
      for row in client.dataset_items:each({ dataset = of }) do
        local parts = {}
        for i, name in ipairs({ "input", "output", "metadata", "ref_trace_id", "ref_timestamp" }) do
          local value = row[name]
          parts[i] = value == nil and "null" or llm.json.encode(value)
        end
        list[#list + 1] = table.concat(parts, " ")
      end
      table.sort(list)
      return list
    end

    it("of the same rows is the same text, with sorted keys", function()
      local value, names, sorted = {}, {}, {}
      for i = 1, 20 do
        names[i] = ("%x"):format(i * 7919 % 4096)
        value[names[i]] = { b = i, a = { d = 1, c = 2 } }
      end
      assert(client.dataset_items:create({ dataset = dataset, input = value }))
      table.sort(names)
      for i, name in ipairs(names) do
        sorted[i] = ('"%s":{"a":{"c":2,"d":1},"b":%d}'):format(name, value[name].b)
      end
      local expected = "{" .. table.concat(sorted, ",") .. "}"
      for format, text in pairs({
        jsonl = expected,
        json = expected,
        csv = '"' .. expected:gsub('"', '""') .. '"',
      }) do
        local path = folder .. "/out." .. format
        assert(dataset_file.export(client, dataset, path, { fields = { "input" } }))
        assert.truthy(text_of(path):find(text, 1, true), text_of(path))
      end
    end)

    for _, format in ipairs({ "jsonl", "json", "csv" }) do
      it("to " .. format .. " keeps every value, and is imported as it was", function()
        make_rows(dataset)
        local path = folder .. "/out." .. format
        local result = assert(dataset_file.export(client, dataset, path))
        local rows = held(dataset)
        assert.equal(#rows, result.rows)
        local text = text_of(path)
        assert.equal(#text, result.bytes)
        assert.equal(core.sha256(text), result.sha256)
        local copy = assert(client.datasets:create({ name = "copy" })).id
        local summary = assert(dataset_file.import(client, copy, path))
        assert.equal(0, summary.rejected, text_of(summary.rejects or ""))
        assert.same(rows, held(copy))
        for key, of in pairs({ id = dataset, [false] = copy }) do
          local found = assert(dataset_file.diff(client, of, path, { key = key or nil }))
          assert.same(
            { 0, 0, 0, #rows },
            { #found.added, #found.removed, #found.changed, found.same },
            found.text
          )
        end
      end)
    end

    it("writes the digits of JSON values as they are", function()
      local texts = { "9007199254740993", "18446744073709551616", "[]", "{}" }
      for _, text in ipairs(texts) do
        assert(client.dataset_items:create({ dataset = dataset, input = llm.json.decode(text) }))
      end
      local path = folder .. "/a.jsonl"
      assert(dataset_file.export(client, dataset, path, { fields = { "input" } }))
      assert.equal(
        '{"input":{}}\n{"input":[]}\n{"input":18446744073709551616}\n'
          .. '{"input":9007199254740993}\n',
        text_of(path)
      )
    end)

    it("gives a function what a file would hold, until it cannot take more", function()
      make_rows(dataset)
      for _, format in ipairs({ "jsonl", "json", "csv" }) do
        local path = folder .. "/same." .. format
        local pieces = {}
        local result = assert(dataset_file.export(client, dataset, function(text)
          pieces[#pieces + 1] = text
          return true
        end, { format = format }))
        local written = assert(dataset_file.export(client, dataset, path))
        assert.equal(text_of(path), table.concat(pieces))
        assert.equal(written.sha256, result.sha256)
        assert.equal(written.bytes, result.bytes)
      end
      local taken = 0
      local value, err = dataset_file.export(client, dataset, function()
        taken = taken + 1
        if taken < 3 then
          return true
        end
        return nil, "the pipe is broken"
      end)
      fails("file", nil, value, err)
      assert.matches("the pipe is broken", err.message)
      assert.equal(3, taken)
    end)

    it("has all rows of many pages, and none of an empty dataset", function()
      t.e:seed({ items = 260, dataset = dataset })
      local told = {}
      local result = assert(dataset_file.export(client, dataset, folder .. "/a.csv", {
        fields = { "id" },
        prefetch = 2,
        on_progress = function(progress)
          told[#told + 1] = progress
        end,
      }))
      assert.equal(260, result.rows)
      assert.same(
        { { rows = 100, total = 260 }, { rows = 200, total = 260 }, { rows = 260, total = 260 } },
        told
      )
      local seen = {}
      for line in text_of(folder .. "/a.csv"):gmatch("[^\r\n]+") do
        seen[line] = true
      end
      local count = 0
      for _ in pairs(seen) do
        count = count + 1
      end
      assert.equal(261, count)
      local none = t.e:seed({ datasets = 1 }).datasets[1]
      for format, text in pairs({ jsonl = "", json = "[\n]\n", csv = "id\r\n" }) do
        local path = folder .. "/none." .. format
        assert.equal(0, assert(dataset_file.export(client, none, path, { fields = { "id" } })).rows)
        assert.equal(text, text_of(path))
        local summary, err = dataset_file.import(client, none, path)
        if text == "" then
          fails("invalid", { file = path }, summary, err)
          assert.truthy(err.message:find("is empty", 1, true))
        else
          assert.equal(0, assert(summary, err).records)
        end
      end
    end)

    it("reads shorter pages where rows are large, and none twice", function()
      local lines = {}
      for i = 1, 30 do
        lines[i] = ('{"input":{"n":%d,"text":"%s"}}\n'):format(i, ("x"):rep(200000))
      end
      local path = write("large.jsonl", table.concat(lines))
      assert(dataset_file.import(client, dataset, path, { settle = 0.05 }))
      -- The client would take no page of more than 5 of these rows, and pages have 25 or 100.
      local small = client:with({ max_response_bytes = 1100000 })
      for _, prefetch in ipairs({ 0, 2 }) do
        local copy = folder .. "/copy.jsonl"
        local result = assert(dataset_file.export(small, dataset, copy, { prefetch = prefetch }))
        assert.equal(30, result.rows)
        local same = assert(dataset_file.diff(small, dataset, copy, { key = "id" }))
        assert.equal("0 added, 0 removed, 0 changed, 30 the same\n", same.text)
      end
      local since = #t.e:log()
      assert(dataset_file.export(client, dataset, folder .. "/copy.jsonl", { prefetch = 0 }))
      local limits = {}
      for _, entry in ipairs(t.e:log(since)) do
        limits[#limits + 1] = tonumber(entry.target:match("dataset_items/.*limit=(%d+)"))
      end
      assert.equal(100, limits[1])
      assert.equal(profile == "current" and 20 or nil, limits[2]) -- 4 MiB of them
    end)

    it("reads pages ahead, unless told not to", function()
      t.e:seed({ items = 400, dataset = dataset })
      local function pages_at_200(prefetch)
        local since, pages = #t.e:log(), nil
        assert(dataset_file.export(client, dataset, folder .. "/a.jsonl", {
          prefetch = prefetch,
          on_progress = function(progress)
            if progress.rows == 200 then
              pages = #t.e:log(since) - 1
            end
          end,
        }))
        return pages
      end
      local needed = 200 / (profile == "current" and 25 or 100)
      assert.equal(needed, pages_at_200(0))
      assert.truthy(pages_at_200() > needed)
    end)

    it("that is stopped leaves no request on its way", function()
      t.e:seed({ items = 400, dataset = dataset })
      t.e:fault({ match = { path = "offset=[123]%d%d" }, action = { delay = 30 } })
      local narrow = client:with({ max_connections = 2 })
      collectgarbage("stop")
      local path = folder .. "/a.jsonl"
      local result, err = dataset_file.export(narrow, dataset, path, {
        prefetch = 4,
        on_progress = function()
          return false
        end,
      })
      fails("cancelled", nil, result, err)
      local began = core.now()
      assert(narrow:request("GET", "/__emulator/slow?ms=1"))
      collectgarbage("restart")
      assert.is_true(core.now() - began < 15)
    end)

    it("that fails leaves what was there before, and nothing else", function()
      t.e:seed({ items = 120, dataset = dataset })
      local path = write("a.jsonl", "before")
      t.e:faults({ { match = { path = "offset=" }, action = { status = 403, body = "{}" } } })
      fails("forbidden", { status = 403 }, dataset_file.export(client, dataset, path))
      t.e:faults({})
      local stopped = {
        on_progress = function()
          return false
        end,
      }
      fails("cancelled", nil, dataset_file.export(client, dataset, path, stopped))
      local ok, err = pcall(dataset_file.export, client, dataset, path, {
        on_progress = function()
          error("mine", 0)
        end,
      })
      assert.is_false(ok)
      assert.equal("mine", err)
      assert.equal("before", text_of(path))
      assert.equal("a.jsonl\n", output_of("ls -A " .. folder))
      fails(
        "file",
        { file = "/proc/a.jsonl" },
        dataset_file.export(client, dataset, "/proc/a.jsonl")
      )
    end)

    it("to a disk that is full says so and leaves nothing", function()
      t.e:seed({ items = 120, dataset = dataset, bytes = 500 })
      local program = write(
        "program.lua",
        ([[
        local llm = require("posthog.llm")
        local key = "phx_emulator_all"
        local client = llm.new({ personal_api_key = key, project_id = 112358, host = %q })
        local dataset_file = require("posthog.llm.dataset_file")
        print(select(2, dataset_file.export(client, %q, %q)))
      ]]):format(t.e.url, dataset, folder .. "/a.jsonl")
      )
      local output = output_of(("trap '' XFSZ; ulimit -f 8; %s %s 2>&1"):format(LUA, program))
      assert.truthy(output:find("a.jsonl: cannot be written", 1, true), output)
      assert.equal("program.lua\n", output_of("ls -A " .. folder))
    end)

    if profile == "current" then
      it("has the rows of a revision", function()
        assert(client.dataset_items:create({ dataset = dataset, input = 1 }))
        local revision = assert(client.datasets:get(dataset)).current_revision
        assert(client.dataset_items:create({ dataset = dataset, input = 2 }))
        local path = folder .. "/a.jsonl"
        local result = assert(dataset_file.export(client, dataset, path, { revision = revision }))
        assert.same({ 1, revision }, { result.rows, result.revision })
        assert.equal(2, assert(dataset_file.export(client, dataset, path)).rows)
      end)
    end
  end)

  describe("a diff with " .. live.api_name[profile], function()
    local t = live.session({ profile = profile })
    setup(t.start)
    teardown(t.stop)

    it("reports what was added, removed and changed, by a key or by all of the content", function()
      folder = output_of("mktemp -d"):gsub("%s", "")
      local client = t.client()
      local dataset = t.e:seed({ datasets = 1 }).datasets[1]
      local ids = {}
      for i = 1, 4 do
        ids[i] = assert(
          client.dataset_items:create({ dataset = dataset, input = { q = i }, output = "a" .. i })
        ).id
      end
      local path = write(
        "a.jsonl",
        '{"input":{"q":1},"output":"a1"}\n'
          .. '{"input":{"q":2},"output":"new"}\n'
          .. '{"input":{"q":4},"output":"a4"}\n{"input":{"q":"5\\u001b"},"output":"a5"}\n'
      )
      local by_key = assert(dataset_file.diff(client, dataset, path, {
        key = function(fields)
          return fields.input.q
        end,
      }))
      assert.equal(2, by_key.same)
      assert.same({ { n = 4, line = 4, key = '"5\\u001b"' } }, by_key.added)
      assert.same({ { id = ids[3], key = "3" } }, by_key.removed)
      assert.same(
        { { id = ids[2], key = "2", line = 2, n = 2, fields = { "expected_output" } } },
        by_key.changed
      )
      assert.equal(
        '+ line 4: "5\\u001b"\n- '
          .. ids[3]
          .. ": 3\n~ line 2, "
          .. ids[2]
          .. ": 2 (expected_output)\n1 added, 1 removed, 1 changed, 2 the same\n",
        by_key.text
      )

      local whole = assert(dataset_file.diff(client, dataset, path))
      assert.same({ 2, 2, 0, 2 }, { #whole.added, #whole.removed, #whole.changed, whole.same })

      local value, err = dataset_file.diff(client, dataset, path, { key = "client_item_id" })
      fails("invalid", { file = path }, value, err)
      assert.truthy(err.message:find("line 1 has no key", 1, true))
      value, err = dataset_file.diff(client, dataset, path, {
        key = function()
          return "same"
        end,
      })
      fails("invalid", { file = path }, value, err)
      assert.truthy(err.message:find("lines 1 and 2 have the same key", 1, true))
      value, err = dataset_file.diff(client, dataset, write("b.jsonl", "1\n{no}"))
      fails("invalid", nil, value, err)
      assert.truthy(err.message:find("line 1: an object is expected", 1, true))
      os.execute("rm -rf " .. folder)
    end)

    it("counts equal rows on each side", function()
      folder = output_of("mktemp -d"):gsub("%s", "")
      local client = t.client()
      local dataset = t.e:seed({ datasets = 1 }).datasets[1]
      for _, input in ipairs({ 1, 1, 2 }) do
        assert(client.dataset_items:create({ dataset = dataset, input = input }))
      end
      for _, path in ipairs({
        write("a.jsonl", ('{"input":1}\n'):rep(5)),
        write("a.json", "[" .. ('{"input":1},'):rep(4) .. '{"input":1}]'),
      }) do
        local found = assert(dataset_file.diff(client, dataset, path))
        local lines = {}
        for i, entry in ipairs(found.added) do
          lines[i] = entry.n
        end
        assert.same({ 3, 4, 5 }, lines)
        assert.equal(2, found.same)
        assert.same({ 1, 0, "2" }, { #found.removed, #found.changed, found.removed[1].key })
      end
      os.execute("rm -rf " .. folder)
    end)
  end)
end
