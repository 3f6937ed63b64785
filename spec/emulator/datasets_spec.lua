local cjson = require("cjson")

local expect = require("spec.emulator.expect")

local t = expect.session()
local call, get, send, must, envelope, invalid =
  t.call, t.get, t.send, t.must, t.envelope, t.invalid
local keys, contains = expect.keys, expect.contains

local P = "/api/projects/112358"
local UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
local USER_KEYS = "distinct_id email first_name hedgehog_config id is_email_verified last_name "
  .. "role_at_organization uuid"
local DATASET_KEYS = "created_at created_by deleted description id metadata name team updated_at"
local ITEM_KEYS = "created_at created_by dataset deleted id input metadata output ref_source_id "
  .. "ref_timestamp ref_trace_id team updated_at"
local PAGE_KEYS = "count next previous results"

describe("the emulator", function()
  setup(t.start)
  teardown(t.stop)
  before_each(t.reset)

  describe("has datasets that", function()
    it("are created, read, changed and listed in the shape of the API", function()
      local made, response = must(
        201,
        "POST",
        P .. "/datasets/",
        '{"name":"  \227\128\128Übung \\n","x":1,"id":"mine","team":5}'
      )
      assert.equal(DATASET_KEYS, keys(made))
      assert.equal(USER_KEYS, keys(made.created_by))
      assert.same(
        { "Übung", cjson.null, cjson.null, false, 112358 },
        { made.name, made.description, made.metadata, made.deleted, made.team }
      )
      assert.is_nil(response.body:find("\n"))
      local path = P .. "/datasets/" .. made.id .. "/"
      assert.same(made, must(200, "GET", path))
      local changed = must(200, "PATCH", path, { description = "d", metadata = { 1, "two" } })
      assert.same(
        { "Übung", "d", { 1, "two" } },
        { changed.name, changed.description, changed.metadata }
      )
      assert.not_equal(made.updated_at, changed.updated_at)
      assert.equal(cjson.null, must(200, "PATCH", path, '{"description":null}').description)
      must(200, "PATCH", path)
      invalid(send("PUT", path, { description = "e" }), "required", "name")
      assert.equal("f", must(200, "PUT", path, { name = "f" }).name)
      local page = must(200, "GET", P .. "/datasets/")
      assert.equal(PAGE_KEYS, keys(page))
      assert.same({ 1, made.id }, { page.count, page.results[1].id })
    end)

    it("check the fields of a request", function()
      local long = ("é"):rep(401)
      for _, case in ipairs({
        { "{}", "required", "name" },
        { "", "required", "name" },
        { '{"name":null}', "null", "name" },
        { '{"name":" \\t "}', "blank", "name" },
        { '{"name":[]}', "invalid_input", "name" },
        { '{"name":true}', "invalid_input", "name" },
        { '{"name":"' .. long .. '"}', "max_length", "name" },
        { '{"name":"a\\u0000b"}', "null_characters_not_allowed", "name" },
        { '{"name":"a\\ud800b"}', "surrogate_characters_not_allowed", "name" },
        { '{"name":"x","deleted":"maybe"}', "invalid_input", "deleted" },
      }) do
        invalid(send("POST", P .. "/datasets/", case[1]), case[2], case[3])
      end
      assert.equal("5.0", must(201, "POST", P .. "/datasets/", '{"name":5.0}').name)
      must(201, "POST", P .. "/datasets/", '{"name":"' .. ("é"):rep(400) .. '"}')
      assert.equal("🦔", must(201, "POST", P .. "/datasets/", '{"name":"\\ud83e\\udd94"}').name)
    end)

    it("vanish when soft-deleted and come back by PATCH", function()
      local id = must(201, "POST", P .. "/datasets/", { name = "x" }).id
      local path = P .. "/datasets/" .. id .. "/"
      assert.is_true(must(200, "PATCH", path, { deleted = true }).deleted)
      envelope(get(path), 404, "invalid_request", "not_found")
      assert.equal(0, must(200, "GET", P .. "/datasets/").count)
      assert.equal("y", must(200, "PATCH", path, { name = "y" }).name)
      must(200, "PATCH", path, '{"deleted":null}')
      assert.equal(cjson.null, must(200, "GET", path).deleted)
    end)

    it("hide every reason for a 404, and refuse DELETE with an empty 405", function()
      local id = must(201, "POST", "/api/projects/271828/datasets/", { name = "x" }).id
      for _, bad in ipairs({ id, UNKNOWN_ID, "not-a-uuid" }) do
        envelope(get(P .. "/datasets/" .. bad .. "/"), 404, "invalid_request", "not_found")
        local response = call("DELETE", P .. "/datasets/" .. bad .. "/")
        assert.same({ 405, "" }, { response.status, response.body })
        assert.is_nil(response.headers["content-type"])
        assert.equal("GET, PUT, PATCH, DELETE, HEAD, OPTIONS", response.headers.allow)
      end
      envelope(
        call("DELETE", P .. "/datasets/x/", { key = "phx_emulator_read" }),
        403,
        "authentication_error",
        "permission_denied"
      )
    end)

    it("are filtered, searched and ordered", function()
      local ids = {}
      for i, body in ipairs({
        '{"name":"Alpha","description":"one 100%"}',
        '{"name":"Beta","metadata":{"Sprache":"Übung"}}',
        '{"name":"Gamma_x"}',
      }) do
        ids[i] = must(201, "POST", P .. "/datasets/", body).id
      end
      must(200, "PATCH", P .. "/datasets/" .. ids[1] .. "/", {})
      local function names(query)
        local list = {}
        for i, row in ipairs(must(200, "GET", P .. "/datasets/?" .. query).results) do
          list[i] = row.name:sub(1, 1)
        end
        return table.concat(list)
      end
      for query, expected in pairs({
        [""] = "GBA",
        ["order_by="] = "GBA",
        ["order_by=created_at"] = "ABG",
        ["order_by=-updated_at,created_at"] = "AGB",
        ["search=ALPHA"] = "A",
        ["search="] = "GBA",
        ["search=%25"] = "A",
        ["search=_"] = "G",
        ["search=sprache"] = "B",
        ["search=%C3%BCbung"] = "B",
        ["id__in="] = "GBA",
        ["id__in=" .. ids[1] .. "%2C" .. ids[3] .. ","] = "GA",
        ["id__in=" .. ids[1] .. "&id__in=" .. ids[2]] = "B",
        ["id__in=" .. UNKNOWN_ID] = "",
      }) do
        assert.equal(expected, names(query), query)
      end
      invalid(get(P .. "/datasets/?order_by=name"), "invalid_choice", "order_by")
      invalid(get(P .. "/datasets/?id__in=" .. ids[1] .. ",x"), "invalid_input", "id__in")
    end)
  end)

  describe("has dataset items that", function()
    it("keep free JSON as it was sent", function()
      local dataset = t.e:seed({ datasets = 1 }).datasets[1]
      local free = {
        input = '{"big":18446744073709551615,"neg":-9223372036854775808,"f":1.0,"i":1,"e":[],'
          .. '"o":{},"z":-0.0,"x":1e400,"dup":1,"dup":2,"nul":"a\\u0000b",'
          .. '"h":"🦔\\ud83e\\udd94\127"}',
        output = '[0.30000000000000004,null,[[]],"\\/"]',
        metadata = '"text"',
      }
      local made, response = must(
        201,
        "POST",
        P .. "/dataset_items/",
        ('{ "dataset" : "%s",\n' .. '"input": %s , "output":%s,"metadata":%s}'):format(
          dataset:upper(),
          free.input,
          free.output,
          free.metadata
        )
      )
      assert.equal(ITEM_KEYS, keys(made))
      local path = P .. "/dataset_items/" .. made.id .. "/"
      for _, text in ipairs({ response.body, get(path).body, get(P .. "/dataset_items/").body }) do
        for name, raw in pairs(free) do
          contains(('"%s":%s,"'):format(name, raw), text)
        end
      end
      local changed, patched = must(200, "PATCH", path, '{"output":{"a":[]},"metadata":null}')
      contains('"output":{"a":[]}', patched.body)
      assert.equal(cjson.null, changed.metadata)
      contains('"input":' .. free.input, patched.body)
    end)

    it("check the fields and the dataset of a request", function()
      local dataset = t.e:seed({ datasets = 1 }).datasets[1]
      local function with(rest)
        return '{"dataset":"' .. dataset .. '",' .. rest .. "}"
      end
      for _, case in ipairs({
        { "{}", "required", "dataset" },
        { '{"dataset":null}', "null", "dataset" },
        { '{"dataset":"zz"}', "invalid_input", "dataset" },
        { '{"dataset":true}', "incorrect_type", "dataset" },
        { '{"dataset":"' .. UNKNOWN_ID .. '"}', "does_not_exist", "dataset" },
        { with('"ref_timestamp":"2026-01-01"'), "invalid_input", "ref_timestamp" },
        { with('"ref_timestamp":1700000000'), "invalid_input", "ref_timestamp" },
        { with('"ref_timestamp":"2026-02-30T00:00:00Z"'), "invalid_input", "ref_timestamp" },
        { with('"ref_trace_id":"' .. ("x"):rep(256) .. '"'), "max_length", "ref_trace_id" },
      }) do
        invalid(send("POST", P .. "/dataset_items/", case[1]), case[2], case[3])
      end
      invalid(get(P .. "/dataset_items/?dataset=x"), "invalid_input", "dataset")
      invalid(get(P .. "/dataset_items/?dataset=" .. UNKNOWN_ID), "invalid_choice", "dataset")
      for sent, stored in pairs({
        ["2026-03-14T09:26:53+02:00"] = "2026-03-14T07:26:53Z",
        ["2026-03-14 07:26:53.5"] = "2026-03-14T07:26:53.500000Z",
        ["2024-02-29T23:59Z"] = "2024-02-29T23:59:00Z",
      }) do
        local made = must(
          201,
          "POST",
          P .. "/dataset_items/",
          with('"ref_timestamp":"' .. sent .. '","ref_source_id":""')
        )
        assert.same(
          { stored, "", cjson.null },
          { made.ref_timestamp, made.ref_source_id, made.ref_trace_id }
        )
      end
    end)

    it("move, are soft-deleted, and stay listed when their dataset goes", function()
      local made = t.e:seed({ datasets = 2, items = 2 })
      local path = P .. "/dataset_items/" .. made.items[1] .. "/"
      local moved = must(200, "PATCH", path, { dataset = made.datasets[2] })
      assert.equal(made.datasets[2], moved.dataset)
      must(200, "PATCH", P .. "/datasets/" .. made.datasets[2] .. "/", { deleted = true })
      assert.equal(1, must(200, "GET", P .. "/dataset_items/?dataset=" .. made.datasets[2]).count)
      assert.equal(2, must(200, "GET", P .. "/dataset_items/?dataset=").count)
      must(200, "PATCH", path, { deleted = true })
      must(404, "GET", path)
      assert.equal(1, must(200, "GET", P .. "/dataset_items/").count)
      must(200, "PATCH", path, { deleted = false })
      must(200, "GET", path)
      local response = call("DELETE", path)
      assert.same({ 405, "" }, { response.status, response.body })
    end)

    it("cannot be changed to null where that is not allowed", function()
      local id = t.e:seed({ datasets = 1, items = 1 }).items[1]
      invalid(
        send("PATCH", P .. "/dataset_items/" .. id .. "/", '{"dataset":null}'),
        "null",
        "dataset"
      )
    end)
  end)

  describe("has pages that", function()
    it("have absolute links with sorted parameters, and end", function()
      local made = t.e:seed({ datasets = 1, items = 5 })
      local base = t.e.url .. P .. "/dataset_items/"
      local dataset = made.datasets[1]
      local function page(query)
        local body = must(200, "GET", P .. "/dataset_items/?" .. query)
        return { body.next, body.previous, #body.results }
      end
      local null = cjson.null
      assert.same(
        { base .. "?dataset=" .. dataset .. "&limit=2&offset=2", null, 2 },
        page("limit=2&dataset=" .. dataset)
      )
      assert.same(
        { base .. "?limit=2&offset=4&z=%C3%A4+b", base .. "?limit=2&z=%C3%A4+b", 2 },
        page("z=%C3%A4%20b&offset=2&limit=2")
      )
      assert.same({ null, base .. "?limit=2&offset=2", 1 }, page("offset=4&limit=2"))
      assert.same({ null, base .. "?limit=100&offset=900", 0 }, page("offset=1000"))
      for _, junk in ipairs({
        "limit=0",
        "limit=-1",
        "limit=x",
        "limit=",
        "offset=-3",
        "offset=x",
        "limit=100000",
      }) do
        assert.same({ null, null, 5 }, page(junk))
      end
      local first = must(200, "GET", P .. "/dataset_items/?limit=1").results[1]
      assert.equal(made.items[5], first.id)
      local prefixed = must(200, "GET", "/posthog" .. P .. "/dataset_items?limit=4")
      assert.equal(t.e.url .. "/posthog" .. P .. "/dataset_items?limit=4&offset=4", prefixed.next)
      t.e:settings({ link_origin = "http://internal:8000" })
      assert.equal(
        "http://internal:8000" .. P .. "/dataset_items/?limit=4&offset=4",
        must(200, "GET", "/posthog" .. P .. "/dataset_items/?limit=4").next
      )
    end)
  end)
end)
