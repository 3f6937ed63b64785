-- Writes whose answer is lost, where what is found then could mislead.

local clock = require("posthog.llm.clock")
local live = require("spec.support.live")
local lost = require("spec.support.lost")

local fails = live.fails

for _, profile in ipairs({ "reference", "current" }) do
  describe("a lost response on " .. live.api_name[profile], function()
    local t = lost.session({ profile = profile })
    local client

    setup(t.start)
    teardown(t.stop)
    before_each(function()
      t.reset()
      client = t.client({ max_retries = 2 })
    end)
    after_each(t.finish)

    local SKILL = { name = "pdf-forms", description = "Fills forms.", body = "# Forms" }

    local lose = t.lose

    it("is resolved by comparing numbers as the caller's codec decodes them", function()
      assert(client.skills:create(SKILL))
      client = client:with({ json = require("cjson.safe") })
      lose("after", "PATCH")
      local skill, err, response = client.skills:publish(
        "pdf-forms",
        { base_version = 1, metadata = { big = 2 ^ 53 + 2, list = { 1.5 } } }
      )
      assert.is_nil(err, tostring(err))
      assert.equal(2, skill.version)
      assert.is_true(response.settled)
    end)

    it("stays ambiguous if the server's responses prove nothing", function()
      assert(client.skills:create(SKILL))
      local skills = client.skills
      for name, write in pairs({
        create = function()
          return skills:create({ name = "b", description = "d", body = "b" })
        end,
        publish = function()
          return skills:publish("pdf-forms", { base_version = 1, body = "x" })
        end,
        create_file = function()
          return skills:create_file("pdf-forms", { path = "a", content = "a" })
        end,
        delete_file = function()
          return skills:delete_file("pdf-forms", "a", { base_version = 1 })
        end,
        duplicate = function()
          return skills:duplicate("pdf-forms", "c")
        end,
        archive = function()
          return skills:archive("pdf-forms")
        end,
      }) do
        t.e:faults({
          { match = { method = "GET" }, action = { status = 204 } },
          { action = { close = "before" } },
        })
        local value, err = write()
        fails("network", { ambiguous = true }, value, err)
        assert.is_truthy(err.sent_at, name)
      end
    end)
  end)
end

describe("a lost response to a write on an item", function()
  local t = lost.session({ profile = "current" })
  local client, dataset, item

  setup(t.start)
  teardown(t.stop)
  before_each(function()
    t.reset()
    client = t.client({ max_retries = 2 })
    dataset = assert(client.datasets:create({ name = "golden" })).id
    item = assert(client.dataset_items:create({ dataset = dataset, input = 1 })).id
  end)
  after_each(t.finish)

  it("is attributed to the writer, whoever created the item", function()
    local other = t.client({ max_retries = 2, personal_api_key = "phx_emulator_li" })
    assert(other.dataset_items:update(item, { input = 2, base_version = 1 }))
    t.e:fault({ match = { method = "PATCH" }, action = { close = "after", times = 1 } })
    local row, err = other.dataset_items:update(item, { input = 3, base_version = 2 })
    assert.is_nil(err, tostring(err))
    assert.equal(3, row.version)
  end)

  it(
    "is attributed to the writer, whoever made the version that an update left unchanged",
    function()
      local other = t.client({ max_retries = 2, personal_api_key = "phx_emulator_li" })
      local row = assert(other.dataset_items:update(item, { input = 1, base_version = 1 }))
      assert.equal(1, row.version)
      t.e:fault({ match = { method = "PATCH" }, action = { close = "after", times = 1 } })
      row = assert(other.dataset_items:update(item, { input = 3, base_version = 1 }))
      assert.equal(2, row.version)
    end
  )

  it("is resolved even if the first probe fails too", function()
    for _, failure in ipairs({ { close = "before", times = 1 }, { status = 503, times = 1 } }) do
      t.e:faults({
        { match = { method = "PATCH" }, action = { close = "after", times = 1 } },
        { match = { method = "GET", path = "versions" }, action = failure },
      })
      local base = assert(client.dataset_items:get(item)).version
      local row, err, response =
        client.dataset_items:update(item, { input = base + 1, base_version = base })
      assert.is_nil(err, tostring(err))
      assert.equal(base + 1, row.version)
      assert.is_true(response.settled)
    end
  end)

  it("of a new dataset is read back by the name", function()
    t.e:fault({ match = { method = "POST" }, action = { close = "after", times = 1 } })
    local before = #t.e:log()
    local row, err, response = client.datasets:create({ name = "silver & gold" })
    assert.is_nil(err, tostring(err))
    assert.equal("silver & gold", row.name)
    assert.is_true(response.settled)
    local looked = t.e:log(before)[2]
    assert.equal("GET", looked.method)
    assert.matches("search=silver%20%26%20gold&limit=100", looked.target, 1, true)
  end)

  it("is followed by the same request where the item has no newer version", function()
    local naps = {}
    clock.sleep = function(seconds)
      naps[#naps + 1] = seconds
      return true
    end
    t.e:fault({ match = { method = "PATCH" }, action = { close = "before", times = 1 } })
    local row, err, response = client.dataset_items:update(item, { input = 2, base_version = 1 })
    assert.is_nil(err, tostring(err))
    assert.equal(2, row.version)
    assert.equal(2, response.attempts)
    assert.is_nil(response.settled)
    assert.is_true(#naps > 0)
  end)

  local TAKEN = '{"code":"client_item_id_conflict","detail":"d","current_item_id":"x"}'

  it("stays ambiguous if what is read back is not what was expected", function()
    for _, rows in ipairs({
      '5,"x",[]',
      '{"version":"2"}',
      '{"version":null},{"version":true}',
      '!{"results":5}', -- no list at all
      "!5",
      "![]",
      '{"version":1},{"version":3}', -- a gap, where the version of the call would be
      "{}",
      "",
    }) do
      local body = rows:find("^!") and rows:sub(2)
        or '{"count":1,"next":null,"previous":null,"results":[' .. rows .. "]}"
      for name, write in pairs({
        update = function()
          return client.dataset_items:update(item, { input = 2, base_version = 1 })
        end,
        create = function()
          return client.datasets:create({ name = "silver" })
        end,
        ["create by its key"] = function()
          return client.dataset_items:create({ dataset = dataset, input = 2, client_item_id = "k" })
        end,
      }) do
        t.e:faults({
          { match = { method = "GET" }, action = { status = 200, body = body } },
          { action = { close = "before", times = name == "create by its key" and 1 or 3 } },
          { match = { method = "POST" }, action = { status = 409, body = TAKEN } },
        })
        local row, err = write()
        local is_keyed = name == "create by its key"
        local is_another = is_keyed and rows:find('"version":1', 1, true) -- with another content
        fails(is_keyed and "conflict" or "network", { ambiguous = not is_another or nil }, row, err)
        assert.is_nil(row, name)
      end
    end
  end)

  it(
    "is not mistaken for the same change by another user, once the client knows its user",
    function()
      local other = t.client({ personal_api_key = "phx_emulator_li" })
      client = client:with({
        on_retry = function()
          assert(other.dataset_items:update(item, { input = "same", base_version = 2 }))
        end,
      })
      assert(client.dataset_items:update(item, { input = 2, base_version = 1 }))
      t.e:fault({ match = { method = "PATCH" }, action = { close = "before", times = 1 } })
      local row, err = client.dataset_items:update(item, { input = "same", base_version = 2 })
      fails("conflict", { code = "stale_version" }, row, err)
      assert.is_nil(err.ambiguous)
    end
  )

  it("is not followed by another one while it may have happened, without a base", function()
    t.e:faults({
      { match = { method = "PATCH" }, action = { close = "after", times = 1 } },
      { match = { method = "GET", path = "versions" }, action = { status = 503 } },
    })
    local row, err = client.dataset_items:update(item, { input = 2 })
    fails("conflict", { ambiguous = true, code = "stale_version" }, row, err)
    t.e:faults({})
    assert.equal(2, client.dataset_items:get(item).version)
  end)

  it("is not a change to something else, be it a change to false", function()
    local plain = client
    t.e:fault({ match = { method = "PATCH" }, action = { close = "before", times = 1 } })
    client = client:with({
      on_retry = function()
        assert(plain.dataset_items:update(item, { input = true, base_version = 1 }))
      end,
    })
    local row, err = client.dataset_items:update(item, { input = false, base_version = 1 })
    fails("conflict", { code = "stale_version", current_version = 2 }, row, err)
    assert.is_nil(err.ambiguous)
  end)

  it("is only an error if the server's responses prove nothing", function()
    t.e:fault({ match = { method = "GET" }, action = { status = 204 } })
    fails("decode", { status = 204 }, client.dataset_items:update(item, { input = 2 }))
    fails("decode", { status = 204 }, client.datasets:export_wait(item, 1))
    fails("decode", { status = 204 }, client.skills:bundle())
    live.raises("decode", { status = 204 }, client.datasets:export_read(item, 1))
    t.e:faults({
      { match = { method = "GET" }, action = { status = 204 } },
      { match = { method = "PATCH" }, action = { close = "before" } },
    })
    local row, err = client.dataset_items:update(item, { input = 2, base_version = 1 })
    fails("network", { ambiguous = true }, row, err)
  end)
end)
