-- What a client goes by when a server is not what it was taken for, or nobody can tell.

local live = require("spec.support.live")
local llm = require("posthog.llm")
local api_version = require("posthog.llm.api.versions.api_version")

local fails = live.fails

local function says(text, err)
  assert.is_truthy(tostring(err):find(text, 1, true), tostring(err))
end

describe("a selection that only API v2 can make", function()
  local t = live.session({ profile = "reference" })
  local maker, dataset, item

  setup(t.start)
  teardown(t.stop)
  before_each(function()
    t.reset()
    maker = t.client()
    dataset = assert(maker.datasets:create({ name = "golden" })).id
    item = assert(maker.dataset_items:create({ dataset = dataset, input = 1 })).id
    api_version.forget()
  end)

  for name, options in pairs({
    ["a client that knows nothing"] = {},
    ["a client that is fixed to API v2"] = { profile = "current" },
  }) do
    it("never gives other rows to " .. name, function()
      local calls = {
        function(client)
          return client.dataset_items:list({ dataset = dataset, revision = 1 })
        end,
        function(client)
          return client.dataset_items:list({ archived = true })
        end,
        function(client)
          return client.datasets:list({ archived = true })
        end,
        function(client)
          return client.dataset_items:get(item, { revision = 1 })
        end,
        function(client)
          return pcall(client.dataset_items:each({ dataset = dataset, revision = 1 }))
        end,
      }
      for _, call in ipairs(calls) do
        api_version.forget()
        local value, err = call(t.client(options))
        fails("invalid", nil, value or nil, err)
        says("only API v2 has this", err)
      end
    end)
  end

  it("is not made while the API version of the server cannot be known", function()
    t.e:fault({ match = { path = "/datasets/" }, action = { status = 503 } })
    fails("server", nil, t.client().dataset_items:list({ dataset = dataset, revision = 1 }))
    t.e:faults({})
    assert(maker.datasets:delete(dataset)) -- its items are listed still
    api_version.forget()
    fails("not_found", nil, t.client().dataset_items:list({ dataset = dataset, revision = 1 }))
  end)

  it("fails again when it is tried again", function()
    local next_row = t.client().dataset_items:each({ dataset = dataset, revision = 1 })
    live.raises("invalid", nil, next_row)
    live.raises("invalid", nil, next_row)
  end)

  it("says what may be wrong with a client that is fixed to API v2", function()
    local client = t.client({ profile = "current" })
    for _, call in ipairs({
      function()
        return client.datasets:delete(dataset)
      end,
      function()
        return client.datasets:archive(dataset)
      end,
      function()
        return client.dataset_items:delete(item)
      end,
      function()
        return client.dataset_items:update(item, { input = 2 })
      end,
    }) do
      local value, err = call()
      assert.is_nil(value)
      says("only", err)
      says("API v2", err)
    end
    assert.equal(1, assert(maker.dataset_items:get(item)).input)
  end)
end)

describe("a server that changes its API version", function()
  local t = live.session({ profile = "current" })
  local client, rows

  setup(t.start)
  teardown(t.stop)

  --- Rows of either profile, of which the emulator keeps both.
  before_each(function()
    t.reset()
    rows = {}
    client = t.client({ max_retries = 2 })
    for _, profile in ipairs({ "reference", "current" }) do
      t.e:settings({ profile = profile })
      local dataset = assert(client.datasets:create({ name = "golden" })).id
      local item = assert(client.dataset_items:create({ dataset = dataset, input = 1 })).id
      rows[profile] = { dataset = dataset, item = item }
    end
  end)

  local CALLS = {
    update = function(own)
      return client.dataset_items:update(own.item, { output = 7 })
    end,
    delete = function(own)
      return client.dataset_items:delete(own.item)
    end,
    undelete = function(own)
      return client.dataset_items:undelete(own.item)
    end,
    ["delete of a dataset"] = function(own)
      return client.datasets:delete(own.dataset)
    end,
    create = function(own)
      return client.dataset_items:create({ dataset = own.dataset, input = 2 })
    end,
  }

  for name, call in pairs(CALLS) do
    it("gets each call in its own form: " .. name, function()
      assert.equal("current", client:profile())
      for _, profile in ipairs({ "reference", "current" }) do -- it is current now
        t.e:settings({ profile = profile })
        local row, err = call(rows[profile])
        assert.is_nil(err, tostring(err))
        assert.equal(profile, client:profile())
        assert.is_true(name ~= "update" or row.output == 7)
      end
    end)
  end

  it("never drops a field without an error", function()
    for _, profile in ipairs({ "reference", "current", "reference" }) do
      t.e:settings({ profile = profile })
      local own = rows[profile]
      local row, err =
        client.dataset_items:create({ dataset = own.dataset, input = 3, output = "kept" })
      if err then -- only after it has been found out
        fails("decode", { ambiguous = true }, row, err)
        says("may have dropped fields", err)
        row =
          assert(client.dataset_items:create({ dataset = own.dataset, input = 3, output = "kept" }))
      end
      assert.equal("kept", row.output)
    end
  end)

  it("is distinguished from one where only the row is missing", function()
    fails("not_found", nil, client.datasets:delete("00000000-0000-4000-8000-000000000000"))
    assert.equal("current", client:profile())
  end)

  it("is learnt once by fifty first calls at the same time, and no row is made twice", function()
    api_version.forget()
    local functions = {}
    for i = 1, 50 do
      functions[i] = function()
        return client.dataset_items:create({
          dataset = rows.current.dataset,
          input = i,
          output = i,
        })
      end
    end
    local values, errs = llm.gather(functions, { concurrency = 50 })
    assert.is_nil(errs)
    for i, row in ipairs(values) do
      assert.equal(i, row.output)
    end
    assert.equal(51, #live.all(client.dataset_items:each({ dataset = rows.current.dataset })))
  end)

  it("is not learnt by clients with a fixed API version, even if others learn it", function()
    local fixed = { t.client({ profile = "reference" }), t.client({ profile = "current" }) }
    local item = rows.current.item
    fails("invalid", nil, fixed[1].dataset_items:update(item, { output = 1 }))
    assert.equal(5, assert(fixed[2].dataset_items:update(item, { output = 5 })).output)
    assert.equal("reference", fixed[1]:profile())
    assert.equal("current", fixed[2]:profile())
    local freed = fixed[1]:with({ profile = "current" })
    assert.equal(6, assert(freed.dataset_items:update(item, { output = 6 })).output)
  end)
end)

describe("a response with few fields", function()
  local t = live.session({ profile = "reference" })

  setup(t.start)
  teardown(t.stop)
  before_each(t.reset)

  for row, profile in pairs({
    ['{"id":"x","team":1}'] = "reference",
    ['{"id":"x","output":null}'] = "reference",
    ['{"id":"x","team_id":1}'] = "current",
    ['{"id":"x","archived":false}'] = "current",
    ['{"id":"x","expected_output":null}'] = "current",
    ['{"id":"x","current_revision":3}'] = "current",
    ['{"id":"x","deleted":false,"version":1,"unheard":{"of":[]}}'] = "neither",
  }) do
    it("shows the API version where it can: " .. row, function()
      local client = t.client()
      t.answer(200, row)
      assert.equal("x", assert(client.datasets:get("x")).id)
      assert.equal(profile, client:profile() or "neither")
      api_version.forget()
      t.answer(200, '{"count":1,"results":[' .. row .. "]}")
      assert.equal("x", live.all(client.dataset_items:each())[1].id)
      assert.equal(profile, client:profile() or "neither")
    end)
  end

  it("makes no write that might lose something, and makes none fail", function()
    t.answer(200, '{"id":"x"}')
    local client = t.client()
    assert(client.dataset_items:create({ dataset = "x", input = 1, output = 2 }))
    assert(client.dataset_items:update("x", { output = 2 }))
    local since = #t.e:log()
    fails(
      "invalid",
      { attr = "source_output" },
      client.dataset_items:create({ dataset = "x", input = 1, source_output = 2 })
    )
    t.sent({ "GET /api/projects/112358/datasets/x/" }, since)
  end)
end)

describe("one deadline of a call", function()
  local t = live.session({ profile = "current" })
  local client

  setup(t.start)
  teardown(t.stop)
  before_each(function()
    t.reset()
    client = t.client({ max_retries = 2 })
  end)

  it("covers all requests of the call", function()
    local dataset = assert(client.datasets:create({ name = "golden" })).id
    local item = assert(client.dataset_items:create({ dataset = dataset, input = 1 })).id
    assert(client.skills:create({ name = "long", description = "d", body = ("x"):rep(9000) }))
    api_version.forget()
    t.e:fault({ action = { delay = 0.4 } })
    for _, call in ipairs({
      function(options)
        return client.skills:get("long", options)
      end,
      function(options)
        return client.dataset_items:list({
          dataset = dataset,
          revision = 1,
          deadline = options.deadline,
        })
      end,
      function(options)
        return client.dataset_items:update(item, { input = 2 }, options)
      end,
      function(options)
        return client.dataset_items:delete(item, options)
      end,
      function(options)
        return client.dataset_items:archive(item, options)
      end,
    }) do
      api_version.forget()
      fails("timeout", nil, call({ deadline = 0.6 }))
    end
  end)
end)
