-- Objects that come again with the same keys in the same order are made in another way than those
-- that come for the first time (on LuaJIT). What comes out must be the same.

local core = require("posthog.llm.core")
local support = require("spec.support.json")

local generator = support.generator
local assert_identical = support.assert_identical

local FREE = { "input", "metadata" }

--- Makes texts and the values that they stand for: objects of a few shapes, now and then with a
--- key more or less, twice, in another place, or one that cannot be remembered.
local function author(seed, names, keep_null)
  local random = generator(seed)
  local self = { random = random }
  local is_free = {}
  for _, name in ipairs(FREE) do
    is_free[name] = true
  end

  local function name_of(i)
    if i % 7 == 0 then
      return FREE[i % 2 + 1]
    end
    return (i % 11 == 0 and ("long "):rep(8) or "key ") .. i
  end

  local function shape()
    local keys = {}
    for i = 1, random(random(20) == 0 and 45 or 7) do
      keys[i] = name_of(random(names))
    end
    return keys
  end

  local shapes = {}
  for i = 1, 6 do
    shapes[i] = shape()
  end

  local function keys_of_object()
    local keys = {}
    for i, key in ipairs(shapes[random(#shapes) + 1]) do
      keys[i] = key
    end
    local kind = random(12)
    if kind == 0 then
      table.remove(keys)
    elseif kind == 1 then
      keys[#keys + 1] = name_of(random(names))
    elseif kind == 2 and #keys > 0 then
      keys[#keys + 1] = keys[random(#keys) + 1]
    elseif kind == 3 and #keys > 1 then
      keys[1], keys[#keys] = keys[#keys], keys[1]
    elseif kind == 4 and #keys > 0 then
      keys[random(#keys) + 1] = 'with "escape"'
    elseif kind == 5 then
      shapes[random(#shapes) + 1] = shape()
    end
    return keys
  end

  function self.value(depth, keep)
    local kind = random(depth > 3 and 5 or 8)
    if kind == 0 then
      return "null", core.null
    elseif kind == 1 then
      return "true", true
    elseif kind < 4 then
      local n = random(1000)
      return tostring(n), n
    elseif kind == 4 then
      local s = "text " .. random(50)
      return '"' .. s .. '"', s
    elseif kind == 5 then
      local parts, list = {}, core.array()
      for i = 1, random(5) do
        parts[i], list[i] = self.value(depth + 1, keep)
      end
      return "[" .. table.concat(parts, ",") .. "]", list
    end
    return self.object(depth, keep)
  end

  function self.object(depth, keep)
    local parts, object = {}, {}
    for i, key in ipairs(keys_of_object()) do
      local below = keep or is_free[key] or false
      local text, value = self.value(depth + 1, below)
      parts[i] = ('"%s":%s'):format(key:gsub('"', '\\"'), text)
      if value == core.null and not below then
        value = nil
      end
      object[key] = value
    end
    return "{" .. table.concat(parts, ",") .. "}", object
  end

  function self.page()
    local parts, list = {}, core.array()
    for i = 1, 30 do
      parts[i], list[i] = self.object(1, keep_null)
    end
    return "[" .. table.concat(parts, ",") .. "]", list
  end

  return self
end

--- Calls fn while counting, where the Lua can tell, the calls of functions that the decoder made.
local function count_constructors(fn)
  local count = 0
  debug.sethook(function()
    if debug.getinfo(2, "S").source == "=json" then
      count = count + 1
    end
  end, "c")
  fn()
  debug.sethook()
  return count
end

describe("objects whose keys repeat", function()
  for _, keep_null in ipairs({ true, false }) do
    for _, names in ipairs({ 12, 60, 2000 }) do
      local nulls = keep_null and "with" or "without"
      it(("are read the same each time: %d names, %s nulls"):format(names, nulls), function()
        for seed = 1, 5 do
          local decoder = core.decoder({ keep_null = keep_null, free = FREE })
          local texts = author(seed * 1000 + names, names, keep_null)
          for _ = 1, 40 do
            local text, expected = texts.page()
            assert_identical(expected, (assert(decoder:decode(text))))
            local cut = texts.random(#text)
            local value, message, position = decoder:decode(text:sub(1, cut))
            assert.is_nil(value)
            assert.is_string(message)
            assert.is_true(position >= 1 and position <= cut + 1)
          end
        end
      end)
    end
  end

  it("keep their keys when there are more than the cache holds", function()
    local decoder = core.decoder({})
    local row = '{"id":%d,"name":"n","inner":{"x":1,"y":{%s}},"end":true}'
    for round = 1, 60 do
      local many, expected = {}, {}
      if round > 20 then
        for i = 1, 40 * (round % 16) do
          many[i] = ('"k %d %d":%d'):format(round, i, i)
          expected[("k %d %d"):format(round, i)] = i
        end
      end
      local value = decoder:decode(row:format(round, table.concat(many, ",")))
      assert_identical(
        { id = round, name = "n", inner = { x = 1, y = expected }, ["end"] = true },
        value
      )
    end
  end)

  it("may nest as deep as others", function()
    local decoder = core.decoder({ max_depth = 1000 })
    local open, close = '{"a":1,"b":[{"c":2,"d":', "}]}"
    local expected = core.array()
    for depth = 1, 250 do
      expected = { a = 1, b = core.array({ { c = 2, d = expected } }) }
      assert_identical(expected, (decoder:decode(open:rep(depth) .. "[]" .. close:rep(depth))))
    end
  end)

  it("have keys of any bytes", function()
    local decoder = core.decoder({})
    local names = { "end", "", " ", "]]", "a'b", "\127", "\195\169", "--", "0", "nil" }
    local parts, expected = {}, {}
    for i, name in ipairs(names) do
      parts[i] = ('"%s":%d'):format(name, i)
      expected[name] = i
    end
    local text = "{" .. table.concat(parts, ",") .. "}"
    for _ = 1, 30 do
      assert_identical(expected, (decoder:decode(text)))
    end
  end)

  it("are stored member by member if a key occurs twice or cannot be cached", function()
    local long = ("x"):rep(40)
    for text, expected in pairs({
      ['{"a":1,"b":2,"a":3}'] = { a = 3, b = 2 },
      ['{"a":1,"b":2,"a":null}'] = { b = 2 },
      ['{"a":null,"b":2,"a":3}'] = { a = 3, b = 2 },
      ['{"a":1,"' .. long .. '":2}'] = { a = 1, [long] = 2 },
    }) do
      local decoder = core.decoder({ keep_null = false })
      local list = "[" .. (text .. ","):rep(29) .. text .. "]"
      local value
      local count = count_constructors(function()
        value = decoder:decode(list)
      end)
      assert.equal(0, count) -- a constructor assigns in no particular order
      for i = 1, 30 do
        assert_identical(expected, value[i])
      end
    end
  end)

  it("are not cached if they were open when the key cache was cleared", function()
    local function filler(from, to)
      local members = {}
      for i = from, to do
        members[#members + 1] = ('"fill %d":0'):format(i)
      end
      return table.concat(members, ",")
    end
    for before = 485, 505, 5 do
      local decoder = core.decoder({})
      -- the keys of twenty open objects have high numbers, when more come than are remembered
      local open = ('{"a":1,"b":'):rep(20) .. "{" .. filler(1000, 1040) .. "}" .. ("}"):rep(20)
      assert(decoder:decode("[{" .. filler(1, before) .. "}," .. open .. "]"))
      -- other keys get these numbers, one after the other (some are not remembered)
      for i = 2001, 2900 do
        for gap = 1, 3 do
          local row = ('{"fill %d":1,"fill %d":2}'):format(i, i + gap)
          local expected = { ["fill " .. i] = 1, ["fill " .. i + gap] = 2 }
          local value = decoder:decode(("[%s,%s,%s]"):format(row, row, row))
          assert_identical(core.array({ expected, expected, expected }), value)
        end
      end
    end
  end)

  it("survive a hook that raises, and the decoder does too", function()
    local decoder = core.decoder({})
    local text = "[" .. ('{"a":{"b":1,"c":[{"d":2}]},"e":"x\\n"},'):rep(20) .. "1]"
    local expected = decoder:decode(text)
    local count = count_constructors(function()
      assert_identical(expected, (decoder:decode(text)))
    end)
    assert.equal(jit ~= nil, count > 0)
    for stop = 1, count, 7 do
      local left = stop
      debug.sethook(function()
        if debug.getinfo(2, "S").source == "=json" then
          left = left - 1
          if left == 0 then
            error("enough")
          end
        end
      end, "c")
      local ok, message = pcall(decoder.decode, decoder, text)
      debug.sethook()
      assert.is_false(ok)
      assert.matches("enough", message)
      assert_identical(expected, (decoder:decode(text)))
    end
  end)
end)
