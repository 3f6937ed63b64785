-- Answers that are none: from proxies, portals and servers that break off.

local live = require("spec.support.live")

local t = live.session()
local fails = live.fails

local HTML = "<!DOCTYPE html><html><body>Please log in</body></html>"
local ID = "0195b2aa-3c1d-7e42-9a10-6f0c5bd8e001"

--- Every method that makes one request, and whether it writes.
local METHODS = {
  {
    "skills:list",
    false,
    function(c)
      return c.skills:list()
    end,
  },
  {
    "skills:get",
    false,
    function(c)
      return c.skills:get("x")
    end,
  },
  {
    "skills:resolve",
    false,
    function(c)
      return c.skills:resolve("x")
    end,
  },
  {
    "skills:create",
    true,
    function(c)
      return c.skills:create({ name = "x" })
    end,
  },
  {
    "skills:publish",
    true,
    function(c)
      return c.skills:publish("x", { base_version = 1 })
    end,
  },
  {
    "skills:duplicate",
    true,
    function(c)
      return c.skills:duplicate("y", "x")
    end,
  },
  {
    "skills:file",
    false,
    function(c)
      return c.skills:file("x", "a")
    end,
  },
  {
    "skills:create_file",
    true,
    function(c)
      return c.skills:create_file("x", { path = "a", content = "b" })
    end,
  },
  {
    "skills:rename_file",
    true,
    function(c)
      return c.skills:rename_file("x", "a", "b")
    end,
  },
  {
    "skills:delete_file",
    true,
    function(c)
      return c.skills:delete_file("x", "a")
    end,
  },
  {
    "datasets:list",
    false,
    function(c)
      return c.datasets:list()
    end,
  },
  {
    "datasets:get",
    false,
    function(c)
      return c.datasets:get(ID)
    end,
  },
  {
    "datasets:create",
    true,
    function(c)
      return c.datasets:create({ name = "x" })
    end,
  },
  {
    "datasets:update",
    true,
    function(c)
      return c.datasets:update(ID, { name = "x" })
    end,
  },
  {
    "datasets:delete",
    true,
    function(c)
      return c.datasets:delete(ID)
    end,
  },
  {
    "dataset_items:undelete",
    true,
    function(c)
      return c.dataset_items:undelete(ID)
    end,
  },
  {
    "dataset_items:create",
    true,
    function(c)
      return c.dataset_items:create({ input = 1 })
    end,
  },
  {
    "spend:get",
    false,
    function(c)
      return c.spend:get()
    end,
  },
}

--- None of these is what any of the methods returns.
local BODIES = {
  HTML,
  "",
  " ",
  "null",
  "true",
  "5",
  '"text"',
  "[]",
  '[{"id":"x"}]',
  "{}",
  '{"novelty":1}',
  '{"id":5,"name":"x","path":"a","content":null,"results":"none","summary":[],"skill":1}',
  '{"id":"x","na',
  '{"id":"x"}}',
  "\239\187\191{}",
}

--- This would be an answer to each of them.
local WHOLE = ('{"id":"%s","name":"x","results":[],"count":0,"path":"a","content":"c",'):format(ID)
  .. '"summary":{},"skill":{"name":"x"},"versions":[],"padding":"'
  .. ("x"):rep(500)
  .. '"}'

describe("a response", function()
  local client

  setup(t.start)
  teardown(t.stop)
  before_each(function()
    t.reset()
    client = t.client()
  end)

  for _, method in ipairs(METHODS) do
    local name, writes, call = method[1], method[2], method[3]

    it("to " .. name .. " that is not the JSON it should be is a decode error", function()
      local list = {}
      for i, body in ipairs(BODIES) do
        list[i] = { action = { status = 200, body = body, times = 1 } }
      end
      t.e:faults(list)
      for i = 1, #BODIES do
        local value, err, response = call(client)
        assert.is_nil(value, BODIES[i])
        fails("decode", { status = 200, attempts = 1 }, value, err)
        assert.equal(200, response.status)
        assert.equal(writes or nil, err.ambiguous)
      end
      assert.equal(#BODIES, #t.e:log())
    end)

    it("to " .. name .. " that breaks off is a network error, never a short value", function()
      local list = {}
      for i, breach in ipairs({
        { truncate = 0 },
        { truncate = 100 },
        { truncate = #WHOLE - 1 },
        { truncate = #WHOLE, chunked = true },
        {},
      }) do
        breach.status, breach.body, breach.times = 200, WHOLE, 1
        list[i] = { action = breach }
      end
      t.e:faults(list)
      for _ = 1, #list - 1 do
        local value, err = call(client)
        fails("network", { attempts = 1 }, value, err)
        assert.equal(writes or nil, err.ambiguous)
      end
      assert(call(client))
    end)
  end

  it("from a captive portal is recognized by its text, not by its content type", function()
    t.answer(200, HTML)
    local value, err = client.datasets:list()
    fails("decode", { status = 200, body = HTML }, value, err)
    assert.equal(1, err.position)
    t.answer(200, (' {"id":"%s"} '):format(ID), { ["Content-Type"] = "text/html" })
    assert.equal(ID, assert(client.datasets:get(ID)).id)
  end)

  it("with half a body is an error with the position where the body ends", function()
    t.answer(200, '{"id":"x"')
    local value, err = client.datasets:get(ID)
    fails("decode", { position = 10 }, value, err)
  end)

  it("without content makes a call return true", function()
    t.answer(204)
    assert.is_true(client.skills:archive("x"))
    assert.is_true(client.datasets:delete(ID))
    local value, err, response = client:request("DELETE", "/api/x/")
    assert.is_true(value)
    assert.is_nil(err)
    assert.equal(204, response.status)
  end)

  it("that is an error page of any kind keeps its status and the start of its text", function()
    for status, kind in pairs({
      [400] = "invalid",
      [401] = "auth",
      [403] = "forbidden",
      [404] = "not_found",
      [409] = "conflict",
      [413] = "invalid",
      [429] = "rate_limited",
      [500] = "server",
      [502] = "server",
      [520] = "server",
    }) do
      t.answer(status, HTML .. ("x"):rep(100000), { ["Content-Type"] = "text/html" })
      local value, err = client.datasets:create({ name = "x" })
      fails(kind, { status = status }, value, err)
      assert.equal(HTML, err.body:sub(1, #HTML))
      assert.is_true(#err.body < 10000)
      assert.is_true(#tostring(err) < 1000)
    end
  end)
end)
