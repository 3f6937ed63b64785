local core = require("posthog.llm.core")
local cjson = require("cjson")

-- Where the module of the errors is not there, its constructor is enough.
if not pcall(require, "posthog.llm.errors") then
  package.preload["posthog.llm.errors"] = function()
    return {
      new = function(fields)
        return setmetatable(fields, {
          __tostring = function(self)
            return self.message
          end,
        })
      end,
    }
  end
end
local json = require("posthog.llm.json")

local HAS_INTEGERS = math.type ~= nil
local SAMPLE = '{"a":[1,2.5,{"b":null}],"c":"x"}'

local unpack = table.unpack or unpack -- luacheck: ignore

--- A generator of pseudo-random integers below n that any Lua computes alike.
local function generator(seed)
  local state = seed
  return function(n)
    state = (state * 16807) % 2147483647
    return state % n
  end
end

local function kind_of(value)
  return math.type and math.type(value) or type(value)
end

--- Equal in value, kind and, for floats, in every bit.
local function identical(a, b)
  if type(a) ~= type(b) then
    return false
  end
  if type(a) == "table" then
    if getmetatable(a) ~= getmetatable(b) then
      return false
    end
    for key, value in pairs(a) do
      if not identical(value, b[key]) then
        return false
      end
    end
    for key in pairs(b) do
      if a[key] == nil then
        return false
      end
    end
    return true
  end
  if type(a) == "number" then
    return a == b and kind_of(a) == kind_of(b) and (a ~= 0 or 1 / a == 1 / b)
  end
  return a == b
end

local function assert_identical(expected, actual)
  if not identical(expected, actual) then
    assert.equal(core.encode(expected), core.encode(actual))
    error("values differ though their text is the same: " .. tostring(core.encode(actual)))
  end
end

local function decode(text)
  local value, message, position = core.decode(text)
  if message then
    error(("%s at %d in %s"):format(message, position, text:sub(1, 100)), 2)
  end
  return value
end

local function encode(value)
  local text, message, path = core.encode(value)
  if message then
    error(message .. " at " .. path, 2)
  end
  return text
end

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
    it("reads " .. text:gsub("%s+", " "), function()
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

  it("knows keys apart that begin or end alike", function()
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

  it("does not take a key for another that an escape stands for", function()
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

  it("keeps reading right when there are more keys than it remembers", function()
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

  it("gets the same whatever has been read before", function()
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
    { "{} []", 4, "behind the value" },
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
    { "0x10", 2, "behind the value" },
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
    { "[1]\0", 4, "behind the value" },
  }) do
    local text, position, pattern = case[1], case[2], case[3]
    it(("refuses %q and says where"):format(text):gsub("[^\32-\126]", "?"), function()
      local value, message, at = core.decode(text)
      assert.is_nil(value)
      assert.matches(pattern, message)
      assert.equal(position, at)
    end)
  end

  it("refuses what nests more than 512 levels, however deep", function()
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

describe("a decoder", function()
  local function members(settings, text)
    return core.decoder(settings):decode(text)
  end

  it("keeps nulls unless told otherwise", function()
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

  it("keeps to its settings for keys of any length and number", function()
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

  it("takes back a member that comes again as null", function()
    assert_identical({ b = 1 }, members({ keep_null = false }, '{"a":1,"b":1,"a":null}'))
    assert_identical({ a = 2 }, members({ keep_null = false }, '{"a":null,"a":2}'))
  end)

  it("has settings of its own", function()
    local keeping, dropping = core.decoder({}), core.decoder({ keep_null = false })
    local free = core.decoder({ keep_null = false, free = { "a" } })
    for _ = 1, 2 do
      assert.equal(core.null, keeping:decode('{"a":null}').a)
      assert.is_nil(dropping:decode('{"a":null}').a)
      assert.equal(core.null, free:decode('{"a":null}').a)
      assert.equal(core.null, core.decode('{"a":null}').a)
    end
  end)

  it("has a limit of depth of its own", function()
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

  it("raises for settings that are none", function()
    for _, settings in ipairs({
      { keep_null = 1 },
      { max_depth = 0 },
      { max_depth = "x" },
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

describe("numbers", function()
  local function is_object(value)
    return type(value) == "userdata" and value ~= core.null
  end

  for _, text in ipairs({
    "0",
    "-1",
    "9007199254740991",
    "9007199254740992",
    "9007199254740993",
    "-9007199254740993",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "10000000000000000999",
    "123456789012345678901234567890123456789012345678901234567890",
    "1e400",
    "-1.5E+999",
  }) do
    it("come back as they were: " .. text, function()
      assert.equal(text, encode(decode(text)))
      assert.equal('{"a":[' .. text .. "]}", encode(decode('{"a":[' .. text .. "]}")))
    end)
  end

  it("are integers of Lua where they fit and keep their digits where not", function()
    assert.equal(9007199254740992, decode("9007199254740992"))
    assert.is_true(is_object(decode("18446744073709551615")))
    assert.is_true(is_object(decode("9223372036854775808")))
    if HAS_INTEGERS then
      assert.equal("integer", kind_of(decode("1")))
      assert.equal("float", kind_of(decode("1.0")))
      assert.equal("float", kind_of(decode("1e2")))
      assert.equal(math.maxinteger, decode("9223372036854775807"))
      assert.equal(math.mininteger, decode("-9223372036854775808"))
    else
      assert.equal("number", type(decode("-9007199254740992")))
      assert.is_true(is_object(decode("9007199254740993")))
      assert.is_true(is_object(decode("-9007199254740993")))
      assert.is_true(is_object(decode("9223372036854775807")))
    end
  end)

  it("of an object print, compare and convert", function()
    local max, other = decode("18446744073709551615"), decode("18446744073709551616")
    assert.equal("18446744073709551615", tostring(max))
    assert.is_true(max == decode("18446744073709551615"))
    assert.is_true(max ~= other)
    assert.is_true(max < other and max <= other)
    assert.is_false(other < max)
    assert.is_true(max <= decode("18446744073709551615"))
    assert.equal(18446744073709551616, max:tonumber())
    assert.equal(math.huge, decode("1e400"):tonumber())
    assert.equal(-math.huge, decode("-1e400"):tonumber())
  end)

  it("of an object compare by value, not by text", function()
    local ascending = {
      "-1e500",
      "-2.5e400",
      "-18446744073709551616",
      "-18446744073709551615",
      "18446744073709551615",
      "18446744073709551616",
      "100000000000000000000",
      "100000000000000000001",
      "1e400",
      "1.00000000000000000000001e400",
      "11e399",
      "1e401",
      "1e99999999",
    }
    for i, a in ipairs(ascending) do
      for j, b in ipairs(ascending) do
        local x, y = decode(a), decode(b)
        assert.equal(i < j, x < y)
        assert.equal(i <= j, x <= y)
        assert.equal(i == j, x == y)
      end
    end
    assert.is_true(decode("1e400") == decode("10.0e399"))
    assert.is_true(decode("1e400") == decode("0.001E+403"))
    assert.is_true(decode("10e400") == decode("1e401"))
    assert.is_true(decode("-1e400") < decode("1e400"))
  end)

  it("refuse to be compared with anything else", function()
    assert.has_error(function()
      return decode("18446744073709551615") < {}
    end)
    assert.has_error(function()
      decode("18446744073709551615").tonumber(1)
    end)
  end)

  it("keep the sign of zero", function()
    for _, text in ipairs({ "-0", "-0.0", "-0e5" }) do
      assert.equal(-math.huge, 1 / decode(text))
      assert.equal("-0.0", encode(decode(text)))
    end
    for _, text in ipairs({ "0.0", "0e5", "1e-400" }) do
      assert.equal(math.huge, 1 / decode(text))
    end
    assert.equal(-math.huge, 1 / decode("-1e-400"))
  end)

  it("are told apart as 1 and 1.0 where Lua can", function()
    assert.equal("1", encode(1))
    assert.equal(HAS_INTEGERS and "1.0" or "1", encode(decode("1.0")))
    assert.equal(HAS_INTEGERS and "[1,1.0]" or "[1,1]", encode(decode("[1,1.0]")))
  end)

  for _, case in ipairs({
    { 0.1, "0.1" },
    { 1 / 3, "0.3333333333333333" },
    { 0.1 + 0.2, "0.30000000000000004" },
    { 5e-324, "5e-324" },
    { 2.2250738585072014e-308, "2.2250738585072014e-308" },
    { 1.7976931348623157e308, "1.7976931348623157e308" },
    { 1e300, "1e300" },
    { 1.5e300, "1.5e300" },
    { 1e-5, "0.00001" },
    { 1.5e-7, "1.5e-7" },
    { 123456.789, "123456.789" },
    { 2 ^ 64, "18446744073709552000.0", "1.8446744073709552e19" },
    { 1e16, "10000000000000000.0", "1e16" },
    { 9007199254740994.0, "9007199254740994.0" },
    { -1.25, "-1.25" },
    { 1843.2070509999999, "1843.2070509999999" },
  }) do
    it("print as short as they can: " .. case[2], function()
      local text = encode(case[1])
      assert.is_true(text == case[2] or text == case[3], text)
      assert_identical(case[1] + 0.0, decode(text))
      assert.matches("[.e]", text)
    end)
  end

  local hard = {
    { "9007199254740993.0", 9007199254740992 },
    { "9007199254740993.00000000000000000000000000000000000000001", 9007199254740994 },
    { "9007199254740992.99999999999999999999999999999999999999999", 9007199254740992 },
    { "2.4703282292062327e-324", 0 },
    { "2.4703282292062328e-324", 5e-324 },
    { "1.7976931348623158e308", 1.7976931348623157e308 },
    { "0." .. ("0"):rep(400) .. "1e401", 1 },
    { "1" .. ("0"):rep(400) .. ".5e-400", 1 },
    { ("9"):rep(30) .. ".0", 1e30 },
    { "1.000000000000000005", 1 },
    { "0e999999999999999999999", 0 },
  }
  for _, case in ipairs(hard) do
    it("are rounded right: " .. case[1]:sub(1, 40), function()
      assert.equal(case[2], decode(case[1]))
      assert.equal(-case[2], decode("-" .. case[1]))
    end)
  end

  --- A double of random bits, put together without string.unpack.
  local function random_double(random)
    local fraction = random(2 ^ 26) * 2 ^ 26 + random(2 ^ 26)
    local exponent = random(2047)
    if random(8) == 0 then -- few bits set
      fraction = 2 ^ random(52)
    end
    local sign = random(2) == 0 and 1 or -1
    if exponent == 0 then
      return sign * (fraction * 2 ^ -537) * 2 ^ -537
    end
    local scaled = (2 ^ 52 + fraction) / 2 ^ 52
    local half = math.floor((exponent - 1023) / 2)
    return sign * scaled * 2 ^ half * 2 ^ (exponent - 1023 - half)
  end

  local function check_doubles(count, seed)
    local random = generator(seed)
    for _ = 1, count do
      local d = random_double(random)
      local text = encode(d)
      local back = decode(text)
      if back ~= d then
        error(("%s for %.17g read back as %.17g"):format(text, d, back))
      end
      assert(tonumber(text) == d, text)
      assert(decode(("%.16e"):format(d)) == d, text)
      local digits = #text:gsub("e.*", ""):gsub("[^0-9]", ""):gsub("^0+", ""):gsub("0+$", "")
      local shorter = digits > 1 and tonumber(("%." .. digits - 2 .. "e"):format(d))
      if shorter == d and d ~= 0 then
        error(("%s for %.17g is not the shortest"):format(text, d))
      end
    end
  end

  it("come back bit for bit, from the shortest text", function()
    check_doubles(30000, 20260514)
  end)

  it("are read as the C library reads them", function()
    local random = generator(99)
    for _ = 1, 20000 do
      local digits = {}
      for i = 1, 1 + random(30) do
        digits[i] = random(10)
      end
      local text = ("%d.%se%d"):format(1 + random(9), table.concat(digits), random(640) - 325)
      local value = decode(text)
      local expected = tonumber(text)
      if type(value) == "userdata" then
        assert(expected == math.huge and value:tonumber() == math.huge, text)
      elseif value ~= expected then
        error(("%s read as %.17g, not %.17g"):format(text, value, expected))
      end
    end
  end)

  it("do not depend on the locale", function()
    local before = os.setlocale(nil, "numeric")
    for _, name in ipairs({ "de_DE.UTF-8", "de_DE.utf8", "de_DE", "fr_FR.UTF-8", "C" }) do
      if os.setlocale(name, "numeric") then
        break
      end
    end
    local read, written = core.decode("[1.5,2e-3,1843.2070509999999]"), core.encode({ 1.5, -0.25 })
    os.setlocale(before, "numeric")
    assert_identical(core.array({ 1.5, 0.002, 1843.2070509999999 }), read)
    assert.equal("[1.5,-0.25]", written)
  end)
end)

describe("core.encode", function()
  local function plain(value)
    return function()
      return value
    end
  end

  for _, case in ipairs({
    { plain(true), "true" },
    { plain(false), "false" },
    { plain(core.null), "null" },
    { plain(cjson.null), "null" },
    { plain(""), '""' },
    { plain('a"\\/\b\f\n\r\t\1\31\127'), '"a\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\127"' },
    { plain("\0"), '"\\u0000"' },
    { plain("\11"), '"\\u000b"' },
    { plain("\195\169\226\130\172\240\159\166\148"), '"\195\169\226\130\172\240\159\166\148"' },
    { plain({}), "{}" },
    { plain({ 1, 2, 3 }), "[1,2,3]" },
    { plain({ { {} } }), "[[{}]]" },
    { plain({ a = { b = { 1 } } }), '{"a":{"b":[1]}}' },
    { core.array, "[]" },
    { core.object, "{}" },
    { plain({ core.array(), core.object() }), "[[],{}]" },
    { plain({ core.null, core.null }), "[null,null]" },
    { plain({ ["a\0\n"] = 1 }), '{"a\\u0000\\n":1}' },
    { plain({ [""] = 1 }), '{"":1}' },
  }) do
    it("writes " .. case[2]:gsub("[^\32-\126]", "?"), function()
      assert.equal(case[2], encode(case[1]()))
    end)
  end

  it("marks the table it is given and returns it", function()
    local t = {}
    assert.equal(t, core.array(t))
    assert.equal(core.array_mt, getmetatable(t))
    assert.equal(t, core.object(t))
    assert.equal(core.object_mt, getmetatable(t))
    assert.equal(core.array_mt, getmetatable(core.array()))
    for _, mark in ipairs({ core.array, core.object }) do
      for _, value in ipairs({ 1, "x", true, print }) do
        assert.has_error(function()
          mark(value)
        end)
      end
    end
  end)

  it("finds a list whatever the order its elements came in", function()
    local t = {}
    for i = 100, 1, -1 do
      t[i] = i
    end
    assert_identical(encode(decode(encode(t))), encode(t))
    assert.equal("[1,2,3", encode(t):sub(1, 6))
    local u = { x = 1 }
    u[3], u[1], u[2] = "c", "a", "b"
    u.x = nil
    assert.equal('["a","b","c"]', encode(u))
    assert.equal('["a","b","c"]', encode(core.array(u)))
  end)

  it("reads tables raw", function()
    local t = setmetatable({ 1, 2 }, {
      __index = function()
        error("metamethod called")
      end,
      __len = function()
        error("metamethod called")
      end,
      __pairs = function()
        error("metamethod called")
      end,
      __name = "thing",
    })
    assert.equal("[1,2]", encode(t))
  end)

  it("understands the marks of cjson and of Neovim", function()
    local loaded = package.loaded.cjson
    local array_mt, empty_array_mt = {}, {}
    local empty_array = io.stdout -- any userdata
    local dict_mt = {}
    local nil_value = io.stderr
    local vim_before = rawget(_G, "vim")
    package.loaded.cjson = {
      array_mt = array_mt,
      empty_array_mt = empty_array_mt,
      empty_array = empty_array,
    }
    rawset(_G, "vim", { _empty_dict_mt = dict_mt, NIL = nil_value })
    local texts = {
      core.encode(setmetatable({}, array_mt)) or "refused",
      core.encode(setmetatable({}, empty_array_mt)) or "refused",
      core.encode(setmetatable({ a = 1 }, empty_array_mt)) or "refused",
      core.encode(empty_array) or "refused",
      core.encode(setmetatable({}, dict_mt)) or "refused",
      core.encode({ nil_value }) or "refused",
    }
    package.loaded.cjson = loaded
    rawset(_G, "vim", vim_before)
    assert.same({ "[]", "[]", '{"a":1}', "[]", "{}", "[null]" }, texts)
    local text, message = core.encode(io.stdout)
    assert.is_nil(text)
    assert.matches("userdata", message)
  end)

  it("is understood by cjson, and understands it", function()
    local text = '{"a":[1,2,{"b":"x"}],"c":null,"d":true}'
    assert.same(cjson.decode(text), cjson.decode(cjson.encode(decode(text))))
    assert.same(cjson.decode(text), cjson.decode(encode(cjson.decode(text))))
  end)

  local cycle = {}
  cycle.list = { 1, { cycle } }
  local deep = {}
  for _ = 1, 512 do
    deep = { deep }
  end
  for _, case in ipairs({
    { { results = { 1, 2, { input = 0 / 0 } } }, "NaN", "results[3].input" },
    { 0 / 0, "NaN", "" },
    { { a = { b = { c = math.huge } } }, "infinity", "a.b.c" },
    { { -math.huge }, "infinity", "[1]" },
    { { ["a b"] = print }, "function", '["a b"]' },
    { { x = { ["1st"] = { print } } }, "function", 'x["1st"][1]' },
    { { [""] = print }, "function", '[""]' },
    { coroutine.create(function() end), "thread", "" },
    { { io.stdout }, "userdata", "[1]" },
    { cycle, "contains itself", "list[2][1]" },
    { { 1, 2, nil, 4 }, "holes", "" },
    { { a = { [2] = 1 } }, "holes", "a" },
    { { a = { 1, 2, x = 3 } }, "both", "a" },
    { { { [0] = 1 } }, "not a list index", "[1]" },
    { { { [1.5] = 1 } }, "not a list index", "[1]" },
    { { [-1] = 1 }, "not a list index", "" },
    { { a = { [true] = 1 } }, "neither a string", "a" },
    { { a = { [{}] = 1 } }, "neither a string", "a" },
    { { "ok", "\255" }, "not valid UTF%-8", "[2]" },
    { { a = ("x"):rep(40) .. "\237\160\128" }, "not valid UTF%-8", "a" },
    { { a = { ["\128"] = 1 } }, "not valid UTF%-8", "a" },
    { { core.array({ a = 1 }) }, "no list indices", "[1]" },
    { { core.array({ 1, a = 1 }) }, "both", "[1]" },
    { { core.array({ [2] = 1 }) }, "holes", "[1]" },
    { { core.object({ 1 }) }, "number key", "[1]" },
    { nil, "nil", "" },
  }) do
    local value, pattern, path = case[1], case[2], case[3]
    it(("refuses %s at %q"):format(pattern:gsub("%%", ""), path), function()
      local text, message, at = core.encode(value)
      assert.is_nil(text)
      assert.matches(pattern, message)
      assert.equal(path, at)
    end)
  end

  it("refuses what nests more than 512 levels", function()
    assert.is_nil((core.encode({ deep })))
    local _, message, path = core.encode({ x = deep })
    assert.matches("too deep", message)
    assert.equal("x" .. ("[1]"):rep(511), path)
    local level = core.array()
    for _ = 1, 511 do
      level = { level }
    end
    assert.equal(("["):rep(512) .. ("]"):rep(512), encode(level))
  end)

  it("allows the same table twice, side by side", function()
    local shared = { 1 }
    assert.equal("[[1],[1]]", encode({ shared, shared }))
  end)

  it("writes strings of every length and content right", function()
    local random = generator(5)
    local pieces =
      { "a", "b ", '"', "\\", "\n", "\1", "\195\169", "\226\130\172", "\240\159\166\148" }
    for len = 0, 300 do
      local parts = {}
      for i = 1, len do
        parts[i] = pieces[random(random(3) == 0 and #pieces or 2) + 1]
      end
      local text = table.concat(parts)
      assert.equal(text, decode(encode(text)))
      assert.equal(text, cjson.decode(encode({ text }))[1])
    end
    for _, filler in ipairs({ "\1", '"', "\195\169" }) do
      local text = filler:rep(100000)
      assert.equal(text, decode(encode(text)))
    end
  end)

  it("works again after an error", function()
    for _ = 1, 3 do
      assert.is_nil((core.encode({ ("x"):rep(1000), { print } })))
      assert.equal("[1]", encode({ 1 }))
    end
  end)
end)

describe("a round trip", function()
  local function random_string(random)
    local parts = {}
    for i = 1, random(20) do
      local kind = random(10)
      if kind == 0 then
        parts[i] = "\195" .. string.char(128 + random(64))
      elseif kind == 1 then
        parts[i] = "\240\159\166" .. string.char(128 + random(64))
      elseif kind == 2 then
        parts[i] = string.char(random(32))
      else
        parts[i] = string.char(32 + random(95))
      end
    end
    return table.concat(parts)
  end

  local function random_value(random, depth, common)
    local kind = random(depth > 4 and 6 or 9)
    if kind == 0 then
      return core.null
    elseif kind == 1 then
      return random(2) == 0
    elseif kind == 2 then
      return random(2147483647) - 1073741824
    elseif kind == 3 then
      return (random(2 ^ 30) + 0.5) / 2 ^ random(20)
    elseif kind == 4 and not common then
      return decode("1844674407370955" .. 1000 + random(9000))
    elseif kind < 6 then
      return random_string(random)
    elseif kind < 8 then
      local t = {}
      for _ = 1, random(6) + (common and 1 or 0) do
        t["k" .. random_string(random)] = random_value(random, depth + 1, common)
      end
      return t
    end
    local t = core.array()
    for i = 1, random(6) + (common and 1 or 0) do
      t[i] = random_value(random, depth + 1, common)
    end
    return t
  end

  it("gives back the value it was given", function()
    local random = generator(42)
    for _ = 1, 3000 do
      local value = random_value(random, 0)
      local text = encode(value)
      assert_identical(value, decode(text))
      assert.equal(#text, #encode(decode(text)))
    end
  end)

  it("gives cjson and us the same in what both can", function()
    local random = generator(77)
    for _ = 1, 2000 do
      local value = random_value(random, 0, true)
      local text = encode(value)
      -- 14 digits of floats are all that cjson writes; it reads them all
      assert.same(cjson.decode(text), decode(text))
      local theirs = cjson.encode({ text })
      assert.equal(text, decode(theirs)[1])
      assert.same(cjson.decode(theirs), decode(theirs))
    end
  end)
end)

describe("posthog.llm.json", function()
  it("has what the core has", function()
    assert.equal(core.null, json.null)
    assert.equal(core.array, json.array)
    assert.equal(core.object, json.object)
  end)

  it("returns values, null and false too, without an error", function()
    local values = { ["null"] = core.null, ["false"] = false, ["[]"] = core.array() }
    for text, expected in pairs(values) do
      local value, err = json.decode(text)
      assert_identical(expected, value)
      assert.is_nil(err)
      assert.same({ n = 1, text }, { n = select("#", json.encode(value)), json.encode(value) })
    end
  end)

  it("says what is wrong with a text, and where", function()
    local value, err = json.decode('{"a":tru}')
    assert.is_nil(value)
    assert.equal("decode", err.kind)
    assert.equal(6, err.position)
    assert.matches("byte 6", err.message)
    assert.matches("byte 6", tostring(err))
  end)

  it("says what is wrong with a value, and where", function()
    local text, err = json.encode({ results = { 1, 2, { input = 0 / 0 } } })
    assert.is_nil(text)
    assert.equal("invalid", err.kind)
    assert.equal("results[3].input", err.path)
    assert.matches("results%[3%]%.input: NaN", err.message)
    assert.equal("", select(2, json.encode(print)).path)
  end)

  it("raises at the caller for what is not a text", function()
    for _, value in ipairs({ 1, {}, print, core.null }) do
      local ok, message = pcall(function()
        json.decode(value)
      end)
      assert.is_false(ok)
      assert.matches("json_spec.lua:%d+: json.decode expects a string", message)
    end
    assert.is_false(pcall(json.array, unpack({ 1 })))
  end)
end)
