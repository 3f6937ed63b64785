local core = require("posthog.llm.core")
local cjson = require("cjson")
local support = require("spec.support.json")

local SAMPLE = '{"a":[1,2.5,{"b":null}],"c":"x"}'
local generator = support.generator
local assert_identical = support.assert_identical
local decode = support.decode

describe("core.decode", function()
  for text, expected in pairs({
    ["true"] = true,
    ["false"] = false,
    ["0"] = 0,
    ["-1"] = -1,
    ["123456789012345"] = 123456789012345,
    ["2.5"] = 2.5,
    ["-2.5e-3"] = -0.0025,
    ["1E+2"] = 100.0,
    ['""'] = "",
    ['"a\\"\\\\\\/\\b\\f\\n\\r\\t"'] = 'a"\\/\b\f\n\r\t',
    ['"\\u0041\\u00e9\\u20AC\\ud83e\\udd94"'] = "A\195\169\226\130\172\240\159\166\148",
    ['"\195\169\226\130\172\240\159\166\148"'] = "\195\169\226\130\172\240\159\166\148",
    ['"\\u0000a\\u0000"'] = "\0a\0",
    [" \t\r\n 7 \n"] = 7,
  }) do
    it("reads the JSON text " .. text:gsub("%s+", " "), function()
      assert_identical(expected, decode(text))
    end)
  end

  it("reads null as the null of cjson", function()
    assert.equal(cjson.null, decode("null"))
    assert.equal(core.null, decode("null"))
    assert.equal(core.null, decode('{"a":null}').a)
  end)

  it("marks arrays and leaves objects without a metatable", function()
    local value = decode('{"list":[[],[1]],"map":{}}')
    assert.equal(core.array_mt, getmetatable(value.list))
    assert.equal(core.array_mt, getmetatable(value.list[1]))
    assert.is_nil(getmetatable(value))
    assert.is_nil(getmetatable(value.map))
  end)

  it("keeps the positions of nulls in arrays", function()
    local list = decode("[null,1,null]")
    assert.equal(3, #list)
    assert.equal(core.null, list[1])
    assert.equal(core.null, list[3])
  end)

  it("takes the last of two equal keys", function()
    assert.equal(2, decode('{"a":1,"b":0,"a":2}').a)
    assert.equal(2, decode('{"\\u0061":1,"a":2}').a)
    assert.equal(core.null, decode('{"a":1,"a":null}').a)
  end)

  it("takes any string for a key", function()
    local long = ("k"):rep(5000)
    local value = decode('{"":1,"\\u0000":2,"a\\nb":3,"\\ud83e\\udd94":4,"' .. long .. '":5}')
    assert.equal(1, value[""])
    assert.equal(2, value["\0"])
    assert.equal(3, value["a\nb"])
    assert.equal(4, value["\240\159\166\148"])
    assert.equal(5, value[long])
  end)

  it("distinguishes keys that begin or end alike", function()
    local rows, keys = {}, {}
    for len = 1, 70 do
      keys[#keys + 1] = ("a"):rep(len)
      keys[#keys + 1] = ("a"):rep(len) .. "b"
      keys[#keys + 1] = "b" .. ("a"):rep(len)
      if len > 2 then
        keys[#keys + 1] = ("a"):rep(math.floor(len / 2)) .. "c" .. ("a"):rep(math.floor(len / 2))
      end
    end
    for _ = 1, 3 do
      for i, key in ipairs(keys) do
        rows[i] = ('"%s":%d'):format(key, i)
      end
      local value = decode("{" .. table.concat(rows, ",") .. "}")
      local expected = {}
      for i, key in ipairs(keys) do
        expected[key] = i
      end
      assert_identical(expected, value)
    end
  end)

  it("distinguishes a key with an escape from keys that resemble it", function()
    local decoder = core.decoder({})
    for _ = 1, 3 do
      assert_identical({ ['a"b'] = 1 }, decoder:decode('{"a\\"b":1}'))
      assert.is_nil((decoder:decode('{"a"b":1}')))
      assert_identical({ ["a\\b"] = 1 }, decoder:decode('{"a\\\\b":1}'))
      assert_identical({ ["a\b"] = 1 }, decoder:decode('{"a\\b":1}'))
      assert_identical({ ["a\nb"] = 1 }, decoder:decode('{"a\\nb":1}'))
      assert.is_nil((decoder:decode('{"a\nb":1}')))
    end
  end)

  it("reads correctly when there are more keys than its cache holds", function()
    for round = 1, 3 do
      local rows = {}
      for i = 1, 3000 do
        rows[i] = ('"key %d of %d":{"id":%d,"name":"n%d"}'):format(i, round, i, i)
      end
      local value = decode("{" .. table.concat(rows, ",") .. "}")
      for i = 1, 3000 do
        local row = value[("key %d of %d"):format(i, round)]
        assert.equal(i, row.id)
        assert.equal("n" .. i, row.name)
      end
    end
  end)

  it("reads the same value, whatever it has read before", function()
    local texts = {
      '[{"id":1,"uuid":"u"},{"id":2,"dataset":"d"},{"uuid":"v","id":3}]',
      '{"id":{"id":{"id":1}},"dataset":[{"id":4}]}',
      '{"results":[{"a":[]},{"a":[1,2,3]},{"a":[]},{"a":{}},{"b":[[1],[2,3]]}]}',
      SAMPLE,
    }
    local fresh = {}
    for i, text in ipairs(texts) do
      fresh[i] = core.decoder({}):decode(text)
    end
    local random, shared = generator(3), core.decoder({})
    for _ = 1, 200 do
      local i = random(#texts) + 1
      assert_identical(fresh[i], shared:decode(texts[i]))
    end
  end)

  it("reads 100 levels and a list of 10000", function()
    local deep = ("["):rep(100) .. "7" .. ("]"):rep(100)
    local value = decode(deep)
    for _ = 1, 100 do
      value = value[1]
    end
    assert.equal(7, value)
    local list = {}
    for i = 1, 10000 do
      list[i] = i
    end
    local back = decode("[" .. table.concat(list, ",") .. "]")
    assert.equal(10000, #back)
    for i = 1, 10000 do
      assert.equal(i, back[i])
    end
  end)

  it("reads a string of any length and what follows it", function()
    for len = 0, 200 do
      for _, filler in ipairs({ "x", "\195\169", "\\n", "\\u00e9" }) do
        local plain = filler:gsub("\\n", "\n"):gsub("\\u00e9", "\195\169")
        local value = decode('["' .. ("y"):rep(len) .. filler .. '",1]')
        assert.equal(("y"):rep(len) .. plain, value[1])
        assert.equal(1, value[2])
      end
    end
    for _, piece in ipairs({ "\\n\226\130\172", "\\u20ac\\ud83e\\udd94", "\240\159\166\148" }) do
      for _, count in ipairs({ 100, 5000, 40000 }) do
        local plain = piece:gsub("\\n", "\n"):gsub("\\u20ac", "\226\130\172")
        plain = plain:gsub("\\ud83e\\udd94", "\240\159\166\148")
        local fresh = core.decoder({}) -- its scratch is small yet
        assert.equal("\n" .. plain:rep(count), fresh:decode('"\\n' .. piece:rep(count) .. '"'))
      end
    end
    local body = ('line \\"quoted\\"\\n'):rep(60000)
    assert.equal(('line "quoted"\n'):rep(60000), decode('"' .. body .. '"'))
  end)

  it("raises for what is not a string", function()
    for _, value in ipairs({ 1, true, {}, print }) do
      assert.has_error(function()
        core.decode(value)
      end)
    end
    assert.has_error(function()
      core.decode()
    end)
  end)

  for _, case in ipairs({
    { "", 1, "end of the text" },
    { "  ", 3, "end of the text" },
    { "\239\187\191{}", 1, "byte order mark" },
    { "[1,]", 4, "expected a value" },
    { "[,1]", 2, "expected a value" },
    { "[1 2]", 4, "',' or '%]'" },
    { "[1", 3, "',' or '%]'" },
    { "[1}", 3, "',' or '%]'" },
    { '{"a":1,}', 8, "key in quotes" },
    { "{a:1}", 2, "key in quotes" },
    { '{"a" 1}', 6, "':'" },
    { '{"a":1 "b":2}', 8, "',' or '}'" },
    { '{"a":', 6, "end of the text" },
    { '{"a', 4, "unterminated" },
    { "{} []", 4, "after the value" },
    { "]", 1, "expected a value" },
    { "nul", 1, "expected a value" },
    { "NaN", 1, "expected a value" },
    { "Infinity", 1, "expected a value" },
    { "-Infinity", 2, "digit" },
    { "True", 1, "expected a value" },
    { "'a'", 1, "expected a value" },
    { "01", 1, "leading zero" },
    { "-01", 2, "leading zero" },
    { "+1", 1, "expected a value" },
    { "-", 2, "digit" },
    { "1.", 3, "digit" },
    { ".5", 1, "expected a value" },
    { "1e", 3, "digit" },
    { "1e+", 4, "digit" },
    { "1.5e-x", 6, "digit" },
    { "0x10", 2, "after the value" },
    { '"abc', 5, "unterminated" },
    { '"abc\\', 6, "unterminated" },
    { '"a\nb"', 3, "control character" },
    { '"a\\n\tb"', 5, "control character" },
    { '"a\0b"', 3, "control character" },
    { '"\\x41"', 2, "invalid escape" },
    { '"\\u12g4"', 2, "hexadecimal" },
    { '"\\u12', 2, "hexadecimal" },
    { '"\\ud800"', 2, "lone surrogate" },
    { '"\\udc00"', 2, "lone surrogate" },
    { '"\\ud800\\u0041"', 2, "lone surrogate" },
    { '"\\ud800x"', 2, "lone surrogate" },
    { '"a\128"', 3, "UTF%-8" },
    { '"\\n\128"', 4, "UTF%-8" },
    { '"\192\175"', 2, "UTF%-8" },
    { '"\224\128\128"', 2, "UTF%-8" },
    { '"\237\160\128"', 2, "UTF%-8" },
    { '"\240\128\128\128"', 2, "UTF%-8" },
    { '"\244\144\128\128"', 2, "UTF%-8" },
    { '"\245\128\128\128"', 2, "UTF%-8" },
    { '"\195"', 2, "UTF%-8" },
    { '"\226\130"', 2, "UTF%-8" },
    { '{"\255":1}', 3, "UTF%-8" },
    { "[1]\0", 4, "after the value" },
  }) do
    local text, position, pattern = case[1], case[2], case[3]
    local shown = ("%q"):format(text):gsub("[^\32-\126]", function(c)
      return ("\\%d"):format(c:byte())
    end)
    it("refuses " .. shown .. " and says where", function()
      local value, message, at = core.decode(text)
      assert.is_nil(value)
      assert.matches(pattern, message)
      assert.equal(position, at)
    end)
  end

  it("refuses more than 512 levels, however deep", function()
    assert.is_table(decode(("["):rep(512) .. ("]"):rep(512)))
    for _, text in ipairs({
      ("["):rep(513) .. ("]"):rep(513),
      ("["):rep(100000),
      ('{"a":'):rep(100000),
      ('[{"a":'):rep(100000),
    }) do
      local value, message, position = core.decode(text)
      assert.is_nil(value)
      assert.matches("too deep", message)
      assert.is_true(position > 512)
    end
  end)

  it("refuses every text that is cut short", function()
    local text = '{"a":[1,-2.5e3,{"b":null}],"c":"x\\n\\ud83e\\udd94\195\169","d":[true,false]}'
    assert.is_table(decode(text))
    for len = 0, #text - 1 do
      local value, message, position = core.decode(text:sub(1, len))
      assert.is_nil(value)
      assert.is_string(message)
      assert.is_true(position >= 1 and position <= len + 1)
    end
  end)

  it("works again after an error", function()
    for _ = 1, 3 do
      assert.is_nil((core.decode('{"a":[1,{"b":"x\\n')))
      assert_identical({ a = core.array({ 1, 2.5, { b = core.null } }), c = "x" }, decode(SAMPLE))
    end
  end)
end)

describe("a decoder of core.decoder", function()
  local function members(settings, text)
    return core.decoder(settings):decode(text)
  end

  it("keeps nulls by default", function()
    assert_identical({ a = core.null }, members({}, '{"a":null}'))
    assert_identical({ a = core.null }, members({ keep_null = true }, '{"a":null}'))
  end)

  it("leaves out members that are null, but no elements", function()
    local text = '{"a":null,"b":{"c":null,"d":1},"e":[null,{"f":null}]}'
    assert_identical(
      { b = { d = 1 }, e = core.array({ core.null, {} }) },
      members({ keep_null = false }, text)
    )
    assert.equal(core.null, members({ keep_null = false }, "null"))
  end)

  it("keeps every null at and below a free key", function()
    local settings = { keep_null = false, free = { "input", "metadata" } }
    assert_identical(
      {
        input = core.null,
        b = { metadata = { c = core.null, d = core.array({ { e = core.null } }) }, g = {} },
      },
      members(
        settings,
        '{"a":null,"input":null,"b":{"x":null,"metadata":{"c":null,"d":[{"e":null}]},'
          .. '"g":{"h":null}}}'
      )
    )
    assert_identical({ input = core.null }, members(settings, '{"in\\u0070ut":null,"b":null}'))
  end)

  it("applies its settings to keys of any length and number", function()
    local long = ("n"):rep(100)
    local decoder = core.decoder({ keep_null = false, free = { long, "input", "" } })
    for round = 1, 3 do
      local rows = {}
      for i = 1, 700 do
        rows[i] = ('"%d-%d":null,"k%d":{"input":null,"other":null}'):format(round, i, i)
      end
      rows[#rows + 1] = ('"%s":{"x":null},"%sx":{"x":null},"":null'):format(long, long)
      local value = decoder:decode("{" .. table.concat(rows, ",") .. "}")
      for i = 1, 700 do
        assert.is_nil(value[("%d-%d"):format(round, i)])
        assert_identical({ input = core.null }, value["k" .. i])
      end
      assert_identical({ x = core.null }, value[long])
      assert_identical({}, value[long .. "x"])
      assert.equal(core.null, value[""])
    end
  end)

  it("removes a member that comes again as null", function()
    assert_identical({ b = 1 }, members({ keep_null = false }, '{"a":1,"b":1,"a":null}'))
    assert_identical({ a = 2 }, members({ keep_null = false }, '{"a":null,"a":2}'))
  end)

  it("has its own settings", function()
    local keeping, dropping = core.decoder({}), core.decoder({ keep_null = false })
    local free = core.decoder({ keep_null = false, free = { "a" } })
    for _ = 1, 2 do
      assert.equal(core.null, keeping:decode('{"a":null}').a)
      assert.is_nil(dropping:decode('{"a":null}').a)
      assert.equal(core.null, free:decode('{"a":null}').a)
      assert.equal(core.null, core.decode('{"a":null}').a)
    end
  end)

  it("has its own limit on depth", function()
    local flat = core.decoder({ max_depth = 2 })
    assert_identical(core.array({ core.array({ 1 }) }), flat:decode("[[1]]"))
    local value, message, position = flat:decode("[[[1]]]")
    assert.is_nil(value)
    assert.matches("too deep", message)
    assert.equal(3, position)
    local deep = core.decoder({ max_depth = 3000 })
    assert.is_table(deep:decode(("["):rep(3000) .. ("]"):rep(3000)))
    assert.is_table(deep:decode(('{"a":'):rep(3000) .. "1" .. ("}"):rep(3000)))
    assert.is_nil((deep:decode(("["):rep(3001) .. ("]"):rep(3001))))
  end)

  it("has its own time limit, and checks the clock everywhere", function()
    local texts = {
      "[" .. ("[1],"):rep(20000) .. "[1]]",
      "[" .. ("1,"):rep(40000) .. "1]",
      "{" .. ('"a":[{"b":"' .. ("text"):rep(20) .. '"}],'):rep(2000) .. '"a":1}',
    }
    local hasty = core.decoder({ max_seconds = 1e-300 })
    local patient = core.decoder({ max_seconds = 1e9 })
    for _, text in ipairs(texts) do
      local value, message, position, limit = hasty:decode(text)
      assert.is_nil(value)
      assert.matches("in time", message)
      assert.is_true(position > 1 and position < #text)
      assert.equal("max_seconds", limit)
      assert_identical(decode(text), patient:decode(text))
    end
    assert.is_nil((hasty:decode(texts[1])))
    assert.is_table(core.decoder({ max_seconds = math.huge }):decode(texts[1]))
  end)

  it("distinguishes a text over a limit from one that is not JSON", function()
    assert.equal("max_depth", select(4, core.decoder({ max_depth = 1 }):decode("[[")))
    assert.equal("max_depth", select(4, core.decode(("["):rep(513))))
    assert.equal(3, select("#", core.decoder({ max_depth = 1, max_seconds = 60 }):decode("[}")))
  end)

  it("raises for invalid settings", function()
    for _, settings in ipairs({
      { keep_null = 1 },
      { max_depth = 0 },
      { max_depth = "x" },
      { max_seconds = 0 },
      { max_seconds = -1 },
      { max_seconds = 0 / 0 },
      { max_seconds = "x" },
      { free = "input" },
      { free = { 1 } },
    }) do
      assert.has_error(function()
        core.decoder(settings)
      end)
    end
    assert.has_error(function()
      core.decoder({}):decode(1)
    end)
    assert.has_error(function()
      core.decoder({}).decode({}, "1")
    end)
  end)

  it("may be used by a finalizer while it decodes", function()
    local decoder = core.decoder({})
    local text = '{"a":[{"b":"x\\n"},{"b":"y\\n"}],"key":"' .. ("long\\n"):rep(300) .. '"}'
    local expected, ran = decoder:decode(text), 0
    local other = '{"b":"' .. ("other\\n"):rep(500) .. '","z":[1,2,3],"a":{"key":"\\t"}}'
    local function finalize()
      ran = ran + 1
      assert(decoder:decode(other).a.key == "\t")
      assert(core.encode({ other }) == '["' .. core.encode(other):sub(2, -2) .. '"]')
    end
    local function garbage()
      if newproxy then
        getmetatable(newproxy(true)).__gc = finalize
      else
        setmetatable({}, { __gc = finalize })
      end
    end
    for _ = 1, 2000 do
      garbage()
      assert_identical(expected, decoder:decode(text))
    end
    collectgarbage()
    assert.is_true(ran > 100)
  end)
end)
