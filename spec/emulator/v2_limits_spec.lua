local cjson = require("cjson")

local expect = require("spec.emulator.expect")

local t = expect.session({ profile = "current" })
local get, send, must, invalid, conflict = t.get, t.send, t.must, t.invalid, t.conflict

local P = "/api/projects/112358"
local ITEMS = P .. "/dataset_items/"

describe("the emulator on API v2 has limits:", function()
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

  it("those of the server, unless settings say otherwise", function()
    local settings = t.e:settings()
    assert.same({ 600, 406666, 20, 40, 39 }, {
      settings.item_limit,
      settings.item_bytes,
      settings.dataset_limit,
      settings.item_version_limit,
      settings.item_archive_limit,
    })
  end)

  it("600 items a dataset, archived ones too", function()
    local ids = t.e:seed({ dataset = dataset, items = 599 }).items
    must(200, "POST", ITEMS .. ids[1] .. "/archive/", { base_version = 1 })
    local last = must(201, "POST", ITEMS, body('"input":1,"client_item_id":"c"'))
    local full = { resource = "dataset_items", current_count = 600, limit = 600 }
    conflict(send("POST", ITEMS, body('"input":2')), "limit_reached", full)
    assert.same(last, must(200, "POST", ITEMS, body('"input":1,"client_item_id":"c"')))
    must(200, "PATCH", ITEMS .. last.id .. "/", { base_version = 1, input = 3 })
    local other = t.e:seed({ datasets = 1 }).datasets[1]
    must(201, "POST", ITEMS, { dataset = other, input = 1 })
    t.e:settings({ item_limit = 601 })
    must(201, "POST", ITEMS, body('"input":2'))
  end)

  it("so many bytes for the four fields of an item as one object", function()
    local function size_of(input, expected, source, metadata)
      return #('{"input":%s,"expected_output":%s,"source_output":%s,"metadata":%s}'):format(
        input,
        expected,
        source,
        metadata
      )
    end
    local filler = ('"%s"'):format(("é"):rep(200000))
    local free = 406666 - size_of('""', filler, "[1]", "{}")
    local function fields(input_bytes)
      return body(
        ('"input":"%s","expected_output": %s ,"source_output":[ 1 ],"client_item_id":"%d"'):format(
          ("x"):rep(input_bytes),
          filler,
          input_bytes
        )
      )
    end
    local made = must(201, "POST", ITEMS, fields(free))
    invalid(send("POST", ITEMS, fields(free + 1)), "max_size", "item")
    local path = ITEMS .. made.id .. "/"
    invalid(
      send("PATCH", path, ('{"base_version":1,"input":"%s"}'):format(("x"):rep(free + 1))),
      "max_size",
      "item"
    )
    must(200, "PATCH", path, ('{"base_version":1,"input":"%s"}'):format(("y"):rep(free)))
    t.e:settings({ item_bytes = size_of("1", "null", "null", "{}") })
    must(201, "POST", ITEMS, body('"input":1'))
    invalid(send("POST", ITEMS, body('"input":12')), "max_size", "item")
  end)

  it("40 versions an item, and 39 for one that is to be archived", function()
    local made = must(201, "POST", ITEMS, body('"input":1'))
    local path = ITEMS .. made.id .. "/"
    for n = 1, 38 do
      must(200, "PATCH", path, { base_version = n, input = n + 1 })
    end
    conflict(
      send("POST", path .. "archive/", { base_version = 39 }),
      "limit_reached",
      { resource = "dataset_item_versions", current_count = 39, limit = 39 }
    )
    must(200, "PATCH", path, { base_version = 39, input = 40 })
    conflict(
      send("PATCH", path, { base_version = 40, input = 41 }),
      "limit_reached",
      { resource = "dataset_item_versions", current_count = 40, limit = 40 }
    )
    must(200, "PATCH", path, { base_version = 40, input = 40 })
    local other = ITEMS .. must(201, "POST", ITEMS, body('"input":1')).id .. "/"
    t.e:settings({ item_archive_limit = 1 })
    t.conflict(
      send("POST", other .. "archive/", { base_version = 1 }),
      "limit_reached",
      { resource = "dataset_item_versions", current_count = 1, limit = 1 }
    )
    t.e:settings({ item_archive_limit = 0 })
    must(200, "POST", other .. "archive/", { base_version = 1 })
  end)

  it("what a conflict does not tell may be null, but not in that of a limit", function()
    local made = must(201, "POST", ITEMS, body('"input":1,"client_item_id":"c"'))
    local path = ITEMS .. made.id .. "/"
    t.e:settings({ conflict_nulls = true })
    local none = { current_version = cjson.null, current_item_id = cjson.null }
    conflict(
      send("POST", ITEMS, body('"input":2,"client_item_id":"c"')),
      "client_item_id_conflict",
      { current_version = cjson.null, current_item_id = made.id }
    )
    conflict(
      send("PATCH", path, { base_version = 7, input = 2 }),
      "stale_version",
      { current_version = 1, current_item_id = made.id }
    )
    conflict(send("POST", path .. "restore/", { base_version = 1 }), "dataset_item_active", none)
    conflict(
      send("POST", P .. "/datasets/", { name = "Seeded dataset 1" }),
      "dataset_name_conflict",
      none
    )
    t.e:settings({ dataset_limit = 1 })
    conflict(
      send("POST", P .. "/datasets/", { name = "x" }),
      "limit_reached",
      { resource = "datasets", current_count = 1, limit = 1 }
    )
  end)
end)

describe("the emulator on API v2 keeps free JSON so that", function()
  local dataset

  setup(t.start)
  teardown(t.stop)
  before_each(function()
    t.reset()
    dataset = t.e:seed({ datasets = 1 }).datasets[1]
  end)

  local function create(input)
    return send("POST", ITEMS, ('{"dataset":"%s","input":%s}'):format(dataset, input))
  end

  it("names have another order, and each is there once", function()
    expect.contains('"input":{"a":2,"b":1,"cc":[]},', create('{ "b":1,"cc":[ ],"a":1,"a":2}').body)
  end)

  it("a NUL in it may be an error of the server", function()
    assert.equal(201, create('"\\u0000"').status)
    t.e:settings({ json_nul = "error" })
    t.envelope(create('{"a":"x\\u0000"}'), 500, "server_error", "error")
    t.envelope(
      send("POST", P .. "/datasets/", '{"name":"x","metadata":{"\\u0000":1}}'),
      500,
      "server_error",
      "error"
    )
    assert.equal(201, create('"\\\\u0000"').status)
    assert.equal(2, #t.e:state().projects["112358"].items)
  end)

  it("an integer beyond 64 bits may break whatever shows it", function()
    assert.equal(201, create("18446744073709551616").status)
    t.e:settings({ wide_integers = "breaks" })
    for _, fine in ipairs({
      "18446744073709551615",
      "-9223372036854775808",
      "0.1234567890123456789012345",
      '"99999999999999999999 \\" 99999999999999999999"',
    }) do
      assert.equal(201, create(fine).status, fine)
    end
    local list = ITEMS .. "?limit=1&dataset=" .. dataset
    for _, wide in ipairs({ "18446744073709551616", "[-9223372036854775809]", "1e30" }) do
      local response = create(wide)
      assert.same(
        { 500, "text/html; charset=utf-8" },
        { response.status, response.headers["content-type"] }
      )
      assert.equal(500, get(list).status)
      must(201, "POST", ITEMS, { dataset = dataset, input = 1 })
      must(200, "GET", list)
    end
    assert.equal(500, get(ITEMS .. "?limit=25&dataset=" .. dataset).status)
  end)
end)
