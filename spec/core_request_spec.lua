-- What the engine sends, and the requests that it refuses.

local cjson = require("cjson")
local core = require("posthog.llm.core")
local common = require("spec.support.core")

local fetch, start = common.fetch, common.start
local SCHEME = common.SCHEME
local engine = core.engine()
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

for _, mode in ipairs(common.MODES) do
  describe("the engine " .. mode, function()
    setup(function()
      common.enter(mode)
    end)

    describe("sends", function()
      for _, base in ipairs({ "url", "tls_url" }) do
        it("each method with what belongs to it, after any other, over " .. SCHEME[base], function()
          local large = ("x"):rep(100000)
          local text = "Content-Type: text/plain"
          local calls = {
            { "POST", large, "100000" },
            { "GET" },
            { "PUT", "put", "3" },
            { "DELETE" },
            { "PATCH", "", "0" },
            { "POST", nil, "0" },
            { "GET" },
            { "DELETE", "gone", "4" },
            { "POST", "a\0b", "3" },
            { "GET" },
          }
          for i, call in ipairs(calls) do
            local headers = { "X-Call: " .. i, call[2] and text }
            local echo = echoed({
              base = e[base],
              method = call[1],
              body = call[2],
              headers = headers,
            })
            assert.equal(call[1], echo.method)
            assert.equal(call[2] or "", echo.body)
            assert.equal(call[3], echo.named["content-length"])
            assert.equal(call[2] and "text/plain", echo.named["content-type"])
            assert.equal(tostring(i), echo.named["x-call"])
            assert.is_nil(echo.named["expect"])
          end
        end)

        it("path and query as they are, after any other, over " .. SCHEME[base], function()
          local ends = {
            "?a=1&b=2",
            "",
            "?a%2Fb=c",
            "?x=1?y=2",
            "?a=1",
            "?",
            "?/../b",
            "",
            "?a='\"<>|{}",
            "?q=1",
            "#fragment",
            "?r",
            "?s#t?u",
            "?v",
          }
          for _, ending in ipairs(ends) do
            local path = "/__emulator/echo" .. ending
            fetch({ base = e[base], path = path })
            local log = e:log()
            local sent, target = path:gsub("#.*", ""), log[#log].target
            if ending == "?" and target .. "?" == sent then -- libcurl 8.14 leaves it out
              target = sent
            end
            assert.equal(sent, target)
          end
          fetch({ base = e[base], path = "/%61%2F/./x//../" })
          fetch({ base = e[base], path = "/a/./x//../" })
          local log = e:log()
          assert.equal("/%61%2F/./x//../", log[#log - 1].target)
          assert.equal("/a/./x//../", log[#log].target)
        end)

        it("HEAD between others, and reads no body, over " .. SCHEME[base], function()
          for _ = 1, 3 do
            local head = fetch({ base = e[base], method = "HEAD", path = "/__emulator/bytes?n=99" })
            assert.equal(200, (head:result()))
            assert.equal("", head:body())
            assert.equal("99", head:headers()["content-length"])
            local get = fetch({ base = e[base], path = "/__emulator/bytes?n=99" })
            assert.equal(99, get:size())
          end
        end)

        it("and receives large bodies byte for byte, over " .. SCHEME[base], function()
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

      it("nothing if the value cannot be encoded, and returns the path of the part", function()
        local t, message, path = common.launch(pool, {
          method = "POST",
          url = e.url .. "/__emulator/echo",
          json = { a = { print } },
        })
        assert.is_nil(t)
        assert.equal("a[1]", path)
        assert.is_string(message)
        assert.same({}, e:log())
      end)

      it("the headers of its request config, or its own, after any other request", function()
        local url = e.url .. "/__emulator/echo"
        local a = core.request_config({}, { "X-Terms: a" })
        local b = core.request_config({}, { "X-Terms: b", "Content-Type: text/plain" })
        for i, call in ipairs({
          { a, "GET" },
          { b, "GET" },
          { a, "GET" },
          { a, "GET" },
          { a, "GET", { "X-Own: 1" } },
          { a, "GET" },
          { b, "POST" },
          { a, "POST" },
          { b, "GET", { "X-Own: 2" } },
          { b, "POST" },
          { a, "GET" },
        }) do
          local terms, method, own = call[1], call[2], call[3]
          local t = common.finish(assert(pool:start(terms, { method = method }, url, 5, 5, own)))
          assert.equal(200, (t:result()))
          local echo = cjson.decode(t:body())
          local said = {}
          for name, value in pairs(echo.headers) do
            said[name:lower()] = value
          end
          local name = terms == a and "a" or "b"
          assert.equal(not own and name or nil, said["x-terms"], "request " .. i)
          assert.equal(own and own[1]:match("%d") or nil, said["x-own"])
          assert.equal(terms == b and not own and "text/plain" or nil, said["content-type"])
          assert.equal(method, echo.method)
        end
      end)

      it("what was started with a request config that was collected", function()
        local t = pool:start(
          core.request_config({}, { "X-Terms: c" }),
          { method = "GET" },
          e.url .. "/__emulator/echo"
        )
        collectgarbage()
        collectgarbage()
        common.finish(t)
        assert.matches('"[Xx]%-[Tt]erms":"c"', (t:body():gsub("%s", "")))
      end)

      it("the whole URL to a plain proxy and its path elsewhere, after any other", function()
        local server = common.serve(function(connection)
          connection:write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        end)
        local proxied, direct = { proxy = server.url }, {}
        local there = "http://there.invalid:81"
        for i, call in ipairs({
          { proxied, there, "/a?b=1", there .. "/a?b=1", "there.invalid:81" },
          { direct, server.url, "/a?b=1", "/a?b=1" },
          { proxied, there, "/c", there .. "/c", "there.invalid:81" },
          { proxied, server.url, "/c", server.url .. "/c" },
          { direct, server.url, "/c", "/c" },
          { direct, server.url, "/d%20e?f", "/d%20e?f" },
          { direct, server.url, "/d", "/d" },
          { proxied, there, "/d%20e?f", there .. "/d%20e?f", "there.invalid:81" },
          { direct, server.url, "", "/" },
          { direct, server.url, "/g?h", "/g?h" },
        }) do
          local terms = core.request_config(call[1], {})
          local t =
            pool:start(terms, { method = "GET", idempotent = true }, call[2] .. call[3], 5, 5)
          assert.equal(200, (common.finish(t):result()), "request " .. i)
          local head = server.requests[#server.requests]
          assert.equal(call[4], head:match("^GET (%S+) HTTP/1%.1\r\n"), "request " .. i)
          local host = call[5] or server.url:match("//(.*)")
          assert.equal(host, head:match("\r\n[Hh]ost: ([^\r]*)"), "request " .. i)
        end
        assert.equal(10, #server.requests)
      end)

      it("each target to its own origin, after one to another", function()
        for i = 1, 3 do
          for _, base in ipairs({ "url", "tls_url" }) do
            local path = ("/__emulator/echo?%s=%d"):format(base, i)
            assert.equal(200, (fetch({ base = e[base], path = path }):result()))
            local log = e:log()
            assert.equal(path, log[#log].target)
            assert.equal(base == "url" and "1.1" or "2", log[#log].http)
          end
        end
      end)

      it("in one line the encodings that libcurl decodes, unless there are others", function()
        local function accepted(request)
          local server = common.serve(function(connection)
            connection:write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
          end)
          request.base = server.url
          assert.equal(200, (fetch(request):result()))
          server:stop()
          local lines = {}
          for line in server.requests[1]:gmatch("\r\n[Aa]ccept%-[Ee]ncoding: ([^\r]*)") do
            lines[#lines + 1] = line
          end
          return table.concat(lines, "|")
        end
        local usual = accepted({})
        assert.is_nil(usual:find("|", 1, true), usual)
        for encoding in usual:gmatch("[^, ]+") do
          assert.is_true(
            ({ deflate = true, gzip = true, br = true, zstd = true })[encoding],
            encoding
          )
        end
        assert.matches("gzip", usual)
        assert.equal(usual, accepted({ method = "POST", body = "" })) -- has headers of its own
        assert.equal("identity", accepted({ stream = true }))
        local own = { "Accept-Encoding: br;q=0.5" }
        local t = core.request_config({}, {})
        local server = common.serve(function(connection)
          connection:write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        end)
        common.finish(pool:start(t, { method = "GET" }, server.url, 5, 5, own))
        local head = server.requests[1]
        assert.equal(1, select(2, head:lower():gsub("\r\naccept%-encoding:", "")), head)
        assert.matches("\r\nAccept%-Encoding: br;q=0%.5\r\n", head)
      end)

      it("no content type that was not asked for", function()
        assert.is_nil(echoed({ method = "POST", body = "a=b" }).named["content-type"])
      end)

      it("an empty header as it is given", function()
        assert.equal("", echoed({ headers = { "X-Empty;" } }).named["x-empty"])
      end)
    end)

    describe("checks its arguments and refuses", function()
      local function refused(request, message)
        request.method = request.method or "GET"
        request.url = request.url or e.url
        assert.error_matches(function()
          common.launch(pool, request)
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

      it("two bodies for one request", function()
        refused({ body = "{}", json = {} }, "request.json: there is a body already")
      end)

      it("arguments that are not a table, an engine or a pool", function()
        assert.error(function()
          pool:start()
        end)
        assert.error(function()
          pool.start({}, core.request_config({}), {})
        end)
        assert.error(function()
          engine.poll(pool)
        end)
        assert.error(function()
          engine:collect()
        end)
        assert.error(function()
          engine:poll("soon")
        end)
      end)

      it("the result of a transfer that is not done, or was cancelled", function()
        local t = start({ path = "/__emulator/slow?ms=50" })
        for _, name in ipairs({ "result", "headers", "timings", "size", "body" }) do
          assert.error_matches(function()
            t[name](t)
          end, "transfer is not done")
        end
        t:cancel()
        for _, name in ipairs({ "headers", "timings", "size", "body", "http_version" }) do
          assert.error_matches(function()
            t[name](t)
          end, "transfer was cancelled")
        end
      end)

      it("no number, however large or small", function()
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

      it("a pool that a metamethod closes in the meantime", function()
        local closing = engine:pool()
        local request = setmetatable({ method = "GET" }, {
          __index = function()
            closing:close()
          end,
        })
        local t, message = closing:start(core.request_config({}), request, e.url)
        assert.same({ nil, "the pool is closed" }, { t, message })
      end)
    end)
  end)
end
