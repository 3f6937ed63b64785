-- Lost answers that only API v2 has, or whose outcome it shows better.

local live = require("spec.support.live")
local lost = require("spec.support.lost")

local fails = live.fails
local JSON = { ["Content-Type"] = "application/json" }

describe("a lost response on API v2", function()
  local t = lost.session({ profile = "current" })
  local client, other

  setup(t.start)
  teardown(t.stop)
  before_each(function()
    t.reset()
    t.e:settings({ jsonb = true })
    client = t.client({ max_retries = 2 })
    other = t.client({ personal_api_key = "phx_emulator_li" })
  end)
  after_each(t.finish)

  local lose = t.lose

  --- Lets somebody else write right before the client's next request with this method.
  local function meanwhile(method, write)
    client = t.raced(client, method, write)
  end

  local function make(name, by)
    return assert((by or client).skills:create({ name = name, description = "d", body = name }))
  end

  describe("of a rename", function()
    it("is found by the skill's identity, even if the old name is taken again", function()
      make("a")
      lose("after", "POST", "rename")
      meanwhile("GET", function()
        make("a", other)
      end)
      local skill, err, response = client.skills:rename("a", "b")
      assert.is_nil(err, tostring(err))
      assert.equal("b", skill.name)
      assert.is_true(response.settled)
    end)

    it("is found by a client that has not seen the skill before", function()
      make("a", other)
      lose("after", "POST", "rename")
      local skill, err = client.skills:rename("a", "b")
      assert.is_nil(err, tostring(err))
      assert.equal("b", skill.name)
    end)

    it("is not mistaken for a skill that had the new name before", function()
      make("b")
      lose("before", "POST", "rename")
      fails("not_found", { ambiguous = nil }, client.skills:rename("a", "b"))
      make("a")
      local skill, err = client.skills:rename("a", "b")
      fails("network", nil, skill, err)
      assert.is_nil(err.ambiguous)
      assert.is_truthy(tostring(err):find("the name belongs to another skill", 1, true))
    end)

    it("stays ambiguous if neither name has the skill", function()
      make("a")
      lose("after", "POST", "rename")
      meanwhile("GET", function()
        assert(other.skills:archive("b"))
        make("b", other)
      end)
      fails("network", { ambiguous = true }, client.skills:rename("a", "b"))
    end)

    it("requests nothing before the call if it may not probe after it", function()
      make("a", other)
      client = t.client({ max_retries = 0 })
      local since = #t.e:log()
      assert(client.skills:rename("a", "b"))
      t.only(since)
    end)
  end)

  describe("of owners alone", function()
    local LI
    before_each(function()
      make("a")
      LI = make("li", other).created_by.uuid
    end)

    it("is found to have happened, without a version", function()
      for _, base in ipairs({ false, 1 }) do
        lose("after", "PATCH", "/a/$")
        local skill, err, response =
          client.skills:publish("a", { base_version = base or nil, owners = { LI:upper() } })
        assert.is_nil(err, tostring(err))
        assert.equal(1, skill.version)
        assert.equal(LI, skill.owners[1].uuid)
        assert.is_true(response.settled)
        assert(client.skills:publish("a", { owners = {} }))
      end
    end)

    it("stays ambiguous if they are others, and is never repeated", function()
      local before = client.skills:get("a").owners
      assert.not_equal(LI, before[1] and before[1].uuid)
      lose("before", "PATCH", "/a/$")
      fails(
        "network",
        { ambiguous = true, attempts = 1 },
        client.skills:publish("a", { base_version = 1, owners = { LI } })
      )
      assert.same(before, client.skills:get("a").owners)
    end)

    it("stays ambiguous if they were the same before, which proves nothing", function()
      local same = client.skills:get("a").owners[1].uuid
      lose("before", "PATCH", "/a/$")
      fails(
        "network",
        { ambiguous = true, attempts = 1 },
        client.skills:publish("a", { owners = { same } })
      )
    end)

    it("stays ambiguous if another skill has the name by then", function()
      assert(client.skills:publish("a", { owners = { LI } }))
      local user = assert(client.skills:get("a")).created_by.uuid
      lose("before", "PATCH", "/a/$")
      meanwhile("PATCH", function()
        assert(client.skills:archive("a"))
        assert.equal(user, make("a").owners[1].uuid)
      end)
      fails("network", { ambiguous = true }, client.skills:publish("a", { owners = { user } }))
    end)

    it("requests the owners before the call only if it may probe after it", function()
      local since = #t.e:log()
      assert(client.skills:publish("a", { owners = { LI } }))
      assert.equal("GET", t.e:log(since)[1].method)
      client = t.client({ max_retries = 0 })
      since = #t.e:log()
      assert(client.skills:publish("a", { owners = {} }))
      t.only(since)
      local _, err = client.skills:publish("nope", { owners = {} })
      assert.equal("not_found", err.kind)
    end)

    it("does not show clients who their user is", function()
      assert(client.skills:publish("a", { owners = { LI } }))
      assert(other.skills:publish("a", { base_version = 1, body = "theirs" }))
      client = t.client({ max_retries = 2, timeout = 29 })
      assert(client.skills:publish("a", { owners = {} }))
      lose("after", "PATCH", "/a/$")
      local skill, err = client.skills:publish("a", { base_version = 2, body = "mine" })
      assert.is_nil(err, tostring(err))
      assert.equal(3, skill.version)
    end)
  end)

  describe("of a new dataset", function()
    local FIELDS = { name = " golden ", metadata = { n = 1e16 } }

    it("is found by the name, which is unique", function()
      assert(other.datasets:create({ name = "golden goose" }))
      assert(client.datasets:create({ name = "the first, which tells who we are" }))
      lose("after", "POST", "datasets/$")
      local row, err, response = client.datasets:create(FIELDS)
      assert.is_nil(err, tostring(err))
      assert.equal("golden", row.name)
      assert.is_true(response.settled)
    end)

    it("is not another user's, and did not happen if that one existed before", function()
      assert(client.datasets:create({ name = "the first, which tells who we are" }))
      lose("before", "POST", "datasets/$")
      meanwhile("GET", function()
        assert(other.datasets:create(FIELDS))
      end)
      fails("network", { ambiguous = true }, client.datasets:create(FIELDS))
      t.e:settings({ clock = "2026-03-01T00:00:00Z" })
      assert(other.datasets:create({ name = "old" }))
      t.e:settings({ clock = "" })
      lose("before", "POST", "datasets/$")
      local row, err = client.datasets:create({ name = "old" })
      fails("network", nil, row, err)
      assert.is_nil(err.ambiguous)
      assert.is_truthy(tostring(err):find("the name belongs to another dataset", 1, true))
    end)

    it("stays ambiguous if it does not exist, or nothing can be read", function()
      lose("before", "POST", "datasets/$")
      fails("network", { ambiguous = true }, client.datasets:create(FIELDS))
      t.e:faults({
        { match = { method = "GET" }, action = { status = 204 } },
        { match = { method = "POST" }, action = { close = "before" } },
      })
      fails("network", { ambiguous = true }, client.datasets:create(FIELDS))
    end)
  end)

  describe("of an item", function()
    local dataset, item
    before_each(function()
      dataset = assert(client.datasets:create({ name = "g" })).id
      item =
        assert(client.dataset_items:create({ dataset = dataset, input = 1, metadata = { k = 1 } }))
    end)

    it("is not mistaken for a version that changed something else too", function()
      local twin = client
      lose("before", "PATCH", "dataset_items")
      client = client:with({
        on_retry = function()
          assert(twin.dataset_items:update(item.id, { input = 2, metadata = {}, base_version = 1 }))
        end,
      })
      local row, err = client.dataset_items:update(item.id, { input = 2, base_version = 1 })
      fails("conflict", { code = "stale_version", current_version = 2 }, row, err)
      assert.is_nil(err.ambiguous)
    end)

    it("is found when it was restored with an older version's content", function()
      assert(client.dataset_items:update(item.id, { input = 2, base_version = 1 }))
      assert(client.dataset_items:archive(item.id, { base_version = 2 }))
      lose("after", "POST", "restore")
      local row, err, response =
        client.dataset_items:restore(item.id, { base_version = 3, source_version = 1 })
      assert.is_nil(err, tostring(err))
      assert.same({ 4, 1, false }, { row.version, row.input, row.archived })
      assert.is_true(response.settled)
    end)

    it("with a key is found below later versions by others", function()
      local fields = { dataset = dataset, input = { 1e16 }, client_item_id = "k" }
      lose("after", "POST", "dataset_items/$")
      client = client:with({
        on_retry = function()
          local made = assert(other.dataset_items:list({ dataset = dataset })).results[1]
          assert(other.dataset_items:update(made.id, { input = "theirs", base_version = 1 }))
        end,
      })
      local row, err, response = client.dataset_items:create(fields)
      assert.is_nil(err, tostring(err))
      assert.same({ 1, "k" }, { row.version, row.client_item_id })
      assert.is_true(response.settled)
      assert.equal(2, #t.e:state().projects["112358"].items)
    end)

    it("with a key did not happen where another has the key", function()
      lose("before", "POST", "dataset_items/$")
      client = client:with({
        on_retry = function()
          assert(other.dataset_items:create({ dataset = dataset, input = 2, client_item_id = "k" }))
        end,
      })
      local row, err =
        client.dataset_items:create({ dataset = dataset, input = 1, client_item_id = "k" })
      fails("conflict", { code = "client_item_id_conflict" }, row, err)
      assert.is_nil(err.ambiguous)
      assert.is_truthy(tostring(err):find("another item has its client_item_id", 1, true))
    end)

    it("with a key stays ambiguous if nothing can be read", function()
      t.e:faults({
        { match = { method = "POST" }, action = { close = "after", times = 1 } },
        { match = { method = "GET" }, action = { status = 503 } },
      })
      client = client:with({
        on_retry = function(retry)
          if retry.attempt > 1 then
            return
          end
          t.e:faults({
            { match = { method = "GET" }, action = { status = 503 } },
            {
              match = { method = "POST" },
              action = {
                status = 409,
                headers = JSON,
                body = '{"code":"client_item_id_conflict","detail":"d","current_item_id":"x/y"}',
              },
            },
          })
        end,
      })
      local row, err =
        client.dataset_items:create({ dataset = dataset, input = 1, client_item_id = "k" })
      fails("conflict", { ambiguous = true }, row, err)
      assert.equal("number", type(err.sent_at))
    end)
  end)
end)
