-- Bodies that are read while they arrive, by the core alone.

local bulk = require("spec.support.bulk")
local core = require("posthog.llm.core")

if not bulk.can() then
  return
end

local MIB = 1024 * 1024
local SLOWER = os.getenv("SPEC_MODE") == "plain" and 1 or 10

for _, mode in ipairs({ "a script", "a thread" }) do
  describe("a body that is read while it arrives, in " .. mode .. ",", function()
    local server, engine, pool, ids

    setup(function()
      server = bulk.start()
      debug.getregistry()["posthog.llm.engine.current"] = nil
      engine = core.engine()
      if mode == "a thread" then
        engine:run()
      end
    end)
    teardown(function()
      debug.getregistry()["posthog.llm.engine.current"] = nil
      debug.getmetatable(engine).__gc(engine)
      server:stop()
    end)
    before_each(function()
      pool, ids = engine:pool(), {}
    end)
    after_each(function()
      pool:close()
    end)

    local function start(id, options)
      options = options or {}
      local config = core.request_config({ max_connections = options.max_connections }, {})
      local request = { method = "GET", stream = not options.whole }
      local url = server.url .. "/" .. id
      return assert(
        pool:start(config, request, url, (options.timeout or 10) * SLOWER, options.deadline)
      )
    end

    local function wait(transfer)
      while not transfer:done() do
        engine:poll(1)
        engine:collect(ids)
      end
    end

    --- Reads to the end.
    --- @return integer bytes
    --- @return integer pieces
    --- @return string longest
    --- @return table ending what the last read returned
    local function read_all(transfer, each)
      local bytes, pieces, longest = 0, 0, 0
      while true do
        local ending = { transfer:read() }
        if ending[1] == nil then
          return bytes, pieces, longest, ending
        elseif ending[1] == "" then
          wait(transfer)
        else
          bytes, pieces = bytes + #ending[1], pieces + 1
          longest = math.max(longest, #ending[1])
          if each then
            each(ending[1])
          end
        end
      end
    end

    for _, framing in ipairs({ "length", "chunks", "close" }) do
      it("arrives completely and in order, its end marked by its " .. framing, function()
        local transfer = start(bulk.id("rows", 4 * MIB, { framing = framing }))
        local parts = {}
        local bytes, pieces, longest, ending = read_all(transfer, function(piece)
          parts[#parts + 1] = piece
        end)
        assert.is_true(bytes >= 4 * MIB and pieces > 10)
        assert.is_true(longest <= 300 * 1024, longest)
        assert.same({ nil }, ending)
        local number = 0
        for id in table.concat(parts):gmatch('"item_id":"i(%d+)"') do
          number = number + 1
          assert.equal(number, tonumber(id))
        end
        assert.is_true(number > 5000)
        assert.same({ nil }, { transfer:read() })
        assert.equal(200, (transfer:result()))
      end)
    end

    it("has its status and headers from its first byte on", function()
      local transfer = start(bulk.id("rows", 4 * MIB, { ending = "slow" }))
      wait(transfer)
      local status, size, echoed = transfer:result("no such key")
      assert.same({ 200, 0, false }, { status, size, echoed })
      assert.is_truthy(transfer:headers()["content-length"])
      assert.equal("1.1", transfer:http_version())
      local first = transfer:timings()
      assert.is_true(first.total > 0)
      read_all(transfer)
      assert.same(first, transfer:timings())
    end)

    it("cannot be read as a whole", function()
      local transfer = start(bulk.id("rows", 4 * MIB))
      wait(transfer)
      for _, method in ipairs({ "body", "size", "decode", "excerpt" }) do
        assert.has_error(function()
          transfer[method](transfer, core.decoder({}), "x", "y")
        end)
      end
      transfer:free_body()
      assert.is_true((read_all(transfer)) >= 4 * MIB)
      assert.has_error(function()
        start(bulk.id("silent", 1), { whole = true }):read()
      end)
    end)

    for _, framing in ipairs({ "length", "chunks" }) do
      it("returns what arrived before it broke off, then the error: " .. framing, function()
        local options = { ending = "lost", framing = framing }
        local bytes, _, _, ending = read_all(start(bulk.id("rows", 2 * MIB, options)))
        assert.is_true(bytes > 1.8 * MIB)
        assert.equal("network", ending[2])
        assert.is_true(ending[4])
      end)
    end

    it("has no limit on its total time, but one on each wait", function()
      local slow = start(bulk.id("rows", 9 * MIB, { ending = "slow" }), { timeout = 1 })
      local from = core.now()
      assert.is_true((read_all(slow)) >= 9 * MIB)
      assert.is_true(core.now() - from > 1.2)
      local hung = start(bulk.id("rows", MIB, { ending = "hang" }), { timeout = 1 })
      from = core.now()
      local bytes, _, _, ending = read_all(hung)
      assert.is_true(bytes > 0.8 * MIB)
      assert.equal("timeout", ending[2])
      assert.matches("^no data arrived for %d+ ms$", ending[3])
      assert.equal("answering", (hung:cause()))
      assert.is_true(core.now() - from < 20 * SLOWER)
    end)

    it("counts no time while the program does not read", function()
      local transfer = start(bulk.id("rows", 3 * MIB), { timeout = 1 })
      wait(transfer)
      local from = core.now()
      while core.now() - from < 1.6 * SLOWER do
        engine:poll(0.05)
        engine:collect(ids)
      end
      local bytes, _, _, ending = read_all(transfer)
      assert.is_true(bytes >= 3 * MIB)
      assert.same({ nil }, ending)
    end)

    it("has to begin in time", function()
      local transfer = start(bulk.id("silent", 1), { timeout = 1 })
      wait(transfer)
      assert.same({ nil, "timeout" }, { transfer:result(), (select(2, transfer:result())) })
      assert.equal("waiting", (transfer:cause()))
      assert.equal("timeout", (select(2, transfer:read())))
    end)

    it("of a status other than 2xx is an ordinary response", function()
      local transfer = start(bulk.id("html", MIB, { status = 404 }))
      wait(transfer)
      assert.same({ 404, MIB }, { transfer:result(), (select(2, transfer:result())) })
      assert.equal(MIB, #transfer:body())
    end)

    it("does not keep other calls waiting, however few connections there are", function()
      local open = {}
      for i = 1, 3 do
        open[i] = start(bulk.id("rows", 3 * MIB), { max_connections = 1 })
        wait(open[i])
      end
      for _ = 1, 3 do
        local other = start(bulk.id("json", 1000), { max_connections = 1, whole = true })
        wait(other)
        assert.equal(200, (other:result()))
      end
      for i = 1, 3 do
        assert.is_true((read_all(open[i])) >= 3 * MIB)
      end
    end)

    it("ends when it is cancelled, its pool is closed or its handle is collected", function()
      local id = bulk.id("rows", 64 * MIB)
      local cancelled, closed = start(id), start(id)
      wait(cancelled)
      wait(closed)
      cancelled:cancel()
      assert.equal("cancelled", (select(2, cancelled:read())))
      assert.is_truthy(cancelled:headers()["content-type"])
      closed:read()
      for _ = 1, 5 do
        wait(start(id))
      end
      collectgarbage()
      collectgarbage()
      pool:close()
      assert.equal("cancelled", (select(2, closed:read())))
      assert.equal("cancelled", (select(2, closed:result())))
    end)

    it("wakes a waiting caller, once for what has arrived", function()
      local transfer = start(bulk.id("rows", MIB, { ending = "slow" }))
      local woken = 0
      while true do
        local bytes = transfer:read()
        if not bytes then
          break
        elseif bytes ~= "" and mode == "a script" then -- there, nothing moves meanwhile
          assert.equal(0, engine:collect(ids))
        end
        while not transfer:done() do
          engine:poll(5)
          for i = 1, engine:collect(ids) do
            woken = woken + (ids[i] == transfer:id() and 1 or 0)
          end
        end
      end
      assert.is_true(woken >= 3, woken)
    end)
  end)
end
