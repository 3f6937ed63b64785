-- What others put into the API comes out and goes back in as the same data.

local live = require("spec.support.live")
local llm = require("posthog.llm")

local t = live.session()
local json = llm.json

local HAS_INTEGERS = math.type ~= nil -- 5.1 and LuaJIT cannot tell 1.0 from 1

local function nested(levels)
  return ('[{"a":'):rep(levels / 2) .. "[]" .. ("}]"):rep(levels / 2)
end

local function long_list()
  local parts = {}
  for i = 1, 10000 do
    parts[i] = i % 4 == 0 and "null" or i % 4 == 1 and tostring(i) or i % 4 == 2 and '"x"' or "{}"
  end
  return "[" .. table.concat(parts, ",") .. "]"
end

--- What is to survive: JSON texts. Where a Lua value says it as well, that is written first.
local VALUES = {
  { "null", llm.null },
  { "true", true },
  { "false", false },
  { "[]", llm.array() },
  { "{}", {} },
  { "{}", llm.object() },
  { "[[],{},[[]],[{}]]" },
  { '{"a":{"b":{}}}', { a = { b = {} } } },
  { '{"a":null}', { a = llm.null } },
  { "[null]", { llm.null } },
  { "[null,null,1,null]", { llm.null, llm.null, 1, llm.null } },
  { '{"files":{}}', { files = {} } },
  { '{"input":{"input":null}}' },
  { "0", 0 },
  { "-1", -1 },
  { "9007199254740991" },
  { "9007199254740992" },
  { "9007199254740993" },
  { "-9007199254740993" },
  { "9223372036854775807" },
  { "-9223372036854775808" },
  { "9223372036854775808" },
  { "18446744073709551615" },
  { "123456789012345678901234567890" },
  { "0.1", 0.1 },
  { "0.3333333333333333", 1 / 3 },
  { "0.30000000000000004", 0.1 + 0.2 },
  { "5e-324", 5e-324 },
  { "2.2250738585072014e-308", 2.2250738585072014e-308 },
  { "1.7976931348623157e+308", 1.7976931348623157e308, "1.7976931348623157e308" },
  { "1e+400", nil, "1e400" },
  { "-0.0", -1 / math.huge },
  { HAS_INTEGERS and "[1,1.0,100000.0]" or "[1,1,100000]" },
  { "1843.2070509999999", 1843.2070509999998 },
  { '""', "" },
  { '"a\\u0000b"', "a\0b" },
  { '{"\\u0000":"\\u0000"}', { ["\0"] = "\0" } },
  {
    '"\240\159\154\128 \244\143\191\191 \226\130\172"',
    "\240\159\154\128 \244\143\191\191 \226\130\172",
  },
  { '"\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\127"', '"\\/\b\f\n\r\t\1\31\127' },
  { '"\226\128\168\226\128\169"', "\226\128\168\226\128\169" },
  { '"  spaces  "', "  spaces  " },
  { '{"":""}', { [""] = "" } },
  { nested(100) },
  { long_list() },
}

--- Equal in value, kind and marks.
local function identical(a, b)
  if type(a) == "table" and type(b) == "table" then
    if getmetatable(a) ~= getmetatable(b) then
      return false
    end
    for key, value in pairs(a) do
      if not identical(value, b[key]) then
        return false
      end
    end
    for key in pairs(b) do
      if a[key] == nil then
        return false
      end
    end
    return true
  elseif type(a) == "number" and type(b) == "number" then
    return a == b and 1 / a == 1 / b and (not HAS_INTEGERS or math.type(a) == math.type(b))
  end
  return type(a) == type(b) and a == b and tostring(a) == tostring(b)
end

local function assert_identical(expected, value, what)
  if not identical(expected, value) then
    error(
      ("%s: %s became %s"):format(
        what,
        json.encode(expected):sub(1, 200),
        tostring(json.encode(value)):sub(1, 200)
      ),
      2
    )
  end
end

describe("JSON values survive", function()
  local items, dataset

  setup(t.start)
  teardown(t.stop)
  before_each(function()
    t.reset()
    t.e:settings({ jsonb = false }) -- the client is on trial, not the server's database
    dataset = t.e:seed({ datasets = 1 }).datasets[1]
    items = t.client().dataset_items
  end)

  --- Writes, reads, writes back and reads again, in all ways there are.
  local function round_trip(value, first)
    local row = assert(items:create({ dataset = dataset, input = first }))
    assert_identical(value, row.input, "create")
    row = assert(items:get(row.id))
    assert_identical(value, row.input, "get")
    row = assert(items:update(row.id, { input = row.input, output = row.input }))
    assert_identical(value, row.input, "update")
    for listed in items:each({ dataset = dataset }) do
      assert_identical(value, listed.input, "each")
      assert_identical(value, listed.output, "each")
    end
    row = assert(items:get(row.id))
    assert(items:update(row.id, { metadata = { a = row.output, b = row.input } }))
    local id = row.id
    row = assert(items:get(id))
    assert_identical(value, row.metadata.a, "get again")
    assert_identical(value, row.metadata.b, "get again")
    assert(items:delete(id))
  end

  --- Asserts the bytes that went out.
  local function check_wire(text, since)
    local writes = {}
    for _, entry in ipairs(t.e:log(since)) do
      if entry.method ~= "GET" then
        writes[#writes + 1] = entry.body
      end
    end
    local output = t.profile == "reference" and "output" or "expected_output"
    for i, names in ipairs({ { "input" }, { "input", output }, { "a", "b" } }) do
      for _, name in ipairs(names) do
        local member = ('"%s":%s'):format(name, text)
        local _, last = writes[i]:find(member, 1, true)
        assert.truthy(last and writes[i]:find("^[,}]", last + 1), text:sub(1, 100))
      end
    end
  end

  local function check(case, wrap, since)
    local text = case[3] or case[1]
    local value, problem = json.decode(text)
    assert(problem == nil, problem)
    local first = case[2]
    if first == nil then
      first = value
    end
    wrap(function()
      round_trip(value, first)
    end)
    local wire = json.encode(value)
    assert.equal(case[1]:gsub("e%+", "e"), (wire:gsub("e%+", "e")))
    check_wire(wire, since)
  end

  for i, case in ipairs(VALUES) do
    -- API v2 takes no null for an input.
    local takes = t.profile == "reference" or case[1] ~= "null"
    local test = takes and it or function() end
    test(("as they are: value %d, %s"):format(i, case[1]:sub(1, 40):gsub("%c", "?")), function()
      check(case, function(f)
        f()
      end, 0)
    end)
  end

  it("as members of objects and elements of lists, side by side", function()
    local texts = {}
    for i, case in ipairs(VALUES) do
      texts[i] = case[3] or case[1]
    end
    local value = assert(json.decode('{"all":[' .. table.concat(texts, ",") .. "]}"))
    round_trip(value, value)
    check_wire(json.encode(value), 0)
  end)

  it("in a locale with a decimal comma", function()
    local before = os.setlocale(nil, "numeric")
    local function german(f)
      local set = os.setlocale("de_DE.UTF-8", "numeric")
      if os.getenv("LOCPATH") then
        assert.equal("de_DE.UTF-8", set)
        if not rawget(_G, "jit") then -- LuaJIT formats by itself
          assert.equal("0,5", ("%.1f"):format(0.5))
        end
      end
      local ok, err = pcall(f)
      os.setlocale(before, "numeric")
      assert(ok, err)
    end
    for _, case in ipairs(VALUES) do
      if case[1]:find("^%-?%d") or case[1]:find("^%[1") then
        check(case, german, #t.e:log())
      end
    end
    t.answer(429, '{"detail":"x"}', { ["Retry-After"] = "61" })
    german(function()
      local _, err = items:list({ limit = 5.0, timeout = 2.5 })
      assert.equal(61, err.retry_after)
      assert.truthy(tostring(err):find("61", 1, true))
    end)
    assert.truthy(t.e:log()[#t.e:log()].target:find("?limit=5", 1, true))
  end)

  it("in datasets and skills too", function()
    local client = t.client()
    local metadata = assert(
      json.decode(
        '{"n":18446744073709551615,"e":[],"o":{},"x":null,"f":0.1,"deep":[[null,{"k":null}]]}'
      )
    )
    local row = assert(client.datasets:create({ name = "x", metadata = metadata }))
    assert_identical(metadata, row.metadata, "create")
    row = assert(client.datasets:update(row.id, { metadata = row.metadata }))
    assert_identical(metadata, row.metadata, "update")
    assert_identical(metadata, assert(client.datasets:get(row.id)).metadata, "get")
    local skill = assert(client.skills:create({
      name = "x",
      description = "d",
      body = "b",
      metadata = metadata,
    }))
    assert_identical(metadata, skill.metadata, "create")
    skill = assert(client.skills:publish("x", { base_version = 1, metadata = skill.metadata }))
    assert_identical(metadata, skill.metadata, "publish")
    assert_identical(metadata, assert(client.skills:resolve("x")).skill.metadata, "resolve")
  end)
end)
