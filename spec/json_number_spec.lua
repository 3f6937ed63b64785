local core = require("posthog.llm.core")
local support = require("spec.support.json")

local HAS_INTEGERS = math.type ~= nil
local unpack = table.unpack or unpack -- luacheck: ignore
local generator = support.generator
local kind_of = support.kind_of
local assert_identical = support.assert_identical
local decode = support.decode
local encode = support.encode

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
    it("are read back as they were written: " .. text, function()
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

  it("kept as objects print, compare and convert", function()
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

  it("kept as objects compare by value, not by text", function()
    local ascending = {
      "-1e500",
      "-1e401",
      "-2.5e400",
      "-25e398",
      "-18446744073709551616",
      "-18446744073709551615",
      "18446744073709551615",
      "18446744073709551616",
      "100000000000000000000",
      "100000000000000000001",
      "100000000000000000010",
      "0.0099e402",
      "1e400",
      "0.01000000000000000000000001e402",
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
    assert.is_true(decode("1e400") == decode("1.000e400"))
    assert.is_true(decode("12.5e400") == decode("0.00125e404"))
    assert.is_true(decode("-12.5e400") == decode("-125000E+396"))
    assert.is_true(decode("1" .. ("0"):rep(400)) == decode("1e400"))
    assert.is_true(decode("12" .. ("0"):rep(400) .. "00e-2") == decode("1.2e401"))
    assert.is_true(decode("10e400") == decode("1e401"))
    assert.is_true(decode("-1e400") < decode("1e400"))
  end)

  it("are equal to no userdata of another kind, on either side", function()
    local number = decode("18446744073709551615")
    for _, other in ipairs({ io.stdout, core.hasher(), core.null }) do
      assert.is_false(number == other)
      assert.is_false(other == number)
      assert.is_true(number ~= other)
    end
    assert.is_false(number == decode("1e400"))
  end)

  it("refuse to be compared with anything else", function()
    assert.has_error(function()
      return decode("18446744073709551615") < {}
    end)
    assert.has_error(function()
      decode("18446744073709551615").tonumber(1)
    end)
  end)

  it("end at a byte that only resembles a digit, at each position of eight bytes", function()
    for count = 1, 17 do
      for _, byte in ipairs({ "/", ":", "\0", "p", "\176", "\255" }) do
        local text = "[" .. ("1"):rep(count) .. byte .. "1111111111]"
        local value, message, position = core.decode(text)
        assert.is_nil(value)
        assert.is_string(message)
        assert.equal(count + 2, position, text)
      end
    end
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

  it("distinguish 1 and 1.0 where Lua can", function()
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
    it("are printed as short as possible: " .. case[2], function()
      local text = encode(case[1])
      assert.is_true(text == case[2] or text == case[3], text)
      assert_identical(case[1] + 0.0, decode(text))
      assert.matches("[.e]", text)
    end)
  end

  local HALF = "1.00000000000000011102230246251565404236316680908203125" -- 1 + 2 ^ -53, to its last digit
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
    -- Halfway between two: to the even one, unless a digit says more, however far behind it stands.
    { "65837743308486428.0", 65837743308486432 },
    { "65837743308486427.9", 65837743308486424 },
    { "65837743308486420.0", 65837743308486416 },
    { "65837743308486420.1", 65837743308486424 },
    { HALF, 1 },
    { HALF .. ("0"):rep(2000), 1 },
    { HALF:gsub("%.", "") .. ("0"):rep(800) .. "e-853", 1 },
    { HALF:gsub("%.", "") .. ("0"):rep(799) .. "1e-853", 1 + 2 ^ -52 },
    { HALF:gsub("%.", "") .. ("0"):rep(799) .. "1E-853", 1 + 2 ^ -52 },
    { "0." .. ("0"):rep(99) .. HALF:gsub("%.", "") .. "1E+100", 1 + 2 ^ -52 },
    { "0." .. ("0"):rep(99) .. HALF:gsub("%.", "") .. "0E0000100", 1 },
    { "0." .. ("0"):rep(899) .. HALF:gsub("%.", "") .. "e900", 1 },
    { "0." .. ("0"):rep(899) .. HALF:gsub("%.", "") .. "1e900", 1 + 2 ^ -52 },
  }
  for _, zeros in ipairs({ 1, 600, 724, 725, 726, 727, 728, 729, 730, 2000 }) do
    hard[#hard + 1] = { HALF .. ("0"):rep(zeros) .. "1", 1 + 2 ^ -52 }
  end
  for _, case in ipairs(hard) do
    local name = "are rounded correctly: %.40s...%s, %d characters"
    it(name:format(case[1], case[1]:sub(-6), #case[1]), function()
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

  local function digits_of(text)
    return (text:gsub("e.*", ""):gsub("[^0-9]", ""):gsub("^0+", ""):gsub("0+$", ""))
  end

  --- Is it printed by the digits that read back and are fewest, and of those the nearest?
  local function check_double(d)
    local text = encode(d)
    local back = decode(text)
    if back ~= d then
      error(("%s for %.17g read back as %.17g"):format(text, d, back))
    end
    assert(tonumber(text) == d, text)
    assert(decode(("%.16e"):format(d)) == d, text)
    local digits = digits_of(text)
    local shorter = #digits > 1 and tonumber(("%." .. #digits - 2 .. "e"):format(d))
    if shorter == d and d ~= 0 then
      error(("%s for %.17g is not the shortest"):format(text, d))
    end
    local nearest = ("%." .. #digits - 1 .. "e"):format(d)
    if not jit and tonumber(nearest) == d and digits_of(nearest) ~= digits then -- LuaJIT rounds ties up
      error(("%s for %.17g is not the nearest, %s is"):format(text, d, nearest))
    end
  end

  local function check_doubles(count, seed)
    local random = generator(seed)
    for _ = 1, count do
      check_double(random_double(random))
    end
  end

  --- m * 2^e, where that is a double.
  local function scaled(m, e)
    local half = math.floor(e / 2)
    return m * 2 ^ half * 2 ^ (e - half)
  end

  it("are read back bit for bit, from the shortest text", function()
    check_doubles(30000, 20260514)
  end)

  it("are printed as they were written with a few digits, and next to such numbers", function()
    local random = generator(20261130)
    for places = 1, 7 do -- 15 digits at most, which no other number has
      for size = 0, 8 do
        for _ = 1, 60 do
          local digits = ("%d"):format(random(10 ^ size))
          local fraction = ("%0" .. places .. "d"):format(random(10 ^ places - 1))
          local text = digits .. "." .. fraction
          local d = tonumber(text)
          if d % 1 ~= 0 and d > 1e-4 then
            assert.equal((text:gsub("0+$", "")), core.encode(d))
            check_double(d)
            check_double(d * (1 + 2 ^ -52))
            check_double(d * (1 - 2 ^ -53))
          end
        end
      end
    end
  end)

  it("are read back at every power of two and of ten, and next to them", function()
    for e = -1074, 971 do
      check_double(scaled(1, e))
      for _, m in ipairs({ 2 ^ 52, 2 ^ 52 + 1, 2 ^ 53 - 1, 2 ^ 53 - 2 }) do
        check_double(scaled(e > -1074 and m or m % 2 ^ 52 + 1, e))
      end
    end
    for k = -323, 308 do
      local d = tonumber("1e" .. k)
      check_double(d)
      check_double(d * (1 + 2 ^ -52))
      check_double(d * (1 - 2 ^ -53))
      for digit = 2, 9 do
        check_double(tonumber(digit .. "e" .. math.min(k, 307)))
      end
    end
    for _, d in ipairs({
      2 ^ 53,
      2 ^ 53 - 1,
      2 ^ 53 + 2,
      2 ^ 54 + 4,
      2 ^ 62,
      2 ^ 63,
      2 ^ 64,
      2 ^ 63 + 2 ^ 11,
    }) do
      check_double(d + 0.0)
    end
  end)

  -- Numbers of any size as lists of seven digits each, the lowest first.
  local BASE = 10000000

  local function multiply(limbs, factor, carry)
    for i = 1, #limbs do
      local sum = limbs[i] * factor + carry
      carry = math.floor(sum / BASE)
      limbs[i] = sum - carry * BASE
    end
    if carry > 0 then
      limbs[#limbs + 1] = carry
    end
  end

  --- The point halfway between m * 2^e and (m + 1) * 2^e, to its last digit:
  --- digits and the power of ten that they count in.
  local function halfway(m, e)
    local upper = (m - m % BASE) / BASE
    local limbs = { m % BASE, upper % BASE, (upper - upper % BASE) / BASE }
    multiply(limbs, 2, 1)
    local factor = e > 0 and 2 or 5
    for _ = 1, math.abs(e - 1) do
      multiply(limbs, factor, 0)
    end
    local parts = {}
    for i = #limbs, 1, -1 do
      parts[#parts + 1] = ("%07d"):format(limbs[i])
    end
    local digits, zeros = table.concat(parts):match("^0*(.-)(0*)$")
    return digits, math.min(e - 1, 0) + #zeros
  end

  local function assert_double(expected, text)
    local value = decode(text)
    if math.abs(expected) == math.huge then
      assert.is_true(is_object(value))
      value = value:tonumber()
    end
    if value ~= expected then
      error(("%.50s... (%d bytes) read as %.17g, not %.17g"):format(text, #text, value, expected))
    end
  end

  --- A literal beside the halfway point, in each way to write it.
  local function check_literal(expected, digits, power)
    for _, exponent in ipairs({ "e%d", "E%+d" }) do
      assert_double(expected, digits .. exponent:format(power))
      local point = math.min(#digits, 20)
      local behind = power + #digits - point
      assert_double(
        expected,
        digits:sub(1, point) .. "." .. digits:sub(point + 1) .. "0" .. exponent:format(behind)
      )
    end
    assert_double(expected, "0.0" .. digits .. "e" .. power + #digits + 1)
    if expected < math.huge then
      assert_double(-expected, "-" .. digits .. "e" .. power)
    end
  end

  local function check_halfway(m, e)
    local low, high = scaled(m, e), m == 2 ^ 53 - 1 and e == 971 and math.huge or scaled(m + 1, e)
    local digits, power = halfway(m, e)
    check_literal(m % 2 == 0 and low or high, digits, power)
    check_literal(high, digits .. "1", power - 1)
    check_literal(high, digits .. ("0"):rep(900 - #digits) .. "1", power - 901 + #digits)
    if #digits > 19 then -- as many are looked at first, and others that are all alike follow
      local near = digits:sub(1, 19) .. ("1"):rep(40)
      check_literal(near > digits and high or low, near, power + #digits - #near)
    end
    local below = digits:sub(1, -2) .. tonumber(digits:sub(-1)) - 1
    for _, nines in ipairs({ 20, 900 - #digits }) do
      check_literal(low, below .. ("9"):rep(nines), power - nines)
    end
  end

  it("are rounded at the points halfway between two doubles, of any size", function()
    local random = generator(7)
    for _, m in ipairs({ 0, 1, 2, 3, 2 ^ 51, 2 ^ 52 - 2, 2 ^ 52 - 1 }) do
      check_halfway(m, -1074) -- subnormal, up to the first that is not
    end
    for e in ("-1074 -1073 -1072 -600 -75 -53 -52 -1 0 1 2 10 11 63 64 400 970 971"):gmatch("%S+") do
      for _, m in ipairs({ 2 ^ 52, 2 ^ 52 + 1, 2 ^ 53 - 2, 2 ^ 53 - 1 }) do
        check_halfway(m, tonumber(e))
      end
    end
    for _ = 1, 40 do
      check_halfway(2 ^ 52 + random(2 ^ 26) * 2 ^ 26 + random(2 ^ 26), random(2046) - 1074)
    end
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

  it(
    "are read as the C library reads them, with as many digits as a double has, and one more",
    function()
      for _, digits in ipairs({
        "4503599627370497",
        "9007199254740991",
        "9007199254740992",
        "9007199254740993",
        "9007199254740995",
        "18014398509481983",
        "18014398509481985",
        "36028797018963969",
        "999999999999999999",
        "9999999999999999999",
        "99999999999999999999",
      }) do
        for power = -345, 310 do
          local text = ("%s%se%d"):format(power % 2 == 0 and "-" or "", digits, power)
          assert_double(tonumber(text), text)
        end
      end
      for power = -30, 30 do
        assert_double(tonumber("7e" .. power), "7e" .. power)
        assert_double(tonumber("7.5e" .. power), "7.5e" .. power)
      end
    end
  )

  it("kept as objects become the nearest number of Lua", function()
    local random = generator(3)
    for i = 1, 2000 do
      local digits = { i % 2 == 0 and "-" or "", 1 + random(9) }
      for _ = 1, 19 + random(25) do
        digits[#digits + 1] = random(10)
      end
      local text = table.concat(digits) .. ("0"):rep(random(3) * random(4))
      local value = decode(text)
      assert.is_true(is_object(value), text)
      assert.equal(tonumber(text .. ".0"), value:tonumber())
    end
    for text, expected in pairs({
      ["18446744073709551616"] = 2 ^ 64,
      ["-18446744073709551616"] = -2 ^ 64,
      ["9223372036854775808"] = 2 ^ 63,
      ["1e309"] = math.huge,
      ["-0.1E+310"] = -math.huge,
      ["1e99999999999999999999"] = math.huge,
      ["1" .. ("0"):rep(400)] = math.huge,
      ["17976931348623158" .. ("0"):rep(292)] = 1.7976931348623157e308,
    }) do
      assert.equal(expected, decode(text):tonumber())
    end
  end)

  it("are zero, or not a Lua number, if the exponent is out of range", function()
    for exponent in
      ("400 99999 100000 100001 1000000 99999999999999999 100000000000000000 999999999999999999999"):gmatch(
        "%d+"
      )
    do
      for _, digits in ipairs({ "1", "0.1", "1234567890123456789012" }) do
        assert.equal(math.huge, 1 / decode(digits .. "e-" .. exponent))
        assert.equal(-math.huge, 1 / decode("-" .. digits .. "E-" .. exponent))
        assert.equal(math.huge, decode(digits .. "E" .. exponent):tonumber())
        assert.equal(-math.huge, decode("-" .. digits .. "e+" .. exponent):tonumber())
      end
    end
    for _, exponent in ipairs({ 323, 324, 325, 342, 343, 344, 362, 363, 364 }) do
      for _, digits in ipairs({
        "1",
        "2",
        "3",
        "9",
        "2470328229206232720",
        "2470328229206232721",
        "9999999999999999999",
      }) do
        local text = digits .. "e-" .. exponent
        assert_double(tonumber(text), text)
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
