-- What happens around the engine: no memory, the end of a program, threads, forks.

local core = require("posthog.llm.core")
local common = require("spec.support.core")
local host = require("spec.support.host")
local scripted = require("spec.support.scripted")

local fetch, finish, start = common.fetch, common.finish, common.start
local slow = common.slow
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

--- Runs a program in a Lua of its own and returns its output and exit status.
local function run(program, prefix)
  local name = os.tmpname()
  local file = assert(io.open(name, "w"))
  file:write(program)
  file:close()
  local pipe = io.popen(
    ("{ %s %s %s '%s' '%s' '%s'; echo \"status $?\"; } 2>&1"):format(
      prefix or "",
      os.getenv("LUA"),
      name,
      e.url,
      e.tls_url,
      e.ca_file
    )
  )
  local output = pipe:read("*a")
  pipe:close()
  os.remove(name)
  local printed, status = output:match("^(.*)status (%d+)%s*$")
  return printed, tonumber(status)
end

for _, mode in ipairs(common.MODES) do
  describe("the engine " .. mode, function()
    setup(function()
      common.enter(mode)
    end)

    -- The JIT compiler of LuaJIT may not run out of memory.
    if not rawget(_G, "jit") then
      it("loses nothing when there is no memory for Lua", function()
        local decoder = core.decoder({})
        local made, n = nil, 0
        local request = {
          method = "POST",
          url = e.url .. "/__emulator/echo",
          json = { a = { 1 } },
          headers = { "X-A: 1" },
        }
        local function use()
          local t = made
          return { t:result(), t:headers(), t:timings(), t:body(), t:decode(decoder) }
        end
        for _, f in ipairs({
          function()
            made = common.launch(pool, request)
          end,
          function()
            engine:collect({})
          end,
          use,
          function()
            engine:pool()
          end,
        }) do
          local ok, why
          repeat
            ok, why = host.starve(n, f)
            n = n + 1
            assert.is_true(ok or tostring(why):find("memory") ~= nil, why)
          until ok
          n = 0
          if made then
            while not made:done() do
              engine:poll(5)
            end
          end
        end
      end)
    end
  end)
end

describe("the descriptor of the engine's thread", function()
  it("is readable while there is something to collect", function()
    local fd = engine:run()
    assert.equal(fd, engine:run())
    assert.is_false(scripted.readable(fd))
    local one, two = start({}), start({})
    while not (one:done() and two:done()) do
      engine:poll(5)
    end
    assert.is_true(scripted.readable(fd))
    assert.is_true(scripted.readable(fd))
    assert.equal(2, engine:collect(ids))
    assert.is_false(scripted.readable(fd))
    start({ path = "/__emulator/slow?ms=500" }):cancel()
    assert.is_true(scripted.readable(fd))
    assert.equal(1, engine:collect(ids))
    assert.is_false(scripted.readable(fd))
  end)
end)

describe("a program", function()
  local BEGIN = [[
    local core = require("posthog.llm.core")
    local url, tls_url, ca_file = ...
    local engine, pools, kept = core.engine(), {}, {}
    local terms, GET = core.request_config({ ca_file = ca_file }), { method = "GET" }
    local function begin()
      for i = 1, 6 do
        pools[i] = engine:pool()
        for j = 1, 10 do
          local t = assert(pools[i]:start(terms, GET,
            (i % 2 == 0 and url or tls_url) .. "/__emulator/slow?ms=" .. j * 20, 20))
          if j % 2 == 0 then kept[#kept + 1] = t end
          if j % 5 == 0 then t:cancel() end
        end
      end
    end
  ]]
  local programs = {
    ["ends with calls in flight"] = "begin() engine:poll(0.05)",
    ["ends with calls that were never begun"] = "begin()",
    ["ends with calls in flight on a thread"] = "engine:run() begin() engine:poll(0.05)",
    ["starts the thread with calls in flight"] = "begin() engine:poll(0.03) engine:run() "
      .. "for _, t in ipairs(kept) do while not t:done() do "
      .. "engine:poll(1) engine:collect({}) end end",
    ["drops everything, then ends"] = "begin() engine:poll(0.05) kept, pools, engine = {}, {} "
      .. "collectgarbage() collectgarbage()",
    ["closes its pools in flight, then ends"] = "engine:run() begin() core.sleep(0.03) "
      .. "for _, p in ipairs(pools) do p:close() end",
    ["ends by os.exit"] = "begin() engine:poll(0.03) os.exit(0, true)",
  }
  if _VERSION == "Lua 5.4" then
    programs["closes the engine"] = "local p do local e <close> = core.engine() begin() "
      .. "e:poll(0.03) p = pools[1] end assert(kept[1]:done()) "
      .. "assert(select(2, kept[1]:result()) == 'cancelled') "
      .. "assert(p:start(terms, GET, url) == nil) assert(core.engine() ~= engine)"
  end
  for what, code in pairs(programs) do
    it(what .. ", without a crash or a leak", function()
      local printed, status = run(BEGIN .. code)
      assert.same({ "", 0 }, { printed, status })
    end)
  end

  if not slow then
    -- What the process still holds then is no leak, but looks like one.
    it("may exit without closing the state while TLS is busy", function()
      for ms = 1, 12 do
        local printed, status = run(BEGIN .. ([[
          engine:run()
          for i = 1, 20 do
            pools[i] = engine:pool()
            for _ = 1, 8 do
              pools[i]:start(terms, GET, tls_url .. "/__emulator/bytes?n=100000")
            end
          end
          core.sleep(%g)
          os.exit(0)]]):format(ms * 0.003))
        assert.same({ "", 0 }, { printed, status })
      end
    end)

    it("works without a thread if none can be started", function()
      local printed = run(BEGIN .. [[
        print(pcall(engine.run, engine))
        local config = core.request_config({})
        local t = engine:pool():start(config, { method = "GET" }, url .. "/__emulator/echo")
        while not t:done() do engine:poll() engine:collect({}) end
        print((t:result()))]], "ulimit -s 2000000; ulimit -v 1500000;")
      assert.equal("false\tcannot start the engine: cannot start a thread\n200\n", printed)
    end)

    it("does not use a proxy that only the environment names", function()
      local printed = run(BEGIN .. [[
        local config = core.request_config({})
        local t = engine:pool():start(config, { method = "GET" }, url .. "/__emulator/echo")
        while not t:done() do engine:poll() engine:collect({}) end
        print((t:result()))]], "http_proxy=http://127.0.0.1:1 all_proxy=http://127.0.0.1:1")
      assert.equal("200\n", printed)
    end)
  end
end)

describe("Lua states on threads of their own", function()
  it("have an engine each", function()
    local code = [[
      local core = require("posthog.llm.core")
      local engine = core.engine()
      if %s then engine:run() end
      local pool, open = engine:pool(), {}
      local terms = core.request_config({ ca_file = %q })
      for i = 1, 20 do
        open[i] = assert(pool:start(terms, { method = "GET" },
          (i %% 2 == 0 and %q or %q) .. "/__emulator/slow?ms=" .. i))
      end
      open[3]:cancel()
      for i, t in ipairs(open) do
        while not t:done() do engine:poll() engine:collect({}) end
        assert(t:result() == 200 or i == 3)
      end
      pool:start(terms, { method = "GET" }, %q .. "/__emulator/slow?ms=1000")]]
    for _, threaded in ipairs({ "true", "false" }) do
      assert.is_nil(host.states(8, code:format(threaded, e.ca_file, e.url, e.tls_url, e.url)))
    end
  end)
end)

describe("after a fork", function()
  --- In the child; returns 0, or where it went wrong.
  local function in_child(old, flying, ended)
    if pcall(old.pool, old) or not flying:done() or not ended:done() then
      return 1
    end
    local status, kind, message = flying:result()
    if status or kind ~= "cancelled" or not message:find("fork") then
      return 2
    end
    if ended:result() ~= 200 or ended:body() == "" then
      return 3
    end -- it was seen before
    flying:cancel()
    if not old:poll() or old:collect({}) ~= 0 then
      return 4
    end
    if pcall(old.run, old) or pcall(old.pool, old) then
      return 5
    end
    if common.launch(pool, { method = "GET", url = e.url }) then
      return 6
    end
    engine = core.engine()
    if engine == old or not pcall(engine.pool, engine) then
      return 7
    end
    local new = engine:pool()
    for _, base in ipairs({ e.url, e.tls_url }) do
      if fetch({ base = base }, new):result() ~= 200 then
        return 8
      end
    end
    engine:run()
    if fetch({ base = e.tls_url }, new):result() ~= 200 then
      return 9
    end
    pool:close()
    new:close()
    flying, ended, pool, common.pool = nil, nil, nil, nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    return 0
  end

  it("the child has an engine of its own, and the parent's continues", function()
    local ended = fetch({ base = e.tls_url })
    local flying = start({ base = e.tls_url, path = "/__emulator/slow?ms=300" })
    engine:poll(0.05)
    local name = os.tmpname()
    local pid = host.fork()
    if pid == 0 then
      local _, outcome = pcall(in_child, engine, flying, ended)
      local file = io.open(name, "w")
      file:write(tostring(outcome))
      file:close()
      host.vanish()
    end
    host.wait(pid)
    local file = io.open(name)
    assert.equal("0", file:read("*a"))
    file:close()
    os.remove(name)
    finish(flying)
    assert.equal(200, (flying:result()))
    assert.equal(engine, core.engine())
    assert.equal(200, (fetch({ base = e.tls_url }):result()))
    local entries = e:log()
    assert.equal(entries[1].connection, entries[#entries].connection) -- still the same
  end)
end)
