local llm = require("posthog.llm")
local mapping = require("posthog.llm.dataset_file.mapping")
local sources = require("posthog.llm.dataset_file.sources")
local json_text = require("posthog.llm.util.json_text")
local values = require("posthog.llm.dataset_file.values")

local NO_ARRAY = "one JSON array is expected; for a value a line the format is jsonl"

local path

--- Reads a text as a file.
--- @return string[] records what each is, in a few words
--- @return string? message of the error that ended it
local function read(format, text, options)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  options = options or {}
  options.format = format
  local source, err = sources.open(path, options)
  if not source then
    return {}, err.message
  end
  local list = {}
  while true do
    local record, problem = source.next()
    if not record then
      source.close()
      return list, problem and problem.message
    end
    local what = record.reason
    if not what and record.cells then
      what = {}
      for i, name in ipairs(record.columns) do
        what[i] = record.cells[name]
      end
      what = table.concat(what, "|")
    end
    list[#list + 1] = ("%d %s"):format(record.line, what or llm.json.encode(record.value))
  end
end

--- Asserts what a text is read as, in pieces of any size.
local function reads(format, text, expected, message)
  local records, problem = read(format, text)
  assert.same(expected, records)
  if message then
    assert.equal(path .. ": " .. message, problem)
  else
    assert.is_nil(problem)
  end
end

describe("records of a file", function()
  setup(function()
    path = os.tmpname()
  end)
  teardown(function()
    os.remove(path)
  end)

  it("of JSONL are one a line, apart from blank lines and a byte order mark", function()
    reads("jsonl", '\239\187\191{"a":1}\r\n\n  \n[]\n"x"', { '1 {"a":1}', "4 []", '5 "x"' })
    reads("jsonl", "", {})
    reads("jsonl", "\n\n", {})
  end)

  it("of JSONL that are not valid JSON are named by line and column, others are kept", function()
    reads("jsonl", '1\n{"ä": tru}\n2\n', {
      "1 1",
      "2 line 2, column 7: invalid JSON: expected a value",
      "3 2",
    })
  end)

  it("of a JSON array are its elements, whatever is in them", function()
    reads("json", "[]", {})
    reads("json", ' [ 1 , [2,\n[3]] ,\n{"a":"],}\\"\\\\"}, "\\\\" ]\n', {
      "1 1",
      "1 [2,[3]]",
      '3 {"a":"],}\\"\\\\"}',
      '3 "\\\\"',
    })
  end)

  it("of a JSON array longer than what is read at once are whole", function()
    for _, length in ipairs({ 65530, 65533, 65534, 65535, 65536, 65537, 200000 }) do
      local long = ("\\\\x"):rep(math.floor(length / 3)) .. ("y"):rep(length % 3)
      local list, problem = read("json", '["' .. long .. '","z",{"k":"\\""}]')
      assert.is_nil(problem)
      assert.same({ '1 "' .. long .. '"', '1 "z"', '1 {"k":"\\""}' }, list)
    end
  end)

  it("of a JSON array that is damaged end with line and column", function()
    for text, message in pairs({
      ["[1,\n 2,, 3]"] = "line 2, column 4: invalid JSON: unexpected end",
      ["[1,\n tru]"] = "line 2, column 2: invalid JSON: expected a value",
      ["[1 2]"] = "line 1, column 4: invalid JSON: unexpected data after the value",
      ["[1,]"] = "line 1, column 4: invalid JSON: unexpected end",
      ['[{"a":1}'] = "line 1, column 2: the array ends within the element that begins here",
      ["[1"] = "line 1, column 2: the array ends within the element that begins here",
      ["[1]\n x"] = "line 2, column 2: something follows the array",
      ["5"] = "line 1, column 1: " .. NO_ARRAY,
      [""] = "line 1, column 1: " .. NO_ARRAY,
    }) do
      local _, problem = read("json", text)
      assert.truthy(problem, text)
      local place = message:match("^line %d+, column %d+")
      local got = problem:sub(#path + 3)
      assert.equal(place, got:match("^line %d+, column %d+"), text .. " " .. got)
      if not message:find("invalid JSON", 1, true) then
        assert.equal(message, got)
      end
    end
  end)

  it("of CSV are as RFC 4180 has them", function()
    reads("csv", "a,b\r\n1,2\r\n", { "2 1|2" })
    reads("csv", 'a,b\n"x,y","say ""hi"""\n', { '2 x,y|say "hi"' })
    reads("csv", 'a,b\r\n"two\r\nlines",z\r\n3,"4"', { "2 two\r\nlines|z", "4 3|4" })
    reads("csv", '\239\187\191a,b\n,\n\n"",x\n', { "2 |", "4 |x" })
    reads("csv", '"a""b",c\n1,2\n', { "2 1|2" })
    reads("csv", "", {})
    assert.same({ "2 1|2,3" }, (read("csv", "a;b\n1;2,3\n", { separator = ";" })))
  end)

  it("of CSV with too few or too many fields are named by their line", function()
    reads("csv", 'a,b\n1\n"x\ny",2\n1,2,3\n', {
      "2 line 2: 1 fields, but the first line names 2 columns",
      "3 x\ny|2",
      "5 line 5: 3 fields, but the first line names 2 columns",
    })
  end)

  it("of CSV end at a wrong quote, since nothing after it can be trusted", function()
    reads(
      "csv",
      'a,b\n1,2\nx"y",2\n',
      { "2 1|2" },
      "line 3, column 2: a quote within a field that does not begin with one"
    )
    reads(
      "csv",
      'a,b\n"x"y,2\n',
      {},
      "line 2, column 4: something follows the quotes of this field"
    )
    reads("csv", 'a,b\n1,"2\n3,4\n', {}, "line 2: the quote in this record is never closed")
    reads("csv", "a,a\n", {}, 'line 1: two columns have the name "a"')
  end)

  it("are an error for UTF-16, and when there is no file", function()
    reads("jsonl", "\255\254{\0", {}, "is UTF-16; save it as UTF-8")
    local source, err = sources.open(path .. "/none.csv", {})
    assert.is_nil(source)
    assert.same({ "file", path .. "/none.csv" }, { err.kind, err.file })
    assert.truthy(err.message:find("none.csv", 1, true))
  end)
end)

describe("cells of CSV", function()
  it("hold any value so that it comes back", function()
    for _, text in ipairs({
      '"plain"',
      '"5"',
      '"true"',
      '"null"',
      '""',
      '" 5"',
      '"[x"',
      "5",
      "-0.0",
      "18446744073709551616",
      "true",
      "false",
      "[]",
      "{}",
      '{"a":[null]}',
      '"\\"q\\""',
      '"a\\nb"',
    }) do
      local value = llm.json.decode(text)
      local cell = assert(values.to_cell("input", value))
      assert.equal(text, llm.json.encode(values.of_cell(cell)), cell)
    end
    assert.equal("plain", values.to_cell("input", "plain"))
    assert.equal("", values.to_cell("input", llm.null))
    assert.is_nil(values.of_cell(""))
    assert.equal("007", values.of_cell("007"))
  end)

  it("are numbers, booleans and JSON only where they would be written just so", function()
    for text, expected in pairs({
      ["5"] = "5",
      ["-0.5"] = "-0.5",
      ["1.0"] = llm.json.encode(llm.json.decode("1.0")),
      ["1e-07"] = "1e-7",
      ["1e+16"] = "1e16",
      ["123456789012345678901234567890"] = "123456789012345678901234567890",
      ["true"] = "true",
      ["false"] = "false",
      ['{ "a": [1.50] }'] = '{"a":[1.5]}',
      ['"5"'] = '"5"',
    }) do
      assert.equal(expected, llm.json.encode(values.of_cell(text)), text)
    end
    for _, text in ipairs({
      "1.10",
      "1234e56",
      "null",
      "None",
      "NaN",
      "True",
      "FALSE",
      "007",
      "-0",
      "+5",
      " 5",
      "5 ",
      "1,5",
      "1E5",
      "0x10",
      '"quoted"',
      "['a']",
      "[see below]",
      "{}}",
    }) do
      assert.equal(text, values.of_cell(text))
      assert.equal(text, values.of_cell(assert(values.to_cell("input", text))))
    end
  end)
end)

describe("the fields of a record", function()
  local function fields(record, options)
    local made, reason = mapping.fields(record, options or {})
    return made and json_text.sorted(made) or nil, reason
  end

  it("are those of its names that an item has", function()
    assert.equal(
      '{"input":1,"output":[]}',
      fields({
        value = {
          id = "x",
          created_at = "y",
          team = 5,
          input = 1,
          output = llm.array(),
          metadata = llm.null,
        },
      })
    )
    local none, reason = fields({ value = { question = 1 } })
    assert.is_nil(none)
    assert.truthy(reason:find('"question"', 1, true))
    none, reason = fields({ value = { id = "x" } })
    assert.is_nil(none)
    assert.truthy(reason:find("none of the fields", 1, true))
    none, reason = fields({ value = { input = 1, deleted = true } })
    assert.is_nil(none)
    assert.truthy(reason:find("deleted", 1, true))
    assert.is_nil((fields({ value = llm.array({ 1 }) })))
    assert.is_nil((fields({ value = 5 })))
  end)

  it("are taken from other names, or made by functions", function()
    local record = { value = { q = "why", a = 5 }, n = 3 }
    assert.equal(
      '{"input":"why","output":{"a":5}}',
      fields(record, {
        fields = {
          input = "q",
          output = function(value)
            return { a = value.a }
          end,
        },
      })
    )
    local function numbered(_, n)
      return { input = n }
    end
    assert.equal('{"input":3}', fields(record, { fields = numbered }))
    assert.same(
      {},
      { fields(record, {
        fields = function()
          return nil
        end,
      }) }
    )
    local none, reason = fields(record, {
      fields = function()
        return nil, "too long"
      end,
    })
    assert.is_nil(none)
    assert.equal("too long", reason)
  end)

  it("are JSON in cells of CSV where they hold JSON, or text where that is asked for", function()
    local record = { cells = { q = '{"a":1}', n = "5", t = "text", e = "" } }
    local map = { input = "q", output = "n", metadata = "e" }
    assert.equal('{"input":{"a":1},"output":5}', fields(record, { fields = map }))
    assert.equal(
      '{"input":"{\\"a\\":1}","output":"5"}',
      fields(record, { fields = map, values = "text" })
    )
    assert.equal(
      '{"input":"x","ref_trace_id":"5"}',
      fields({ cells = { input = "x", ref_trace_id = "5" } })
    )
  end)
end)
