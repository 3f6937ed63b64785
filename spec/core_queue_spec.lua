-- Many transfers at a time: their connections, their order, and waiting for them.

local core = require("posthog.llm.core")
local common = require("spec.support.core")

local unpack = table.unpack or unpack -- luacheck: ignore
local fetch, finish, start = common.fetch, common.finish, common.start
local slow = common.slow
local engine = core.engine()
local ids = {}
local e -- the emulator

setup(function()
  e = common.open()
end)

teardown(common.close)

before_each(common.renew)

after_each(common.tidy)

local function connections_used()
  local seen, n = {}, 0
  for _, entry in ipairs(e:log()) do
    if not seen[entry.connection] then
      seen[entry.connection] = true
      n = n + 1
    end
  end
  return n
end

for _, mode in ipairs(common.MODES) do
  describe("the engine " .. mode, function()
    setup(function()
      common.enter(mode)
    end)

    describe("runs many transfers", function()
      it("at the same time, on no more connections than allowed", function()
        local transfers = {}
        for i = 1, 100 do
          -- Long enough that no connection is free before the last one is opened.
          local path = "/__emulator/slow?ms=" .. (slow and 6000 or 2000)
          transfers[i] = start({ path = path, max_connections = 100 })
        end
        finish(unpack(transfers))
        assert.equal(100, connections_used())
      end)

      it("through eight connections by default", function()
        local transfers = {}
        for i = 1, 24 do
          transfers[i] = start({ path = "/__emulator/slow?ms=300" })
        end
        finish(unpack(transfers))
        assert.equal(8, connections_used())
      end)

      it("in the order in which they were started", function()
        local transfers = {}
        for i = 1, 20 do
          transfers[i] = start({ path = "/__emulator/echo?n=" .. i, max_connections = 1 })
        end
        finish(unpack(transfers))
        for i, entry in ipairs(e:log()) do
          assert.equal("/__emulator/echo?n=" .. i, entry.target)
        end
        assert.equal(1, connections_used())
      end)

      it("over HTTP/2, on a few connections", function()
        for _ = 1, 2 do
          local transfers = {}
          for i = 1, 200 do
            transfers[i] = start({ base = e.tls_url, path = "/__emulator/slow?ms=20" })
          end
          finish(unpack(transfers))
          for _, transfer in ipairs(transfers) do
            assert.equal(200, (transfer:result()))
            assert.equal("2", transfer:http_version())
          end
        end
        assert.is_true(connections_used() <= 8)
      end)

      it("over HTTP/2 with bodies both ways", function()
        local transfers, body = {}, ("0123456789"):rep(10000)
        for i = 1, 40 do
          transfers[i] = start({ base = e.tls_url, method = "POST", body = body })
        end
        finish(unpack(transfers))
        for _, transfer in ipairs(transfers) do
          assert.equal(200, (transfer:result()))
          assert.is_true(transfer:size() > 100000)
        end
      end)

      it("and counts a time limit from when each one is sent", function()
        local transfers = {}
        for i = 1, 4 do
          transfers[i] = start({
            path = "/__emulator/slow?ms=1000",
            max_connections = 1,
            timeout = 3.5,
          })
        end
        finish(unpack(transfers))
        for _, transfer in ipairs(transfers) do
          assert.equal(200, (transfer:result()))
        end
      end)

      it("and ends those whose time is over before they can be sent", function()
        local first = start({ path = "/__emulator/slow?ms=4000", max_connections = 1 })
        local second = start({ max_connections = 1, deadline = 0.5 })
        local third = start({ max_connections = 1 })
        finish(second)
        assert.is_false(first:done())
        local status, kind, message, sent, permanent = second:result()
        assert.same({ nil, "timeout", false, false }, { status, kind, sent, permanent })
        local ms = message:match("^timed out after (%d+) ms waiting for a free connection$")
        assert.is_true(tonumber(ms) >= 500 and tonumber(ms) < 4000, message)
        finish(first, third)
        assert.equal(200, (first:result()))
        assert.equal(200, (third:result()))
        assert.equal(2, #e:log())
      end)

      it("but none whose deadline has passed", function()
        for _, deadline in ipairs({ 0, -1, -math.huge }) do
          local _, kind, message, sent = fetch({ deadline = deadline }):result()
          assert.same({ "timeout", false }, { kind, sent })
          assert.equal("the deadline had passed before the request was made", message)
        end
        assert.same({}, e:log())
      end)
    end)

    describe("waits", function()
      it("for one transfer, and reports when others are to be collected", function()
        local late, early = start({ path = "/__emulator/slow?ms=1500" }), start({})
        assert.is_false(late:wait())
        assert.is_true(early:done())
        assert.is_false(late:done())
        assert.equal(1, engine:collect(ids))
        assert.is_true(early:wait())
        assert.is_true(late:wait())
        assert.is_true(late:done())
        assert.equal(0, engine:collect(ids))
      end)

      it("no longer than asked, and does some work each time", function()
        local from = core.now()
        assert.is_false(engine:poll(0))
        assert.is_false(engine:poll(0.05))
        assert.is_true(core.now() - from >= 0.05)
        local t = start({})
        local stop = core.now() + 10
        while not engine:poll(0) do
          assert(core.now() < stop, "poll(0) gets nowhere")
        end
        assert.is_true(t:done())
        assert.is_true(engine:poll()) -- as long as nobody collects
        assert.equal(1, engine:collect(ids))
        assert.is_false(engine:poll(0))
      end)

      it("and reports each transfer once, in the order in which they ended", function()
        local late = start({ path = "/__emulator/slow?ms=1500" })
        local soon = start({ path = "/__emulator/slow?ms=20" })
        local order = {}
        while #order < 2 do
          assert.is_true(engine:poll(5))
          for i = 1, engine:collect(ids) do
            order[#order + 1] = ids[i]
          end
        end
        assert.same({ soon:id(), late:id() }, order)
        assert.equal(0, engine:collect(ids))
      end)

      it("for the transfers of all pools", function()
        local pools, transfers = {}, {}
        for i = 1, 30 do
          pools[i] = engine:pool()
          transfers[i] = start({ path = "/__emulator/slow?ms=20" }, pools[i])
        end
        finish(unpack(transfers))
        for i, transfer in ipairs(transfers) do
          assert.equal(200, (transfer:result()))
          pools[i]:close()
        end
      end)
    end)
  end)
end
