local core = require("posthog.llm.core")
local cjson = require("cjson")
local json = require("posthog.llm.json")
local support = require("spec.support.json")

local unpack = table.unpack or unpack -- luacheck: ignore
local generator = support.generator
local assert_identical = support.assert_identical
local decode = support.decode
local encode = support.encode

describe("a JSON round trip", function()
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

  it("agrees with cjson where both support it", function()
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
  it("has the same functions as the core", function()
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

  it("says that a text is over a limit", function()
    local value, err = json.decode(("["):rep(513) .. ("]"):rep(513))
    assert.is_nil(value)
    assert.equal("too_large", err.kind)
    assert.equal(513, err.position)
    assert.matches("over the limit max_depth at byte 513: nested too deeply", err.message)
  end)

  it("says what is wrong with a value, and where", function()
    local text, err = json.encode({ results = { 1, 2, { input = 0 / 0 } } })
    assert.is_nil(text)
    assert.equal("invalid", err.kind)
    assert.equal("results[3].input", err.path)
    assert.matches("results%[3%]%.input: NaN", err.message)
    assert.equal("", select(2, json.encode(print)).path)
  end)

  it("raises at the caller for an argument that is not a text", function()
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
