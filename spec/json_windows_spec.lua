-- Strings with many escapes are read and written in windows of 64 bytes: whatever stands at, before or
-- across the border of one is read, written and refused as elsewhere.

local core = require("posthog.llm.core")
local support = require("spec.support.json")

local BORDER = 64
--- As it stands in JSON, and decoded.
local PIECES = {
  { "x", "x" },
  { "\\n", "\n" },
  { '\\"', '"' },
  { "\\\\", "\\" },
  { "\\/", "/" },
  { "\\\\\\\\", "\\\\" },
  { '\\\\\\"', '\\"' },
  { "\\u0041", "A" },
  { "\\u00E9", "é" },
  { "\\u20ac", "€" },
  { "\\ud83e\\udd94", "🦔" },
  { "é", "é" },
  { "€", "€" },
  { "ह", "ह" }, -- its second byte is restricted
  { "🦔", "🦔" },
  { "é\\n€\\t🦔", "é\n€\t🦔" },
  { "\127", "\127" },
}
local INVALID = {
  { "\\q", "invalid escape" },
  { "\\u12g4", "four hexadecimal" },
  { "\\ud800x", "lone surrogate" },
  { "\\udd94", "lone surrogate" },
  { "\1", "control character" },
  { "\n", "control character" },
  { "\128", "UTF%-8" },
  { "\255", "UTF%-8" },
  { "\195x", "UTF%-8" },
  { "\195\\n", "UTF%-8" },
  { "\226\130\\n", "UTF%-8" },
  { "\224\128\128", "UTF%-8" },
  { "\237\160\128", "UTF%-8" },
  { "\240\143\191\191", "UTF%-8" },
  { "\244\144\128\128", "UTF%-8" },
}

--- A text of that many bytes, with an escape at its start, so that windows are used.
local function before(bytes)
  return "\\n" .. ("y"):rep(bytes - 2), "\n" .. ("y"):rep(bytes - 2)
end

--- Each position of a piece from the first window to the third.
local function each_offset(fn)
  for offset = 2, 2 * BORDER + 8 do
    fn(offset)
  end
end

describe("a string with many escapes", function()
  it("is decoded wherever its characters and escapes are", function()
    for _, piece in ipairs(PIECES) do
      each_offset(function(offset)
        local text, plain = before(offset)
        for _, rest in ipairs({ 0, 1, 3 * BORDER }) do
          local value = core.decode('["' .. text .. piece[1] .. ("z"):rep(rest) .. '","é"]')
          assert.equal(plain .. piece[2] .. ("z"):rep(rest), value[1])
          assert.equal("é", value[2])
        end
      end)
    end
  end)

  it("ends at its quote, whatever is after it", function()
    local afters = { "é", "🦔", "\\n\\u00e9", ("\\t"):rep(BORDER), ("é"):rep(BORDER) }
    for _, after in ipairs(afters) do
      local expected = core.decode('["' .. after .. '"]')[1]
      each_offset(function(offset)
        local text, plain = before(offset)
        local padding = (" "):rep(3 * BORDER)
        local value = core.decode('["' .. text .. '","' .. after .. '"' .. padding .. "]")
        assert.equal(plain, value[1])
        assert.equal(expected, value[2])
      end)
    end
  end)

  it("is refused at the first byte that is invalid", function()
    for _, piece in ipairs(INVALID) do
      each_offset(function(offset)
        for _, rest in ipairs({
          "",
          ("z"):rep(3 * BORDER),
          ("\\q"):rep(2 * BORDER),
          ("\255"):rep(200),
        }) do
          local value, message, position =
            core.decode('"' .. before(offset) .. piece[1] .. rest .. '"')
          assert.is_nil(value)
          assert.matches(piece[2], message)
          assert.equal(offset + 2, position, ("%q at %d"):format(piece[1], offset))
        end
      end)
    end
  end)

  it("is refused without its end", function()
    each_offset(function(offset)
      local value, message, position = core.decode('"' .. before(offset))
      assert.is_nil(value)
      assert.matches("unterminated", message)
      assert.equal(offset + 2, position)
    end)
  end)

  it("is encoded wherever its characters are", function()
    local escaped =
      { ["\n"] = "\\n", ['"'] = '\\"', ["\\"] = "\\\\", ["\1"] = "\\u0001", ["\t"] = "\\t" }
    for _, piece in ipairs({
      "\n",
      '"',
      "\\",
      "\1",
      "\127",
      "é",
      "€",
      "ह",
      "🦔",
      "\n\1é\t🦔",
    }) do
      each_offset(function(offset)
        for _, rest in ipairs({ 0, 1, 3 * BORDER }) do
          local text = select(2, before(offset)) .. piece .. ("z"):rep(rest)
          local expected = text:gsub('[%c"\\]', function(c)
            return c ~= "\127" and escaped[c] or nil
          end)
          assert.equal('"' .. expected .. '"', core.encode(text))
        end
      end)
    end
  end)

  it("is not encoded if its UTF-8 is invalid anywhere", function()
    for _, piece in ipairs(INVALID) do
      if piece[2] == "UTF%-8" then
        each_offset(function(offset)
          for _, rest in ipairs({ 0, 3 * BORDER }) do
            local bytes = piece[1]:gsub("\\n", "\n")
            local text, message =
              core.encode({ a = select(2, before(offset)) .. bytes .. ("z"):rep(rest) })
            assert.is_nil(text)
            assert.matches("UTF%-8", tostring(message))
          end
        end)
      end
    end
  end)

  it("is accepted with the same UTF-8 as a string without escapes", function()
    local random = support.generator(64)
    local pieces = { "a", "bc", ("d"):rep(40), "é", "я", "€", "ह", "한", "🦔" }
    local wrong =
      { "\128", "\191", "\192", "\195", "\226", "\226\130", "\237\160\128", "\240\159", "\255" }
    local after = (" "):rep(4 * BORDER) .. "]" -- so that the last one is in a window, too
    local refused = 0
    for _ = 1, 4000 do
      local parts = {}
      local usual = random(2) == 0 and 6 or #pieces -- without those of restricted or four bytes
      for i = 1, 10 + random(80) do
        parts[i] = random(300) == 0 and wrong[random(#wrong) + 1] or pieces[random(usual) + 1]
      end
      if random(4) == 0 then
        parts[#parts + 1] = wrong[random(#wrong) + 1]
      end
      local text = table.concat(parts)
      local plain, message, position = core.decode('["' .. text .. '"' .. after)
      local value, same, at = core.decode('["\\n' .. text .. '"' .. after)
      assert.equal(message, same)
      assert.equal(position and position + 2, at)
      if plain then
        assert.equal("\n" .. plain[1], value[1])
        assert.equal('"\\n' .. text .. '"', core.encode("\n" .. text))
      else
        assert.is_nil((core.encode("\n" .. text)))
        refused = refused + 1
      end
    end
    assert.is_true(refused > 400 and refused < 3600, refused)
  end)

  it("grows to what its escapes need", function()
    for _, byte in ipairs({ "\1", '"', "\n" }) do
      for _, count in ipairs({ 127, 128, 129, 1000, 70000 }) do
        local text = byte:rep(count)
        assert.equal(text, core.decode(core.encode(text)))
        assert.equal(text, core.decode(core.encode({ ("a"):rep(200), text }))[2])
      end
    end
  end)
end)
