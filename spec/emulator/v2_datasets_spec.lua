local cjson = require("cjson")

local expect = require("spec.emulator.expect")

local t = expect.session({ profile = "current" })
local call, get, send, must, envelope, invalid, conflict =
  t.call, t.get, t.send, t.must, t.envelope, t.invalid, t.conflict
local keys, contains = expect.keys, expect.contains

local P = "/api/projects/112358"
local E = "/api/environments/112358"
local UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
local DATASET_KEYS = "archived created_at created_by current_revision current_revision_id "
  .. "description id metadata name team_id updated_at user_access_level"
local REVISION_KEYS = "created_at created_by dataset_id id revision team_id"

local function create(body)
  return must(201, "POST", P .. "/datasets/", body)
end

local function path_of(dataset)
  return P .. "/datasets/" .. (dataset.id or dataset) .. "/"
end

describe("the emulator on API v2 has datasets that", function()
  setup(t.start)
  teardown(t.stop)
  before_each(t.reset)

  it("have new fields, and need only a name", function()
    t.e:settings({ jsonb = false })
    local made, response = must(201, "POST", P .. "/datasets/", { name = " Übung " })
    assert.equal(DATASET_KEYS, keys(made))
    assert.same({ "Übung", "", false, cjson.null, cjson.null, 112358 }, {
      made.name,
      made.description,
      made.archived,
      made.current_revision,
      made.current_revision_id,
      made.team_id,
    })
    contains('"metadata":{}', response.body)
    assert.same(made, must(200, "GET", path_of(made)))
    local changed = must(
      200,
      "PATCH",
      path_of(made),
      '{"description":"d","metadata":{"big":' .. '18446744073709551615,"e":[]}}'
    )
    assert.same({ "Übung", "d" }, { changed.name, changed.description })
    contains('"metadata":{"big":18446744073709551615,"e":[]}', get(path_of(made)).body)
    assert.not_equal(made.updated_at, changed.updated_at)
  end)

  it("take no other field, and no field of another kind", function()
    local made = create({ name = "x" })
    for _, case in ipairs({
      { '{"name":"y","deleted":true}', "invalid_input", "deleted" },
      { '{"name":"y","team":1}', "invalid_input", "team" },
      { '{"zz":1,"id":"mine"}', "invalid_input", "id" },
      { '{"name":null}', "null", "name" },
      { '{"name":" "}', "blank", "name" },
      { '{"name":"' .. ("é"):rep(401) .. '"}', "max_length", "name" },
      { '{"name":"y","description":null}', "null", "description" },
      { '{"name":"y","description":"' .. ("d"):rep(10001) .. '"}', "max_length", "description" },
      { '{"name":"y","metadata":null}', "null", "metadata" },
      { '{"name":"y","metadata":[]}', "not_a_dict", "metadata" },
      { '{"name":"y","metadata":"text"}', "not_a_dict", "metadata" },
    }) do
      invalid(send("POST", P .. "/datasets/", case[1]), case[2], case[3])
      invalid(send("PATCH", path_of(made), case[1]), case[2], case[3])
    end
    invalid(send("POST", P .. "/datasets/", "{}"), "required", "name")
    must(200, "PATCH", path_of(made), "{}")
    assert.equal(1, #t.e:state().projects["112358"].datasets)
  end)

  it("have a name of their own in the project, also while archived", function()
    local first, second = create({ name = "a" }), create({ name = "b" })
    must(201, "POST", "/api/projects/271828/datasets/", { name = "a" })
    conflict(send("POST", P .. "/datasets/", { name = "a" }), "dataset_name_conflict")
    conflict(send("PATCH", path_of(second), { name = " a " }), "dataset_name_conflict")
    must(200, "PATCH", path_of(first), { name = "a" })
    must(200, "POST", path_of(first) .. "archive/")
    conflict(send("POST", P .. "/datasets/", { name = "a" }), "dataset_name_conflict")
    must(201, "POST", P .. "/datasets/", { name = "A" })
  end)

  it("are twenty at most, archived ones counted, unless settings say otherwise", function()
    local made = t.e:seed({ datasets = 20 }).datasets
    must(200, "POST", path_of(made[1]) .. "archive/")
    conflict(
      send("POST", P .. "/datasets/", { name = "x" }),
      "limit_reached",
      { resource = "datasets", current_count = 20, limit = 20 }
    )
    t.e:settings({ dataset_limit = 21 })
    create({ name = "x" })
    conflict(
      send("POST", P .. "/datasets/", { name = "y" }),
      "limit_reached",
      { resource = "datasets", current_count = 21, limit = 21 }
    )
    t.e:settings({ dataset_limit = 0 })
    create({ name = "y" })
  end)

  it("are archived and restored, again and again, and not changed meanwhile", function()
    local made = create({ name = "x" })
    local archived = must(200, "POST", path_of(made) .. "archive/")
    assert.equal(DATASET_KEYS, keys(archived))
    assert.is_true(archived.archived)
    assert.same(archived, must(200, "POST", path_of(made) .. "archive/"))
    assert.same(archived, must(200, "GET", path_of(made)))
    conflict(send("PATCH", path_of(made), { name = "y" }), "dataset_archived")
    assert.equal(0, must(200, "GET", P .. "/datasets/").count)
    assert.equal(1, must(200, "GET", P .. "/datasets/?archived=true").count)
    local restored = must(200, "POST", path_of(made) .. "restore/")
    assert.is_false(restored.archived)
    assert.same(restored, must(200, "POST", path_of(made) .. "restore/"))
    assert.equal(0, must(200, "GET", P .. "/datasets/?archived=1").count)
    for _, bad in ipairs({ UNKNOWN_ID, "zz" }) do
      envelope(call("POST", path_of(bad) .. "archive/"), 404, "invalid_request", "not_found")
      envelope(get(path_of(bad)), 404, "invalid_request", "not_found")
    end
  end)

  it("are listed by 50, by 100 at most, and next has the limit that counted", function()
    local made = t.e:seed({ datasets = 101 }).datasets
    local function page(query)
      local body = must(200, "GET", P .. "/datasets/" .. query)
      return { #body.results, body.next }
    end
    local base = t.e.url .. P .. "/datasets/?"
    assert.same({ 50, base .. "limit=50&offset=50" }, page(""))
    assert.same({ 50, base .. "limit=50&offset=50" }, page("?limit=0"))
    assert.same({ 100, base .. "limit=100&offset=100" }, page("?limit=500"))
    assert.same({ 1, cjson.null }, page("?limit=500&offset=100"))
    assert.equal(made[101], must(200, "GET", P .. "/datasets/?limit=1").results[1].id)
  end)

  it("are filtered and ordered, and refuse bad parameters", function()
    local ids = {}
    for i, name in ipairs({ "Alpha", "Beta", "Gamma_x" }) do
      local word = name == "Beta" and "Übung" or "x"
      ids[i] = create({ name = name, metadata = { Sprache = word } }).id
    end
    must(200, "PATCH", path_of(ids[1]), {})
    local function names(query)
      local list = {}
      for i, row in ipairs(must(200, "GET", P .. "/datasets/?" .. query).results) do
        list[i] = row.name:sub(1, 1)
      end
      return table.concat(list)
    end
    for query, expected in pairs({
      [""] = "GBA",
      ["order_by=created_at"] = "ABG",
      ["order_by=-updated_at"] = "AGB",
      ["search=ALPHA"] = "A",
      ["search=%C3%BCbung"] = "B",
      ["search=_"] = "G",
      ["id__in=" .. ids[1] .. "%2C" .. ids[3] .. ","] = "GA",
      ["id__in=" .. ids[1] .. "&id__in=" .. ids[2]] = "BA",
      ["id__in=" .. UNKNOWN_ID] = "",
    }) do
      assert.equal(expected, names(query), query)
    end
    for _, case in ipairs({
      { "id__in=", "empty", "id__in" },
      { "id__in=x", "invalid_input", "id__in" },
      { "id__in=" .. (ids[1] .. ","):rep(101), "max_length", "id__in" },
      { "search=", "blank", "search" },
      { "search=%20", "blank", "search" },
      { "archived=maybe", "invalid_input", "archived" },
      { "order_by=name", "invalid_choice", "order_by" },
      { "order_by=", "invalid_choice", "order_by" },
      { "order_by=created_at,-updated_at", "invalid_choice", "order_by" },
    }) do
      invalid(get(P .. "/datasets/?" .. case[1]), case[2], case[3])
    end
  end)

  it("count their revisions: one for each write to an item", function()
    local dataset = create({ name = "x" })
    local function revisions(query)
      return must(200, "GET", path_of(dataset) .. "revisions/" .. (query or ""))
    end
    assert.same({ 0, {} }, { revisions().count, revisions().results })
    local item = must(201, "POST", P .. "/dataset_items/", { dataset = dataset.id, input = 1 })
    must(
      200,
      "PATCH",
      P .. "/dataset_items/" .. item.id .. "/",
      { base_version = 1, input = 2 },
      { key = "phx_emulator_gone" }
    )
    local list = revisions()
    assert.equal(2, list.count)
    assert.equal(REVISION_KEYS, keys(list.results[1]))
    assert.same({ 2, 1, cjson.null, dataset.id, 112358 }, {
      list.results[1].revision,
      list.results[2].revision,
      list.results[1].created_by,
      list.results[1].dataset_id,
      list.results[1].team_id,
    })
    assert.equal(item.dataset_revision_id, list.results[2].id)
    local now = must(200, "GET", path_of(dataset))
    assert.same({ 2, list.results[1].id }, { now.current_revision, now.current_revision_id })
    assert.equal(1, #revisions("?limit=1").results)
  end)

  it("are not deleted: no key has a scope for it, browsers see a 405", function()
    local path = path_of(create({ name = "x" }))
    for _, method in ipairs({ "DELETE", "PUT" }) do
      envelope(call(method, path), 403, "authentication_error", "permission_denied")
    end
    t.e:settings({ unknown_method = "not_allowed" })
    local response = call("DELETE", path)
    envelope(response, 405, "invalid_request", "method_not_allowed")
    assert.equal("GET, PATCH, HEAD, OPTIONS", response.headers.allow)
  end)

  it("may be switched off for a project", function()
    t.e:settings({ dataset_feature = false })
    for _, target in ipairs({
      "/datasets/",
      "/datasets/x/revisions/",
      "/dataset_items/?dataset=x",
    }) do
      envelope(get(P .. target), 403, "authentication_error", "permission_denied")
    end
    must(200, "GET", P .. "/llm_skills/")
  end)

  it("are also served below environments, with a warning, and name projects in next", function()
    local ids = t.e:seed({ datasets = 2 }).datasets
    local page, response = must(200, "GET", E .. "/datasets/?limit=1")
    assert.equal(t.e.url .. P .. "/datasets/?limit=1&offset=1", page.next)
    assert.same({
      "true",
      "<" .. P .. '/datasets/?limit=1>; rel="successor-version"',
      "Fri, 31 Jul 2026 00:00:00 GMT",
    }, { response.headers.deprecation, response.headers.link, response.headers.sunset })
    assert.is_nil(get(P .. "/datasets/").headers.deprecation)
    must(200, "PATCH", E .. "/datasets/" .. ids[1] .. "/", { name = "z" })
    t.e:settings({ environments = "absent" })
    envelope(get(E .. "/datasets/"), 404, "invalid_request", "not_found")
    must(200, "GET", P .. "/datasets/")
  end)

  it("can follow those of API v1 while the server runs", function()
    create({ name = "newer" })
    t.e:settings({ profile = "reference" })
    assert.equal(0, must(200, "GET", E .. "/datasets/").count)
    assert.is_false(must(201, "POST", P .. "/datasets/", { name = "older", x = 1 }).deleted)
    assert.equal(405, call("DELETE", P .. "/datasets/x/").status)
    assert.is_nil(get(E .. "/datasets/").headers.deprecation)
    t.e:settings({ profile = "current" })
    assert.equal("newer", must(200, "GET", P .. "/datasets/").results[1].name)
    assert.error_matches(function()
      t.e:settings({ profile = "nope" })
    end, "no profile nope")
    t.e:settings({ profile = "reference" })
    t.e:reset()
    assert.equal("current", t.e:settings().profile)
  end)
end)
