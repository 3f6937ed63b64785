-- What the engine tells of a failure, and what it does about one.

local core = require("posthog.llm.core")
local common = require("spec.support.core")
local scripted = require("spec.support.scripted")

local KEY, DATASETS = common.KEY, common.DATASETS
local fetch, finish, start = common.fetch, common.finish, common.start
local SCHEME = common.SCHEME
local engine = core.engine()
local e -- the emulator

setup(function()
  e = common.open()
end)

teardown(common.close)

before_each(common.renew)

after_each(common.tidy)

--- A server that gives these answers, one a request, to every connection.
local function answering(...)
  local answers = { ... }
  return common.serve(function(connection, number)
    connection:write(answers[number] or answers[#answers])
  end)
end

for _, mode in ipairs(common.MODES) do
  describe("the engine " .. mode, function()
    setup(function()
      common.enter(mode)
    end)

    describe("names the cause", function()
      local function cause(request)
        local t = fetch(request)
        assert.is_nil((t:result()))
        return t:cause()
      end

      it("of each kind of failure", function()
        local silent = scripted.start()
        local other = e.tls_url:gsub("localhost", "other.localhost")
        for _, case in ipairs({
          { "refused", { base = "http://127.0.0.1:1" } },
          { "name", { base = "http://no.such.host.invalid" } },
          { "proxy_name", { base = e.url, proxy = "http://no.such.host.invalid:1" } },
          { "wrong_name", { base = other } },
          { "connecting", { base = silent.tls_url, timeout = 0.1 } },
          { "waiting", { base = e.url, path = "/__emulator/slow?ms=9000", timeout = 2 } },
          { "no_http", { base = answering("SSH-2.0-OpenSSH_9.2\r\n").url } },
          {
            "broken_off",
            {
              base = common.serve(function(c)
                c:write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")
                c:close()
              end).url,
            },
          },
          {
            "compression",
            {
              base = answering(
                "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n" .. "Content-Length: 6\r\n\r\nabcdef"
              ).url,
            },
          },
          { "lost", { base = common.serve(function(c)
            c:close()
          end).url } },
          { "max_response_bytes", { base = e.url, path = DATASETS, max_response_bytes = 10 } },
          { "max_header_bytes", { base = e.url, path = DATASETS, max_header_bytes = 10 } },
        }) do
          assert.equal(case[1], (cause(case[2])))
        end
        silent:stop()
      end)

      it("of a response that is late on a connection that was idle before", function()
        local late = { path = "/__emulator/slow?ms=9000", timeout = 2 }
        for _, base in ipairs({ e.url, e.tls_url }) do
          assert.equal(200, (fetch({ base = base, path = "/__emulator/slow?ms=1" }):result()))
          late.base = base
          assert.equal("waiting", (cause(late)))
        end
      end)

      it("of a failure at a port that is not TLS", function()
        local found = cause({ base = e.url:gsub("http:", "https:") })
        assert.is_truthy(found == "no_tls" or found == "handshake", found)
      end)

      it("of a proxy's refusal, with its status", function()
        local proxy = answering("HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n")
        assert.same({ "proxy_refused", 407 }, { cause({ base = e.tls_url, proxy = proxy.url }) })
      end)

      it(
        "only of a transfer that has failed, not of one that was cancelled or is not done",
        function()
          local t = fetch({})
          assert.is_nil(t:cause())
          t = start({ path = "/__emulator/slow?ms=3000" })
          assert.is_nil(t:cause())
          t:cancel()
          assert.is_nil(t:cause())
        end
      )
    end)

    describe("says whether the request was sent, and whether to give up, when", function()
      local function failure(request)
        local status, kind, message, sent, permanent = fetch(request):result()
        assert.is_nil(status)
        assert.is_string(message)
        assert.not_equal("", message)
        return { kind, sent = sent, permanent = permanent }
      end

      it("no server listens", function()
        assert.same(
          { "network", sent = false, permanent = false },
          failure({ base = "http://127.0.0.1:1", method = "POST", body = "x" })
        )
        local t = fetch({ base = "http://127.0.0.1:1" })
        assert.same({ {}, "", 0 }, { t:headers(), t:body(), t:size() })
      end)

      it("the name is unknown", function()
        assert.same(
          { "network", sent = false, permanent = false },
          failure({ base = "http://no.such.host.invalid" })
        )
      end)

      it("the certificate is not trusted", function()
        local other = os.tmpname()
        os.execute(
          (
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
            .. "-subj /CN=other -keyout /dev/null -out '%s' 2>/dev/null"
          ):format(other)
        )
        assert.same(
          { "tls", sent = false, permanent = true },
          failure({ base = e.tls_url, ca_file = other })
        )
        os.remove(other)
        assert.same(
          { "tls", sent = false, permanent = true },
          failure({ base = e.tls_url, ca_file = other })
        ) -- it is gone
      end)

      it("the certificate is for another name", function()
        assert.same(
          { "tls", sent = false, permanent = true },
          failure({ base = e.tls_url:gsub("localhost", "other.localhost") })
        )
      end)

      it("the server does not speak TLS", function()
        assert.same(
          { "tls", sent = false, permanent = false },
          failure({ base = e.url:gsub("http:", "https:") })
        )
      end)

      it("the connection ends during the TLS handshake", function()
        local server = common.serve(function() end)
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

      it("the connection is not made in time", function()
        local silent = scripted.start()
        local from = core.now()
        for _, limit in ipairs({ "connect_timeout", "timeout", "deadline" }) do
          assert.same(
            { "timeout", sent = false, permanent = false },
            failure({ base = silent.tls_url, method = "POST", body = "x", [limit] = 0.1 })
          )
        end
        assert.is_true(core.now() - from < 15)
        silent:stop()
      end)

      for _, base in ipairs({ "url", "tls_url" }) do
        it("no response comes in time, over " .. SCHEME[base], function()
          for _, limit in ipairs({ "timeout", "deadline" }) do
            assert.same(
              { "timeout", sent = true, permanent = false },
              failure({
                base = e[base],
                path = "/__emulator/slow?ms=9000",
                [limit] = 1.5,
              })
            )
          end
        end)

        it("the connection ends without a response, over " .. SCHEME[base], function()
          e:fault({ action = { close = "before" } })
          for _, once in ipairs({ true, false }) do
            assert.same(
              { "network", sent = true, permanent = false },
              failure({
                base = e[base],
                path = DATASETS,
                headers = { KEY },
                method = "POST",
                body = "{}",
                once = once,
              })
            )
          end
        end)
      end

      it("the URL is not valid", function()
        for _, url in ipairs({ "ftp://127.0.0.1/", "http://", "http://a b/", "file:///a" }) do
          assert.same({ "network", sent = false, permanent = true }, failure({ url = url }))
        end
      end)
    end)

    describe("on an idle connection that ends at the next request", function()
      local function count(method)
        local n = 0
        for _, entry in ipairs(e:log()) do
          if entry.method == method then
            n = n + 1
          end
        end
        return n
      end

      local function stale(request)
        assert.equal(200, (fetch({ path = DATASETS, method = "HEAD", headers = { KEY } }):result()))
        e:fault({ action = { close = "before", times = 1 } })
        request.path, request.headers = request.path or DATASETS, { KEY }
        return fetch(request)
      end

      it("never sends twice what may be sent only once", function()
        local t = stale({ method = "POST", body = "{}", once = true })
        local status, kind, message, sent, permanent = t:result()
        assert.same({ nil, "network", true, false }, { status, kind, sent, permanent })
        assert.equal("the connection was lost after the request", message)
        assert.equal(1, count("POST"))
        assert.equal(200, (fetch({}):result()))
      end)

      it("leaves it to the caller to repeat a write that may be sent twice", function()
        local t = stale({ method = "PATCH", body = "{}", once = false })
        local status, kind, _, sent = t:result()
        assert.same({ nil, "network", true }, { status, kind, sent })
        assert.equal(1, count("PATCH"))
      end)

      it("sends a read again on another connection", function()
        local path = DATASETS .. "?limit=1"
        assert.equal(200, (stale({ path = path }):result()))
        local log = e:log()
        assert.equal(3, #log)
        assert.same({ DATASETS, path, path }, { log[1].target, log[2].target, log[3].target })
      end)

      it("uses another connection when unrequested data arrived on it", function()
        local function answer(body)
          return "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" .. body
        end
        local server = common.serve(function(connection)
          connection:write(answer("a"))
        end)
        for i = 1, 3 do
          local t = fetch({ base = server.url, method = "POST", body = "x", once = true })
          assert.equal(200, (t:result()))
          assert.equal("a", t:body())
          assert.equal(i, #server.connections)
          server.connections[i]:write(answer("b"))
          for _ = 1, 20 do
            scripted.step()
            core.sleep(0.001)
          end
        end
      end)

      it("sends the request once, without delay, when the connection had ended before", function()
        local server = common.serve(function(connection)
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
      it("uses it for http as configured, and not for excepted hosts", function()
        local server = answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        assert.equal(200, (fetch({ url = "http://a.invalid/x?y", proxy = server.url }):result()))
        assert.matches("^GET http://a.invalid/x%?y HTTP/1.1\r\n", server.requests[1])
        assert.equal(200, (fetch({ proxy = server.url, no_proxy = "127.0.0.1" }):result()))
        assert.equal(200, (fetch({}):result()))
        assert.equal(1, #server.requests)
      end)

      it("knows that nothing was sent when the proxy refuses", function()
        local server = answering("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        local t = fetch({
          url = "https://a.invalid/x",
          proxy = server.url,
          method = "POST",
          body = "x",
          headers = { "Authorization: secret" },
        })
        local status, kind, _, sent, permanent = t:result()
        assert.same({ nil, "network", false, false }, { status, kind, sent, permanent })
        assert.matches("^CONNECT a.invalid:443 ", server.requests[1])
        assert.is_nil(server.requests[1]:find("secret", 1, true))
      end)

      it("knows that nothing was sent when TLS through the proxy fails", function()
        local server = common.serve(function(connection, number)
          connection:write("HTTP/1.1 200 OK\r\n\r\n")
          if number == 1 then
            connection:write("no TLS at all")
          end
        end)
        local _, kind, _, sent = fetch({
          url = "https://a.invalid/x",
          proxy = server.url,
          method = "POST",
          body = "x",
        }):result()
        assert.same({ "tls", false }, { kind, sent })
      end)
    end)
  end)
end
