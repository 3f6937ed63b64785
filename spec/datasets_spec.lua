local cjson = require("cjson")

local live = require("spec.support.live")
local llm = require("posthog.llm")

local t = live.session()
local fails, all, misuses = live.fails, live.all, live.misuses

local BASE = "/api/projects/112358/datasets/"
local UNKNOWN = "00000000-0000-4000-8000-000000000000"

describe("the methods of client.datasets", function()
  local datasets

  setup(t.start)
  teardown(t.stop)
  before_each(function()
    t.reset()
    datasets = t.client().datasets
  end)

  describe("create, get and update", function()
    it("write and read a row with all its fields", function()
      local row, err, response = datasets:create({
        name = "golden €",
        description = "for tests",
        metadata = { rows = llm.array(), none = llm.null, deep = { 1, 2.5, "x" } },
      })
      assert.is_nil(err)
      assert.equal(201, response.status)
      assert.same({ "golden €", "for tests", 112358 }, { row.name, row.description, row.team })
      assert.equal("zoe.nunez@example.net", row.created_by.email)
      assert.equal("string", type(row.created_at))
      assert.equal(llm.null, row.metadata.none)
      assert.equal("[]", llm.json.encode(row.metadata.rows))
      assert.same({ 1, 2.5, "x" }, row.metadata.deep)

      local again = assert(datasets:get(row.id))
      assert.equal(llm.json.encode(row.metadata.deep), llm.json.encode(again.metadata.deep))
      local changed = assert(datasets:update(row.id, { description = "other" }))
      assert.same({ "golden €", "other" }, { changed.name, changed.description })
      assert.same({ 1, 2.5, "x" }, changed.metadata.deep)

      local path = BASE .. row.id .. "/"
      t.sent({ "POST " .. BASE, "GET " .. path, "PATCH " .. path })
      local log = t.e:log()
      assert.is_nil(log[1].body:find("deleted", 1, true))
      assert.equal("", log[2].body or "")
      assert.is_nil(log[2].raw_header:lower():find("content-type", 1, true))
      assert.equal('{"description":"other"}', log[3].body)
    end)

    it("distinguish absent, null and empty", function()
      local row = assert(datasets:create({ name = "x", description = "d", metadata = {} }))
      assert.equal("{}", llm.json.encode(row.metadata))
      assert(datasets:update(row.id, {}))
      row = assert(datasets:update(row.id, { description = llm.null }))
      assert.is_nil(row.description)
      assert.equal("{}", llm.json.encode(row.metadata))
      row = assert(datasets:update(row.id, { metadata = llm.null, description = "" }))
      assert.equal(llm.null, row.metadata)
      assert.equal("", row.description)
      row = assert(datasets:update(row.id, { metadata = llm.array() }))
      assert.equal("[]", llm.json.encode(row.metadata))
      local bodies = {}
      for i, entry in ipairs(t.e:log(1)) do
        bodies[i] = entry.body
      end
      table.remove(bodies, 3) -- two fields, in any order
      assert.same({ "{}", '{"description":null}', '{"metadata":[]}' }, bodies)
    end)

    it("drop null from the API's fields, keep it in free ones, and both with keep_null", function()
      local row = assert(datasets:create({ name = "x" }))
      assert.is_nil(row.description)
      assert.equal(llm.null, row.metadata)
      local user = assert(
        t.client({ personal_api_key = "phx_emulator_li" }).datasets
          :create({ name = "y", metadata = { a = llm.null } })
      )
      assert.is_nil(user.created_by.is_email_verified)
      assert.equal(llm.null, user.metadata.a)
      local gone = t.client({ personal_api_key = "phx_emulator_gone" }).datasets
      assert.is_nil(assert(gone:create({ name = "z" })).created_by)

      local keeping = t.client({ keep_null = true })
      local kept = assert(keeping.datasets:get(row.id))
      assert.equal(llm.null, kept.description)
      assert.equal(llm.null, kept.metadata)
      assert.equal(llm.null, assert(keeping.datasets:list({ limit = 5 })).next)
      assert.equal(3, #all(keeping.datasets:each({ limit = 2 })))
    end)

    it("send unknown fields and tolerate unknown ones in responses", function()
      t.e:fault({
        action = { body = '{"id":"1","team":9007199254740993,"novelty":[{"a":null}],"x":null}' },
      })
      local row = assert(datasets:create({ name = "x", starred = false, team = 5 }))
      assert.same({ name = "x", starred = false, team = 5 }, cjson.decode(t.only().body))
      assert.equal("9007199254740993", tostring(row.team))
      assert.same({ {} }, row.novelty)
      assert.is_nil(row.x)
    end)

    it("report what the server refuses", function()
      fails("invalid", { status = 400, code = "required", attr = "name" }, datasets:create({}))
      fails(
        "invalid",
        { status = 400, code = "max_length", attr = "name" },
        datasets:create({ name = ("x"):rep(401) })
      )
      local row = assert(datasets:create({ name = "x" }))
      fails(
        "invalid",
        { status = 400, code = "null", attr = "name" },
        datasets:update(row.id, { name = llm.null })
      )
      for _, id in ipairs({ UNKNOWN, "no-uuid" }) do
        fails("not_found", { status = 404, code = "not_found" }, datasets:get(id))
        fails("not_found", { status = 404 }, datasets:update(id, { name = "y" }))
      end
      fails(
        "forbidden",
        { status = 403, code = "permission_denied" },
        t.client({ personal_api_key = "phx_emulator_read" }).datasets:create({ name = "x" })
      )
      fails(
        "auth",
        { status = 401, code = "authentication_failed" },
        t.client({ personal_api_key = "phx_unknown" }).datasets:list()
      )
      fails("invalid", { path = "metadata.x" }, datasets:create({ metadata = { x = 0 / 0 } }))
    end)
  end)

  describe("delete, undelete and destroy", function()
    it("soft-delete a row, and restore it", function()
      local id = t.e:seed({ datasets = 1 }).datasets[1]
      local row, err, response = datasets:delete(id)
      assert.is_nil(err)
      assert.equal(200, response.status)
      assert.same({ id, true }, { row.id, row.deleted })
      fails("not_found", { status = 404 }, datasets:get(id))
      assert.equal(0, assert(datasets:list()).count)
      assert.equal("renamed", assert(datasets:update(id, { name = "renamed" })).name)
      assert.is_false(assert(datasets:undelete(id)).deleted)
      assert.equal("renamed", assert(datasets:get(id)).name)
      local log = t.e:log()
      assert.same({ "PATCH", '{"deleted":true}' }, { log[1].method, log[1].body })
      assert.same({ "PATCH", '{"deleted":false}' }, { log[5].method, log[5].body })
      fails("not_found", { status = 404 }, datasets:delete(UNKNOWN))
      fails("not_found", { status = 404 }, datasets:undelete(UNKNOWN))
    end)

    it("report that rows are never destroyed", function()
      local id = t.e:seed({ datasets = 1 }).datasets[1]
      local value, err, response = datasets:destroy(id)
      fails("invalid", { status = 405, body = nil }, value, err)
      assert.equal(405, response.status)
      assert.truthy(tostring(err):find(":delete", 1, true))
      fails("invalid", { status = 405 }, datasets:destroy(UNKNOWN))
      t.sent({ "DELETE " .. BASE .. id .. "/", "DELETE " .. BASE .. UNKNOWN .. "/" })
      assert.equal("", t.e:log()[1].body or "")
      t.answer(403, '{"type":"authentication_error","code":"permission_denied","detail":"No."}')
      value, err = datasets:destroy(id)
      fails("forbidden", { status = 403, code = "permission_denied", detail = "No." }, value, err)
      assert.truthy(tostring(err):find(":delete", 1, true))
      t.e:faults({})
      assert(datasets:get(id))
    end)
  end)

  describe("list and each", function()
    it("give a page and all rows, newest first", function()
      local made = t.e:seed({ datasets = 5 }).datasets
      local page, err, response = datasets:list({ limit = 2.0, offset = 2.0 })
      assert.is_nil(err)
      assert.equal(200, response.status)
      assert.equal(5, page.count)
      assert.same({ made[3], made[2] }, { page.results[1].id, page.results[2].id })
      assert.truthy(page.next)
      assert.truthy(page.previous)
      assert.same(
        { made[5], made[4], made[3], made[2], made[1] },
        all(datasets:each({ limit = 2 }), "id")
      )
      assert.same({ made[1] }, all(datasets:each({ offset = 4 }), "id"))
      t.sent({
        "GET " .. BASE .. "?limit=2&offset=2",
        "GET " .. BASE .. "?limit=2",
        "GET " .. BASE .. "?limit=2&offset=2",
        "GET " .. BASE .. "?limit=2&offset=4",
        "GET " .. BASE .. "?offset=4",
      })
    end)

    it("accept ids as one list, joined by commas", function()
      local made = t.e:seed({ datasets = 4 }).datasets
      local wanted = { made[2], made[4], UNKNOWN }
      assert.equal(2, assert(datasets:list({ id__in = wanted })).count)
      assert.same({ made[4], made[2] }, all(datasets:each({ id__in = wanted, limit = 1 }), "id"))
      local log = t.e:log()
      for _, entry in ipairs(log) do
        local decoded = entry.target:gsub("%%2[cC]", ",")
        local _, found = decoded:gsub("id__in=", "")
        assert.equal(1, found)
        assert.truthy(decoded:find("id__in=" .. table.concat(wanted, ","), 1, true), decoded)
      end
      assert.equal(BASE .. "?id__in=" .. table.concat(wanted, ","), log[1].target)
      assert.same({ made[1] }, all(datasets:each({ id__in = { made[1] } }), "id"))
      fails("invalid", { status = 400, attr = "id__in" }, datasets:list({ id__in = { "x" } }))
    end)

    it("send the parameters that are given, in one order, and no others", function()
      local function sent(options)
        assert(datasets:list(options))
        local log = t.e:log()
        return log[#log].target:match("%?(.*)$")
      end
      assert.is_nil(sent({}))
      assert.is_nil(sent({ timeout = 9, headers = { ["X-A"] = "1" } }))
      assert.equal("offset=1", sent({ offset = 1 }))
      assert.equal("offset=1", sent({ offset = 1, search = "", max_retries = 0 }))
      local several = { offset = 0, limit = 7, order_by = "created_at", search = "a b" }
      assert.equal("search=a%20b&order_by=created_at&limit=7&offset=0", sent(several))
      assert.equal("limit=7", sent(setmetatable({}, { __index = { limit = 7 } })))
      local both = setmetatable({ offset = 2 }, { __index = { limit = 7, timeout = 9 } })
      assert.equal("limit=7&offset=2", sent(both))
      local log = t.e:log()
      assert.equal("1", require("spec.pipeline").header(log[2], "X-A"))
    end)

    it("return an empty list of ids without a request", function()
      t.e:seed({ datasets = 2 })
      for _, empty in ipairs({ {}, llm.array() }) do
        local page, err = datasets:list({ id__in = empty, search = "x" })
        assert.is_nil(err)
        assert.same({ count = 0, results = {} }, page)
        assert.equal("[]", llm.json.encode(page.results))
        assert.same({}, all(datasets:each({ id__in = empty })))
      end
      t.silent()
    end)

    it("order by one field or several, and by none for an empty list", function()
      local made = t.e:seed({ datasets = 2 }).datasets
      assert(datasets:update(made[1], { name = "z" }))
      assert.same(
        { made[1], made[2] },
        all(datasets:each({ order_by = { "-updated_at", "created_at" } }), "id")
      )
      assert.same({ made[1], made[2] }, all(datasets:each({ order_by = "created_at" }), "id"))
      assert.same({ made[2], made[1] }, all(datasets:each({ order_by = {} }), "id"))
      t.sent({
        "GET " .. BASE .. "?order_by=-updated_at,created_at",
        "GET " .. BASE .. "?order_by=created_at",
        "GET " .. BASE,
      }, 1)
      fails(
        "invalid",
        { status = 400, attr = "order_by", code = "invalid_choice" },
        datasets:list({ order_by = "name" })
      )
    end)

    it("search for any text", function()
      assert(datasets:create({ name = "50% + a_b" }))
      assert(datasets:create({ name = "plain", metadata = { needle = "€uro & co" } }))
      assert.equal(1, assert(datasets:list({ search = "% +" })).count)
      assert.equal(1, #all(datasets:each({ search = "€uro & co" })))
      assert.equal(0, assert(datasets:list({ search = "100%" })).count)
      t.sent({
        "GET " .. BASE .. "?search=%25%20%2B",
        "GET " .. BASE .. "?search=%E2%82%ACuro%20%26%20co",
        "GET " .. BASE .. "?search=100%25",
      }, 2)
    end)
  end)

  it("raise misuse at the line of the call and send nothing", function()
    for _, bad in ipairs({
      { "is empty", "" },
      { "dot segment", ".." },
      { "slash", "a/b" },
      { "control character", "a\rb" },
      { "string expected", nil },
      { "string expected", 5 },
      { "null", llm.null },
    }) do
      local problem, id = bad[1], bad[2]
      misuses({
        {
          problem,
          function()
            datasets:get(id)
          end,
        },
        {
          problem,
          function()
            datasets:update(id, {})
          end,
        },
        {
          problem,
          function()
            datasets:delete(id)
          end,
        },
        {
          problem,
          function()
            datasets:undelete(id)
          end,
        },
        {
          problem,
          function()
            datasets:destroy(id)
          end,
        },
      })
      if id ~= nil then
        misuses({
          {
            "id__in[1]",
            function()
              datasets:list({ id__in = { id } })
            end,
          },
        })
      end
    end
    misuses({
      {
        "fields: table expected",
        function()
          datasets:create()
        end,
      },
      {
        "fields: table expected",
        function()
          datasets:create("x")
        end,
      },
      {
        "fields: table expected",
        function()
          datasets:update("x")
        end,
      },
      {
        "options: table expected",
        function()
          datasets:list(5)
        end,
      },
      {
        "options: table expected",
        function()
          datasets:get("x", "y")
        end,
      },
      {
        '"ids"',
        function()
          datasets:list({ ids = {} })
        end,
      },
      {
        '"dataset"',
        function()
          datasets:each({ dataset = "x" })
        end,
      },
      {
        '"limit"',
        function()
          datasets:get("x", { limit = 1 })
        end,
      },
      {
        '"name"',
        function()
          datasets:create({}, { name = "x" })
        end,
      },
      {
        "id__in: table expected",
        function()
          datasets:list({ id__in = "x" })
        end,
      },
      {
        "id__in: list expected",
        function()
          datasets:list({ id__in = { x = true } })
        end,
      },
      {
        "id__in[2]",
        function()
          datasets:each({ id__in = { "x", false } })
        end,
      },
      {
        "order_by[1]",
        function()
          datasets:list({ order_by = { 1 } })
        end,
      },
      {
        "order_by: table expected",
        function()
          datasets:list({ order_by = true })
        end,
      },
      {
        "search: string expected",
        function()
          datasets:list({ search = 1 })
        end,
      },
      {
        "limit: at least 1",
        function()
          datasets:each({ limit = 0 })
        end,
      },
      {
        "limit: integer expected",
        function()
          datasets:list({ limit = 1.25 })
        end,
      },
      {
        "offset: at least 0",
        function()
          datasets:list({ offset = -1 })
        end,
      },
      {
        "max_retries: integer",
        function()
          datasets:delete("x", { max_retries = true })
        end,
      },
    })
    t.silent()
  end)
end)
