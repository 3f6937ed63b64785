-- The real nginx with its Lua module, and the emulator as its upstream. nginx
-- has a LuaJIT of its own, so once is enough, with the core for LuaJIT.
if not rawget(_G, "jit") or os.getenv("SPEC_MODE") == "valgrind" then
  return
end

local cjson = require("cjson")
local core = require("posthog.llm.core")
local emulator = require("spec.emulator")
local server = require("spec.ngx.server")

local missing = server.missing()
if missing then
  describe("nginx", function()
    pending("is left out: " .. missing)
  end)
  return
end

local MODE = os.getenv("SPEC_MODE")
-- The thread sanitizer has a thread of its own, and that one wakes up by itself.
local OTHER_THREADS = MODE == "tsan" and 1 or 0

describe("nginx", function()
  local e, port

  setup(function()
    e = emulator.start({ tls = true })
    port = tonumber(e.url:match("%d+$"))
  end)
  teardown(function()
    e:stop()
  end)

  --- A server for the tests of one block. Whatever they did, nginx has nothing
  --- to complain about, but what is expected, and ends when it is told to.
  local function serving(options)
    local held = {}
    setup(function()
      options.emulator = e
      held.nginx = server.start(options)
    end)
    teardown(function()
      held.nginx:stop()
    end)
    after_each(function()
      assert.equal("", held.nginx:complaints(options.expected))
    end)
    return held
  end

  describe("with one worker", function()
    local s = serving({ tls = true })

    for _, phase in ipairs({ "server_rewrite", "rewrite", "access", "content", "timer" }) do
      it("waits in the phase " .. phase, function()
        assert.equal(("%s %s: 20"):format(phase, phase), (s.nginx:get("/in/" .. phase)))
      end)
    end

    it("waits in the phase ssl_cert, but not in ssl_client_hello", function()
      local answer = server.output_of(
        ("curl -q -s -m 10 --cacert '%s' --noproxy '*'" .. " https://localhost:%d/in/ssl_cert"):format(
          e.ca_file,
          s.nginx.tls_port
        )
      )
      assert.equal("ssl_cert ssl_cert: 20\n", answer)
      local found = s.nginx:get("/result?name=ssl_client_hello")
      assert.truthy(found:find("^ssl_client_hello ssl_client_hello: phase: "), found)
    end)

    for _, phase in ipairs({ "set", "header_filter", "body_filter", "log", "balancer" }) do
      it("returns an error of kind phase in " .. phase, function()
        s.nginx:get("/in/" .. phase)
        local found = s.nginx:get("/result?name=" .. phase)
        assert.equal(("%s %s: phase: "):format(phase, phase), found:match("^.-: phase: "))
        assert.truthy(found:find("its " .. phase .. " phase", 1, true))
        assert.truthy(found:find("ngx.timer.at", 1, true))
      end)
    end

    it("refuses to sleep where it cannot wait, and gathers what needs no wait", function()
      s.nginx:get("/in/log")
      local said = s.nginx:get("/result?name=log.sleep")
      assert.truthy(said:find("^false .*handlers%.lua:%d+: .*its log phase"), said)
      assert.equal("1 phase", (s.nginx:get("/result?name=log.gather")))
    end)

    it("has one null for the library and cjson", function()
      assert.equal("true", (s.nginx:get("/null")))
    end)

    it("fetches what a program asks for", function()
      local name = e:seed({ skills = 1 }).skills[1]
      assert.equal(name, (s.nginx:get("/skill?name=" .. name)))
      assert.truthy(s.nginx:get("/skill?name=none"):find("^skills:get: not_found: "))
    end)

    it("serves a hundred requests whose calls take 200 ms at the same time", function()
      local statuses, seconds = s.nginx:get_many("/slow?ms=200", 100)
      assert.same({ ["200"] = 100 }, statuses)
      assert.is_true(seconds[#seconds] < 15, "the slowest: " .. seconds[#seconds]) -- one by one: 20
    end)

    it("serves other requests while a call waits", function()
      local before = server.connections_to(port)
      local curl = server.output_of(
        (
          "curl -q -s -m 20 --noproxy '*' -o /dev/null -Z --parallel-immediate"
          .. " --parallel-max 100 '%s/slow?ms=20000&n=[1-100]' >/dev/null 2>&1 & echo $!"
        ):format(s.nginx.url)
      )
      assert.is_true(server.eventually(10, function()
        return server.connections_to(port) >= 100
      end))
      local statuses, seconds = s.nginx:get_many("/plain", 20)
      assert.same({ ["200"] = 20 }, statuses)
      assert.is_true(seconds[#seconds] < 9, "the slowest: " .. seconds[#seconds]) -- of 20
      s.nginx:signal("TERM", curl)
      assert.is_true(server.eventually(15, function()
        return server.connections_to(port) <= before
      end))
    end)

    it("gathers values and errors by position", function()
      local answer = cjson.decode((s.nginx:get("/gather")))
      assert.same({ 801, 802, 803, 804, 805, 806, 807, 808, 809, 810 }, answer.values)
      assert.equal("none", answer.errors)
      assert.is_true(answer.seconds < 7) -- one by one: 8
      assert.same({ "one", true, true, false, true }, answer.mixed)
      assert.same({ "two", "three" }, answer.failures)
      assert.equal(2, answer.most)
      assert.equal(0, answer.empty)
    end)

    it("reads pages ahead without a light thread, and ends with what is on its way", function()
      e:reset()
      e:seed({ datasets = 12 })
      e:fault({ match = { path = "offset=" }, action = { delay = 1 } })
      local answer = cjson.decode((s.nginx:get("/ahead?prefetch=11")))
      assert.equal(12, answer.rows)
      assert.is_true(answer.seconds < 9, answer.seconds) -- one by one: 11
      e:faults({ { match = { path = "offset=" }, action = { delay = 30 } } })
      local began = core.now()
      answer = cjson.decode((s.nginx:get("/ahead?prefetch=4&most=1")))
      assert.equal(1, answer.rows)
      assert.is_true(core.now() - began < 15) -- the request does not wait for what nobody needs
      e:reset()
    end)

    it("runs a window of jobs in light threads", function()
      assert.equal("1,1,1,1,200 true; 2 no more", (s.nginx:get("/window")))
    end)

    it("sleeps without blocking the worker", function()
      local seconds = tonumber((s.nginx:get("/sleep")))
      assert.is_true(seconds >= 0.09 and seconds < 9)
    end)

    it("ends a call when its client is closed", function()
      assert.equal("nil cancelled true", (s.nginx:get("/close")))
    end)

    it("ends a call at its deadline", function()
      assert.equal("timeout true", (s.nginx:get("/deadline")))
    end)

    it("cancels the calls of requests that are abandoned", function()
      local before = server.connections_to(port)
      for _ = 1, 3 do
        s.nginx:get("/slow?ms=30000", "-m 0.3")
      end
      assert.is_true(server.eventually(15, function()
        return server.connections_to(port) <= before
      end))
      assert.equal("20", (s.nginx:get("/slow?ms=20")))
    end)

    it("cancels the calls of light threads that are killed", function()
      local before = server.connections_to(port)
      assert.equal("1", (s.nginx:get("/killed")))
      assert.is_true(server.eventually(15, function()
        return server.connections_to(port) <= before
      end))
    end)

    it("keeps no memory of requests that were abandoned", function()
      local open = server.connections_to(port)
      local function give_up(times)
        os.execute(
          (
            "curl -q -s -m 0.5 --noproxy '*' -o /dev/null -Z --parallel-immediate"
            .. " --parallel-max 50 '%s/slow?ms=30000&n=[1-%d]' >/dev/null 2>&1"
          ):format(s.nginx.url, times)
        )
        server.output_of("sleep 1")
        server.eventually(10, function()
          return server.connections_to(port) <= open
        end)
        return tonumber((s.nginx:get("/memory")))
      end
      give_up(50)
      local before = give_up(50)
      local after
      for _ = 1, 4 do
        after = give_up(50)
      end
      assert.is_true(after - before < 50, ("%d KB, then %d"):format(before, after))
    end)

    it("uses no CPU without calls", function()
      local pid = s.nginx:workers()[1]
      s.nginx:get("/slow?ms=20")
      local cpu, switches
      for _ = 1, 8 do
        server.output_of("sleep 1.5") -- the reader has gone by then, or later on a busy machine
        cpu, switches = server.cpu(pid), server.switches(pid)
        server.output_of("sleep 1")
        if OTHER_THREADS > 0 or switches == server.switches(pid) then
          break
        end
      end
      if OTHER_THREADS == 0 then
        assert.equal(cpu, server.cpu(pid))
        assert.equal(switches, (server.switches(pid)))
      end
    end)
  end)

  describe("with several workers", function()
    local s = serving({ workers = 3 })

    it("calls from each of them", function()
      assert.equal(3, #s.nginx:workers())
      local statuses = s.nginx:get_many("/slow?ms=100", 100)
      assert.same({ ["200"] = 100 }, statuses)
      local engines = 0
      for _, pid in ipairs(s.nginx:workers()) do
        engines = engines + select(2, server.switches(pid)) - 1
      end
      assert.is_true(engines >= 2, "engines: " .. engines)
    end)

    it("loses no request in reloads", function()
      local results = s.nginx.prefix .. "/load"
      os.execute(([[
        for i in 1 2 3 4 5 6 7 8 9 10; do
          curl -q -s -m 20 --noproxy '*' -o /dev/null -Z --parallel-immediate --parallel-max 20 \
            -w '%%{http_code}\n' '%s/slow?ms=100&n=[1-40]' 2>/dev/null
        done >'%s'; echo done >>'%s'
      ]]):format(s.nginx.url, results, results):gsub("^%s*", "(") .. ") &")
      local old = s.nginx:workers()
      for _ = 1, 3 do
        server.output_of("sleep 0.4")
        s.nginx:signal("HUP")
      end
      local text
      assert.is_true(server.eventually(30, function()
        text = io.open(results):read("*a")
        return text:find("done\n", 1, true) ~= nil
      end))
      assert.equal(("200\n"):rep(400) .. "done\n", text)
      assert.is_true(server.eventually(15, function()
        return #s.nginx:workers() == 3
      end))
      for _, worker in ipairs(s.nginx:workers()) do
        for _, gone in ipairs(old) do
          assert.not_equal(gone, worker)
        end
      end
    end)

    it("lets a worker exit soon after its last call", function()
      local old = s.nginx:workers()[1]
      os.execute(
        (
          "curl -q -s -m 20 --noproxy '*' -o /dev/null -Z --parallel-immediate"
          .. " '%s/slow?ms=1000&n=[1-20]' >/dev/null 2>&1 &"
        ):format(s.nginx.url)
      )
      server.output_of("sleep 0.3")
      s.nginx:signal("HUP")
      assert.is_true(server.eventually(15, function()
        for _, worker in ipairs(s.nginx:workers()) do
          if worker == old then
            return false
          end
        end
        return true
      end))
    end)
  end)

  describe("with lua_code_cache off", function()
    local s = serving({ http = "lua_code_cache off;", expected = { "lua_code_cache is off" } })

    it("makes calls, and leaves no thread and no descriptor open", function()
      assert.equal("20", (s.nginx:get("/slow?ms=20")))
      server.output_of("sleep 1.2")
      local pid = s.nginx:workers()[1]
      local _, threads = server.switches(pid)
      local descriptors = server.descriptors(pid)
      local statuses = s.nginx:get_many("/slow?ms=50", 40)
      assert.same({ ["200"] = 40 }, statuses)
      assert.is_true(server.eventually(15, function()
        local _, now = server.switches(pid)
        return now <= threads and server.descriptors(pid) <= descriptors
      end))
    end)
  end)

  describe("with the library loaded by init_by_lua", function()
    local s = serving({
      http = [[
        init_by_lua_block {
          handlers = require("spec.ngx.handlers")
          handlers.try("init")
        }
        init_worker_by_lua_block {
          handlers.try("init_worker")
          ngx.timer.at(0, function() handlers.try("later") end)
        }
      ]],
    })

    it("returns an error of kind phase in init and init_worker, where a timer helps", function()
      for _, phase in ipairs({ "init", "init_worker" }) do
        local found = s.nginx:get("/result?name=" .. phase)
        assert.truthy(found:find(("%s %s: phase: "):format(phase, phase), 1, true), found)
        assert.truthy(found:find("ngx.timer.at", 1, true))
      end
      assert.is_true(server.eventually(15, function()
        return s.nginx:get("/result?name=later") == "later timer: 20"
      end))
    end)

    it("has no thread and no descriptor in the master process", function()
      local _, threads = server.switches(s.nginx:pid())
      assert.equal(1 + OTHER_THREADS, threads)
      assert.equal("200", select(2, s.nginx:get("/slow?ms=20")))
    end)
  end)

  describe("with all its timers in use", function()
    local s = serving({
      expected = {
        "lua_max_running_timers are not enough",
        "calls wait by polling: nginx starts no more timers",
      },
      http = "lua_max_running_timers 1;",
      server = [[
      location = /occupy {
        content_by_lua_block {
          ngx.timer.at(0, function() ngx.sleep(3) end)
          ngx.sleep(0.1)
          ngx.say("occupied")
        }
      }
    ]],
    })

    it("makes calls all the same", function()
      assert.equal("occupied", (s.nginx:get("/occupy")))
      assert.equal("100", (s.nginx:get("/slow?ms=100")))
      assert.equal("100", (s.nginx:get("/slow?ms=100")))
    end)
  end)

  describe("when the connection to the engine breaks", function()
    local s = serving({ expected = { "calls wait by polling: closed" } })

    it("finishes calls in flight and makes new ones", function()
      local results, before = s.nginx.prefix .. "/load", server.connections_to(port)
      os.execute(
        ("curl -q -s -m 20 --noproxy '*' '%s/slow?ms=4000' >'%s' &"):format(s.nginx.url, results)
      )
      assert.is_true(server.eventually(10, function()
        return server.connections_to(port) > before
      end))
      server.output_of("sleep 0.3")
      assert.equal("1", (s.nginx:get("/break_")))
      assert.equal("20", (s.nginx:get("/slow?ms=20")))
      assert.is_true(server.eventually(15, function()
        return io.open(results):read("*a") == "4000\n"
      end))
      assert.equal("20", (s.nginx:get("/slow?ms=20")))
    end)
  end)

  if server.output_of("id -u") == "0\n" then
    describe("with an unprivileged worker", function()
      local s = serving({ user = "nobody nogroup" })

      it("makes calls, and leaves no socket open", function()
        local before = server.output_of("ls -d /tmp/posthog-llm.* 2>/dev/null")
        assert.equal("20", (s.nginx:get("/slow?ms=20")))
        assert.equal(before, server.output_of("ls -d /tmp/posthog-llm.* 2>/dev/null"))
      end)
    end)
  end
end)
