-- The engine against real servers: the emulator, and scripted ones for what
-- no well-behaved server does.

local cjson = require("cjson")
local unpack = table.unpack or unpack -- luacheck: ignore
local core = require("posthog.llm.core")
local emulator = require("spec.emulator")
local host = require("spec.support.host")
local scripted = require("spec.support.scripted")

local KEY = "Authorization: Bearer phx_emulator_all"
local DATASETS = "/api/projects/112358/datasets/"
local slow = os.getenv("SPEC_MODE") ~= "plain" -- under a sanitizer

local e -- the emulator
local engine, pool, server
local ids = {}

--- Starts a request; by default a GET of the echo.
local function start(request, of)
  request.method = request.method or "GET"
  request.url = request.url or (request.base or e.url) .. (request.path or "/__emulator/echo")
  if request.url:match("^https") then request.ca_file = request.ca_file or e.ca_file end
  return assert((of or pool):start(request))
end

--- Waits until all of these are done; scripted servers get their turns.
local function finish(...)
  local stop = core.now() + (slow and 60 or 20)
  for _, transfer in ipairs({ ... }) do
    while not transfer:done() do
      assert(core.now() < stop, "not done in time")
      if server then scripted.step() end
      engine:poll(server and 0.001 or 1)
      engine:collect(ids)
    end
  end
  engine:collect(ids)
  return ...
end

local function fetch(request, of)
  return finish(start(request, of))
end

--- What the echo says of a request.
local function echoed(request)
  local transfer = fetch(request)
  assert.equal(200, (transfer:result()))
  local echo = cjson.decode(transfer:body())
  echo.named = {}
  for name, value in pairs(echo.headers) do
    echo.named[name:lower()] = value
  end
  return echo
end

local function serve(script)
  server = scripted.start(script)
  return server
end

--- A server that gives these answers, one a request, to every connection.
local function answering(...)
  local answers = { ... }
  return serve(function(connection, number)
    connection:write(answers[number] or answers[#answers])
  end)
end

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

--- Runs a program in a Lua of its own and returns its output and exit status.
local function run(program, prefix)
  local name = os.tmpname()
  local file = assert(io.open(name, "w"))
  file:write(program)
  file:close()
  local pipe = io.popen(("{ %s %s %s '%s' '%s' '%s'; echo \"status $?\"; } 2>&1"):format(
    prefix or "", os.getenv("LUA"), name, e.url, e.tls_url, e.ca_file))
  local output = pipe:read("*a")
  pipe:close()
  os.remove(name)
  local printed, status = output:match("^(.*)status (%d+)%s*$")
  return printed, tonumber(status)
end

setup(function()
  e = emulator.start({ tls = true })
  engine = core.engine()
end)

teardown(function()
  e:stop()
end)

before_each(function()
  e:reset()
  pool = engine:pool()
  engine:collect(ids)
end)

after_each(function()
  pool:close()
  if server then server:stop() end
  server = nil
end)

-- A script drives the engine itself; an editor or a web server has a thread.
for _, mode in ipairs({ "in a script", "on a thread" }) do
  describe("the engine " .. mode, function()
    if mode == "on a thread" then setup(function()
      engine:run()
    end) end

    describe("sends", function()
      for _, base in ipairs({ "url", "tls_url" }) do
        it("each method with what belongs to it, whatever went before, to " .. base, function()
          local large = ("x"):rep(100000)
          local text = "Content-Type: text/plain"
          local calls = {
            { "POST", large, "100000" }, { "GET" }, { "PUT", "put", "3" }, { "DELETE" },
            { "PATCH", "", "0" }, { "POST", nil, "0" }, { "GET" }, { "DELETE", "gone", "4" },
            { "POST", "a\0b", "3" }, { "GET" },
          }
          for i, call in ipairs(calls) do
            local headers = { "X-Call: " .. i, call[2] and text }
            local echo = echoed({ base = e[base], method = call[1], body = call[2],
              headers = headers })
            assert.equal(call[1], echo.method)
            assert.equal(call[2] or "", echo.body)
            assert.equal(call[3], echo.named["content-length"])
            assert.equal(call[2] and "text/plain", echo.named["content-type"])
            assert.equal(tostring(i), echo.named["x-call"])
            assert.is_nil(echo.named["expect"])
          end
        end)

        it("HEAD between others, and reads no body, to " .. base, function()
          for _ = 1, 3 do
            local head = fetch({ base = e[base], method = "HEAD", path = "/__emulator/bytes?n=99" })
            assert.equal(200, (head:result()))
            assert.equal("", head:body())
            assert.equal("99", head:headers()["content-length"])
            local get = fetch({ base = e[base], path = "/__emulator/bytes?n=99" })
            assert.equal(99, get:size())
          end
        end)

        it("and receives large bodies byte for byte, to " .. base, function()
          local piece = {}
          for i = 0, 255 do
            piece[#piece + 1] = string.char(32 + i % 90)
          end
          local body = table.concat(piece):rep(8000) -- 2 MB
          assert.equal(body, echoed({ base = e[base], method = "POST", body = body }).body)
        end)
      end

      it("a value as JSON", function()
        local echo = echoed({ method = "POST", json = { a = core.array({ 1, "b" }) } })
        assert.equal('{"a":[1,"b"]}', echo.body)
      end)

      it("nothing when the value has no JSON text, and says where", function()
        local t, message, path = pool:start({
          method = "POST", url = e.url .. "/__emulator/echo", json = { a = { print } },
        })
        assert.is_nil(t)
        assert.equal("a[1]", path)
        assert.is_string(message)
        assert.same({}, e:log())
      end)

      it("no content type that nobody asked for", function()
        assert.is_nil(echoed({ method = "POST", body = "a=b" }).named["content-type"])
      end)

      it("an empty header", function()
        assert.equal("", echoed({ headers = { "X-Empty;" } }).named["x-empty"])
      end)
    end)

    describe("runs many", function()
      it("at the same time, on no more connections than it may", function()
        local transfers, from = {}, core.now()
        for i = 1, 100 do
          transfers[i] = start({ path = "/__emulator/slow?ms=200", max_connections = 100 })
        end
        finish(unpack(transfers))
        assert.is_true(core.now() - from < (slow and 8 or 0.8))
        assert.equal(100, connections_used())
      end)

      it("through eight connections by default", function()
        local transfers = {}
        for i = 1, 24 do
          transfers[i] = start({ path = "/__emulator/slow?ms=50" })
        end
        local from = core.now()
        finish(unpack(transfers))
        assert.is_true(core.now() - from < (slow and 8 or 0.4))
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

      it("and counts a time limit from when one is sent", function()
        local transfers = {}
        for i = 1, 4 do
          transfers[i] = start({ path = "/__emulator/slow?ms=100", max_connections = 1,
            timeout = slow and 3 or 0.3 })
        end
        finish(unpack(transfers))
        for _, transfer in ipairs(transfers) do
          assert.equal(200, (transfer:result()))
        end
      end)

      it("and ends those whose time is over before they could be sent", function()
        local first = start({ path = "/__emulator/slow?ms=400", max_connections = 1 })
        local second = start({ max_connections = 1, deadline = 0.1 })
        local third = start({ max_connections = 1 })
        local from = core.now()
        finish(second)
        assert.is_true(core.now() - from < 0.39)
        local status, kind, message, sent, permanent = second:result()
        assert.same({ nil, "timeout", false, false }, { status, kind, sent, permanent })
        assert.matches("^timed out after 1%d%d ms waiting for a free connection$", message)
        finish(first, third)
        assert.equal(200, (first:result()))
        assert.equal(200, (third:result()))
        assert.equal(2, #e:log())
      end)

      it("but none whose deadline has passed", function()
        for _, deadline in ipairs({ 0, -1, -math.huge }) do
          local _, kind, message, sent = fetch({ deadline = deadline }):result()
          assert.same({ "timeout", false }, { kind, sent })
          assert.equal("the time was over before the request was made", message)
        end
        assert.same({}, e:log())
      end)
    end)

    describe("takes back", function()
      it("one that could not be sent yet, and sends the rest", function()
        local first = start({ path = "/__emulator/slow?ms=500" })
        local second, third = start({}), start({})
        first:cancel()
        finish(first, second, third)
        assert.equal("cancelled", (select(2, first:result())))
        assert.equal(200, (second:result()))
        assert.equal(200, (third:result()))
      end)

      it("one that waits for a connection", function()
        local transfers = {}
        for i = 1, 4 do
          transfers[i] = start({ path = "/__emulator/slow?ms=50&n=" .. i, max_connections = 1 })
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
        it("one in flight at once, and frees its connection, to " .. base, function()
          local transfer = start({ base = e[base], path = "/__emulator/slow?ms=5000" })
          engine:poll(0.2)
          local from = core.now()
          transfer:cancel()
          assert.is_true(transfer:done())
          assert.equal(1, engine:collect(ids))
          assert.equal(transfer:id(), ids[1])
          local status, kind, message, sent, permanent = transfer:result()
          assert.same({ nil, "cancelled", "the call was cancelled", true, true },
            { status, kind, message, sent, permanent })
          assert.equal(200, (fetch({ base = e[base], max_connections = 1 }):result()))
          assert.is_true(core.now() - from < 2)
        end)
      end

      it("one twice, or after its end, without harm", function()
        local transfer = fetch({})
        transfer:cancel()
        assert.equal(200, (transfer:result()))
        local other = start({ path = "/__emulator/slow?ms=500" })
        other:cancel()
        other:cancel()
        assert.equal("cancelled", (select(2, other:result())))
        assert.equal(1, engine:collect(ids))
      end)

      it("one that nobody holds any more", function()
        start({ path = "/__emulator/slow?ms=5000", max_connections = 1 })
        engine:poll(0.1)
        collectgarbage()
        collectgarbage()
        local from = core.now()
        assert.equal(200, (fetch({ max_connections = 1 }):result()))
        assert.is_true(core.now() - from < 4)
        assert.equal(0, engine:collect(ids))
      end)

      it("all of a pool that is closed, and none of another", function()
        local other = engine:pool()
        local transfers = {}
        for i = 1, 40 do
          transfers[i] = start({ path = "/__emulator/slow?ms=100", max_connections = 2 }, pool)
          if i % 10 == 0 then engine:poll(0.01) end
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
        assert.same({ nil, "the pool is closed" }, { pool:start({ method = "GET", url = e.url }) })
        pool:close()
        other:close()
      end)

      it("any of many, at any time", function()
        math.randomseed(7)
        for _ = 1, slow and 5 or 20 do
          local transfers = {}
          for i = 1, 30 do
            transfers[i] = start({ base = i % 2 == 0 and e.url or e.tls_url,
              path = "/__emulator/slow?ms=" .. math.random(0, 20) })
            if math.random(5) == 1 then engine:poll(0.002) end
            if math.random(3) == 1 then transfers[math.random(i)]:cancel() end
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

    describe("reads", function()
      local function raw(text)
        e:fault({ action = { raw = text } })
        return fetch({ path = DATASETS, headers = { KEY } })
      end

      it("the final answer behind interim ones", function()
        local t = raw("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nX-A: early\r\n\r\n"
          .. "HTTP/1.1 100 Continue\r\n\r\n"
          .. "HTTP/1.1 201 Created\r\nX-A: late\r\nContent-Length: 2\r\n\r\nok")
        assert.equal(201, (t:result()))
        assert.same({ ["x-a"] = "late", ["content-length"] = "2" }, t:headers())
        assert.equal("ok", t:body())
      end)

      it("a body in chunks, and leaves trailers alone", function()
        local t = raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: 1\r\n\r\n"
          .. "3\r\nabc\r\n1\r\nd\r\n0\r\nX-A: 2\r\nHTTP/1.1: 3\r\n\r\n")
        assert.equal(200, (t:result()))
        assert.same({ ["x-a"] = "1", ["transfer-encoding"] = "chunked" }, t:headers())
        assert.equal("abcd", t:body())
      end)

      it("repeated headers as one, in any case, trimmed", function()
        local t = raw("HTTP/1.1 200 OK\r\nX-A: 1 \r\nx-a:2\r\nX-Empty:\r\nX-"
          .. ("Long"):rep(30) .. ": l\r\nContent-Length: 0\r\n\r\n")
        assert.same({ ["x-a"] = "1, 2", ["x-empty"] = "", ["content-length"] = "0",
          ["x-" .. ("long"):rep(30)] = "l" }, t:headers())
      end)

      it("204 and 304 without a body, whatever they announce", function()
        for _, status in ipairs({ 204, 304 }) do
          local t = raw(("HTTP/1.1 %d X\r\nContent-Length: 10\r\n\r\n"):format(status))
          assert.equal(status, (t:result()))
          assert.equal(0, t:size())
        end
      end)

      it("up to the end of the connection where no length is given", function()
        local t = raw("HTTP/1.1 200 OK\r\n\r\nall of it")
        assert.equal("all of it", t:body())
        assert.equal(200, (t:result()))
      end)

      it("no more than was announced", function()
        local t = raw("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef")
        assert.equal(200, (t:result()))
        assert.equal("abc", t:body())
      end)

      it("a body that ends too early as a failure", function()
        for _, length in ipairs({ "10", "99999999999999999" }) do
          local t = raw("HTTP/1.1 200 OK\r\nContent-Length: " .. length .. "\r\n\r\nabc")
          local status, kind, _, sent, permanent = t:result()
          assert.same({ nil, "network", true, false }, { status, kind, sent, permanent })
        end
        local t = raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc")
        assert.equal("network", (select(2, t:result())))
      end)

      it("an answer that comes before the connection is reset", function()
        serve(function(connection)
          connection:write("HTTP/1.1 413 Large\r\nContent-Length: 2\r\n\r\nno")
          scripted.step()
          connection:reset()
        end)
        for _ = 1, 20 do -- and then sends on a connection that is gone
          local t = fetch({ base = server.url, method = "POST", body = "x", once = true })
          local status, kind = t:result()
          assert.same({ 413, nil }, { status, kind })
          assert.equal("no", t:body())
        end
      end)

      it("compressed bodies", function()
        local made = e:seed({ datasets = 1, items = 100 })
        local t = fetch({ path = "/api/projects/112358/dataset_items/?limit=100&dataset="
          .. made.datasets[1], headers = { KEY } })
        assert.equal("gzip", t:headers()["content-encoding"])
        assert.equal(100, #t:decode(core.decoder({})).results)
        assert.equal(0, t:size())
      end)

      it("the body in parts", function()
        local t = fetch({ path = "/__emulator/bytes?n=100" })
        assert.equal(t:body(), t:body(200))
        assert.equal(t:body():sub(1, 7), t:body(7))
        assert.equal("", t:body(0))
        assert.equal("", t:body(-1))
      end)

      it("what is not JSON as text, and says where it ends to be", function()
        e:fault({ action = { status = 200, body = "[1,]" } })
        local t = fetch({ path = DATASETS, headers = { KEY } })
        local value, message, position = t:decode(core.decoder({}))
        assert.same({ nil, 4 }, { value, position })
        assert.is_string(message)
        assert.equal("[1,]", t:body())
      end)

      it("the headers as a whole for a text", function()
        local t = raw("HTTP/1.1 200 OK\r\nX-Echo: Bearer secret\r\nContent-Length: 0\r\n\r\n")
        for text, is_there in pairs({
          ["Bearer secret"] = true, ["X-Echo: B"] = true, ["HTTP/1.1"] = true, [""] = true,
          ["secret!"] = false, ["SECRET"] = false, [("x"):rep(1000)] = false, ["\0"] = false,
        }) do
          assert.equal(is_there, t:headers_contain(text))
        end
      end)

      it("the times", function()
        local t = fetch({ base = e.tls_url, path = "/__emulator/slow?ms=50" })
        local times = t:timings()
        assert.is_true(0 < times.connect and times.connect < times.tls)
        assert.is_true(times.tls < times.first_byte and times.first_byte <= times.total)
        assert.is_true(times.total >= 0.05 and times.total < 5)
        assert.is_number(times.name_lookup)
        assert.equal("2", t:http_version())
        assert.equal("1.1", fetch({}):http_version())
      end)
    end)

    describe("limits", function()
      it("the body, after decompression", function()
        local made = e:seed({ datasets = 1, items = 1, bytes = 500000 })
        local request = { path = "/api/projects/112358/dataset_items/?dataset=" .. made.datasets[1],
          headers = { KEY }, max_response_bytes = 400000 }
        local t = fetch(request)
        local status, kind, message, sent, permanent = t:result()
        assert.same({ nil, "too_large", true, true }, { status, kind, sent, permanent })
        assert.equal("the response body is over the limit of 400000 bytes", message)
        request.max_response_bytes = 600000
        assert.equal(200, (fetch(request):result()))
      end)

      it("the body to the byte", function()
        for limit, want in pairs({ [0] = "too_large", [99] = "too_large", [100] = 200,
          [1e300] = 200 }) do
          local t = fetch({ path = "/__emulator/bytes?n=100", max_response_bytes = limit })
          local status, kind = t:result()
          assert.equal(want, status or kind)
        end
      end)

      it("the headers, those of interim answers and trailers too", function()
        local field = "X-A: " .. ("a"):rep(100) .. "\r\n"
        local ok = "HTTP/1.1 200 OK\r\n"
        for what, text in pairs({
          plain = ok .. field:rep(20) .. "Content-Length: 0\r\n\r\n",
          interim = ("HTTP/1.1 103 E\r\n" .. field .. "\r\n"):rep(20)
            .. ok .. "Content-Length: 0\r\n\r\n",
          trailers = ok .. "Transfer-Encoding: chunked\r\n\r\n0\r\n" .. field:rep(20) .. "\r\n",
        }) do
          e:fault({ action = { raw = text } })
          local t = fetch({ path = DATASETS, headers = { KEY }, max_header_bytes = 1000 })
          assert.equal("too_large " .. what, (select(2, t:result())) .. " " .. what)
          t = fetch({ path = DATASETS, headers = { KEY }, max_header_bytes = 4000 })
          assert.equal(200, (t:result()))
        end
      end)
    end)

    describe("tells of a failure, whether the request left and whether to give up:", function()
      local function failure(request)
        local status, kind, message, sent, permanent = fetch(request):result()
        assert.is_nil(status)
        assert.is_string(message)
        assert.not_equal("", message)
        return { kind, sent = sent, permanent = permanent }
      end

      it("nobody listens", function()
        assert.same({ "network", sent = false, permanent = false },
          failure({ base = "http://127.0.0.1:1", method = "POST", body = "x" }))
      end)

      it("the name is unknown", function()
        assert.same({ "network", sent = false, permanent = false },
          failure({ base = "http://no.such.host.invalid" }))
      end)

      it("the certificate is not trusted", function()
        local other = os.tmpname()
        os.execute(("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
          .. "-subj /CN=other -keyout /dev/null -out '%s' 2>/dev/null"):format(other))
        assert.same({ "tls", sent = false, permanent = true },
          failure({ base = e.tls_url, ca_file = other }))
        os.remove(other)
        assert.same({ "tls", sent = false, permanent = true },
          failure({ base = e.tls_url, ca_file = other })) -- it is gone
      end)

      it("the certificate is for another name", function()
        assert.same({ "tls", sent = false, permanent = true },
          failure({ base = e.tls_url:gsub("localhost", "other.localhost") }))
      end)

      it("it is not TLS", function()
        assert.same({ "tls", sent = false, permanent = false },
          failure({ base = e.url:gsub("http:", "https:") }))
      end)

      it("the connection ends during the TLS handshake", function()
        serve(function() end)
        local t = start({ base = server.tls_url, method = "POST", body = "x" })
        while not server.connections[1] do
          scripted.step()
          engine:poll(0.001)
        end
        server.connections[1]:reset()
        finish(t)
        local _, kind, _, sent, permanent = t:result()
        assert.same({ "tls", false, false }, { kind, sent, permanent })
      end)

      it("the connection does not come about in time", function()
        local silent = scripted.start()
        local from = core.now()
        for _, limit in ipairs({ "connect_timeout", "timeout", "deadline" }) do
          assert.same({ "timeout", sent = false, permanent = false },
            failure({ base = silent.tls_url, method = "POST", body = "x", [limit] = 0.1 }))
        end
        assert.is_true(core.now() - from < (slow and 10 or 1))
        silent:stop()
      end)

      for _, base in ipairs({ "url", "tls_url" }) do
        it("no answer in time, of " .. base, function()
          for _, limit in ipairs({ "timeout", "deadline" }) do
            assert.same({ "timeout", sent = true, permanent = false }, failure({ base = e[base],
              path = "/__emulator/slow?ms=3000", [limit] = slow and 1 or 0.15 }))
          end
        end)

        it("the connection ends without an answer, of " .. base, function()
          e:fault({ action = { close = "before" } })
          for _, once in ipairs({ true, false }) do
            assert.same({ "network", sent = true, permanent = false }, failure({ base = e[base],
              path = DATASETS, headers = { KEY }, method = "POST", body = "{}", once = once }))
          end
        end)
      end

      it("a URL that is none", function()
        for _, url in ipairs({ "ftp://127.0.0.1/", "http://", "http://a b/", "file:///a" }) do
          assert.same({ "network", sent = false, permanent = true }, failure({ url = url }))
        end
      end)
    end)

    describe("on a kept connection that ends at the next request", function()
      local function count(method)
        local n = 0
        for _, entry in ipairs(e:log()) do
          if entry.method == method then n = n + 1 end
        end
        return n
      end

      local function stale(request)
        assert.equal(200, (fetch({ path = DATASETS, method = "HEAD", headers = { KEY } }):result()))
        e:fault({ action = { close = "before", times = 1 } })
        request.path, request.headers = DATASETS, { KEY }
        return fetch(request)
      end

      it("never sends twice what may be sent once", function()
        local t = stale({ method = "POST", body = "{}", once = true })
        local status, kind, message, sent, permanent = t:result()
        assert.same({ nil, "network", true, false }, { status, kind, sent, permanent })
        assert.equal("the connection was lost after the request", message)
        assert.equal(1, count("POST"))
        assert.equal(200, (fetch({}):result()))
      end)

      it("sends anything else again", function()
        assert.equal(200, (stale({}):result()))
        assert.equal(2, count("GET"))
      end)

      it("sends once, at once, when it had ended before", function()
        serve(function(connection)
          connection:write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
          connection:close()
        end)
        for i = 1, 3 do
          local t = fetch({ base = server.url, method = "POST", body = "x", once = true })
          assert.equal(200, (t:result()))
          assert.equal(i, #server.connections)
          for _ = 1, 20 do
            scripted.step()
            core.sleep(0.001)
          end
        end
      end)
    end)

    describe("through a proxy", function()
      it("asks for http as it is told, and not for what is excepted", function()
        answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        assert.equal(200, (fetch({ url = "http://a.invalid/x?y", proxy = server.url }):result()))
        assert.matches("^GET http://a.invalid/x%?y HTTP/1.1\r\n", server.requests[1])
        assert.equal(200, (fetch({ proxy = server.url, no_proxy = "127.0.0.1" }):result()))
        assert.equal(200, (fetch({}):result()))
        assert.equal(1, #server.requests)
      end)

      it("knows that nothing was sent when the proxy refuses", function()
        answering("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        local t = fetch({ url = "https://a.invalid/x", proxy = server.url, method = "POST",
          body = "x", headers = { "Authorization: secret" } })
        local status, kind, _, sent, permanent = t:result()
        assert.same({ nil, "network", false, false }, { status, kind, sent, permanent })
        assert.matches("^CONNECT a.invalid:443 ", server.requests[1])
        assert.is_nil(server.requests[1]:find("secret", 1, true))
      end)

      it("knows that nothing was sent when TLS fails behind it", function()
        serve(function(connection, number)
          connection:write("HTTP/1.1 200 OK\r\n\r\n")
          if number == 1 then connection:write("no TLS at all") end
        end)
        local _, kind, _, sent = fetch({ url = "https://a.invalid/x", proxy = server.url,
          method = "POST", body = "x" }):result()
        assert.same({ "tls", false }, { kind, sent })
      end)
    end)

    describe("waits", function()
      it("no longer than it is told, and does some work each time", function()
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

      it("and reports each once, in the order in which they ended", function()
        local late = start({ path = "/__emulator/slow?ms=150" })
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

      it("for those of all pools", function()
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

    describe("is strict:", function()
      local function refused(request, message)
        request.method = request.method or "GET"
        request.url = request.url or e.url
        assert.error_matches(function()
          pool:start(request)
        end, message)
      end

      it("a field of a wrong type", function()
        refused({ url = {} }, "request.url: string expected, got table")
        refused({ method = true }, "request.method: string expected, got boolean")
        refused({ headers = "X: y" }, "request.headers: table expected, got string")
        refused({ headers = { "X: y", {} } }, "request.headers%[2%]: string expected, got table")
        refused({ body = {} }, "request.body: string expected, got table")
        refused({ timeout = "1" }, "request.timeout: number expected, got string")
        refused({ ca_file = 1 == 1 }, "request.ca_file: string expected, got boolean")
      end)

      it("bytes that would end a line", function()
        for _, byte in ipairs({ "\r", "\n", "\0" }) do
          refused({ url = e.url .. byte }, "request.url: line break or zero byte")
          refused({ method = "G" .. byte }, "request.method: line break or zero byte")
          refused({ headers = { "X: " .. byte } }, "request.headers%[1%]: line break or zero byte")
        end
      end)

      it("two bodies", function()
        refused({ body = "{}", json = {} }, "request.json: there is a body already")
      end)

      it("no table, no engine, no pool", function()
        assert.error(function() pool:start() end)
        assert.error(function() pool.start({}, {}) end)
        assert.error(function() engine.poll(pool) end)
        assert.error(function() engine:collect() end)
        assert.error(function() engine:poll("soon") end)
      end)

      it("the result of what is not done, or was taken back", function()
        local t = start({ path = "/__emulator/slow?ms=50" })
        for _, name in ipairs({ "result", "headers", "timings", "size", "body" }) do
          assert.error_matches(function() t[name](t) end, "transfer is not done")
        end
        t:cancel()
        for _, name in ipairs({ "headers", "timings", "size", "body", "http_version" }) do
          assert.error_matches(function() t[name](t) end, "transfer was cancelled")
        end
      end)

      it("numbers beyond reason are not", function()
        local nan = 0 / 0
        for _, n in ipairs({ math.huge, -math.huge, 1e300, -1 }) do
          local t = fetch({ timeout = n, connect_timeout = n, max_connections = n })
          assert.equal(200, (t:result()))
        end
        assert.equal(200, (fetch({ timeout = nan, max_connections = nan }):result()))
        assert.is_false(engine:poll(nan))
        core.sleep(nan)
        core.sleep(-1)
      end)

      it("a pool that a metamethod closes meanwhile is closed", function()
        local closing = engine:pool()
        local t, message = closing:start(setmetatable({ method = "GET", url = e.url }, {
          __index = function()
            closing:close()
          end,
        }))
        assert.same({ nil, "the pool is closed" }, { t, message })
      end)
    end)

    -- The JIT compiler of LuaJIT may not run out of memory.
    if not rawget(_G, "jit") then
      it("loses nothing when there is no memory for Lua", function()
        local decoder = core.decoder({})
        local made, n = nil, 0
        local request = { method = "POST", url = e.url .. "/__emulator/echo", json = { a = { 1 } },
          headers = { "X-A: 1" } }
        local function use()
          local t = made
          return { t:result(), t:headers(), t:timings(), t:body(), t:decode(decoder) }
        end
        for _, f in ipairs({
          function() made = pool:start(request) end,
          function() engine:collect({}) end,
          use,
          function() engine:pool() end,
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
  it("is readable as long as there is something to collect", function()
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
    local function begin()
      for i = 1, 6 do
        pools[i] = engine:pool()
        for j = 1, 10 do
          local t = assert(pools[i]:start({ method = "GET", ca_file = ca_file, timeout = 20,
            url = (i % 2 == 0 and url or tls_url) .. "/__emulator/slow?ms=" .. j * 20 }))
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
      .. "assert(p:start({ method = 'GET', url = url }) == nil) assert(core.engine() ~= engine)"
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
              pools[i]:start({ method = "GET", url = tls_url .. "/__emulator/bytes?n=100000",
                ca_file = ca_file })
            end
          end
          core.sleep(%g)
          os.exit(0)]]):format(ms * 0.003))
        assert.same({ "", 0 }, { printed, status })
      end
    end)

    it("goes on without a thread where there is none to be had", function()
      local printed = run(BEGIN .. [[
        print(pcall(engine.run, engine))
        local t = engine:pool():start({ method = "GET", url = url .. "/__emulator/echo" })
        while not t:done() do engine:poll() engine:collect({}) end
        print((t:result()))]], "ulimit -s 2000000; ulimit -v 1500000;")
      assert.equal("false\tcannot start the engine: cannot start a thread\n200\n", printed)
    end)

    it("does not use a proxy that only the environment names", function()
      local printed = run(BEGIN .. [[
        local t = engine:pool():start({ method = "GET", url = url .. "/__emulator/echo" })
        while not t:done() do engine:poll() engine:collect({}) end
        print((t:result()))]], "http_proxy=http://127.0.0.1:1 all_proxy=http://127.0.0.1:1")
      assert.equal("200\n", printed)
    end)
  end
end)

describe("Lua states on threads of their own", function()
  it("have an engine each", function()
    local code = ([[
      local core = require("posthog.llm.core")
      local engine = core.engine()
      if %s then engine:run() end
      local pool, open = engine:pool(), {}
      for i = 1, 20 do
        open[i] = assert(pool:start({ method = "GET", ca_file = %q,
          url = (i %% 2 == 0 and %q or %q) .. "/__emulator/slow?ms=" .. i }))
      end
      open[3]:cancel()
      for i, t in ipairs(open) do
        while not t:done() do engine:poll() engine:collect({}) end
        assert(t:result() == 200 or i == 3)
      end
      pool:start({ method = "GET", url = %q .. "/__emulator/slow?ms=1000" })]])
    for _, threaded in ipairs({ "true", "false" }) do
      assert.is_nil(host.states(8, code:format(threaded, e.ca_file, e.url, e.tls_url, e.url)))
    end
  end)
end)

describe("after a fork", function()
  --- In the child; returns 0, or where it went wrong.
  local function in_child(old, flying, ended)
    if old:usable() or not flying:done() or not ended:done() then return 1 end
    local status, kind, message = flying:result()
    if status or kind ~= "cancelled" or not message:find("fork") then return 2 end
    if ended:result() ~= 200 or ended:body() == "" then return 3 end -- it was seen before
    flying:cancel()
    if not old:poll() or old:collect({}) ~= 0 then return 4 end
    if pcall(old.run, old) or pcall(old.pool, old) then return 5 end
    if pool:start({ method = "GET", url = e.url }) then return 6 end
    engine = core.engine()
    if engine == old or not engine:usable() then return 7 end
    local new = engine:pool()
    for _, base in ipairs({ e.url, e.tls_url }) do
      if fetch({ base = base }, new):result() ~= 200 then return 8 end
    end
    engine:run()
    if fetch({ base = e.tls_url }, new):result() ~= 200 then return 9 end
    pool:close()
    new:close()
    flying, ended, pool = nil, nil, nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    return 0
  end

  it("the child has an engine of its own, and the parent's goes on", function()
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
    assert.is_true(engine:usable())
    assert.equal(200, (fetch({ base = e.tls_url }):result()))
    local entries = e:log()
    assert.equal(entries[1].connection, entries[#entries].connection) -- still the same
  end)
end)
