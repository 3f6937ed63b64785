-- Taking back what was started.

local core = require("posthog.llm.core")
local common = require("spec.support.core")
local scripted = require("spec.support.scripted")

local unpack = table.unpack or unpack -- luacheck: ignore
local fetch, finish, start = common.fetch, common.finish, common.start
local slow = common.slow
local SCHEME = common.SCHEME
local engine = core.engine()
local ids = {}
local e -- the emulator
local pool -- that of the test

setup(function()
  e = common.open()
end)

teardown(common.close)

before_each(function()
  pool = common.renew()
end)

after_each(common.tidy)

--- Lets the engine work until so many requests have arrived.
local function await(count)
  local stop = core.now() + 20
  while #e:log() < count do
    assert(core.now() < stop, "the request does not arrive")
    engine:poll(0.05)
  end
end

for _, mode in ipairs(common.MODES) do
  describe("the engine " .. mode, function()
    setup(function()
      common.enter(mode)
    end)

    describe("cancels", function()
      it("a transfer that could not be sent yet, and sends the rest", function()
        local first = start({ path = "/__emulator/slow?ms=500" })
        local second, third = start({}), start({})
        first:cancel()
        finish(first, second, third)
        assert.equal("cancelled", (select(2, first:result())))
        assert.equal(200, (second:result()))
        assert.equal(200, (third:result()))
      end)

      it("a transfer that waits for a connection", function()
        local transfers = {}
        for i = 1, 4 do
          local ms = i == 1 and 1000 or 50
          local path = ("/__emulator/slow?ms=%d&n=%d"):format(ms, i)
          transfers[i] = start({ path = path, max_connections = 1 })
        end
        engine:poll(0.01)
        transfers[2]:cancel()
        transfers[4]:cancel()
        finish(unpack(transfers))
        local targets = {}
        for i, entry in ipairs(e:log()) do
          targets[i] = entry.target:match("n=(%d)")
        end
        assert.same({ "1", "3" }, targets)
      end)

      for _, base in ipairs({ "url", "tls_url" }) do
        it("a transfer in flight at once, and frees its connection: " .. SCHEME[base], function()
          local transfer = start({ base = e[base], path = "/__emulator/slow?ms=20000" })
          await(1)
          local from = core.now()
          transfer:cancel()
          assert.is_true(transfer:done())
          assert.equal(1, engine:collect(ids))
          assert.equal(transfer:id(), ids[1])
          local status, kind, message, sent, permanent = transfer:result()
          assert.same(
            { nil, "cancelled", "the call was cancelled", true, true },
            { status, kind, message, sent, permanent }
          )
          assert.equal(200, (fetch({ base = e[base], max_connections = 1 }):result()))
          assert.is_true(core.now() - from < 15)
        end)
      end

      if mode == "on a thread" then
        it("a transfer in flight, whose connection ends on its own", function()
          local server = common.serve(function() end) -- it never answers
          local function step_until(done)
            local stop = core.now() + 10
            while not done() and core.now() < stop do
              scripted.step()
              core.sleep(0.01)
            end
            assert.is_true(done())
          end
          local transfer = start({ base = server.url })
          step_until(function()
            return #server.requests == 1
          end)
          core.sleep(1) -- libcurl's timers of a new connection end; now only a wake-up is left
          transfer:cancel()
          step_until(function()
            return server.connections[1].socket:is_closing()
          end)
        end)
      end

      it("a transfer twice, or after its end, without harm", function()
        local transfer = fetch({})
        transfer:cancel()
        assert.equal(200, (transfer:result()))
        local other = start({ path = "/__emulator/slow?ms=500" })
        other:cancel()
        other:cancel()
        assert.equal("cancelled", (select(2, other:result())))
        assert.equal(1, engine:collect(ids))
      end)

      it("a transfer whose handle was collected", function()
        start({ path = "/__emulator/slow?ms=20000", max_connections = 1 })
        await(1)
        collectgarbage()
        collectgarbage()
        local from = core.now()
        assert.equal(200, (fetch({ max_connections = 1 }):result()))
        assert.is_true(core.now() - from < 15)
        assert.equal(0, engine:collect(ids))
      end)

      it("all transfers of a pool that is closed, and none of another", function()
        local other = engine:pool()
        local transfers = {}
        for i = 1, 40 do
          transfers[i] = start({ path = "/__emulator/slow?ms=9000", max_connections = 2 }, pool)
          if i % 10 == 0 then
            engine:poll(0.01)
          end
        end
        local kept = start({ path = "/__emulator/slow?ms=100" }, other)
        start({}, pool)
        pool:close()
        for _, transfer in ipairs(transfers) do
          assert.is_true(transfer:done())
          assert.equal("cancelled", (select(2, transfer:result())))
        end
        finish(kept)
        assert.equal(200, (kept:result()))
        local request = { method = "GET", url = e.url }
        assert.same({ nil, "the pool is closed" }, { common.launch(pool, request) })
        pool:close()
        other:close()
      end)

      it("any of many transfers, at any time", function()
        math.randomseed(7)
        for _ = 1, slow and 5 or 20 do
          local transfers = {}
          for i = 1, 30 do
            transfers[i] = start({
              base = i % 2 == 0 and e.url or e.tls_url,
              path = "/__emulator/slow?ms=" .. math.random(0, 20),
            })
            if math.random(5) == 1 then
              engine:poll(0.002)
            end
            if math.random(3) == 1 then
              transfers[math.random(i)]:cancel()
            end
          end
          for _ = 1, 5 do
            transfers[math.random(30)] = start({})
          end
          collectgarbage()
          finish(unpack(transfers))
          for _, transfer in ipairs(transfers) do
            local status, kind = transfer:result()
            assert.is_true(status == 200 or kind == "cancelled")
          end
        end
      end)
    end)
  end)
end
