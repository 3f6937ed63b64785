local core = require("posthog.llm.core")
local cjson = require("cjson")
local support = require("spec.support.json")

local generator = support.generator
local assert_identical = support.assert_identical
local decode = support.decode
local encode = support.encode

describe("core.encode", function()
  local function plain(value)
    return function()
      return value
    end
  end

  for i, case in ipairs({
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
    it(("writes value %d as %s"):format(i, case[2]:gsub("[^\32-\126]", "?")), function()
      assert.equal(case[2], encode(case[1]()))
    end)
  end

  it("marks the table it is given and returns it", function()
    local t = {}
    assert.equal(t, core.array(t))
    assert.equal(core.array_mt, getmetatable(t))
    assert.equal(t, core.object(t))
    assert.equal(getmetatable(core.object()), getmetatable(t))
    assert.not_equal(core.array_mt, getmetatable(t))
    assert.equal(core.array_mt, getmetatable(core.array()))
    for _, mark in ipairs({ core.array, core.object }) do
      for _, value in ipairs({ 1, "x", true, print }) do
        assert.has_error(function()
          mark(value)
        end)
      end
    end
  end)

  it("recognizes a list in whatever order its elements were added", function()
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
  for i, case in ipairs({
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
    { { a = { b = 1, [core.null] = 2 } }, "neither a string", "a" },
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
    it(("refuses value %d, %s at %q"):format(i, pattern:gsub("%%", ""), path), function()
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

  it("finds the first table that contains itself, at any depth", function()
    for _, outside in ipairs({ 0, 1, 5, 6, 7, 8, 14, 15, 16, 100 }) do
      for _, length in ipairs({ 1, 2, 3, 7, 8, 9, 40 }) do
        local root = {}
        local innermost = root
        for _ = 2, length do
          innermost[1] = {}
          innermost = innermost[1]
        end
        innermost[1] = root
        for _ = 1, outside do
          root = { root }
        end
        local text, message, path = core.encode({ x = root, y = root })
        assert.is_nil(text)
        assert.equal("a table contains itself", message)
        assert.matches("^[xy]", path)
        assert.equal(("[1]"):rep(outside + length), path:sub(2))
      end
    end
  end)

  it("writes tables that are empty, or nested in one another, in a buffer of any size", function()
    for depth = 1, 300 do
      local list, object = core.array(), core.object()
      for _ = 1, depth do
        list, object = core.array({ list, core.object() }), { a = object }
      end
      local lists = ("["):rep(depth + 1) .. "]" .. (",{}]"):rep(depth)
      assert.equal(lists, encode(list))
      assert.equal(('{"a":'):rep(depth) .. "{}" .. ("}"):rep(depth), encode(object))
    end
  end)

  it("writes the same key the same way each time, of any length and content", function()
    for len = 0, 80 do
      for _, filler in ipairs({ "k", '"', "\n", "\1", "\195\169" }) do
        local key = ("x"):rep(len) .. filler
        local expected = cjson.encode(key):gsub("\\/", "/")
        for _ = 1, 3 do
          assert.equal(
            "[{" .. expected .. ":1},{" .. expected .. ":2}]",
            encode({ { [key] = 1 }, { [key] = 2 } })
          )
        end
      end
    end
  end)

  it("does not take a key for one that had its address in memory before", function()
    local random = generator(9)
    for round = 1, 300 do
      local object, count = {}, random(40) + 1
      for i = 1, count do
        object[("key %d %d"):format(round % 7, random(100000))] = i
      end
      assert_identical(object, decode(encode({ object, object }))[2])
      if round % 10 == 0 then
        object = nil -- luacheck: ignore
        collectgarbage()
      end
    end
  end)

  it("does not take a number for the string that it is written as", function()
    local numbers = { 1, 7, 10, -1, 1.5, -0.5, 1e15, 2 ^ 53, 1e300, math.huge, -math.huge }
    for _, number in ipairs(numbers) do
      for _, name in ipairs({ tostring(number), ("%.14g"):format(number) }) do
        for round = 1, 20 do -- others are remembered by then
          local object = { [name] = round, other = { [name] = true } }
          assert_identical(object, decode(encode(object)))
          for _, wrong in ipairs({
            { [number] = 1, other = 2 },
            { [number] = 1, [name] = 1, other = 2 },
            core.object({ [number] = 1, [name] = 2, [number .. "x"] = 3 }),
          }) do
            local text, message, path = core.encode({ x = { wrong } })
            assert.is_nil(text)
            assert.is_string(message)
            assert.equal("x[1]", path)
          end
        end
      end
    end
  end)

  it("writes more keys than its cache holds", function()
    for _ = 1, 3 do
      local object = {}
      for i = 1, 5000 do
        object["name " .. i] = i
      end
      assert_identical(object, decode(encode(object)))
    end
  end)

  it("allows the same table twice, side by side", function()
    local shared = { 1 }
    assert.equal("[[1],[1]]", encode({ shared, shared }))
  end)

  it("writes strings of every length and content correctly", function()
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
