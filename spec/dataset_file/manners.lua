--- Files of datasets as people and tools write them, each with what its records mean: written by
--- the rules of doc/dataset_file.md alone, without the library. Read by
--- spec/dataset_file_manners_spec.lua.

local manners = {}

--- What a record means: JSON texts by the names of API v1.
--- @class spec.Meaning
--- @field input string
--- @field output? string nil: none, which is null too
--- @field metadata? string an object

--- @class spec.Manner
--- @field what string for the name of a test
--- @field name string of the file
--- @field text string what is in it
--- @field pack? boolean gzip it
--- @field stdin? boolean give it to the command by its standard input
--- @field options? table for import and diff
--- @field args? string[] the same for the command
--- @field means spec.Meaning[]
--- @field skipped? integer records that are left out
--- @field has_keys? boolean it needs API v2

--- A generator of numbers that is the same on every Lua.
local function generator(seed)
  local state = seed % 2147483646 + 1
  return function(n)
    state = (state * 16807) % 2147483647
    return state % n + 1
  end
end

--- The list in another order.
local function shuffled(random, list)
  local copy = {}
  for i, value in ipairs(list) do
    copy[i] = value
  end
  for i = #copy, 2, -1 do
    local j = random(i)
    copy[i], copy[j] = copy[j], copy[i]
  end
  return copy
end

local VALUES = {
  "1e16",
  "-0.0",
  "-0",
  "1.10",
  "1.0",
  "1234e56",
  "1E5",
  "1e-07",
  "5e-324",
  "1.7976931348623157e308",
  "0.1",
  "9007199254740993",
  "-9007199254740993",
  "9223372036854775807",
  "-9223372036854775808",
  "18446744073709551615",
  "18446744073709551617",
  "123456789012345678901234567890",
  "null",
  "true",
  "false",
  '""',
  '"5"',
  '"1.10"',
  '"null"',
  '" blanks at both ends "',
  '"é 日本語 🦔"',
  '"\\u00e9\\ud83e\\udd94\\u2028\\u0001\\u007f"',
  '"a\\nb\\r\\nc\\td \\"e\\" \\\\f\\/"',
  "{}",
  "[]",
  "[[], {}, [null], [[[[[[1.10]]]]]]]",
  '{"a": {}, "b": [], "c": [{}], "d": null, "e": {"f": {"g": [1e16, -0.0]}}}',
  '{"": 0, "ключ": "значение", "a.b": {"c.d": 1}}',
  '{"a": 1, "a": {"b": 18446744073709551616}}',
  '{"input": "not the field", "output": null}',
  '[{"role": "user", "content": "Hi"}, {"role": "assistant", "content": null}]',
}

--- Cells of CSV with what they mean; "" is nothing at all.
local CELLS = {
  { "5", "5" },
  { "-0.25", "-0.25" },
  { "1e-7", "1e-7" },
  { "1e-07", "1e-7" },
  { "1e+16", "1e16" },
  { "1.0", "1.0" },
  { "9007199254740993", "9007199254740993" },
  { "18446744073709551615", "18446744073709551615" },
  { "-9223372036854775808", "-9223372036854775808" },
  { "1e400", '"1e400"' },
  { "1.10", '"1.10"' },
  { "007", '"007"' },
  { "+5", '"+5"' },
  { "1234e56", '"1234e56"' },
  { "1E5", '"1E5"' },
  { "1,5", '"1,5"' },
  { "true", "true" },
  { "false", "false" },
  { "True", '"True"' },
  { "FALSE", '"FALSE"' },
  { "yes", '"yes"' },
  { "null", '"null"' },
  { "None", '"None"' },
  { "NaN", '"NaN"' },
  { "", nil },
  { '{"a":1}', '{"a": 1}' },
  { "[1, 2]", "[1, 2]" },
  { "{}", "{}" },
  { '{"n": [1e16, -0.0, 1.10, null]}', '{"n": [10000000000000000, 0, 1.1, null]}' },
  { "{a: 1}", '"{a: 1}"' },
  { '"5"', '"5"' },
  { 'say "hi"', '"say \\"hi\\""' },
  { "two\nlines", '"two\\nlines"' },
  { "a\r\n\r\nb", '"a\\r\\n\\r\\nb"' },
  { " blanks ", '" blanks "' },
  { "=1+2", '"=1+2"' },
  { "a;b\tc|d", '"a;b\\tc|d"' },
  { "é 日本語 🦔", '"é 日本語 🦔"' },
  { "back\\slash", '"back\\\\slash"' },
}

--- Texts alone, as a cell of CSV is read with `values = "text"`.
local function quoted(text)
  local escapes = { ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }
  return '"' .. text:gsub('[\\"]', "\\%0"):gsub("[\n\r\t]", escapes) .. '"'
end

--- Records that together have every one of the values.
--- @return spec.Meaning[]
local function meanings(random)
  local inputs, outputs = shuffled(random, VALUES), shuffled(random, VALUES)
  local list = {}
  for i, value in ipairs(inputs) do
    if i % 2 == 1 then
      local bare = value ~= "null" and random(2) == 1
      list[#list + 1] = {
        input = bare and value or ('{"question": %s}'):format(value),
        output = outputs[i],
        metadata = inputs[i + 1] and ('{"from": %s}'):format(inputs[i + 1]),
      }
    else
      list[#list + 1] = { input = ("[%s, %d]"):format(value, i), output = outputs[i] }
    end
  end
  return list
end

--- Records as JSON objects, by names for input, output and metadata.
local function objects(random, means, names)
  local list = {}
  for i, record in ipairs(means) do
    local parts = {}
    for _, field in ipairs(shuffled(random, { "input", "output", "metadata" })) do
      if names[field] and record[field] then
        parts[#parts + 1] = ('"%s":%s%s'):format(
          names[field],
          random(2) == 1 and " " or "",
          record[field]
        )
      end
    end
    list[i] = "{" .. table.concat(parts, random(2) == 1 and ", " or ",") .. "}"
  end
  return list
end

local OWN = { input = "input", output = "output", metadata = "metadata" }
local BOM = "\239\187\191"

local function lines(list, ending)
  return table.concat(list, ending or "\n") .. (ending or "\n")
end

--- A cell as RFC 4180 has it.
local function cell(text, separator, always)
  if always or text:find('[",\r\n]') or text:find(separator, 1, true) then
    return '"' .. text:gsub('"', '""') .. '"'
  end
  return text
end

--- @param header string[]
--- @param rows string[][]
--- @param how { separator?: string, ending?: string, always?: boolean }
local function csv(header, rows, how)
  local separator, list = how.separator or ",", {}
  for i = 0, #rows do
    local cells = {}
    for j, text in ipairs(rows[i] or header) do
      cells[j] = cell(text, separator, how.always)
    end
    list[i + 1] = table.concat(cells, separator)
  end
  return lines(list, how.ending)
end

--- Rows of two cells that together have every one of the cells, and what they mean.
local function table_of(random, how)
  how = how or {}
  local rows, means = {}, {}
  local inputs, outputs = shuffled(random, CELLS), shuffled(random, CELLS)
  for i, input in ipairs(inputs) do
    if input[1] ~= "" then
      local output = outputs[i]
      rows[#rows + 1] = { input[1], output[1] }
      means[#means + 1] = {
        input = how.text and quoted(input[1]) or input[2],
        output = output[1] ~= "" and (how.text and quoted(output[1]) or output[2]) or nil,
      }
    end
  end
  return rows, means
end

local MANNERS = {}

local function manner(what, make)
  MANNERS[#MANNERS + 1] = { what = what, make = make }
end

--- JSON in one of its forms.
local function of_json(what, name, form, more)
  manner(what, function(random)
    local means = meanings(random)
    local file = { name = name, means = means }
    for key, value in pairs(more or {}) do
      file[key] = value
    end
    file.text = form(objects(random, means, file.names or OWN))
    return file
  end)
end

--- @return fun(list: string[]): string
local function between(before, separator, after)
  return function(list)
    return before .. table.concat(list, separator) .. after
  end
end

of_json("JSONL", "plain.jsonl", lines)
of_json("JSONL with a BOM and CRLF", "windows.jsonl", function(list)
  return BOM .. lines(list, "\r\n")
end)
of_json(
  "JSONL with blank lines and no end of the last",
  "blank.jsonl",
  between("\n\n", "\n \n", "")
)
of_json("JSONL with a name that says nothing", "data", lines)
of_json("a JSON list", "list.json", between("[", ",", "]"))
of_json("a JSON list over many lines, with a BOM and CRLF", "lines.json", function(list)
  return BOM .. between("\r\n[\r\n  ", ",\r\n  ", "\r\n]\r\n")(list)
end)
of_json("a JSON list with a name of JSONL", "list.jsonl", between("[", ",\n", "]\n"))
of_json(
  "a list within an object",
  "inside.json",
  between('{"version": 1, "tags": ["a"], "data": {"rows": [', ",\n", ']}, "end": {}}')
)
of_json(
  "the list within an object that is named",
  "two.json",
  between('{"train": [{"input": 1}], "a": {"test": [', ", ", "]}}"),
  { options = { records = "a.test" } }
)
of_json("JSONL in gzip", "plain.jsonl.gz", lines, { pack = true })
of_json(
  "a JSON list in gzip with another name",
  "packed.json",
  between("[", ",", "]"),
  { pack = true }
)
of_json("JSONL in standard input", "stdin.jsonl", lines, { stdin = true })
of_json(
  "gzip in standard input",
  "stdin.json.gz",
  between("[", ",", "]"),
  { stdin = true, pack = true }
)
of_json(
  "an object in standard input",
  "stdin.json",
  between('{"rows": [', ",", "]}"),
  { stdin = true, options = { records = "rows" }, args = { "--records", "rows" } }
)
for _, names in ipairs({
  { "inputs", "outputs" },
  { "prompt", "completion" },
  { "input", "ideal" },
  { "input", "expected" },
  { "question", "answer", "as a quiz has them" },
  { "Instruction", "Ground Truth" },
}) do
  of_json(
    "fields " .. (names[3] or ("named %s and %s"):format(names[1], names[2])),
    "other.jsonl",
    lines,
    { names = { input = names[1], output = names[2], metadata = "metadata" } }
  )
end

--- PostHog's own export, a line for each item.
--- @param has_keys? boolean whether items have a client_item_id, which API v1 does not have
local function of_export(random, has_keys)
  local means, list = meanings(random), {}
  for i, record in ipairs(means) do
    list[i] = table.concat({
      '{"dataset_id":"0198c5a2-7be4-7000-8000-000000000001","dataset_revision":7',
      '"dataset_revision_id":"0198c5a2-7be4-7000-8000-000000000002"',
      ('"item_id":"0198c5a2-7be4-7000-8000-%012d"'):format(i),
      '"client_item_id":' .. (has_keys and i % 3 == 0 and ('"key-%d"'):format(i) or "null"),
      '"version":2,"version_id":"0198c5a2-7be4-7000-8000-000000000003"',
      '"version_dataset_revision":3',
      '"version_dataset_revision_id":"0198c5a2-7be4-7000-8000-000000000004"',
      '"archived":' .. (i % 10 == 0 and "true" or "false"),
      ('"input":%s,"expected_output":%s'):format(record.input, record.output),
      '"source_output":null,"metadata":' .. (record.metadata or "{}"),
      i % 5 == 0 and '"source_trace_id":"t","source_event_id":"e"'
        or '"source_trace_id":null,"source_event_id":null',
      '"source_timestamp":' .. (i % 5 == 0 and '"2026-08-01T10:00:00+00:00"' or "null"),
      '"item_created_at":"2026-08-01T10:00:00.250000+00:00"',
      '"version_created_at":"2026-08-01T10:00:00+00:00"',
      '"item_created_by_id":5,"version_created_by_id":null}',
    }, ",")
  end
  local stored, skipped = {}, 0
  for i, record in ipairs(means) do
    if i % 10 == 0 then
      skipped = skipped + 1
    else
      stored[#stored + 1] = record
    end
  end
  return { name = "export.jsonl", text = lines(list), means = stored, skipped = skipped }
end

manner("PostHog's export", of_export)
manner("PostHog's export with keys", function(random)
  local file = of_export(random, true)
  file.has_keys = true
  return file
end)

of_json(
  "PostHog's export in its older form",
  "old.jsonl",
  lines,
  { names = { input = "input", output = "expected_output", metadata = "metadata" } }
)

manner("JSONL with fields from several names", function(random)
  local means, list = {}, {}
  for i, value in ipairs(shuffled(random, VALUES)) do
    list[i] = ('{"q":%s,"more":{"deep":[%s]},"a.b":%d,"unused":%s}'):format(value, value, i, value)
    means[i] = {
      input = ('{"question":%s,"context":{"deep":[%s]}}'):format(value, value),
      output = tostring(i),
      metadata = ('{"from":{"deep":[%s]}}'):format(value),
    }
  end
  local fields = {
    ["input.question"] = "q",
    ["input.context.deep"] = "more.deep",
    ["metadata.from"] = "more",
    output = "a.b",
  }
  return { name = "several.jsonl", text = lines(list), means = means, options = { fields = fields } }
end)

--- CSV in one of its forms.
local function of_csv(what, name, how)
  manner(what, function(random)
    local rows, means = table_of(random, how)
    local text = csv(how.header or { "input", "output" }, rows, how)
    return {
      name = name,
      text = (how.bom and BOM or "") .. text,
      pack = how.pack,
      stdin = how.stdin,
      means = means,
      options = how.options,
    }
  end)
end

of_csv("CSV", "plain.csv", {})
of_csv("CSV with a BOM and CRLF", "windows.csv", { bom = true, ending = "\r\n" })
of_csv("CSV with quotes around each cell", "quotes.csv", { always = true })
of_csv("CSV with semicolons", "semicolons.csv", { separator = ";" })
of_csv("CSV with tabs", "tabs.csv", { separator = "\t" })
of_csv("CSV with bars and a name that says nothing", "bars", { separator = "|" })
of_csv("TSV with CRLF", "tabs.tsv", { separator = "\t", ending = "\r\n" })
of_csv("CSV in gzip", "plain.csv.gz", { pack = true })
of_csv("CSV in standard input", "stdin.csv", { stdin = true, separator = ";", bom = true })
of_csv("CSV of texts alone", "texts.csv", { text = true, options = { values = "text" } })
of_csv("CSV with names of other tools", "other.csv", { header = { "Question", "Ideal" } })

--- What pandas' to_csv writes: a first column without a name, True and False, an empty cell or
--- NaN for what is missing.
local function of_pandas(what, name, fields)
  manner(what, function(random)
    local rows, means = table_of(random)
    local list = {}
    for i, row in ipairs(rows) do
      list[i] = { tostring(i - 1), row[1], i % 2 == 0 and "True" or "", row[2] }
    end
    local header = { "", "prompt", "is_checked", "completion" }
    local options = fields and { fields = { input = "prompt", output = "completion" } }
    return { name = name, text = csv(header, list, {}), means = means, options = options }
  end)
end

of_pandas("a table of pandas", "pandas.csv")
of_pandas("a table of pandas whose columns are named", "mapped.csv", true)

manner("CSV with one field of several columns", function(random)
  local rows, means = table_of(random)
  local list = {}
  for i, row in ipairs(rows) do
    list[i] = { row[1], "sums", ('{"page": %d}'):format(i), row[2], "" }
    local record = means[i]
    record.input = ('{"question":%s,"context":"sums"}'):format(record.input)
    record.metadata = ('{"source":{"page":%d},"at":%d}'):format(i, i)
  end
  local fields = {
    ["input.question"] = "q",
    ["input.context"] = "context",
    ["metadata.source"] = "src",
    ["metadata.at"] = "src.page",
    output = "a",
  }
  local text = csv({ "q", "context", "src", "a", "rest" }, list, { separator = ";" })
  return { name = "several.csv", text = text, means = means, options = { fields = fields } }
end)

--- All files, the same for the same seed.
--- @param seed integer
--- @return spec.Manner[]
function manners.files(seed)
  local files = {}
  for i, made in ipairs(MANNERS) do
    local file = made.make(generator(seed * 1000 + i))
    file.what = made.what
    files[i] = file
  end
  return files
end

--- Files that are unusable as a whole, with words that the error has to have.
--- @return { what: string, name: string, text: string, pack?: boolean, cut?: boolean, says: string[], is_empty?: boolean }[]
function manners.unusable()
  local text = lines(objects(generator(1), meanings(generator(1)), OWN))
  local function utf16(before, after)
    local wide = text:gsub("[\128-\255]", "?"):gsub(".", function(byte)
      return before .. byte .. after
    end)
    return wide
  end
  local pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize 12345\n"
  return {
    {
      what = "a Parquet file",
      name = "rows.parquet",
      text = "PAR1\21\4\21\60\0\1\2\255" .. ("\0\7"):rep(400) .. "\1\2\0\0PAR1",
      says = { "Parquet" },
    },
    {
      what = "a pointer of Git LFS",
      name = "rows.jsonl",
      text = pointer:format(("4d7a"):rep(16)),
      says = { "Git LFS", "git lfs pull" },
    },
    {
      what = "an empty file",
      name = "none.jsonl",
      text = "",
      is_empty = true,
      says = { "empty" },
    },
    {
      what = "a file with a BOM alone",
      name = "bom.csv",
      text = BOM,
      is_empty = true,
      says = { "empty" },
    },
    {
      what = "UTF-16 in little endian",
      name = "le.csv",
      text = "\255\254" .. utf16("", "\0"),
      says = { "UTF-16", "UTF-8" },
    },
    {
      what = "UTF-16 in big endian",
      name = "be.jsonl",
      text = "\254\255" .. utf16("\0", ""),
      says = { "UTF-16", "UTF-8" },
    },
    {
      what = "gzip that is cut short",
      name = "cut.jsonl.gz",
      text = text,
      pack = true,
      cut = true,
      says = { "gzip" },
    },
    {
      what = "a JSON object without a list",
      name = "object.json",
      text = '{\n  "version": 1,\n  "data": {\n    "rows": 3\n  }\n}\n',
      says = { "list" },
    },
  }
end

--- What the records of a file mean, a JSON object a line, for manners.PYTHON.
--- @param means spec.Meaning[]
--- @return string
function manners.expectation(means)
  return lines(objects(generator(1), means, OWN))
end

--- A program that compares an export with an expectation: every value of every row, in any order.
--- Numbers are exact and compared by value, as a database with jsonb stores them; true is no
--- number. Arguments: the expectation, the export, the name of the field `output` in it.
manners.PYTHON = [[
import collections, decimal, json, sys

decimal.setcontext(decimal.Context(prec=2000, Emax=999999, Emin=-999999))

def stored(value):
    if isinstance(value, decimal.Decimal):
        return "n%s" % (value.normalize() if value else 0)
    if isinstance(value, list):
        return "[%s]" % ",".join(map(stored, value))
    if isinstance(value, dict):
        return "{%s}" % ",".join(json.dumps(k) + ":" + stored(value[k]) for k in sorted(value))
    return json.dumps(value)

def rows(path, output):
    found = collections.Counter()
    with open(path, encoding="utf-8", newline="\n") as file:
        for line in file:
            row = json.loads(line, parse_float=decimal.Decimal, parse_int=decimal.Decimal)
            fields = [row["input"], row.get(output), row.get("metadata") or {}]
            found[" | ".join(map(stored, fields))] += 1
    return found

expected, found = rows(sys.argv[1], "output"), rows(sys.argv[2], sys.argv[3])
for row in sorted((expected - found).elements()):
    print("missing:", ascii(row))
for row in sorted((found - expected).elements()):
    print("not expected:", ascii(row))
print("%d rows" % sum(found.values()))
]]

return manners
