local cjson = require("cjson")

local expect = require("spec.emulator.expect")

local t = expect.session({ profile = "current" })
local get, send, must, envelope, invalid, conflict =
  t.get, t.send, t.must, t.envelope, t.invalid, t.conflict
local keys, contains = expect.keys, expect.contains

local P = "/api/projects/112358"
local UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
local ITEM_KEYS = "archived client_item_id created_at created_by dataset dataset_revision "
  .. "dataset_revision_id expected_output id input metadata source_event_id source_output "
  .. "source_timestamp source_trace_id team_id updated_at version version_created_at "
  .. "version_created_by version_id"
local ITEMS = P .. "/dataset_items/"

describe("the emulator on API v2 has dataset items that", function()
  local dataset

  setup(t.start)
  teardown(t.stop)
  before_each(function()
    t.reset()
    dataset = t.e:seed({ datasets = 1 }).datasets[1]
  end)

  --- A body with `dataset` and these members, as text.
  local function body(rest)
    return ('{"dataset":"%s",%s}'):format(dataset, rest)
  end

  local function create(rest)
    return must(201, "POST", ITEMS, body(rest))
  end

  local function path_of(item)
    return ITEMS .. item.id .. "/"
  end

  --- What the list shows of the items, newest first.
  local function inputs(query)
    local list = {}
    for i, item in ipairs(must(200, "GET", ITEMS .. "?dataset=" .. dataset .. query).results) do
      list[i] = tostring(item.input)
    end
    return table.concat(list, " ")
  end

  it("have new fields, and keep free JSON as it was sent where that is asked for", function()
    t.e:settings({ jsonb = false })
    local free = {
      input = '{"big":18446744073709551615,"f":1.0,"e":[],"o":{}}',
      expected_output = "[0.30000000000000004,null]",
      source_output = '"text"',
      metadata = '{"z":-0.0}',
    }
    local made, response = must(
      201,
      "POST",
      ITEMS,
      body(
        (
          '"input":%s,"expected_output":%s,'
          .. '"source_output":%s,"metadata":%s,"client_item_id":" c 1 ","source_trace_id":"t",'
          .. '"source_event_id":"e","source_timestamp":"2026-07-30T14:00:00+02:00"'
        ):format(free.input, free.expected_output, free.source_output, free.metadata)
      )
    )
    assert.equal(ITEM_KEYS, keys(made))
    assert.same({ dataset, "c 1", 1, 1, false, "t", "e", "2026-07-30T12:00:00Z", 112358 }, {
      made.dataset,
      made.client_item_id,
      made.version,
      made.dataset_revision,
      made.archived,
      made.source_trace_id,
      made.source_event_id,
      made.source_timestamp,
      made.team_id,
    })
    for _, text in ipairs({
      response.body,
      get(path_of(made)).body,
      get(ITEMS .. "?dataset=" .. dataset).body,
    }) do
      for name, raw in pairs(free) do
        contains(('"%s":%s,"'):format(name, raw), text)
      end
    end
    local least, least_response = must(201, "POST", ITEMS, body('"input":false'))
    assert.same({ cjson.null, cjson.null, cjson.null, cjson.null, 2 }, {
      least.client_item_id,
      least.expected_output,
      least.source_output,
      least.source_timestamp,
      least.dataset_revision,
    })
    contains('"metadata":{}', least_response.body)
  end)

  it("check the fields of a request", function()
    local long = ('"%s"'):format(("x"):rep(256))
    for _, case in ipairs({
      { "{}", "required", "dataset" },
      { body('"metadata":{}'), "required", "input" },
      { body('"input":null'), "null", "input" },
      { body('"input":1,"output":2'), "invalid_input", "output" },
      { body('"input":1,"ref_trace_id":"t"'), "invalid_input", "ref_trace_id" },
      { body('"input":1,"metadata":[]'), "not_a_dict", "metadata" },
      { body('"input":1,"metadata":null'), "null", "metadata" },
      { body('"input":1,"client_item_id":" "'), "blank", "client_item_id" },
      { body('"input":1,"client_item_id":' .. long), "max_length", "client_item_id" },
      { body('"input":1,"source_trace_id":"t"'), "required", "source_timestamp" },
      { body('"input":1,"source_event_id":"e"'), "required", "source_trace_id" },
      {
        body('"input":1,"source_timestamp":"2026-07-30T12:00:00Z"'),
        "required",
        "source_trace_id",
      },
      { body('"input":1,"source_timestamp":"yesterday"'), "invalid_input", "source_timestamp" },
      {
        body(('"input":"%s","source_output":"%s"'):format(("x"):rep(200000), ("x"):rep(206599))),
        "max_size",
        "item",
      },
    }) do
      invalid(send("POST", ITEMS, case[1]), case[2], case[3])
    end
    create(('"input":"%s","source_output":"%s"'):format(("x"):rep(200000), ("x"):rep(206598)))
    envelope(
      send("POST", ITEMS, ('{"dataset":"%s","input":1}'):format(UNKNOWN_ID)),
      404,
      "invalid_request",
      "not_found"
    )
    create('"input":1,"client_item_id":null,"source_trace_id":null')
  end)

  it("are made once for each client_item_id: equal content is 200, other content 409", function()
    local made = create('"client_item_id":"c","input":{"a":1,"b":[true,"\\u00e9"]},"metadata":{}')
    for _, same in ipairs({
      '"input":{"a":1,"b":[true,"\\u00e9"]}',
      '"metadata":{}, "input":{ "b" : [true,"é"], "a":1 },"expected_output":null',
    }) do
      assert.same(made, must(200, "POST", ITEMS, body('"client_item_id":"c",' .. same)))
    end
    for _, other in ipairs({
      '"input":{"a":true,"b":[true,"é"]}',
      '"input":{"a":1,"b":[1,"é"]}',
      '"input":{"a":1.0,"b":[true,"é"]}',
      '"input":{"a":1}',
      '"input":{"a":1,"b":[true,"é"]},"metadata":{"x":1}',
      '"input":{"a":"1","b":[true,"é"]}',
      '"input":{"a":1,"b":[true,"é"]},"source_output":0',
    }) do
      conflict(
        send("POST", ITEMS, body('"client_item_id":"c",' .. other)),
        "client_item_id_conflict",
        { current_item_id = made.id }
      )
    end
    assert.equal(1, made.dataset_revision)
    assert.equal(1, must(200, "GET", P .. "/datasets/" .. dataset .. "/").current_revision)
    local elsewhere = t.e:seed({ datasets = 1 }).datasets[1]
    must(201, "POST", ITEMS, { dataset = elsewhere, client_item_id = "c", input = 2 })
    must(200, "POST", path_of(made) .. "archive/", { base_version = 1 })
    conflict(
      send("POST", ITEMS, body('"client_item_id":"c","input":{"a":1,"b":[true,"\\u00e9"]}')),
      "client_item_id_conflict",
      { current_item_id = made.id }
    )
  end)

  it("compare large integers digit by digit, and zeros without a sign", function()
    t.e:settings({ jsonb = false })
    create('"client_item_id":"zero","input":[0,-0.0,0e9]')
    must(200, "POST", ITEMS, body('"client_item_id":"zero","input":[-0,0.00,-0E-3]'))
    create('"client_item_id":"c","input":9007199254740993')
    must(200, "POST", ITEMS, body('"client_item_id":"c","input":9007199254740993'))
    conflict(
      send("POST", ITEMS, body('"client_item_id":"c","input":9007199254740992')),
      "client_item_id_conflict",
      { current_item_id = must(200, "GET", ITEMS .. "?dataset=" .. dataset).results[1].id }
    )
  end)

  it("come back as the database keeps JSON", function()
    local made = create(
      '"input":{"bb":[1e16,1.5e19,-0.0,1.10,10e-1,1E-7,0.1e3,-0],"a":1,"bb":[ '
        .. '2e0,-1.5E+1, 0.000123, "é", null ]},"metadata":{"z":1,"a":{"k":1e2}}'
    )
    local response = get(path_of(made)).body
    contains('"input":{"a":1,"bb":[2,-15,0.000123,"é",null]}', response)
    contains('"metadata":{"a":{"k":100},"z":1}', response)
    made = create('"input":[1e16,1.5e19,-0.0,1.10,10e-1,1E-7,0.1e3,-0]')
    contains(
      '"input":[10000000000000000,15000000000000000000,0.0,1.1,1.0,1e-07,100,0]',
      get(path_of(made)).body
    )
  end)

  it("are changed on top of a version, and only when the content changes", function()
    local made = create('"input":1,"expected_output":"e","metadata":{"k":1}')
    local path = path_of(made)
    local second =
      must(200, "PATCH", path, '{"base_version":1,"input":true}', { key = "phx_emulator_li" })
    assert.same({ made.id, 2, 2, true, "e", { k = 1 } }, {
      second.id,
      second.version,
      second.dataset_revision,
      second.input,
      second.expected_output,
      second.metadata,
    })
    assert.not_equal(made.version_id, second.version_id)
    assert.same(
      { made.created_at, made.created_by, "李" },
      { second.created_at, second.created_by, second.version_created_by.first_name }
    )
    assert.equal(
      second.version_id,
      must(200, "PATCH", path, '{"base_version":2,"input":true,"metadata":{"k":1}}').version_id
    )
    assert.equal(3, must(200, "PATCH", path, '{"base_version":2,"expected_output":null}').version)
    conflict(
      send("PATCH", path, '{"base_version":2,"input":5}'),
      "stale_version",
      { current_version = 3, current_item_id = made.id }
    )
    for _, case in ipairs({
      { '{"input":1}', "required", "base_version" },
      { '{"base_version":0}', "min_value", "base_version" },
      { '{"base_version":3,"input":null}', "null", "input" },
      { '{"base_version":3,"metadata":null}', "null", "metadata" },
      { '{"base_version":3,"source_trace_id":"t"}', "invalid_input", "source_trace_id" },
      { '{"base_version":3,"client_item_id":"c"}', "invalid_input", "client_item_id" },
      { '{"base_version":3,"dataset":"' .. dataset .. '"}', "invalid_input", "dataset" },
      { '{"base_version":3,"input":"' .. ("x"):rep(406666) .. '"}', "max_size", "item" },
    }) do
      invalid(send("PATCH", path, case[1]), case[2], case[3])
    end
  end)

  it("are archived and restored, each a version", function()
    local made = create('"input":"one"')
    local path = path_of(made)
    must(200, "PATCH", path, { base_version = 1, input = "two" })
    conflict(send("POST", path .. "restore/", { base_version = 2 }), "dataset_item_active")
    conflict(
      send("POST", path .. "archive/", { base_version = 1 }),
      "stale_version",
      { current_version = 2, current_item_id = made.id }
    )
    local archived = must(200, "POST", path .. "archive/", { base_version = 2 })
    assert.same({ true, 3, "two" }, { archived.archived, archived.version, archived.input })
    conflict(send("POST", path .. "archive/", { base_version = 3 }), "dataset_item_archived")
    conflict(send("PATCH", path, { base_version = 3, input = "x" }), "dataset_item_archived")
    assert.same(archived, must(200, "GET", path))
    assert.same({ "", "two" }, { inputs(""), inputs("&archived=true") })
    invalid(
      send("POST", path .. "restore/", { base_version = 3, source_version = 4 }),
      "does_not_exist",
      "source_version"
    )
    invalid(send("POST", path .. "restore/", {}), "required", "base_version")
    invalid(send("POST", path .. "archive/", { base_version = 3, x = 1 }), "invalid_input", "x")
    local back = must(200, "POST", path .. "restore/", { base_version = 3, source_version = 1 })
    assert.same(
      { false, 4, "one", 4 },
      { back.archived, back.version, back.input, back.dataset_revision }
    )
    must(200, "POST", path .. "archive/", { base_version = 4 })
    assert.equal(
      "one",
      must(200, "POST", path .. "restore/", '{"base_version":5,"source_version":null}').input
    )
  end)

  it("stay as they are while their dataset is archived", function()
    local made = create('"input":"one"')
    must(200, "POST", P .. "/datasets/" .. dataset .. "/archive/")
    conflict(send("POST", ITEMS, body('"input":2')), "dataset_archived")
    conflict(send("PATCH", path_of(made), { base_version = 1 }), "dataset_archived")
    conflict(send("POST", path_of(made) .. "archive/", { base_version = 1 }), "dataset_archived")
    must(200, "GET", path_of(made))
    assert.equal("one", inputs(""))
  end)

  it("have versions, newest first, in pages", function()
    local made = create('"input":1')
    for n = 1, 29 do
      must(200, "PATCH", path_of(made), { base_version = n, input = n + 1 })
    end
    local page = must(200, "GET", path_of(made) .. "versions/")
    assert.same({ 30, 25, 30, 30, 6 }, {
      page.count,
      #page.results,
      page.results[1].version,
      page.results[1].input,
      page.results[25].version,
    })
    assert.equal(ITEM_KEYS, keys(page.results[1]))
    assert.equal(30, #must(200, "GET", path_of(made) .. "versions/?limit=1000").results)
  end)

  it("are shown as they were at a revision of the dataset", function()
    local a = create('"input":"a1"')
    create('"input":"b1"')
    must(200, "PATCH", path_of(a), { base_version = 1, input = "a2" })
    must(200, "POST", path_of(a) .. "archive/", { base_version = 2 })
    create('"input":"c1"')
    local shown = {}
    for n = 1, 5 do
      shown[n] = inputs("&revision=" .. n) .. "/" .. inputs("&archived=true&revision=" .. n)
    end
    assert.same({ "a1/", "b1 a1/", "b1 a2/", "b1/a2", "c1 b1/a2" }, shown)
    assert.equal("c1 b1", inputs(""))
    assert.equal("a1", must(200, "GET", path_of(a) .. "?revision=2").input)
    assert.same(
      { "a2", true },
      { must(200, "GET", path_of(a) .. "?revision=5").input, must(200, "GET", path_of(a)).archived }
    )
    local late = must(200, "GET", ITEMS .. "?dataset=" .. dataset).results[1]
    for _, target in ipairs({
      path_of(late) .. "?revision=4",
      path_of(a) .. "?revision=6",
      ITEMS .. "?revision=6&dataset=" .. dataset,
      ITEMS .. "?dataset=" .. UNKNOWN_ID,
    }) do
      envelope(get(target), 404, "invalid_request", "not_found")
    end
    invalid(get(path_of(a) .. "?revision=0"), "min_value", "revision")
    invalid(get(ITEMS), "required", "dataset")
    invalid(get(ITEMS .. "?dataset=x"), "invalid_input", "dataset")
    invalid(get(ITEMS .. "?archived=x&dataset=" .. dataset), "invalid_input", "archived")
  end)

  it("are listed by 10, by 25 at most", function()
    t.e:seed({ dataset = dataset, items = 30 })
    local base = t.e.url .. ITEMS .. "?dataset=" .. dataset
    for query, expected in pairs({
      [""] = { 10, base .. "&limit=10&offset=10" },
      ["&limit=100"] = { 25, base .. "&limit=25&offset=25" },
      ["&offset=25&limit=26"] = { 5, cjson.null },
    }) do
      local page = must(200, "GET", ITEMS .. "?dataset=" .. dataset .. query)
      assert.same(expected, { #page.results, page.next })
    end
  end)

  it("are limited in number by the settings, and so are their versions", function()
    local made = create('"input":1')
    t.e:settings({ item_limit = 1, item_version_limit = 1 })
    conflict(
      send("POST", ITEMS, body('"input":2')),
      "limit_reached",
      { resource = "dataset_items", current_count = 1, limit = 1 }
    )
    local full = { resource = "dataset_item_versions", current_count = 1, limit = 1 }
    conflict(send("PATCH", path_of(made), { base_version = 1, input = 2 }), "limit_reached", full)
    conflict(send("POST", path_of(made) .. "archive/", { base_version = 1 }), "limit_reached", full)
    must(200, "PATCH", path_of(made), { base_version = 1, input = 1 })
    assert.same(
      { { id = made.id, dataset = dataset, archived = false, version = 1 } },
      t.e:state().projects["112358"].items
    )
  end)
end)
