-- The YAML of front matter: what is read, what is refused, and whether another reader agrees.

local front_matters = require("spec.support.front_matters")
local json_text = require("posthog.llm.util.json_text")
local yaml = require("posthog.llm.skill_folder.yaml")

local has_second, second = pcall(require, "spec.support.second_yaml")

local ROUNDS = tonumber(os.getenv("ROUNDS")) or 3000

local function read(source)
  local document, err = yaml.read(source)
  return document and json_text.sorted(yaml.value(document.root)), err
end

describe("the front matter's YAML", function()
  --- Sources, and what they mean as JSON.
  local MEANINGS = {
    { "", "{}" },
    { "# c\n\n  # d\n", "{}" },
    { "a: b\n", '{"a":"b"}' },
    { "a: b", '{"a":"b"}' },
    { "a:\nb: ~\nc: null\nd: # c\n", '{"a":null,"b":null,"c":null,"d":null}' },
    {
      "a: 1.10\nb: 1.0\nc: 12\nd: 0.5\ne: 012\n",
      '{"a":"1.10","b":"1.0","c":12,"d":0.5,"e":"012"}',
    },
    {
      "a: y\nb: Yes\nc: on\nd: true\ne: FALSE\n",
      '{"a":"y","b":"Yes","c":"on","d":true,"e":false}',
    },
    { "a: !!float 1.5e300\nb: !!int 7\nc: !!str 5\n", '{"a":1.5e300,"b":7,"c":"5"}' },
    { "a: one\n  two\n\n  three # c\n", '{"a":"one two\\nthree"}' },
    { "a:\n  one\n  two\nb: c\n", '{"a":"one two","b":"c"}' },
    { "a: 'it''s # no: comment'\n", '{"a":"it\'s # no: comment"}' },
    { 'a: "\\u00e9\\n\\x41"\n', '{"a":"é\\nA"}' },
    { 'a: "one\n  two\\\n  three\n\n  four"\n', '{"a":"one twothree\\nfour"}' },
    { "a: |\n  one\n    two\n\n  three\n\nb: c\n", '{"a":"one\\n  two\\n\\nthree\\n","b":"c"}' },
    { "a: >-\n  one\n  two\n\n  three\n", '{"a":"one two\\nthree"}' },
    { "a: |+\n  one\n\nb: |-\n  two\n\n", '{"a":"one\\n\\n","b":"two"}' },
    { "a: |2-\n    one\n  two\n", '{"a":"  one\\ntwo"}' },
    { "a: | # c\n  # text\n # c\nb: c\n", '{"a":"# text\\n","b":"c"}' },
    {
      "a:\n- b\n- c: d\n  e: f\n-\ng:\n  - - h\n    - i\n",
      '{"a":["b",{"c":"d","e":"f"},null],"g":[["h","i"]]}',
    },
    { "a: [b, 'c', {d: e}, f: g, [],]\n", '{"a":["b","c",{"d":"e"},{"f":"g"},[]]}' },
    { "a: [ # c\n  b, # d\n  c\n]\n", '{"a":["b","c"]}' },
    { '{a: b, "c":d, e, f: }\n', '{"a":"b","c":"d","e":null,"f":null}' },
    { "a:\n  b:\n    c: d\n  e: f\n", '{"a":{"b":{"c":"d"},"e":"f"}}' },
    { "'a b': c\n\"d\": e\nf g: h\n", '{"a b":"c","d":"e","f g":"h"}' },
    { "a: http://x.y/#z\nb: c#d\ne: f:g\n", '{"a":"http://x.y/#z","b":"c#d","e":"f:g"}' },
    { "a: b\n...\nno: [more\n", '{"a":"b"}' },
    { "  a: b\n  c: d\n", '{"a":"b","c":"d"}' },
    { "a:\tb\t# c\n", '{"a":"b"}' },
  }

  it("is read as YAML has it", function()
    for _, case in ipairs(MEANINGS) do
      local meaning, err = read(case[1])
      assert.equal(case[2], meaning, ("%q: %s"):format(case[1], err and err.message or ""))
    end
  end)

  --- Sources that are refused, with the line and words of the message.
  local REFUSALS = {
    { "a: &x 1\n", 1, "an anchor (&x) is not supported: leave it out" },
    { "a: 1\nb: *x\n", 2, "an alias (*x) is not supported: write the value itself" },
    { "a: !x 1\n", 1, "the type !x is not supported" },
    { "a:\n  b: !!binary abcd\n", 2, "the type !!binary is not supported" },
    { "a: !!int b\n", 1, '"b" is not a number' },
    { "? a\n: b\n", 1, "a key that is not a string" },
    { "[a]: b\n", 1, "a key that is not a string" },
    { "%YAML 1.2\na: b\n", 1, "a directive" },
    { "a: b\n--- c\n", 2, "a second document" },
    { "...\n", 1, "a line ... ends the front matter before its first name" },
    { "a: b\n\tc: d\n", 2, "a tab in the indentation: use spaces" },
    { "a:\n\t- b\n", 2, "a tab in the indentation: use spaces" },
    { "a: |\n\tb\n", 2, "a tab in the indentation: use spaces" },
    { "a:\n-\tb\n", 2, "a tab after the dash: use spaces" },
    { "a: 1\nb: 2\na: 3\n", 3, 'duplicate key "a": remove one of the two' },
    { "a: {b: 1, b: 2}\n", 1, 'duplicate key "b"' },
    { "a: use: it\n", 1, '": " in a text without quotes: put the whole text into quotes' },
    { "a: b\n  c: d\n", 2, '": " in a text without quotes' },
    { "a: b\n c: d\n", 2, "begin this line further left (it begins in line 1)" },
    { "a: [b] c\n", 1, "there is text after the ]: put the whole value into quotes" },
    { "a: b # c\n  d\n", 2, "indented deeper" },
    { "a: 'b\nc: d\n", 3, "its last quote is missing (it begins in line 1)" },
    { "a: 'b' c\n", 1, "text after the quote" },
    { "a: [b\nc: d\n", 2, "a comma or a ] is missing here (it begins in line 1)" },
    { "a: [b,\n", 2, "the [ has no end: its ] is missing (it begins in line 1)" },
    { "a: @b\n", 1, "a text cannot begin with @: put it into quotes" },
    { "a: `b`\n", 1, "a text cannot begin with `: put it into quotes" },
    { "a: - b\n", 1, "a list cannot begin here: put its first - into the next line" },
    { "a: b\n- c\n", 2, "an item of a list where a name is expected" },
    { "a:\n  - b\n  c\n", 3, "an item of a list begins with a dash" },
    { "a: b\nc\n", 2, 'a line that is not "name: value"' },
    { "a: b\n: c\n", 2, "a name is missing" },
    { 'a: "\\q"\n', 1, "unknown escape \\q: write \\\\ for a backslash" },
    { 'a: "\\ud800"\n', 1, "needs the 4 digits of a character" },
    { "a: |x\n  b\n", 1, "begins in the line below" },
    { "a: |0\n  b\n", 1, "| is followed by what it does not take" },
    { "  a: b\nc: d\n", 2, "indented less" },
    { "a: b\rc\n", 1, "a carriage return that ends no line" },
    { "a: b\nc: \127\n", 2, "a control character" },
    { "a: b\226\128\168c\n", 1, "U+2028" },
    { "a: \255\n", 1, "not UTF-8" },
    { "a: 'b'#c\n", 1, "a comment begins with a blank" },
    { "a: " .. ("["):rep(600) .. "\n", 1, "nest more than 512 levels deep" },
  }

  it("is refused with the line, what it is, and the way out", function()
    for _, case in ipairs(REFUSALS) do
      local meaning, err = read(case[1])
      assert.is_nil(meaning, case[1])
      assert.equal(case[2], err.line, case[1] .. err.message)
      assert.truthy(err.message:find(case[3], 1, true), ("%q: %s"):format(case[1], err.message))
    end
  end)

  it("shows a long text in a message only by its beginning", function()
    for _, source in ipairs({ "a: *%s\n", "%s: 1\n%s: 2\n", "a: !!int %s\n", "a: |%s\n" }) do
      local long = source:find("|", 1, true) and ("+"):rep(5000) or ("é"):rep(5000)
      local _, err = yaml.read((source:gsub("%%s", long)))
      assert.is_true(#err.message < 200 and json_text.sorted(err.message) ~= nil, #err.message)
    end
  end)

  it("means to libyaml what it means here, or is refused with a line", function()
    if not has_second then
      pending("lyaml is not there for this Lua")
      return
    end
    local seed = front_matters.seed()
    local random = front_matters.random(seed)
    local agreed = 0
    for round = 1, ROUNDS do
      local source = front_matters[round % 3 == 0 and "jumble" or "make"](random)
      if round % 3 == 1 then
        source = front_matters.mutate(random, source)
      end
      local ours, err = read(source)
      if ours then
        local theirs, wrong = second.read(source)
        assert.truthy(theirs, ("%q: %s"):format(source, wrong and wrong.message or ""))
        if not ours:find("\\u0000", 1, true) then -- lyaml ends a text at a zero byte
          assert.equal(json_text.sorted(second.value(theirs)), ours, ("%q"):format(source))
        end
        agreed = agreed + 1
      else
        local _, lines = source:gsub("\n", "")
        assert.is_true(err.line >= 1 and err.line <= lines + 1 and err.message ~= "", source)
      end
    end
    assert.is_true(agreed > ROUNDS / 5, ("seed %d: %d agreed"):format(seed, agreed))
  end)

  it("is read, or refused, whatever bytes there are", function()
    local random = front_matters.random(front_matters.seed())
    for _ = 1, ROUNDS do
      local bytes = {}
      for i = 1, random(30) do
        bytes[i] = string.char(
          random(3) == 1 and random(256) - 1 or (": -#'\"[]{}|>\n\n \\"):byte(random(16))
        )
      end
      local source = table.concat(bytes)
      local document, err = yaml.read(source)
      assert.is_true(document ~= nil or type(err.line) == "number", ("%q"):format(source))
    end
  end)

  --- Pieces that are repeated, between a beginning and an end.
  local LONG = {
    { "a: ", "word ", "" },
    { "a: ", "x", " " },
    { "a: b", " ", "c" },
    { "a: ", "b\n  ", "" },
    { "a: b", "\n", "" },
    { "a: b", "\n  ", "c" },
    { "a: '", "it''s ", "'" },
    { 'a: "', '\\"\\\\', '"' },
    { 'a: "', "b \n ", '"' },
    { "a: '", " ", "'" },
    { "a: |\n", "  b\n", "" },
    { "a: >+\n", "\n", "" },
    { "a: |\n", " ", "" },
    { "", "# comment\n", "a: b" },
    { "a: [", "b, ", "c]" },
    { "a: [", "b # c\n, ", "c]" },
    { "a: [b ", "c: ", "]" },
    { "a: {", "", "}", "k%d: v," },
    { "a:\n", "- b\n", "" },
    { "a:\n", "- - b\n", "" },
    { "", "", "", "k%d: v\n" },
    { "a: ", ": ", "" },
    { "a: ", "#", "" },
    { "", "- ", "" },
    { "a: ", "[", "" },
    { "a: ", '"', "" },
    { "a: *", "b", "" },
    { "", "\t", "" },
    { "a: b\n", "...", "" },
  }

  it("takes time in proportion to its length", function()
    if os.getenv("SPEC_MODE") ~= "plain" then
      pending("measured without sanitizers")
      return
    end
    for _, case in ipairs(LONG) do
      local pieces = {}
      for i = 1, 40000 do
        pieces[i] = case[4] and case[4]:format(i) or case[2]
      end
      local source = case[1] .. table.concat(pieces) .. case[3] .. "\n"
      local began = os.clock()
      yaml.read(source)
      assert.is_true(os.clock() - began < 3, ("%q"):format(source:sub(1, 20)))
    end
  end)
end)
