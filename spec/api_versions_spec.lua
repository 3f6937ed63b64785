-- The same calls against both API versions, and against one that nobody knows yet.

local live = require("spec.support.live")
local llm = require("posthog.llm")

local fails = live.fails

local function methods(entries)
  local words = {}
  for i, entry in ipairs(entries) do
    local path = entry.target:match("/112358/([^?]*)"):gsub("%x+%-[%x-]+", "ID")
    words[i] = entry.method .. " " .. path
  end
  return words
end

for _, profile in ipairs({ "reference", "current" }) do
  describe("on " .. live.api_name[profile], function()
    local t = live.session({ profile = profile })
    local client, dataset
    local is_current = profile == "current"

    setup(t.start)
    teardown(t.stop)
    before_each(function()
      t.reset()
      client = t.client({ max_retries = 2 })
      dataset = assert(
        client.datasets:create({ name = "golden", description = llm.null, metadata = llm.null })
      )
    end)

    it("a response shows which API version it is, and another client of the host knows", function()
      assert.equal(profile, client:profile())
      assert.equal(profile, t.client():profile())
      assert.equal(is_current and 2 or 1, #t.e:log()) -- the nulls were refused once
    end)

    it("items are created and updated by the field names of either version", function()
      local item = assert(client.dataset_items:create({
        dataset = dataset.id,
        input = { q = 1 },
        output = { a = 1 },
        ref_trace_id = "t",
        ref_timestamp = "2026-03-14T07:26:53Z",
        ref_source_id = "s",
        metadata = { m = 1 },
      }))
      for _, name in ipairs({ "output", "expected_output" }) do
        assert.same({ a = 1 }, item[name])
      end
      assert.equal("t", item.ref_trace_id)
      assert.equal("t", item.source_trace_id)
      assert.equal("s", item.source_event_id)
      assert.equal("2026-03-14T07:26:53Z", item.source_timestamp)
      item = assert(client.dataset_items:update(item.id, { output = { a = 2 } }))
      assert.same({ a = 2 }, item.expected_output)
      item = assert(client.dataset_items:update(item.id, { expected_output = { a = 3 } }))
      assert.same({ a = 3 }, item.output)
      assert.same({ q = 1 }, item.input)
      local other = assert(
        client.dataset_items:create({ dataset = dataset.id, input = 1, expected_output = 5 })
      )
      assert.equal(5, assert(client.dataset_items:get(other.id)).output)
      local page = assert(client.dataset_items:list({ dataset = dataset.id }))
      assert.equal(5, page.results[1].output)
    end)

    it("rows come as the server sent them, and llm.row has the names of both versions", function()
      local item =
        assert(client.dataset_items:create({ dataset = dataset.id, input = 1, output = 2 }))
      local own = is_current and "expected_output" or "output"
      local foreign = is_current and "output" or "expected_output"
      assert.equal(2, rawget(item, own))
      assert.is_nil(rawget(item, foreign))
      local view = llm.row(item)
      assert.equal(2, rawget(view, own))
      assert.equal(2, rawget(view, foreign))
      assert.equal(false, view.deleted)
      assert.equal(false, view.archived)
      assert.equal(item.team, view.team_id)
      assert.is_nil(rawget(item, foreign))
      local text = assert(llm.json.encode(item))
      assert.is_nil(text:find('"' .. foreign .. '"', 1, true))
      live.misuses({
        {
          "row: table expected",
          function()
            llm.row(nil)
          end,
        },
      })
    end)

    it("rows are deleted and undeleted", function()
      local item = assert(client.dataset_items:create({ dataset = dataset.id, input = 1 }))
      for resource, row in pairs({ datasets = dataset, dataset_items = item }) do
        local calls = client[resource]
        local deleted = assert(calls:delete(row.id))
        assert.is_true(deleted.deleted)
        assert.is_true(deleted.archived)
        assert.is_true(assert(calls:delete(row.id)).deleted) -- again
        local gone, err = calls:get(row.id)
        if is_current then
          assert.is_true(gone.deleted)
        else
          fails("not_found", nil, gone, err)
        end
        assert.is_false(assert(calls:undelete(row.id)).deleted)
        assert.is_false(assert(calls:undelete(row.id)).deleted)
        assert.is_true(assert(calls:update(row.id, { deleted = true })).deleted)
        assert.is_false(assert(calls:update(row.id, { archived = false })).deleted)
      end
    end)

    it("the same field under both names is misuse", function()
      live.misuses({
        {
          "output and expected_output are the same field",
          function()
            client.dataset_items:create({ output = 1, expected_output = 1 })
          end,
        },
        {
          "ref_trace_id and source_trace_id are the same field",
          function()
            client.dataset_items:update("x", { ref_trace_id = 1, source_trace_id = 2 })
          end,
        },
      })
    end)

    it("a lost create is found again", function()
      local fields = {
        dataset = dataset.id,
        input = { q = 1 },
        output = { a = 1 },
        ref_trace_id = "t",
        ref_timestamp = "2026-03-14T08:26:53+01:00",
      }
      t.e:fault({ match = { method = "POST" }, action = { close = "after", times = 1 } })
      local item, err = client.dataset_items:create(fields)
      fails("network", { ambiguous = true }, item, err)
      assert.equal(1, #assert(client.dataset_items:find_created(fields, err.sent_at)))
      fields.output = { a = 2 }
      assert.same({}, client.dataset_items:find_created(fields, err.sent_at))
    end)

    it("the error of destroy names the method to use instead", function()
      local value, err = client.datasets:destroy(dataset.id)
      assert.is_nil(value)
      assert.equal(is_current and 403 or 405, err.status)
      assert.is_truthy(tostring(err):find("use :delete", 1, true))
    end)

    it("all 300 rows come once while others are created and deleted", function()
      local ids = t.e:seed({ items = 300, dataset = dataset.id }).items
      assert.equal(300, #ids)
      local n, seen = 0, {}
      local limit = is_current and 100 or 25 -- which the server makes 25
      for item in client.dataset_items:each({ dataset = dataset.id, limit = limit }) do
        n = n + 1
        assert.is_nil(seen[item.id])
        seen[item.id] = true
        if n % 7 == 0 then -- one that was seen goes
          assert(client.dataset_items:delete(item.id))
        end
        if n % 20 == 0 then
          assert(client.dataset_items:create({ dataset = dataset.id, input = -n }))
        end
      end
      for i, id in ipairs(ids) do
        assert.is_true(seen[id], "item " .. i)
      end
    end)
  end)
end

describe("a server of unknown API version", function()
  local t = live.session({ profile = "current" })
  local client, dataset, item

  setup(t.start)
  teardown(t.stop)

  --- Rows made by hand, so that no answer has told the client.
  local function prepare(profile)
    t.reset()
    t.e:settings({ profile = profile })
    local maker = t.client()
    dataset = assert(maker.datasets:create({ name = "golden" })).id
    item = assert(maker.dataset_items:create({ dataset = dataset, input = 1, output = 2 })).id
    require("posthog.llm.api.versions.api_version").forget()
    client = t.client()
    assert.is_nil(client:profile())
    return #t.e:log()
  end

  --- What was sent, as "METHOD path" without ids.
  local function sent(expected, since)
    assert.same(expected, methods(t.e:log(since)))
  end

  describe("that is v2", function()
    local since
    before_each(function()
      since = prepare("current")
    end)

    it("is first sent the names of v1, refuses them, and is known from then on", function()
      local made = assert(client.dataset_items:create({ dataset = dataset, input = 1, output = 5 }))
      assert.equal(5, made.expected_output)
      sent({ "POST dataset_items/", "POST dataset_items/" }, since)
      assert.equal("current", client:profile())
      since = #t.e:log()
      assert(client.dataset_items:create({ dataset = dataset, input = 1, output = 6 }))
      sent({ "POST dataset_items/" }, since)
    end)

    it("gets a plain create as it is", function()
      assert(client.dataset_items:create({ dataset = dataset, input = 1 }))
      sent({ "POST dataset_items/" }, since)
    end)

    it("is probed before a field is sent that v1 would drop", function()
      assert(client.dataset_items:create({ dataset = dataset, input = 1, client_item_id = "a" }))
      sent({ "GET datasets/ID/", "POST dataset_items/" }, since)
    end)

    it("gets a delete as an archive", function()
      assert.is_true(assert(client.datasets:delete(dataset)).archived)
      sent({ "PATCH datasets/ID/", "POST datasets/ID/archive/" }, since)
    end)

    it("gets an item's delete with its version", function()
      assert.is_true(assert(client.dataset_items:delete(item)).archived)
      sent(
        { "PATCH dataset_items/ID/", "GET dataset_items/ID/", "POST dataset_items/ID/archive/" },
        since
      )
    end)

    it("gets an update with the item's version", function()
      assert.equal(9, assert(client.dataset_items:update(item, { output = 9 })).output)
      assert.equal(2, assert(client.dataset_items:get(item)).version)
    end)

    it("is not mistaken for v1 by a refusal that either may send", function()
      local value, err = client.dataset_items:create({
        dataset = dataset,
        input = 1,
        ref_timestamp = "soon",
        ref_trace_id = "t",
      })
      fails("invalid", { attr = "source_timestamp" }, value, err)
      assert.equal("current", client:profile())
    end)

    it("makes a client that is fixed to v1 return a clear error, and loses nothing", function()
      client = t.client({ profile = "reference" })
      assert.equal("reference", client:profile())
      for _, call in ipairs({
        function()
          return client.dataset_items:create({ dataset = dataset, input = 1, output = 2 })
        end,
        function()
          return client.dataset_items:update(item, { output = 9 })
        end,
        function()
          return client.datasets:delete(dataset)
        end,
        function()
          return client.dataset_items:delete(item)
        end,
      }) do
        local value, err = call()
        fails("invalid", nil, value, err)
        assert.is_truthy(tostring(err):find('"current"', 1, true), tostring(err))
      end
      local value, err = client.datasets:archive(dataset)
      fails("invalid", nil, value, err)
      assert.is_truthy(tostring(err):find("only API v2", 1, true))
      assert.equal(2, assert(client.dataset_items:get(item)).output)
    end)
  end)

  describe("that is v1", function()
    local since
    before_each(function()
      since = prepare("reference")
    end)

    it("is written to without another request", function()
      local made = assert(client.dataset_items:create({ dataset = dataset, input = 1, output = 5 }))
      assert.equal(5, made.expected_output)
      assert(client.datasets:delete(dataset))
      sent({ "POST dataset_items/", "PATCH datasets/ID/" }, since)
    end)

    it("is not sent a field that it would drop", function()
      for field, value in pairs({ source_output = 1, client_item_id = "a" }) do
        local fields = { dataset = dataset, input = 1, [field] = value }
        local row, err = client.dataset_items:create(fields)
        fails("invalid", { attr = field }, row, err)
        assert.is_truthy(tostring(err):find(field, 1, true))
      end
      local row, err = client.dataset_items:update(item, { output = 1, base_version = 1 })
      fails("invalid", { attr = "base_version" }, row, err)
      row, err = client.dataset_items:delete(item, { base_version = 1 })
      fails("invalid", { attr = "base_version" }, row, err)
      sent({ "GET datasets/ID/" }, since)
    end)

    it("is not mistaken for v2 by its refusal of a value", function()
      local value, err =
        client.dataset_items:create({ dataset = dataset, input = 1, ref_timestamp = "soon" })
      fails("invalid", { attr = "ref_timestamp" }, value, err)
      assert.equal("reference", client:profile())
      assert.equal(1, #t.e:state().projects["112358"].items)
    end)

    it("makes calls that it does not have return an error that says so", function()
      assert(client.datasets:get(dataset))
      for name, call in pairs({
        ["datasets:archive"] = function()
          return client.datasets:archive(dataset)
        end,
        ["datasets:restore"] = function()
          return client.datasets:restore(dataset)
        end,
        ["datasets:list `archived`"] = function()
          return client.datasets:list({ archived = true })
        end,
        ["dataset_items:list `revision`"] = function()
          return client.dataset_items:list({ dataset = dataset, revision = 1 })
        end,
        ["datasets:export_start"] = function()
          return client.datasets:export_start(dataset)
        end,
        ["datasets:export_wait"] = function()
          return client.datasets:export_wait(dataset, 1)
        end,
        ["dataset_items:archive"] = function()
          return client.dataset_items:archive(item)
        end,
        ["skills:search"] = function()
          return client.skills:search("x")
        end,
        ["skills:rename"] = function()
          return client.skills:rename("a", "b")
        end,
        ["skills:skill_md"] = function()
          return client.skills:skill_md("a")
        end,
        ["skills:bundle"] = function()
          return client.skills:bundle()
        end,
      }) do
        local value, err = call()
        fails("invalid", nil, value, err)
        local text = tostring(err)
        local method, option = name:match("^(%S+) ?(.*)$")
        assert.equal(method, err.call)
        option = option == "" and "" or option .. ": "
        local words = method .. ": invalid: " .. option .. "only API v2"
        assert.equal(words, text:sub(1, #words))
      end
      for _, iterator in pairs({
        client.datasets:revisions(dataset),
        client.dataset_items:versions(item),
        client.datasets:export_read(dataset, 1),
      }) do
        live.raises("invalid", nil, iterator)
      end
      sent({ "GET datasets/ID/" }, since)
    end)

    it("is probed before it would ignore a filter", function()
      fails("invalid", nil, client.dataset_items:list({ dataset = dataset, revision = 1 }))
      sent({ "GET datasets/ID/" }, since)
    end)

    it("hints at its version in the error for a 404 of an unknown route", function()
      local value, err = client.datasets:archive(dataset)
      fails("not_found", nil, value, err)
      assert.is_truthy(tostring(err):find("only API v2 has", 1, true))
    end)

    it("is not written to by a client that is fixed to v2", function()
      client = t.client({ profile = "current" })
      local value, err = client.dataset_items:create({ dataset = dataset, input = 1, output = 2 })
      fails("invalid", nil, value, err)
      assert.is_truthy(tostring(err):find('"reference"', 1, true), tostring(err))
      assert.equal(1, #t.e:state().projects["112358"].items)
    end)

    it("is recognized as v2 when it has been upgraded", function()
      assert(client.datasets:get(dataset))
      assert.equal("reference", client:profile())
      t.e:settings({ profile = "current" })
      dataset = assert(client.datasets:create({ name = "other" })).id
      assert.equal("current", client:profile())
    end)
  end)
end)
