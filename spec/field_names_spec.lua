-- One vocabulary for rows: what is given, given back, and looked for by the names of either API version.

local live = require("spec.support.live")
local llm = require("posthog.llm")

local fails = live.fails

for _, profile in ipairs({ "reference", "current" }) do
  describe("rows of " .. live.api_name[profile], function()
    local t = live.session({ profile = profile })
    local is_current = profile == "current"
    local client, dataset, item

    setup(t.start)
    teardown(t.stop)
    before_each(function()
      t.reset()
      client = t.client({ max_retries = 2 })
      dataset = assert(client.datasets:create({ name = "golden" })).id
      item = assert(client.dataset_items:create({ dataset = dataset, input = 1, output = 2 }))
    end)

    it("can be sent back as they were received", function()
      local made, err = client.dataset_items:create(item)
      if is_current then -- it refuses what only the server sets
        fails("invalid", { status = 400 }, made, err)
      else
        assert.equal(2, assert(made).output)
      end
      assert.is_nil(rawget(item, is_current and "output" or "expected_output"))
    end)

    it("are all found by an empty search", function()
      local since = #t.e:log()
      assert.equal(1, #assert(client.datasets:list({ search = "" })).results)
      assert.equal(1, #live.all(client.datasets:each({ search = "", limit = 5 })))
      t.sent(
        { "GET /api/projects/112358/datasets/", "GET /api/projects/112358/datasets/?limit=5" },
        since
      )
    end)

    it("take a field once, and count versions from 1", function()
      live.misuses({
        {
          "deleted and archived are the same field",
          function()
            client.datasets:update("x", { deleted = true, archived = false })
          end,
        },
        {
          "output and expected_output are the same field",
          function()
            client.dataset_items:create({ output = {}, expected_output = {} })
          end,
        },
        {
          "base_version: integer expected, got string",
          function()
            client.dataset_items:update("x", { base_version = "1" })
          end,
        },
        {
          "base_version: integer expected, got null",
          function()
            client.dataset_items:update("x", { base_version = llm.null })
          end,
        },
        {
          "base_version: at least 1 expected",
          function()
            client.dataset_items:update("x", { base_version = 0 })
          end,
        },
        {
          "fields: table expected, got nil",
          function()
            client.dataset_items:update("x")
          end,
        },
        {
          "source_version: integer expected",
          function()
            client.dataset_items:restore("x", { source_version = "1" })
          end,
        },
        {
          'unknown option "source_version"',
          function()
            client.dataset_items:archive("x", { source_version = 1 })
          end,
        },
        {
          'unknown option "source_version"',
          function()
            client.datasets:restore("x", { source_version = 1 })
          end,
        },
      })
    end)

    it("are found again where null was sent for what is never null", function()
      local fields = { name = "second", description = llm.null, metadata = llm.null }
      t.e:fault({ match = { method = "POST" }, action = { close = "after", times = 1 } })
      local began = os.time()
      local row, err = client:with({ profile = profile }).datasets:create(fields)
      if profile == "current" then -- a name is there once, so the lost create is found by it
        assert.equal("second", assert(row, err).name)
      else
        fails("network", { ambiguous = true }, row, err)
      end
      local since = err and err.sent_at or began
      assert.equal(1, #assert(client.datasets:find_created(fields, since)))
      fields.metadata = { a = 1 }
      assert.same({}, client.datasets:find_created(fields, since))
      fields = { dataset = dataset, input = 3, metadata = llm.null, ref_trace_id = llm.null }
      t.e:fault({ match = { method = "POST" }, action = { close = "after", times = 1 } })
      row, err = client.dataset_items:create(fields)
      fails("network", { ambiguous = true }, row, err)
      assert.equal(1, #assert(client.dataset_items:find_created(fields, err.sent_at)))
      fields.ref_trace_id, fields.ref_timestamp = "t", "2026-03-14T07:26:53Z"
      assert(client.dataset_items:create(fields))
      fields.ref_trace_id, fields.ref_timestamp = llm.null, llm.null -- no other
      assert.equal(1, #assert(client.dataset_items:find_created(fields, err.sent_at)))
    end)
  end)
end

describe("items of API v2", function()
  local t = live.session({ profile = "current" })
  local client, dataset, item

  setup(t.start)
  teardown(t.stop)
  before_each(function()
    t.reset()
    client = t.client({ max_retries = 2 })
    dataset = assert(client.datasets:create({ name = "golden", description = "d" })).id
    item = assert(client.dataset_items:create({ dataset = dataset, input = 1, output = 2 }))
  end)

  it("take a base_version in any form of a Lua integer", function()
    assert.equal(
      2,
      assert(client.dataset_items:update(item.id, { input = 2, base_version = 1.0 })).version
    )
  end)

  it("are not deduplicated by a client_item_id of null", function()
    t.e:fault({ match = { method = "POST" }, action = { close = "after", times = 1 } })
    local row, err = client.dataset_items:create({
      dataset = dataset,
      input = "once",
      client_item_id = llm.null,
    })
    fails("network", { ambiguous = true, attempts = 1 }, row, err)
  end)

  it("accept both names in their history too", function()
    assert(client.dataset_items:update(item.id, { output = 3 }))
    assert.same({ 3, 2 }, live.all(client.dataset_items:versions(item.id), "output"))
  end)

  it("are restored as they were at a version", function()
    assert(client.dataset_items:update(item.id, { output = 3 }))
    assert(client.dataset_items:archive(item.id))
    local back = assert(client.dataset_items:restore(item.id, { source_version = 1 }))
    assert.equal(2, back.output)
    assert.is_false(back.archived)
  end)
end)
