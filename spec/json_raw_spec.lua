-- JSON texts as values, which are encoded as they were given.
local core = require("posthog.llm.core")
local json = require("posthog.llm.json")
local json_text = require("posthog.llm.util.json_text")
local support = require("spec.support.json")

describe("json.raw", function()
  local TEXT = '{"b": 1.0, "a": [1e2, -0.0, 12345678901234567890, "\\u00e9\\/"] ,"b":null}'

  it("is encoded byte for byte", function()
    local raw = assert(json.raw(TEXT))
    assert.equal(TEXT, json.encode(raw))
    assert.equal('{"input":' .. TEXT .. "}", json.encode({ input = raw }))
    assert.equal("[" .. TEXT .. ",1]", json.encode({ raw, 1 }))
    assert.equal(TEXT, tostring(raw))
  end)

  it("takes any value, and leaves out the white space around it", function()
    for _, text in ipairs({ "null", "1.50", '""', "[]", "{}", "true", '" a "' }) do
      assert.equal(text, tostring(assert(json.raw(" \r\n\t" .. text .. "\n "))))
    end
  end)

  it("is decoded when asked", function()
    local value = assert(json.raw('{"a":[1,2],"n":null}')):decode()
    assert.same({ 1, 2 }, value.a)
    assert.equal(json.null, value.n)
    assert.equal(json.null, assert(json.raw("null")):decode())
  end)

  it("equals one of the same text, and nothing else", function()
    local raw = assert(json.raw("1.0"))
    assert.is_true(raw == assert(json.raw(" 1.0")))
    assert.is_false(raw == assert(json.raw("1")))
    assert.is_false(raw == assert(json.decode("12345678901234567890")))
    assert.is_false(raw == io.stdout)
    assert.is_false(raw == "1.0")
  end)

  it("refuses a text that is not one JSON value, with the position", function()
    for _, case in ipairs({
      { "", 1 },
      { " ", 2 },
      { "{", 2 },
      { "1 2", 3 },
      { '{"a":01}', 6 },
      { '"\255"', 2 },
      { "1.0x", 4 },
    }) do
      local raw, err = json.raw(case[1])
      assert.is_nil(raw)
      assert.equal("decode", err.kind)
      assert.equal(case[2], err.position, case[1])
      assert.matches("^invalid JSON at byte " .. case[2] .. ": ", err.message)
    end
    local raw, err = json.raw(("["):rep(600) .. ("]"):rep(600))
    assert.is_nil(raw)
    assert.equal("too_large", err.kind)
  end)

  it("raises for an argument that is not a string, at the line of the caller", function()
    local ran, message = pcall(json.raw, 5)
    assert.is_false(ran)
    assert.equal("json.raw expects a string, got number", message:match("json%.raw.*"))
    assert.has_error(function()
      core.raw({})
    end)
    assert.has_error(function()
      tostring(getmetatable(assert(json.raw("1"))).__tostring(io.stdout))
    end)
  end)

  it("keeps a text of a megabyte", function()
    local text = '["' .. ("é\\n"):rep(250000) .. '"]'
    assert.equal(text, json.encode(assert(json.raw(text))))
  end)
end)

describe("the parts of a JSON text", function()
  it("are the texts of its members, in their order", function()
    local parts = json_text.parts(
      ' {"b" : 1.0,"a":[1, {"x":"]}"}] , "q\\"\\\\":"\\\\" ,"e":{},"n":null,"\\u0061":-1e5} '
    )
    assert.same({
      { name = "b", text = "1.0" },
      { name = "a", text = '[1, {"x":"]}"}]' },
      { name = 'q"\\', text = '"\\\\"' },
      { name = "e", text = "{}" },
      { name = "n", text = "null" },
      { name = "a", text = "-1e5" },
    }, parts)
  end)

  it("are the texts of its elements", function()
    assert.same(
      { { text = "1" }, { text = '"[,"' }, { text = "[[2]]" } },
      json_text.parts('[1,"[,", [[2]] ]')
    )
    assert.same({}, json_text.parts("[ ]"))
    assert.same({}, json_text.parts("{}"))
  end)

  it("make the same text again, for any value", function()
    local random = support.generator(20261130)
    local marks = { "]", "}", '"', "\\", ",", ":", " ", "[", "{", "x" }
    local function value(depth)
      local kind = random(depth > 4 and 3 or 5)
      if kind < 2 then
        local letters = {}
        for i = 1, random(6) do
          letters[i] = marks[random(#marks) + 1]
        end
        return table.concat(letters)
      elseif kind == 2 then
        return random(1000) / 8
      end
      local list = {}
      for i = 1, random(4) do
        list[kind == 3 and i or value(9) .. i] = value(depth + 1)
      end
      return list
    end
    for _ = 1, 300 do
      local text = json.encode(json.array({ value(0), value(0) }))
      local texts = {}
      for i, part in ipairs(json_text.parts(text)) do
        texts[i] = part.text
      end
      assert.equal(text, "[" .. table.concat(texts, ",") .. "]")
    end
  end)
end)
