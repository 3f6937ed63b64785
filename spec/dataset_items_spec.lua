local cjson = require("cjson")

local live = require("spec.support.live")
local llm = require("posthog.llm")

local t = live.session()
local fails, all, misuses = live.fails, live.all, live.misuses

local BASE = "/api/projects/112358/dataset_items/"
local UNKNOWN = "00000000-0000-4000-8000-000000000000"

describe("the methods of client.dataset_items", function()
  local items, dataset

  setup(t.start)
  teardown(t.stop)
  before_each(function()
    t.reset()
    items = t.client().dataset_items
    dataset = t.e:seed({ datasets = 1 }).datasets[1]
  end)

  it("get and update free JSON as the texts that the server has, byte for byte", function()
    local raw = llm.json.raw
    -- A server of API v1 keeps the text as it came; the response has it with the members in order.
    local text = '{"b": 1.0, "a": [1e2, -0.0, 12345678901234567890], "n": null}'
    local made =
      assert(items:create({ dataset = dataset, input = assert(raw(text)), output = raw("null") }))
    local row = assert(items:get(made.id, { raw = true }))
    assert.equal(text, tostring(row.input))
    assert.equal("null", tostring(row.output))
    assert.equal("null", tostring(row.metadata))
    assert.equal(made.id, row.id)
    assert.is_nil(row.ref_trace_id)
    assert.equal(1, row.input:decode().b)
    assert(items:update(row.id, { input = row.input, metadata = raw("[1.0]") }))
    row = assert(items:get(row.id, { raw = true }))
    assert.equal(text, tostring(row.input))
    assert.equal("[1.0]", tostring(row.metadata))
    assert.same({ 1 }, assert(items:get(row.id, { raw = false })).metadata)
    misuses({
      {
        "raw: boolean expected, got string",
        function()
          items:get(row.id, { raw = "yes" })
        end,
      },
    })
  end)

  it("create, get and update rows of a dataset", function()
    local row, err, response = items:create({
      dataset = dataset,
      input = { messages = { { role = "user", content = "héllo" } }, tools = llm.array() },
      output = "plain text",
      ref_trace_id = "t-1",
      ref_timestamp = "2026-03-14T07:26:53.5+02:00",
      ref_source_id = llm.null,
    })
    assert.is_nil(err)
    assert.equal(201, response.status)
    assert.equal(dataset, row.dataset)
    assert.equal("héllo", row.input.messages[1].content)
    assert.equal("[]", llm.json.encode(row.input.tools))
    assert.equal("plain text", row.output)
    assert.equal(llm.null, row.metadata)
    assert.equal("t-1", row.ref_trace_id)
    assert.equal("2026-03-14T05:26:53.500000Z", row.ref_timestamp)
    assert.is_nil(row.ref_source_id)
    assert.equal(row.id, assert(items:get(row.id)).id)

    local changed = assert(items:update(row.id, { output = { a = 1 }, ref_trace_id = llm.null }))
    assert.same({ a = 1 }, changed.output)
    assert.is_nil(changed.ref_trace_id)
    assert.equal("héllo", changed.input.messages[1].content)
    t.sent({
      "POST " .. BASE,
      "GET " .. BASE .. row.id .. "/",
      "PATCH " .. BASE .. row.id .. "/",
    })
    local log = t.e:log()
    assert.truthy(log[1].body:find('"ref_source_id":null', 1, true))
    assert.is_nil(log[1].body:find("metadata", 1, true))
    assert.same({ output = { a = 1 }, ref_trace_id = cjson.null }, cjson.decode(log[3].body))
  end)

  it("replace free JSON as a whole, and distinguish null, {} and []", function()
    local row = assert(items:create({ dataset = dataset, input = { a = 1, b = 2 } }))
    assert.same({ b = 3 }, assert(items:update(row.id, { input = { b = 3 } })).input)
    for written, value in pairs({
      ["{}"] = {},
      ["[]"] = llm.array(),
      ["null"] = llm.null,
      ["false"] = false,
      ["0"] = 0,
      ['""'] = "",
      ["[null]"] = { llm.null },
      ['{"files":{}}'] = { files = {} },
    }) do
      local since = #t.e:log()
      local read = assert(items:update(row.id, { input = value })).input
      assert.equal('{"input":' .. written .. "}", t.only(since).body)
      assert.equal(written, llm.json.encode(read))
      assert.equal(written, llm.json.encode(assert(items:get(row.id)).input))
    end
  end)

  it("list the rows of one dataset, or of all", function()
    local other = t.e:seed({ datasets = 1 }).datasets[1]
    local made = t.e:seed({ items = 5, dataset = dataset }).items
    t.e:seed({ items = 1, dataset = other })
    local page = assert(items:list({ dataset = dataset, limit = 2, offset = 1 }))
    assert.equal(5, page.count)
    assert.same({ made[4], made[3] }, { page.results[1].id, page.results[2].id })
    assert.same(
      { made[5], made[4], made[3], made[2], made[1] },
      all(items:each({ dataset = dataset, limit = 2 }), "id")
    )
    assert.equal(6, assert(items:list()).count)
    local query = "?dataset=" .. dataset
    t.sent({
      "GET " .. BASE .. query .. "&limit=2&offset=1",
      "GET " .. BASE .. query .. "&limit=2",
      "GET " .. BASE .. query .. "&limit=2&offset=2",
      "GET " .. BASE .. query .. "&limit=2&offset=4",
      "GET " .. BASE,
    })
    fails(
      "invalid",
      { status = 400, attr = "dataset", code = "invalid_choice" },
      items:list({ dataset = UNKNOWN })
    )
    live.raises("invalid", { status = 400, attr = "dataset" }, items:each({ dataset = UNKNOWN }))
  end)

  it("soft-delete a row, restore it, and never destroy it", function()
    local id = t.e:seed({ items = 1, dataset = dataset }).items[1]
    assert.is_true(assert(items:delete(id)).deleted)
    fails("not_found", { status = 404 }, items:get(id))
    assert.same({}, all(items:each({ dataset = dataset })))
    assert.is_false(assert(items:undelete(id)).deleted)
    assert(items:get(id))
    local since = #t.e:log()
    local value, err = items:destroy(id)
    fails("invalid", { status = 405 }, value, err)
    assert.is_nil(err.ambiguous)
    assert.truthy(err.message:find(":delete", 1, true))
    t.sent({ "DELETE " .. BASE .. id .. "/" }, since)
    t.answer(403, '{"detail":"No."}')
    value, err = items:destroy(id)
    fails("forbidden", { status = 403 }, value, err)
    assert.matches("^No; rows cannot be destroyed: use :delete", err.message)
  end)

  it("report what the server refuses", function()
    fails(
      "invalid",
      { status = 400, code = "required", attr = "dataset" },
      items:create({ input = 1 })
    )
    fails(
      "invalid",
      { status = 400, code = "does_not_exist", attr = "dataset" },
      items:create({ dataset = UNKNOWN })
    )
    fails(
      "invalid",
      { status = 400, attr = "ref_timestamp" },
      items:create({ dataset = dataset, ref_timestamp = 5 })
    )
    fails("not_found", { status = 404, code = "not_found" }, items:get(UNKNOWN))
    fails("not_found", { status = 404 }, items:update(UNKNOWN, { input = 1 }))
  end)

  it("return what cannot be encoded as an error with its path, and send nothing", function()
    local loop = {}
    loop.loop = loop
    for _, case in ipairs({
      { "input", 0 / 0 },
      { "input", 1 / 0 },
      { "input.f", { f = print } },
      { "input[2].x", { 1, { x = -1 / 0 } } },
      { "input.s", { s = "\255\254" } },
      { "input", { 1, 2, nil, 4, x = 5 } },
      { "input.loop", loop },
    }) do
      local value, err = items:create({ dataset = dataset, input = case[2] })
      fails("invalid", { path = case[1] }, value, err)
      assert.is_nil(err.status)
      assert.is_nil(err.ambiguous)
    end
    t.silent()
  end)

  it("leave the caller's tables as they are", function()
    local input = { list = {}, n = 5 }
    local fields = { dataset = dataset, input = input, files = {} }
    assert(items:create(fields))
    assert.same({ dataset = dataset, input = { list = {}, n = 5 }, files = {} }, fields)
    assert.is_nil(getmetatable(input.list))
    assert.is_nil(getmetatable(fields.files))
  end)

  it("raise misuse at the line of the call and send nothing", function()
    misuses({
      {
        "is empty",
        function()
          items:get("")
        end,
      },
      {
        "slash",
        function()
          items:update("a/b", {})
        end,
      },
      {
        "fields: table expected",
        function()
          items:create()
        end,
      },
      {
        "fields: table expected",
        function()
          items:update("x", "y")
        end,
      },
      {
        "dataset is empty",
        function()
          items:list({ dataset = "" })
        end,
      },
      {
        "dataset is empty",
        function()
          items:each({ dataset = "" })
        end,
      },
      {
        "dataset: string expected",
        function()
          items:each({ dataset = 5 })
        end,
      },
      {
        "dataset: string expected",
        function()
          items:each({ dataset = llm.null })
        end,
      },
      {
        '"search"',
        function()
          items:list({ search = "x" })
        end,
      },
      {
        '"id__in"',
        function()
          items:list({ id__in = {} })
        end,
      },
      {
        "limit: at least 1",
        function()
          items:list({ limit = 0 })
        end,
      },
    })
    t.silent()
  end)
end)
