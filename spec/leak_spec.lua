-- What is dropped is given back: connections, descriptors, memory.

local llm = require("posthog.llm")
local pipeline = require("spec.pipeline")
local process = require("spec.support.process")

local function collect()
  for _ = 1, 4 do
    collectgarbage()
  end
end

--- Runs f on a stack of its own: one that goes on may hold on to what was in
--- it, unseen.
local function apart(f)
  local co = coroutine.create(f)
  local ok, err = coroutine.resume(co)
  if not ok then
    error(err, 0)
  end
end

describe("what a program drops is freed when it", function()
  local e
  local connections, open

  setup(function()
    if jit then -- compiled code holds on to the functions that it was made for
      jit.off()
      jit.flush()
    end
    e = pipeline.emulator.start({ tls = true })
    pipeline.client(e.url).datasets:list() -- the engine itself stays
  end)
  teardown(function()
    if jit then
      jit.on()
    end
    e:stop()
  end)
  before_each(function()
    e:reset()
    collect()
    connections, open = e:state().connections, process.descriptors()
  end)

  --- Connections are closed on this side at once, and seen by the server soon.
  local function assert_all_closed()
    collect()
    assert.equal(open, process.descriptors())
    for _ = 1, 100 do
      if e:state().connections <= connections then
        break
      end
      llm.sleep(0.1)
    end
    assert.equal(connections, e:state().connections)
  end

  local function assert_some_open(n)
    assert.equal(connections + n, e:state().connections)
    if open then
      assert.is_true(process.descriptors() >= open + n)
    end
  end

  it("is a client: its connections are closed", function()
    apart(function()
      local c = pipeline.client(e.url)
      assert(c.datasets:list())
      assert_some_open(1)
    end)
    assert_all_closed()
  end)

  it("is the last of the clients that share connections", function()
    local kept = {}
    apart(function()
      local first = pipeline.client(e.url)
      kept.second = first:with({ timeout = 7 })
      assert(first.datasets:list())
    end)
    collect()
    assert_some_open(1)
    apart(function()
      assert(kept.second.datasets:list())
      kept.second = nil
    end)
    assert_all_closed()
  end)

  it("is a client whose closed sibling still exists", function()
    local closed = pipeline.client(e.url)
    apart(function()
      assert(closed:with({}).datasets:list())
    end)
    closed:close()
    assert_all_closed()
    local _, err = closed.datasets:list()
    assert.equal("cancelled", err.kind)
  end)

  it("is a sibling, so that closing the other one ends the connections", function()
    local kept = pipeline.client(e.url)
    apart(function()
      assert(kept:with({}).datasets:list())
    end)
    collect()
    assert_some_open(1)
    kept:close()
    assert_all_closed()
  end)

  it("is a client that its own hooks and key function name", function()
    local gone = setmetatable({}, { __mode = "k" })
    apart(function()
      local c
      c = pipeline.client(e.url, {
        personal_api_key = function()
          return c and pipeline.KEY
        end,
        on_request = function()
          return c
        end,
      })
      gone[c] = true
      assert(c.datasets:list())
    end)
    assert_all_closed()
    assert.is_nil(next(gone))
  end)

  it("is a client, but not while one of its resources or iterators is referenced", function()
    local made = e:seed({ datasets = 3 }).datasets
    local kept = {}
    apart(function()
      kept.datasets = pipeline.client(e.url).datasets
      kept.each = pipeline.client(e.url).datasets:each({ limit = 1 })
    end)
    apart(function()
      for _ = 1, 2 do
        collect()
        assert.is_truthy(kept.datasets:get(made[1]))
        assert.is_truthy(kept.each())
      end
      kept = nil
    end)
    assert_all_closed()
  end)

  it("is a coroutine in the middle of a call, where a hook yielded", function()
    apart(function()
      for _, name in ipairs({ "on_request", "on_response" }) do
        local c = pipeline.client(e.url, { [name] = coroutine.yield })
        local co = coroutine.create(function()
          return c.datasets:list()
        end)
        assert(coroutine.resume(co))
        assert.equal("suspended", coroutine.status(co))
      end
    end)
    assert_all_closed()
  end)

  it("is a gather that was interrupted: its calls end", function()
    apart(function()
      local c = pipeline.client(e.url)
      local function slow()
        return c:request("GET", "/__emulator/slow?ms=5000")
      end
      local ok, why = pipeline.interrupted_gather({ slow, slow, slow })
      assert.is_false(ok)
      assert.equal("interrupted", why)
      for _ = 1, 100 do
        if #e:log() == 3 then
          break
        end
        llm.sleep(0.1)
      end
      assert.equal(3, #e:log())
    end)
    assert_all_closed()
  end)

  it("is a gather whose functions raise around their calls", function()
    apart(function()
      local c = pipeline.client(e.url)
      local _, errors = llm.gather({
        function()
          error((c.datasets:list()))
        end,
        function()
          error("at once")
        end,
        function()
          return c:with({ on_response = error }).datasets:list()
        end,
      })
      assert.equal(0, errors[1].count)
      assert.equal(200, errors[3].status)
    end)
    assert_all_closed()
  end)

  it("is a client over TLS", function()
    apart(function()
      local c = pipeline.client(e.tls_url, { ca_file = e.ca_file })
      assert(c.datasets:list())
    end)
    assert_all_closed()
  end)

  it("is every response of a long run", function()
    local c = pipeline.client(e.url, { max_retries = 0 })
    e:settings({ log = false })
    local function batch()
      for i = 1, 125 do
        assert(c.datasets:list())
        assert(c:request("POST", "/__emulator/echo", { json = { text = ("x"):rep(1000) .. i } }))
        assert(select(2, c:request("GET", "/api/projects/:project_id/nothing/")))
        assert(select(2, c:request("POST", "/", { json = { print } })))
      end
      llm.gather({
        function()
          return c.datasets:list()
        end,
        function()
          error("x")
        end,
        function()
          llm.sleep(0)
        end,
      })
      collect()
      return collectgarbage("count")
    end
    batch()
    local before = batch()
    local after = batch()
    assert.is_true(after < before + 64, ("%g KB became %g KB"):format(before, after))
    c:close()
    assert_all_closed()
  end)

  it("is the whole state, with calls in flight", function()
    local program = [[
      local llm = require("posthog.llm")
      local client = llm.new({
        host = %q, personal_api_key = "phx_emulator_all", project_id = 112358, ca_file = %q,
      })
      local function slow() return client:request("GET", "/__emulator/slow?ms=600") end
      llm.gather({
        slow, slow,
        function() return client.datasets:list() end,
        function()
          llm.sleep(0.1)
          os.exit(0, true)
        end,
      })
    ]]
    for _, url in ipairs({ e.url, e.tls_url }) do
      local said, status = pipeline.run(program:format(url, e.ca_file))
      assert.equal("", said)
      assert.equal(0, status)
    end
    local said, status = pipeline.run(([[
      local core = require("posthog.llm.core")
      pool = core.engine():pool()
      transfer = pool:start(core.request_config({}), { method = "GET" }, %q)
      core.engine():poll(0.1)
      assert(not transfer:done())
    ]]):format(e.url .. "/__emulator/slow?ms=5000"))
    assert.equal("", said)
    assert.equal(0, status)
    assert_all_closed()
  end)
end)
