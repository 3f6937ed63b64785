-- The public JSON test suite (nst/JSONTestSuite), where it lies beside the
-- checkout. Its files say by their names what has to be accepted (y_) and
-- refused (n_); what we do with the others, i_ and test_transform, is written
-- down here file by file, with the reasons in doc/json.md.
local core = require("posthog.llm.core")
local lfs = require("lfs")

local SUITE = "../shared/json-test-suite"
local HAS_INTEGERS = math.type ~= nil

local function refused(pattern)
  return { pattern = pattern }
end

--- What the file's value is encoded to again; on a Lua without integers, a
--- float with an integral value looks like an integer.
local function read_as(text, without_integers)
  return { text = HAS_INTEGERS and text or without_integers or text }
end

local SURROGATE, UTF8 = "lone surrogate", "invalid UTF%-8"
local HUGE_EXPONENT = "[0.4e0066999999999999999999999999999999999999999999999999999999999999999999"
  .. "9999999999999999999999999999999999999999999999999969999999006]"

local parsing = {
  ["i_number_double_huge_neg_exp.json"] = read_as("[0.0]", "[0]"),
  ["i_number_huge_exp.json"] = read_as(HUGE_EXPONENT),
  ["i_number_neg_int_huge_exp.json"] = read_as("[-1e+9999]"),
  ["i_number_pos_double_huge_exp.json"] = read_as("[1.5e+9999]"),
  ["i_number_real_neg_overflow.json"] = read_as("[-123123e100000]"),
  ["i_number_real_pos_overflow.json"] = read_as("[123123e100000]"),
  ["i_number_real_underflow.json"] = read_as("[0.0]", "[0]"),
  ["i_number_too_big_neg_int.json"] = read_as("[-123123123123123123123123123123]"),
  ["i_number_too_big_pos_int.json"] = read_as("[100000000000000000000]"),
  ["i_number_very_big_negative_int.json"] = read_as(
    "[-237462374673276894279832749832423479823246327846]"
  ),
  ["i_object_key_lone_2nd_surrogate.json"] = refused(SURROGATE),
  ["i_string_1st_surrogate_but_2nd_missing.json"] = refused(SURROGATE),
  ["i_string_1st_valid_surrogate_2nd_invalid.json"] = refused(SURROGATE),
  ["i_string_UTF-16LE_with_BOM.json"] = refused("expected a value"),
  ["i_string_UTF-8_invalid_sequence.json"] = refused(UTF8),
  ["i_string_UTF8_surrogate_U+D800.json"] = refused(UTF8),
  ["i_string_incomplete_surrogate_and_escape_valid.json"] = refused(SURROGATE),
  ["i_string_incomplete_surrogate_pair.json"] = refused(SURROGATE),
  ["i_string_incomplete_surrogates_escape_valid.json"] = refused(SURROGATE),
  ["i_string_invalid_lonely_surrogate.json"] = refused(SURROGATE),
  ["i_string_invalid_surrogate.json"] = refused(SURROGATE),
  ["i_string_invalid_utf-8.json"] = refused(UTF8),
  ["i_string_inverted_surrogates_U+1D11E.json"] = refused(SURROGATE),
  ["i_string_iso_latin_1.json"] = refused(UTF8),
  ["i_string_lone_second_surrogate.json"] = refused(SURROGATE),
  ["i_string_lone_utf8_continuation_byte.json"] = refused(UTF8),
  ["i_string_not_in_unicode_range.json"] = refused(UTF8),
  ["i_string_overlong_sequence_2_bytes.json"] = refused(UTF8),
  ["i_string_overlong_sequence_6_bytes.json"] = refused(UTF8),
  ["i_string_overlong_sequence_6_bytes_null.json"] = refused(UTF8),
  ["i_string_truncated-utf-8.json"] = refused(UTF8),
  ["i_string_utf16BE_no_BOM.json"] = refused("expected a value"),
  ["i_string_utf16LE_no_BOM.json"] = refused("expected a value"),
  ["i_structure_500_nested_arrays.json"] = read_as(("["):rep(500) .. ("]"):rep(500)),
  ["i_structure_UTF-8_BOM_empty_object.json"] = refused("byte order mark"),
}

-- The same in both normal forms of Unicode, as bytes: e acute, e with acute.
local NFC, NFD = "\195\169", "e\204\129"

local transform = {
  ["number_-9223372036854775808.json"] = read_as("[-9223372036854775808]"),
  ["number_-9223372036854775809.json"] = read_as("[-9223372036854775809]"),
  ["number_1.0.json"] = read_as("[1.0]", "[1]"),
  ["number_1.000000000000000005.json"] = read_as("[1.0]", "[1]"),
  ["number_1000000000000000.json"] = read_as("[1000000000000000]"),
  ["number_10000000000000000999.json"] = read_as("[10000000000000000999]"),
  ["number_1e-999.json"] = read_as("[0.0]", "[0]"),
  ["number_1e6.json"] = read_as("[1000000.0]", "[1000000]"),
  ["number_9223372036854775807.json"] = read_as("[9223372036854775807]"),
  ["number_9223372036854775808.json"] = read_as("[9223372036854775808]"),
  ["object_key_nfc_nfd.json"] = { value = { [NFC] = "NFC", [NFD] = "NFD" } },
  ["object_key_nfd_nfc.json"] = { value = { [NFC] = "NFC", [NFD] = "NFD" } },
  ["object_same_key_different_values.json"] = read_as('{"a":2}'),
  ["object_same_key_same_value.json"] = read_as('{"a":1}'),
  ["object_same_key_unclear_values.json"] = read_as('{"a":-0.0}'),
  ["string_1_escaped_invalid_codepoint.json"] = refused(SURROGATE),
  ["string_1_invalid_codepoint.json"] = refused(UTF8),
  ["string_2_escaped_invalid_codepoints.json"] = refused(SURROGATE),
  ["string_2_invalid_codepoints.json"] = refused(UTF8),
  ["string_3_escaped_invalid_codepoints.json"] = refused(SURROGATE),
  ["string_3_invalid_codepoints.json"] = refused(UTF8),
  ["string_with_escaped_NULL.json"] = read_as('["A\\u0000B"]'),
}

local function contents(folder, name)
  local file = assert(io.open(SUITE .. "/" .. folder .. "/" .. name, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

local function names(folder)
  local list = {}
  for name in lfs.dir(SUITE .. "/" .. folder) do
    if name:match("%.json$") then
      list[#list + 1] = name
    end
  end
  table.sort(list)
  return list
end

local function check(expected, text)
  local value, message, position = core.decode(text)
  if expected.pattern then
    assert.is_nil(value)
    assert.matches(expected.pattern, message)
    assert.is_true(position >= 1 and position <= #text + 1)
  else
    assert.is_nil(message)
    if expected.value then
      assert.same(expected.value, value)
    else
      assert.equal(expected.text, core.encode(value))
    end
  end
end

describe("the JSON test suite", function()
  it("does not break a decoder that meets 100000 levels", function()
    for _, text in ipairs({ "[", '{"":', '[{"":' }) do
      local value, message, position = core.decode(text:rep(100000))
      assert.is_nil(value)
      assert.matches("too deep", message)
      assert.is_true(position < 5000)
    end
  end)

  if lfs.attributes(SUITE, "mode") ~= "directory" then
    return
  end

  for _, name in ipairs(names("test_parsing")) do
    local what = name:sub(1, 2)
    if what == "y_" then
      it("is accepted where it has to be: " .. name, function()
        local text = contents("test_parsing", name)
        local value, message = core.decode(text)
        assert.is_nil(message)
        assert.is_not_nil(value)
        local again = core.encode(value)
        assert.equal(#again, #core.encode((core.decode(again))))
      end)
    elseif what == "n_" then
      it("is refused where it has to be: " .. name, function()
        local text = contents("test_parsing", name)
        local value, message, position = core.decode(text)
        assert.is_nil(value)
        assert.is_string(message)
        assert.is_true(position >= 1 and position <= #text + 1)
      end)
    else
      it("is ruled on as documented: " .. name, function()
        check(assert(parsing[name], "no ruling"), contents("test_parsing", name))
      end)
    end
  end

  for _, name in ipairs(names("test_transform")) do
    it("is read as documented: " .. name, function()
      check(assert(transform[name], "no ruling"), contents("test_transform", name))
    end)
  end

  it("has a ruling for every file, and a file for every ruling", function()
    for folder, rulings in pairs({ test_parsing = parsing, test_transform = transform }) do
      for name in pairs(rulings) do
        assert.is_table(lfs.attributes(SUITE .. "/" .. folder .. "/" .. name), name)
      end
    end
  end)
end)
