-- Names as file systems compare them, by the tables of Unicode.

local name_key = require("posthog.llm.util.name_key")

local function utf8(points)
  local list = {}
  for digits in points:gmatch("%x+") do
    local code = tonumber(digits, 16)
    local bytes = { code % 64 + 128 }
    if code < 128 then
      bytes = { code }
    elseif code < 0x800 then
      table.insert(bytes, 1, math.floor(code / 64) + 192)
    elseif code < 0x10000 then
      table.insert(bytes, 1, math.floor(code / 64) % 64 + 128)
      table.insert(bytes, 1, math.floor(code / 4096) + 224)
    else
      table.insert(bytes, 1, math.floor(code / 64) % 64 + 128)
      table.insert(bytes, 1, math.floor(code / 4096) % 64 + 128)
      table.insert(bytes, 1, math.floor(code / 262144) + 240)
    end
    for _, byte in ipairs(bytes) do
      list[#list + 1] = string.char(byte)
    end
  end
  return table.concat(list)
end

--- Two names by their code points, and whether they are one by case, by form, by both.
local CASES = {
  { "41", "61", true, false, true },
  { "C4", "E4", true, false, true },
  { "C4", "41 308", false, true, true },
  { "C4", "61 308", false, false, true },
  { "17F", "73", true, false, true },
  { "212A", "6B", true, false, true },
  { "DF", "53 53", true, false, true },
  { "1E9E", "DF", true, false, true },
  { "130", "69", false, false, false },
  { "130", "69 307", true, false, true },
  { "131", "49", false, false, false },
  { "FB01", "46 49", true, false, true },
  { "3A3", "3C2", true, false, true },
  { "D55C", "1112 1161 11AB", false, true, true },
  { "61 316 301", "61 301 316", false, true, true }, -- accents in any order
  { "3B1 345 301", "3B1 301 3B9", false, false, true }, -- an iota below
  { "61 200D", "61", true, false, true }, -- of no width
  { "10400", "10428", true, false, true },
  { "1D15E", "1D157 1D165", false, true, true },
  { "61", "62", false, false, false },
  { "E4", "E5", false, false, false },
}

describe("the key of a name", function()
  it("is the same where a file system takes two names for one", function()
    for _, case in ipairs(CASES) do
      local one, other = utf8(case[1]), utf8(case[2])
      for i, folding in ipairs({ "case", "form", "both" }) do
        local is_one = name_key.of(one, folding) == name_key.of(other, folding)
        assert.equal(case[i + 2], is_one, ("%s, %s, %s"):format(case[1], case[2], folding))
      end
      assert.equal(case[5], name_key.of(one) == name_key.of(other))
    end
  end)

  it("of bytes that are not UTF-8 is unique", function()
    assert.equal(name_key.of("A\255"), name_key.of("a\255"))
    for _, bytes in ipairs({ "\255", "\195", "\195x", "a\128", "\240\159", "\224\164" }) do
      assert.not_equal(name_key.of("x"), name_key.of(bytes))
      assert.equal(name_key.of(bytes), name_key.of(bytes))
    end
    assert.not_equal(name_key.of("\195"), name_key.of("\196"))
  end)

  it("is right for all of Unicode's own tests of normalisation", function()
    local process = io.popen("bzcat /usr/share/unicode/NormalizationTest.txt.bz2 2>/dev/null")
    local count, lines = 0, 0
    local each = os.getenv("SPEC_MODE") == "plain" and 1 or 20 -- the others are slow
    for line in process:lines() do
      local source, composed, decomposed = line:match("^([%x ]+);([%x ]+);([%x ]+);")
      lines = lines + 1
      if source and lines % each == 0 then
        local key = name_key.of(utf8(decomposed), "form")
        assert(key == name_key.of(utf8(source), "form"), line)
        assert(key == name_key.of(utf8(composed), "form"), line)
        assert(name_key.of(utf8(decomposed)) == name_key.of(utf8(source)), line)
        count = count + 1
      end
    end
    process:close()
    if count == 0 then
      pending("Debian's unicode-data is not installed")
    else
      assert(count > 18000 / each, count)
    end
  end)

  it("uses tables that are as their script writes them", function()
    local function same_version()
      local file = io.open("/usr/share/unicode/CaseFolding.txt")
      local source = assert(io.open("lua/posthog/llm/util/unicode_data.lua"))
      local ours = source:read("*l"):match("Unicode (%d+%.%d+%.%d+)")
      source:close()
      local theirs = file and file:read("*l"):match("%-(%d+%.%d+%.%d+)")
      if file then
        file:close()
      end
      return ours == theirs
    end
    if not same_version() then
      pending("the files of this version of Unicode are not installed")
      return
    end
    local command = "lua5.4 tools/unicode_names.lua | cmp - lua/posthog/llm/util/unicode_data.lua "
      .. "&& echo same"
    local process = io.popen(command)
    assert.equal("same\n", process:read("*a"))
    process:close()
  end)
end)
