-- Strings are checked in blocks where that can be done, and character by character elsewhere. What
-- is accepted must not depend on where in the text it stands.

local core = require("posthog.llm.core")

-- The well-formed sequences (Unicode, table 3-7): least and greatest first byte, the same of the
-- second byte, and how many bytes.
local WELL_FORMED = {
  { 0x00, 0x7F, 0, 0, 1 },
  { 0xC2, 0xDF, 0x80, 0xBF, 2 },
  { 0xE0, 0xE0, 0xA0, 0xBF, 3 },
  { 0xE1, 0xEC, 0x80, 0xBF, 3 },
  { 0xED, 0xED, 0x80, 0x9F, 3 },
  { 0xEE, 0xEF, 0x80, 0xBF, 3 },
  { 0xF0, 0xF0, 0x90, 0xBF, 4 },
  { 0xF1, 0xF3, 0x80, 0xBF, 4 },
  { 0xF4, 0xF4, 0x80, 0x8F, 4 },
}

--- The length of the sequence that begins at `at`, nil if it is not well-formed.
local function sequence(s, at)
  local first = s:byte(at)
  for _, row in ipairs(WELL_FORMED) do
    if first >= row[1] and first <= row[2] then
      for i = 1, row[5] - 1 do
        local low, high = 0x80, 0xBF
        if i == 1 then
          low, high = row[3], row[4]
        end
        local byte = s:byte(at + i)
        if not byte or byte < low or byte > high then
          return nil
        end
      end
      return row[5]
    end
  end
  return nil
end

--- Where the first sequence begins that is not well-formed, or nil.
local function first_bad(s)
  local at = 1
  while at <= #s do
    local length = sequence(s, at)
    if not length then
      return at
    end
    at = at + length
  end
  return nil
end

local function check(s)
  local bad = first_bad(s)
  for lead, text in pairs({ ['"'] = "", ['"\\n'] = "\n" }) do
    local value, message, position = core.decode(lead .. s .. '"')
    local same
    if bad then
      same = value == nil and message == "invalid UTF-8" and position == #lead + bad
    else
      same = value == text .. s
    end
    if not same then -- one assertion for each of 100000 would take longer than all else
      error(("%q behind %q: %s %s"):format(s, lead, tostring(message), tostring(position)))
    end
  end
end

describe("a string that is not ASCII", function()
  -- Behind the 16 bytes of a block, and before more than that.
  local befores =
    { "", ("a"):rep(13), ("b"):rep(14), ("c"):rep(15), ("d"):rep(16), "é", "概要概要概" }
  local afters = { "", "z", ("y"):rep(3), ("x"):rep(40), "概要" .. ("w"):rep(20) }

  local function in_many_places(s)
    for _, before in ipairs(befores) do
      for _, after in ipairs(afters) do
        check(before .. s .. after)
      end
    end
  end

  it("may have any two bytes that are well-formed, and no others", function()
    for first = 0x7F, 0xFF do
      for _, second in ipairs({ 0x61, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF }) do
        in_many_places(string.char(first, second))
      end
    end
  end)

  it("may have any longer sequence that is well-formed, and no others", function()
    for first = 0xDF, 0xF8 do
      for _, second in ipairs({ 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC2 }) do
        for _, rest in ipairs({ "\127", "\128", "\191", "\128\128", "\191\191", "\128\128\128" }) do
          in_many_places(string.char(first, second) .. rest)
        end
      end
    end
  end)

  it("may not cut a character at any position", function()
    local whole = "é概한é概é概한é概한한한é😀한é概" .. ("é概😀한अ"):rep(2)
    for from = 1, 20 do
      for to = from, #whole do
        check(whole:sub(from, to))
      end
    end
  end)

  it("is read with other characters in between", function()
    local s = ("größe данные 概要 “quoted” … 😀 한글 हिन्दी "):rep(
      30
    )
    check(s)
    local escaped = s:gsub(" ", "\\t")
    assert.equal((s:gsub(" ", "\t")), core.decode('"' .. escaped .. '"'))
  end)
end)
