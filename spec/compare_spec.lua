local compare = require("posthog.llm.util.compare")
local json = require("posthog.llm.json")

local function decoded(text)
  local value, err = json.decode(text)
  assert.is_nil(err)
  return value
end

describe("a text as the server keeps it", function()
  local WHITE = { "\t", "\n", "\v", "\f", "\r", "\28", "\29", "\30", "\31", " ", "\194\133" }
  for _, character in ipairs({ "\194\160", "\225\154\128", "\226\128\168", "\227\128\128" }) do
    WHITE[#WHITE + 1] = character
  end
  for last = 128, 138 do
    WHITE[#WHITE + 1] = "\226\128" .. string.char(last)
  end

  it("has no white space at either end, Unicode's included", function()
    for _, white in ipairs(WHITE) do
      assert.equal("a" .. white .. "b", compare.trim(white .. "a" .. white .. "b" .. white))
      assert.equal("", compare.trim(white .. white))
    end
    assert.equal("", compare.trim(""))
    assert.equal("ä", compare.trim(table.concat(WHITE) .. "ä" .. table.concat(WHITE)))
  end)

  it("has words between its white space, Unicode's included", function()
    for _, white in ipairs(WHITE) do
      assert.same({ "ä", "b" }, compare.words(white .. "ä" .. white .. white .. "b" .. white))
      assert.same({}, compare.words(white .. white))
    end
    assert.same({}, compare.words(""))
    assert.same({ "a\8b" }, compare.words("a\8b"))
    assert.same({ "Bash(git", "add:*)" }, compare.words("Bash(git add:*)"))
  end)

  it("keeps characters that only resemble white space", function()
    for _, text in ipairs({
      "\8",
      "\14",
      "\27",
      "!",
      "\127",
      "\0",
      "\194\132",
      "\226\128\139",
      "\239\187\191",
    }) do
      assert.equal(text, compare.trim(text))
      assert.equal(text, compare.trim(" " .. text .. " "))
    end
  end)

  it("begins and ends where its span says", function()
    assert.same({ 3, 5 }, { compare.span("  a b \n") })
    assert.same({ 1, 1 }, { compare.span("a") })
    local first, last = compare.span("\194\160")
    assert.equal(first - 1, last)
  end)

  it("is as long as it has code points", function()
    assert.equal(0, compare.length(""))
    assert.equal(4, compare.length("aä€\240\159\152\128"))
  end)
end)

describe("two numbers", function()
  -- Each row: one value in different spellings, some of which Lua cannot hold.
  local SPELLINGS = {
    { "1.5e400", "15e399", "150E+398", "0.15e401", "1500000e394", "1.500e400" },
    { "1e400", "10e399", "0.01e402" },
    { "-1e400", "-10e399" },
    { "1e401", "100e399", "0.1e402" },
    { "15000000000000000000", "1.5e19", "15000000000000000000.0", "15e18" },
    { "100000000000000000000000", "1e23" },
    { "99999999999999991611392", "1e23" }, -- all digits of that double
    { "-99999999999999991611392", "-1e23" },
    { "18446744073709551616", "1.8446744073709552e19" },
    { "0", "0.0", "-0", "0e5" },
    { "1", "1.0", "10e-1" },
    { "0.5", "5e-1" },
  }

  it("are equal however they are written", function()
    for _, row in ipairs(SPELLINGS) do
      for _, other in ipairs(row) do
        assert.is_true(compare.equal(decoded(row[1]), decoded(other)), row[1] .. " " .. other)
        assert.is_true(compare.equal(decoded(other), decoded(row[1])), other .. " " .. row[1])
      end
    end
  end)

  it("differ when their values do", function()
    for _, pair in ipairs({
      { "1e400", "1e401" },
      { "1e400", "-1e400" },
      { "1.5e400", "1.5e399" },
      { "1.5e400", "15e400" },
      { "1.05e400", "1.5e400" },
      { "15000000000000000001", "1.5e19" },
      { "100000000000000000000001", "1e23" },
      { "99999999999999991611393", "1e23" },
      { "18446744073709551615", "1.8446744073709552e19" },
      { "1", "2" },
      { "1", "1.5" },
      { "1", "10" },
      { "0", "1" },
      { "0", "1e400" },
    }) do
      local name = pair[1] .. " " .. pair[2]
      assert.is_false(compare.equal(decoded(pair[1]), decoded(pair[2])), name)
      assert.is_false(compare.equal(decoded(pair[2]), decoded(pair[1])), name)
    end
  end)

  it("are not what another library has as a userdata, nor NaN", function()
    assert.is_false(compare.equal(io.stdout, io.stderr))
    assert.is_false(compare.equal(io.stdout, decoded("1e400")))
    assert.is_false(compare.equal(decoded("1e400"), io.stdout))
    assert.is_false(compare.equal(io.stdout, 1))
    assert.is_false(compare.equal(1, io.stdout))
    assert.is_false(compare.equal(0 / 0, 1))
    assert.is_false(compare.equal(1, "1"))
  end)
end)

describe("two values", function()
  it("are equal by content, with absent equal to null", function()
    for _, pair in ipairs({
      { '{"a":1,"b":[1,{"c":"d"}]}', '{"b":[1,{"c":"d"}],"a":1}' },
      { '{"a":1,"b":null}', '{"a":1}' },
      { "null", "null" },
      { "[]", "[]" },
      { "{}", "{}" },
      { '{"a":null}', "{}" },
    }) do
      assert.is_true(compare.equal(decoded(pair[1]), decoded(pair[2])), pair[1])
      assert.is_true(compare.equal(decoded(pair[2]), decoded(pair[1])), pair[1])
    end
    assert.is_true(compare.equal(nil, json.null))
    assert.is_true(compare.equal({ 1, 2 }, decoded("[1,2]"))) -- not every decoder marks arrays
  end)

  it("differ by a key, a value or a kind", function()
    for _, pair in ipairs({
      { '{"a":1}', '{"a":2}' },
      { '{"a":1}', '{"b":1}' },
      { '{"a":1,"b":2}', '{"a":1}' },
      { '{"a":false}', "{}" },
      { "[1,2]", "[2,1]" },
      { "[1]", "[1,2]" },
      { "[]", "{}" },
      { "[]", "null" },
      { '"1"', "1" },
      { "true", "false" },
      { "[[]]", "[{}]" },
    }) do
      assert.is_false(compare.equal(decoded(pair[1]), decoded(pair[2])), pair[1] .. " " .. pair[2])
      assert.is_false(compare.equal(decoded(pair[2]), decoded(pair[1])), pair[2] .. " " .. pair[1])
    end
  end)
end)

describe("a plain field", function()
  it("is stored trimmed, and a number as its text", function()
    assert.is_true(compare.field(" a\n", "a"))
    assert.is_false(compare.field("a b", "ab"))
    assert.is_true(compare.field(5, "5"))
    assert.is_true(compare.field(5, " 5 "))
    assert.is_true(compare.field(0, "0.0"))
    assert.is_true(compare.field(1e16, "1e16"))
    assert.is_true(compare.field(1e16, "10000000000000000"))
    assert.is_true(compare.field(decoded("18446744073709551615"), "18446744073709551615 "))
    assert.is_false(compare.field(decoded("18446744073709551615"), "18446744073709551614"))
    assert.is_false(compare.field(5, "6"))
    assert.is_false(compare.field(5, "five"))
    assert.is_false(compare.field(true, "true"))
    assert.is_false(compare.field({}, ""))
  end)

  it("may be null instead of an empty text", function()
    assert.is_true(compare.field("", nil))
    assert.is_true(compare.field(" ", nil))
    assert.is_false(compare.field("a", nil))
    assert.is_true(compare.field(nil, json.null))
    assert.is_true(compare.field(nil, nil))
    assert.is_false(compare.field(nil, "a"))
    assert.is_true(compare.field({ 1 }, { 1 }))
  end)
end)
