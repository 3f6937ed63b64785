-- What only API v2 has for datasets and items.

local cjson = require("cjson")

local live = require("spec.support.live")
local llm = require("posthog.llm")
local lost = require("spec.support.lost")

local fails = live.fails

describe("API v2", function()
  local t = lost.session({ profile = "current" })
  local client, dataset

  setup(t.start)
  teardown(t.stop)
  before_each(function()
    t.reset()
    client = t.client({ max_retries = 2 })
    dataset = assert(client.datasets:create({ name = "golden", description = "d" })).id
  end)
  after_each(t.finish)

  local function create(fields)
    local all = { dataset = dataset, input = { q = 1 } }
    for name, value in pairs(fields or {}) do
      all[name] = value
    end
    return assert(client.dataset_items:create(all))
  end

  it("archives and restores rows, also those that are so already", function()
    assert.is_true(assert(client.datasets:archive(dataset)).archived)
    assert.is_true(assert(client.datasets:archive(dataset)).archived)
    assert.equal(1, #assert(client.datasets:list({ archived = true })).results)
    assert.equal(0, #assert(client.datasets:list()).results)
    assert.is_false(assert(client.datasets:restore(dataset)).archived)
    local item = create()
    item = assert(client.dataset_items:archive(item.id, { base_version = 1 }))
    assert.is_true(item.archived)
    assert.equal(1, #live.all(client.dataset_items:each({ dataset = dataset, archived = true })))
    assert.is_false(assert(client.dataset_items:restore(item.id)).archived)
  end)

  it("keeps the history of rows", function()
    local item = create()
    assert(client.dataset_items:update(item.id, { input = { q = 2 }, base_version = 1 }))
    assert(client.dataset_items:update(item.id, { input = { q = 3 } }))
    local versions = client.dataset_items:versions(item.id, { limit = 2 })
    assert.same({ 3, 2, 1 }, live.all(versions, "version"))
    local revisions = live.all(client.datasets:revisions(dataset), "revision")
    assert.is_true(#revisions >= 3)
    assert.is_true(revisions[1] > revisions[#revisions])
  end)

  it("returns the snapshot of a revision, whatever changes in the meantime", function()
    for i = 1, 60 do
      create({ input = i })
    end
    local revision = assert(client.datasets:get(dataset)).current_revision
    local n, seen = 0, {}
    local filter = { dataset = dataset, revision = revision, limit = 100 }
    for item in client.dataset_items:each(filter) do
      n = n + 1
      seen[item.input] = true
      if n % 5 == 0 then
        assert(client.dataset_items:delete(item.id))
        create({ input = 1000 + n })
      end
    end
    assert.equal(60, n)
    for i = 1, 60 do
      assert.is_true(seen[i])
    end
    local first = assert(client.dataset_items:list(filter)).results[1]
    assert.is_false(first.archived)
    assert.equal(60, assert(client.dataset_items:get(first.id, { revision = revision })).input)
  end)

  it("takes a create with a key of the client's own again and again", function()
    t.e:fault({ match = { method = "POST" }, action = { close = "after", times = 2 } })
    local item, err, response = client.dataset_items:create({
      dataset = dataset,
      input = { true },
      client_item_id = "row-1",
    })
    assert.is_nil(err, tostring(err))
    assert.equal(200, response.status)
    assert.equal("row-1", item.client_item_id)
    assert.equal(1, #t.e:state().projects["112358"].items)
    local other, problem = client.dataset_items:create({
      dataset = dataset,
      input = { 1 },
      client_item_id = "row-1",
    })
    fails(
      "conflict",
      { code = "client_item_id_conflict", current_item_id = item.id },
      other,
      problem
    )
  end)

  it("refuses a stale version, with the current row", function()
    local item = create()
    assert(client.dataset_items:update(item.id, { input = 2, base_version = 1 }))
    fails(
      "conflict",
      { code = "stale_version", current_version = 2, current_item_id = item.id },
      client.dataset_items:update(item.id, { input = 3, base_version = 1 })
    )
  end)

  it("lets the last writer win without a base_version, as v1 does", function()
    local item = create()
    local raced
    client = client:with({
      on_request = function(request)
        if request.method == "PATCH" and not raced then
          raced = true
          assert(client.dataset_items:update(item.id, { input = "theirs", base_version = 1 }))
        end
      end,
    })
    assert.equal("ours", assert(client.dataset_items:update(item.id, { input = "ours" })).input)
    assert.equal(3, assert(client.dataset_items:get(item.id)).version)
  end)

  it("names the field that has no equivalent", function()
    local item = create()
    for field, fields in pairs({
      ref_trace_id = { ref_trace_id = "t" },
      source_event_id = { source_event_id = "t" },
      deleted = { deleted = true, input = 1 },
    }) do
      local value, err = client.dataset_items:update(item.id, fields)
      fails("invalid", { attr = field }, value, err)
    end
    fails("invalid", { attr = "deleted" }, client.datasets:create({ name = "x", deleted = true }))
    assert(client.datasets:create({ name = "x", deleted = false }))
  end)

  it("names its limits in errors", function()
    t.e:settings({ dataset_limit = 1 })
    local value, err = client.datasets:create({ name = "second" })
    fails(
      "conflict",
      { code = "limit_reached", resource = "datasets", current_count = 1, limit = 1 },
      value,
      err
    )
    fails(
      "conflict",
      { code = "dataset_name_conflict" },
      (function()
        t.e:settings({ dataset_limit = 0 })
        return client.datasets:create({ name = "golden" })
      end)()
    )
  end)

  describe("and a write whose response is lost:", function()
    local item
    before_each(function()
      item = create({ expected_output = { a = 1 } })
    end)

    local WRITES = {
      PATCH = function()
        return client.dataset_items:update(item.id, { input = { q = 2 }, base_version = 1 })
      end,
      ["PATCH without a base"] = function()
        return client.dataset_items:update(item.id, { input = { q = 2 } })
      end,
      archive = function()
        return client.dataset_items:archive(item.id, { base_version = 1 })
      end,
      delete = function()
        return client.dataset_items:delete(item.id)
      end,
    }
    for name, write in pairs(WRITES) do
      local match = { method = name:find("PATCH") and "PATCH" or "POST", path = "dataset_items/" }

      it(name .. " is found to have happened", function()
        t.e:fault({ match = match, action = { close = "after", times = 1 } })
        local row, err, response = write()
        assert.is_nil(err, tostring(err))
        assert.equal(2, row.version)
        assert.is_true(response.settled)
      end)

      it(name .. " is made again when it has not happened", function()
        t.e:fault({ match = match, action = { close = "before", times = 1 } })
        local row, err = write()
        assert.is_nil(err, tostring(err))
        assert.equal(2, row.version)
      end)

      it(name .. " did not happen where another writer was first", function()
        t.e:fault({ match = match, action = { close = "before", times = 1 } })
        local plain = client
        client = client:with({
          on_retry = function()
            assert(plain.dataset_items:update(item.id, { input = "theirs", base_version = 1 }))
          end,
        })
        local row, err = write()
        if name == "PATCH" or name == "archive" then
          fails("conflict", { code = "stale_version", current_version = 2 }, row, err)
          assert.is_nil(err.ambiguous)
          local why = "it did not happen: version 2 was made by somebody else"
          assert.is_truthy(tostring(err):find(why, 1, true), tostring(err))
        else -- without a base the last writer wins
          assert.is_nil(err, tostring(err))
          assert.equal(3, row.version)
        end
      end)
    end

    it("a restored version is found, with the content of that one", function()
      local id = item.id
      assert(
        client.dataset_items:update(id, { input = "new", expected_output = 5, base_version = 1 })
      )
      for _, source in ipairs({ 1, 2 }) do
        local base = assert(client.dataset_items:archive(id)).version
        t.e:fault({
          match = { method = "POST", path = "restore" },
          action = { close = "after", times = 1 },
        })
        local options = { base_version = base, source_version = source }
        local row, err, response = client.dataset_items:restore(id, options)
        assert.is_nil(err, tostring(err))
        assert.equal(base + 1, row.version)
        assert.is_false(row.archived)
        assert.same(source == 1 and { a = 1 } or 5, row.expected_output)
        assert.is_true(response.settled)
      end
    end)

    it("an update is found below later versions", function()
      t.e:fault({ match = { method = "PATCH" }, action = { close = "after", times = 1 } })
      local plain = client
      client = client:with({
        on_retry = function()
          assert(plain.dataset_items:update(item.id, { input = "later", base_version = 2 }))
        end,
      })
      local row, err = WRITES.PATCH()
      assert.is_nil(err, tostring(err))
      assert.equal(2, row.version)
      assert.same({ q = 2 }, row.input)
    end)
  end)

  describe("has exports that", function()
    it("are started, waited for and read", function()
      local big = llm.json.decode("9007199254740993")
      for i = 1, 30 do
        create({ input = { n = i, big = big } })
      end
      t.e:settings({ export_polls = 3 })
      local export = assert(client.datasets:export_start(dataset))
      assert.equal("pending", export.status)
      local seen = {}
      export = assert(client.datasets:export_wait(dataset, export, {
        on_progress = function(state)
          seen[#seen + 1] = state.status
        end,
      }))
      assert.equal("complete", export.status)
      assert.is_true(#seen >= 2)
      local n = 0
      for row in client.datasets:export_read(dataset, export.id) do
        n = n + 1
        assert.equal("9007199254740993", tostring(row.input.big))
      end
      assert.equal(30, n)
    end)

    it("report a failure, and the end of the wait", function()
      create()
      t.e:settings({ export_outcome = "failed" })
      local export = assert(client.datasets:export_start(dataset))
      local value, err = client.datasets:export_wait(dataset, export)
      fails("server", nil, value, err)
      assert.is_truthy(tostring(err):find("the export failed", 1, true))
      t.e:settings({ export_polls = 1000 })
      export = assert(client.datasets:export_start(dataset))
      fails("timeout", nil, client.datasets:export_wait(dataset, export, { deadline = 0.5 }))
      live.raises("conflict", nil, client.datasets:export_read(dataset, export))
    end)

    it("check their arguments", function()
      live.misuses({
        {
          "export: integer expected",
          function()
            client.datasets:export_wait(dataset, "x")
          end,
        },
        {
          "interval: number expected",
          function()
            client.datasets:export_wait(dataset, 1, { interval = "1" })
          end,
        },
        {
          "interval: a positive number of seconds expected",
          function()
            client.datasets:export_wait(dataset, 1, { interval = 0 })
          end,
        },
        {
          "on_progress: function expected",
          function()
            client.datasets:export_wait(dataset, 1, { on_progress = 1 })
          end,
        },
        {
          "revision: integer expected",
          function()
            client.datasets:export_start(dataset, { revision = "1" })
          end,
        },
      })
    end)
  end)

  it("receives what was asked for, byte for byte", function()
    t.reset()
    assert(client.datasets:list({ limit = 1 }))
    t.reset()
    client = t.client({ profile = "current" })
    local row =
      assert(client.datasets:create({ name = "x", metadata = llm.null, description = llm.null }))
    assert.same({ name = "x" }, cjson.decode(t.e:log()[1].body))
    assert(client.datasets:update(row.id, { metadata = llm.null, description = llm.null }))
    assert.same({ metadata = {}, description = "" }, cjson.decode(t.e:log()[2].body))
  end)
end)
