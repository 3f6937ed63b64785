-- What the engine makes of an answer, and how much of one it takes.

local core = require("posthog.llm.core")
local common = require("spec.support.core")
local scripted = require("spec.support.scripted")

local KEY, DATASETS = common.KEY, common.DATASETS
local fetch = common.fetch
local e -- the emulator

setup(function()
  e = common.open()
end)

teardown(common.close)

before_each(common.renew)

after_each(common.tidy)

for _, mode in ipairs(common.MODES) do
  describe("the engine " .. mode, function()
    setup(function()
      common.enter(mode)
    end)

    describe("reads", function()
      local function raw(text)
        e:fault({ action = { raw = text } })
        return fetch({ path = DATASETS, headers = { KEY } })
      end

      it("the final response after interim ones", function()
        local t = raw(
          "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nX-A: early\r\n\r\n"
            .. "HTTP/1.1 100 Continue\r\n\r\n"
            .. "HTTP/1.1 201 Created\r\nX-A: late\r\nContent-Length: 2\r\n\r\nok"
        )
        assert.equal(201, (t:result()))
        assert.same({ ["x-a"] = "late", ["content-length"] = "2" }, t:headers())
        assert.equal("ok", t:body())
      end)

      it("a body in chunks, and leaves trailers alone", function()
        local t = raw(
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: 1\r\n\r\n"
            .. "3\r\nabc\r\n1\r\nd\r\n0\r\nX-A: 2\r\nHTTP/1.1: 3\r\n\r\n"
        )
        assert.equal(200, (t:result()))
        assert.same({ ["x-a"] = "1", ["transfer-encoding"] = "chunked" }, t:headers())
        assert.equal("abcd", t:body())
      end)

      it("repeated headers as one, in any case, trimmed", function()
        local t = raw(
          "HTTP/1.1 200 OK\r\nX-A: 1 \r\nx-a:2\r\nX-Empty:\r\nX-"
            .. ("Long"):rep(30)
            .. ": l\r\nContent-Length: 0\r\n\r\n"
        )
        assert.same({
          ["x-a"] = "1, 2",
          ["x-empty"] = "",
          ["content-length"] = "0",
          ["x-" .. ("long"):rep(30)] = "l",
        }, t:headers())
      end)

      it("a 204 and a 304 without a body, whatever length they announce", function()
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

      it("headers that end too early as a failure", function()
        for _, text in ipairs({
          "HTTP/1.1 200 OK\r\n",
          "HTTP/1.1 204 No Content\r\nX-A: b\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: 0",
          "HTTP/1.1 103 Early Hints\r\n\r\n",
        }) do
          local status, kind, _, sent, permanent = raw(text):result()
          assert.same({ nil, "network", true, false }, { status, kind, sent, permanent })
        end
      end)

      it("a body that is not compressed as announced as a failure", function()
        local coded = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"
        for _, text in ipairs({ coded .. "no gzip", coded .. "\31\139\8\0\0\0\0\0\0\3\255\255" }) do
          local status, kind, _, sent = raw(text):result()
          assert.same({ nil, "decode", true }, { status, kind, sent })
        end
      end)

      it("a response that arrives before the connection is reset", function()
        local server = common.serve(function(connection)
          connection:write("HTTP/1.1 413 Large\r\nContent-Length: 2\r\n\r\nno")
          scripted.step()
          connection:reset()
        end)
        for _ = 1, 20 do -- and then sends on a connection that is gone
          local t = fetch({ base = server.url, method = "POST", body = "x", once = true })
          assert.equal(413, (t:result()))
          assert.equal("no", t:body())
        end
      end)

      it("compressed bodies", function()
        local made = e:seed({ datasets = 1, items = 100 })
        local t = fetch({
          path = "/api/projects/112358/dataset_items/?limit=100&dataset=" .. made.datasets[1],
          headers = { KEY },
        })
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

      it("invalid JSON as text, with the position of the error", function()
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
          ["Bearer secret"] = true,
          ["X-Echo: B"] = true,
          ["HTTP/1.1"] = true,
          [""] = true,
          ["secret!"] = false,
          ["SECRET"] = false,
          [("x"):rep(1000)] = false,
          ["\0"] = false,
        }) do
          assert.same({ 200, 0, is_there }, { t:result(text) })
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
      it("the size of the body, after decompression", function()
        local made = e:seed({ datasets = 1, items = 1, bytes = 500000 })
        local request = {
          path = "/api/projects/112358/dataset_items/?dataset=" .. made.datasets[1],
          headers = { KEY },
          max_response_bytes = 400000,
        }
        local t = fetch(request)
        local status, kind, message, sent, permanent = t:result()
        assert.same({ nil, "too_large", true, true }, { status, kind, sent, permanent })
        assert.equal(
          "the response body is over the limit max_response_bytes (400000 bytes)",
          message
        )
        request.max_response_bytes = 600000
        assert.equal(200, (fetch(request):result()))
      end)

      it("the body to the byte", function()
        for limit, want in pairs({
          [0] = "too_large",
          [99] = "too_large",
          [100] = 200,
          [1e300] = 200,
        }) do
          local t = fetch({ path = "/__emulator/bytes?n=100", max_response_bytes = limit })
          local status, kind = t:result()
          assert.equal(want, status or kind)
        end
      end)

      it("a line of the headers, as libcurl does", function()
        local line = "X-A: " .. ("a"):rep(150000) .. "\r\n"
        e:fault({ action = { raw = "HTTP/1.1 200 OK\r\n" .. line .. "\r\n" } })
        local t = fetch({ path = DATASETS, headers = { KEY } })
        local status, kind, message, sent, permanent = t:result()
        assert.same({ nil, "too_large", true, true }, { status, kind, sent, permanent })
        assert.matches("a line of the response headers", message)
      end)

      it("the headers, those of interim responses and trailers too", function()
        local field = "X-A: " .. ("a"):rep(100) .. "\r\n"
        local ok = "HTTP/1.1 200 OK\r\n"
        for what, text in pairs({
          plain = ok .. field:rep(20) .. "Content-Length: 0\r\n\r\n",
          interim = ("HTTP/1.1 103 E\r\n" .. field .. "\r\n"):rep(20)
            .. ok
            .. "Content-Length: 0\r\n\r\n",
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
  end)
end
